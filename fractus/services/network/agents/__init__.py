"""Agents: those of the clouds are the clouds' own, so there are none here."""
