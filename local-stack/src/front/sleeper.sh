#!/bin/sh
# An instance that only exists: the tests of the front play its part themselves.
exec /bin/sleep 1000
