"""Trunks: several networks reached by one port."""
