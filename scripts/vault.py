#!/usr/bin/env python3
"""The front end of Recording Vault: `vault.py --help` lists the commands. Needs Python 3.11 or later and boto3."""

import sys

if sys.version_info < (3, 11):
    sys.exit("vault.py needs Python 3.11 or later. This is Python " + sys.version.split()[0])

from recording_vault.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
