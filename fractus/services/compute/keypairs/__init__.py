"""Keypairs: public keys of users."""
