"""Flavors of network services."""
