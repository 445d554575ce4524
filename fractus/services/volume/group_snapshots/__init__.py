"""Snapshots of groups of volumes."""
