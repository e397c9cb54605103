"""The published experiments and those of our own: each a command, each a table that anyone can make again."""
