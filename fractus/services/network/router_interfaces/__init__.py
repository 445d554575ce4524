"""Interfaces of routers."""
