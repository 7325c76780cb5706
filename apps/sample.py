"""multigan sample, from a checkout."""

import sys

import multigan_cli

if __name__ == "__main__":
    multigan_cli.main(["sample", *sys.argv[1:]])
