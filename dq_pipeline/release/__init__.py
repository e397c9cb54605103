"""Releases: everything a rollback must restore, and the gates that let one into Production."""
