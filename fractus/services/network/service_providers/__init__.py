"""Providers of network services."""
