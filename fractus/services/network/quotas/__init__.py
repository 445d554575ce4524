"""Quotas of networking: what a project may have, and what it has."""
