#!/bin/sh
# An instance that does nothing: the tests of the front play its part themselves.
exec /bin/sleep 1000
