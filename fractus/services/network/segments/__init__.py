"""Segments of networks: each cloud has its own."""
