"""Backups: each is in the cloud of its volume, and outlives it."""
