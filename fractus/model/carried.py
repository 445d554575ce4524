"""What becomes of each field of a carried kind when it changes after the thing was carried to a cloud.

A kind declares it in its `carried` module; docs/carried-fields.md is written from these, and one test walks them.
"""

from __future__ import annotations

from msgspec import Struct

CARRIED, REFUSED, OURS = "carried", "refused", "ours only"
"""It arrives in every cloud that has the thing before the next server is built of it there; the change is refused
here; it is kept here alone.
"""


class Field(Struct, frozen=True):
    """One field that users change, or might want to. `why`: how it is carried, or why it is not."""

    name: str
    how: str
    why: str


def carried(name: str, why: str = "") -> Field:
    """It arrives in the clouds."""
    return Field(name, CARRIED, why)


def refused(name: str, why: str) -> Field:
    """It cannot be changed, or not any more."""
    return Field(name, REFUSED, why)


def ours(name: str, why: str) -> Field:
    """It is kept here alone."""
    return Field(name, OURS, why)
