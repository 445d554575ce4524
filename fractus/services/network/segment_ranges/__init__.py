"""Ranges of segment numbers: each cloud has its own."""
