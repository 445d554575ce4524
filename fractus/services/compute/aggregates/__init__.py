"""Aggregates: sets of hosts of any clouds that administrators name and describe. They live here alone."""
