"""multigan train mix, from a checkout."""

import sys

import multigan_cli

if __name__ == "__main__":
    multigan_cli.main(["train", "mix", *sys.argv[1:]])
