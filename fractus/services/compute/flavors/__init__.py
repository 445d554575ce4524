"""Flavors: sizes of servers, made by admins."""
