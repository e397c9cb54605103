"""`python -m benchmarks.peers` builds the peers' environment in var/peers."""

from benchmarks.peers import install

install()
