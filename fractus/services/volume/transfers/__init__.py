"""Transfers: a project offers a volume, and another that knows the key takes it. They live only here."""
