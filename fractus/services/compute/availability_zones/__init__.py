"""Availability zones: the clouds, as users see them."""
