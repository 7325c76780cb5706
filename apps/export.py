"""multigan export, from a checkout."""

import sys

import multigan_cli

if __name__ == "__main__":
    multigan_cli.main(["export", *sys.argv[1:]])
