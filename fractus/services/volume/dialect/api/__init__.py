"""Handlers that every collection of Cinder's has, and what they read from a query."""
