"""Who manages a cloud: the id of an installation of fractus, and what a child is recognised by.

An installation has an id from its first start on. A child carries a mark that names the installation and what the cloud
is called there; whatever is made in it carries their `origin`. So the same child under two names is found out, and what
another fractus made in it, or this one under another name, is foreign.
"""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct

#: The name of the thing in a child that is our mark, and what its description begins with.
NAME = "fractus-installation"
_DESCRIPTION = re.compile(rf"{NAME}:([A-Za-z0-9-]{{1,64}}) ([A-Za-z0-9_.-]{{1,64}})")

_ORIGIN_LENGTH = 12


def origin(installation: str, cloud: str) -> str:
    """What the markers of one installation carry in one cloud: short enough for a tag, the same each time."""
    return hashlib.sha256(f"{installation} {cloud}".encode()).hexdigest()[:_ORIGIN_LENGTH]


class Mark(Struct, frozen=True):
    """That an installation manages this child, under a name. `remote_id`: the id there of what says so."""

    installation: str
    cloud: str
    remote_id: str = ""

    @property
    def description(self) -> str:
        """How it is written in the child."""
        return f"{NAME}:{self.installation} {self.cloud}"


def read(description: str, remote_id: str) -> Mark | None:
    """The mark that a description says; None where it says none."""
    found = _DESCRIPTION.fullmatch(description)
    return None if found is None else Mark(found[1], found[2], remote_id)


class Identity(Struct, kw_only=True):
    """What a child is recognised by. Kept with its row, but for the marks of others.

    `address`: where it is by its row alone. `endpoints`, `services`: where its compute and network services are, and
    the ids that its Keystone has of them. `mark`: the id there of our own mark; `unmarked`: why it has none.
    `installation`: its id where it is itself a fractus; `below`: the ids of those that are anywhere below that one.
    """

    address: str = ""
    endpoints: list[str] = []
    services: list[str] = []
    mark: str = ""
    unmarked: str = ""
    installation: str = ""
    below: list[str] = []
    marks: list[Mark] = []


def same(one: Identity, other: Identity) -> str:
    """By what two children are one and the same, in words; empty where nothing says so."""
    if other.mark and any(mark.remote_id == other.mark for mark in one.marks):
        return f"it carries the mark of it ({NAME} {other.mark})"
    if one.mark and one.mark == other.mark:
        return f"both have the same mark ({NAME} {one.mark})"
    if one.installation and one.installation == other.installation:
        return f"both are the fractus {one.installation}"
    if common := set(one.endpoints) & set(other.endpoints):
        return f"both have the endpoint {min(common)}"
    if common := set(one.services) & set(other.services):
        return f"both have the service {min(common)} in their catalog"
    if one.address and one.address == other.address:
        return f"both are at {one.address}"
    return ""
