"""Addresses of external networks, as they are given out."""

from __future__ import annotations

from msgspec import Struct

from fractus.model.network import MADE_HERE
from fractus.model.resource import Resource


class Given(Struct, frozen=True):
    """An address of an external network that was given out: of which subnet, and in which cloud that is."""

    subnet_id: str
    ip: str
    cloud: str


def is_clouds_own(network: Resource) -> bool:
    """Whether it is an external network that was not made through us."""
    return bool(network.desired.get("router:external")) and not network.desired.get(MADE_HERE)


def may_be_made_here(network: Resource) -> bool:
    """Whether a network that becomes external was made through us: what is in one cloud only was taken over there,
    unless an administrator gave it provider attributes.
    """
    desired = network.desired
    return not network.choice.get("only") or bool(desired.get("network_type") or desired.get("segments"))
