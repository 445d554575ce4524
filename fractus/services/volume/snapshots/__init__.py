"""Snapshots: each is in the cloud of its volume."""
