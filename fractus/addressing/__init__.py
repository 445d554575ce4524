"""Addresses: which IP and MAC belongs to whom. Exact, inside the caller's own transaction."""
