"""The demo: the whole platform on one machine, from an empty folder to a drift that was caught and learned."""
