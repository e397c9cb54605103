"""`python -m benchmarks.peers` builds the peers' environment in var/peers."""

import sys

from benchmarks.peers import PeerMissingError, install

try:
    install()
except PeerMissingError as error:
    sys.exit(str(error))
