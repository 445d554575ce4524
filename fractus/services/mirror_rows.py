"""Rows of mirrors as handlers read them, and the names by which hosts of several clouds are distinguished.

A name that one cloud alone has is shown as it is. What several clouds have is shown as `NAME.ZONE`, which has only
characters that the services take in the name of a host. Both forms are taken back: a bare name that several clouds
have names nothing, `NAME.ZONE` always the one in that cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import Subquery, bindparam, func, select

from fractus.base.clock import Clock
from fractus.model.live import LiveCall
from fractus.services.mirror import MirrorKind
from fractus.services.staleness import header, stale
from fractus.store import clouds
from fractus.store.listing import Filters, Sort, page
from fractus.store.transaction import Query, Reader

#: Seconds for which it is remembered which names several clouds have.
_REMEMBERED = 1.0

#: More rows than a table has.
_ALL = 1 << 31


class Live(Protocol):
    """Calls to a cloud about what is no resource of ours."""

    async def of_cloud(self, cloud: str, remote_id: str, call: LiveCall, *, id: str) -> Any:
        """The cloud's answer. `Unavailable` if it is silent, `NotFound` where it has no such thing."""
        ...


class Place(NamedTuple):
    """A host, or what else has a name, as its cloud calls it."""

    cloud: str
    name: str


class Found(NamedTuple):
    """One row of a mirror."""

    id: str
    cloud: str
    remote_id: str
    document: dict[str, Any]


class SharedNames:
    """Which names several clouds have, and which cloud a name means."""

    def __init__(self, reader: Reader, clock: Clock, names: Subquery) -> None:
        """`names`: a row for each cloud and name that it has (`cloud`, `name`), each once."""
        self._reader, self._clock = reader, clock
        self._several, self._named = _several(names), _named(names)
        self._asked_at = float("-inf")
        self._shared: frozenset[str] = frozenset()

    async def shared(self) -> frozenset[str]:
        """The names that several clouds have."""
        if self._clock.monotonic() - self._asked_at >= _REMEMBERED:
            self._shared = frozenset(row[0] for row in await self._reader.rows(self._several))
            self._asked_at = self._clock.monotonic()
        return self._shared

    async def place(self, name: str) -> Place | None:
        """What a name means; None where it is the name of none, or of several."""
        there = [Place(*row) for row in await self._reader.rows(self._named, n=name)]
        if len(there) == 1:
            return there[0]
        for at, char in enumerate(name):
            if char == ".":
                rows = await self._reader.rows(self._named, n=name[:at])
                there = [Place(*row) for row in rows if row[0] == name[at + 1 :]]
                if there:
                    return there[0]
        return None


def shown(shared: frozenset[str], name: str, cloud: str) -> str:
    """A name as users see it."""
    return f"{name}.{cloud}" if name in shared else name


@cache
def _several(names: Subquery) -> Query:
    return Query(select(names.c.name).group_by(names.c.name).having(func.count() > 1))


@cache
def _named(names: Subquery) -> Query:
    return Query(select(names.c.cloud, names.c.name).where(names.c.name == bindparam("n")))


async def found(
    reader: Reader,
    kind: MirrorKind,
    filters: Filters,
    *,
    order: Sequence[str],
    marker: str | None = None,
    limit: int = _ALL,
) -> list[Found]:
    """Rows in the order of clouds, and in each by these columns; `UnknownMarker` where the marker is the id of none."""
    rows = await page(
        reader, kind.table, filters,
        columns=("id", "cloud", "remote_id", "summary"),
        sorts=[Sort(name, False) for name in ("cloud", *order, "id")], marker=marker, limit=limit,
    )  # fmt: skip
    return [Found(row[0], row[1], row[2], msgspec.json.decode(bytes(row[3]))) for row in rows]


async def staleness(
    reader: Reader, clock: Clock, after: float, kind: MirrorKind, clouds_shown: Iterable[str]
) -> dict[str, str]:
    """The header that names those of these clouds which are silent for more than `after` seconds, or do not let us list
    any more.
    """
    names = set(clouds_shown)
    silent = await stale(reader, clock, after, names)
    refusing = await clouds.refusing(reader, kind.mirrored.kind) if names else set()
    return header(sorted({*silent, *(refusing & names)}))
