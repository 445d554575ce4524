"""Limits, quota sets and quota classes: what a project may have, and what it has."""
