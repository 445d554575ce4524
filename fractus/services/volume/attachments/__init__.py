"""Volumes that servers have: each is a resource of its own, which follows its volume."""
