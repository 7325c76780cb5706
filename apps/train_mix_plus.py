"""multigan train mix_plus, from a checkout."""

import sys

import multigan_cli

if __name__ == "__main__":
    multigan_cli.main(["train", "mix_plus", *sys.argv[1:]])
