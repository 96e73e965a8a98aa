"""Starts localemu with its files in the folder named by the first argument.

Its own command keeps what S3 stores in one folder of /tmp, whoever starts it, and leaves it there.
"""

import sys

from localemu.services.s3 import provider

provider.DEFAULT_S3_TMP_DIR = sys.argv[1]

from localemu.runtime.main import main

main()
