"""Topologies that are allocated for a project: a network that leads outside, on first use."""
