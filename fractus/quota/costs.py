"""What a kind declares about quotas: what one of it costs, and in which words a project is refused more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from fractus.model.errors import QuotaExceeded
from fractus.model.resource import Resource

UNLIMITED = -1
"""OpenStack's number for no limit."""


class Over(Struct, frozen=True):
    """One limit that a request would break. `used` is what was used before it, all in the limit's own unit."""

    name: str
    requested: int | str
    used: int
    limit: int


class Room(Struct, frozen=True):
    """For how many more of something there is quota, and if not for all that were asked for, which limits say so."""

    allowed: int
    overs: Sequence[Over] = ()


class Costs(Struct, frozen=True, kw_only=True):
    """One kind. `service`: which API shows its quotas (`compute`, `network`, `image`).

    `of` says what a resource that is not deleted costs: name of the quota -> amount, zeros left out or not. `refuse`
    words the error; it is given the project and the limits. `units`: names whose limit is in units of so many (an
    image's size is counted in bytes and limited in MiB). `per_user`: used by the resource's user, in whatever project.
    """

    service: str
    names: tuple[str, ...]
    of: Callable[[Resource], Mapping[str, int]]
    refuse: Callable[[str, Sequence[Over]], QuotaExceeded]
    units: Mapping[str, int] = {}
    per_user: bool = False
