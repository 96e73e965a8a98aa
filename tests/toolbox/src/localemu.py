"""Starts localemu with its files in the folder that the first argument names.

Its own command stores S3's data in a fixed folder in /tmp for all users, and does not remove it.
"""

import sys

from localemu.services.s3 import provider

provider.DEFAULT_S3_TMP_DIR = sys.argv[1]

from localemu.runtime.main import main

main()
