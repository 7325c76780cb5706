"""multigan train p2, from a checkout."""

import sys

import multigan_cli

if __name__ == "__main__":
    multigan_cli.main(["train", "p2", *sys.argv[1:]])
