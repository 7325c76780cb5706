"""multigan evaluate, from a checkout."""

import sys

import multigan_cli

if __name__ == "__main__":
    multigan_cli.main(["evaluate", *sys.argv[1:]])
