#!/usr/bin/env python3
"""`setup.py` is `vault.py setup`: the same options, the same help and the same exit codes."""

import sys

from vault import main

if __name__ == "__main__":
    sys.exit(main(["setup", *sys.argv[1:]]))
