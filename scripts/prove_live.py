#!/usr/bin/env python3
"""`prove_live.py` is `vault.py prove`: the same options, the same help and the same exit codes."""

import sys

from vault import main

if __name__ == "__main__":
    sys.exit(main(["prove", *sys.argv[1:]]))
