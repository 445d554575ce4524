"""Availability zones: the clouds, as networks are spread over them."""
