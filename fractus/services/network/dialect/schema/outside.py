"""Addresses of external networks, as they are given out."""

from __future__ import annotations

from msgspec import Struct


class Given(Struct, frozen=True):
    """An address of an external network that was given out: of which subnet, and in which cloud that is."""

    subnet_id: str
    ip: str
    cloud: str
