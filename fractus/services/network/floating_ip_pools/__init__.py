"""Floating IP pools: the subnets that floating IPs have their addresses of."""
