"""Servers: `/servers` of the compute API, and what hangs on each of them."""
