"""Quotas of networking: none are set yet, and how much is used is counted."""
