"""multigan reproduce, from a checkout."""

import sys

import multigan_cli

if __name__ == "__main__":
    multigan_cli.main(["reproduce", *sys.argv[1:]])
