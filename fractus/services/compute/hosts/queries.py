"""What the clouds' hosts are called here, and the rows of services and hypervisors.

A name that one cloud alone has is shown as it is, of a host and of a hypervisor. What several clouds have is shown as
`NAME.ZONE`, which has only characters that Nova takes in the name of a host. Both forms are taken back: a bare name
that several clouds have names nothing, `NAME.ZONE` always the one in that cloud.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Subquery, bindparam, func, select, union

from fractus.base.clock import Clock
from fractus.services.compute.hosts.kind import HYPERVISORS, SERVICES
from fractus.services.mirror import MirrorKind
from fractus.store.listing import Filter, Filters, Sort, page
from fractus.store.transaction import Query, Reader

#: Seconds for which it is remembered which names several clouds have.
_REMEMBERED = 1.0

#: More rows than a table has.
_ALL = 1 << 31

_s, _h = SERVICES.table.c, HYPERVISORS.table.c

#: The names of hosts, and of hypervisors, with each cloud that has them.
_hosts = union(select(_s.cloud, _s.host.label("name")), select(_h.cloud, _h.host)).subquery()
_nodes = select(_h.cloud, _h.hypervisor_hostname.label("name")).distinct().subquery()


def _shared(names: Subquery) -> Query:
    return Query(select(names.c.name).group_by(names.c.name).having(func.count() > 1))


def _named(names: Subquery) -> Query:
    return Query(select(names.c.cloud, names.c.name).where(names.c.name == bindparam("n")))


_shared_hosts, _shared_nodes = _shared(_hosts), _shared(_nodes)
_hosts_named, _nodes_named = _named(_hosts), _named(_nodes)


_any_of = Query(select(_s.host).where(_s.cloud == bindparam("c")).limit(1))


class Place(NamedTuple):
    """A host, or a hypervisor, as its cloud calls it."""

    cloud: str
    name: str


class Shared(NamedTuple):
    """The names that several clouds have."""

    hosts: frozenset[str]
    nodes: frozenset[str]

    def host(self, name: str, cloud: str) -> str:
        """A host's name as users see it."""
        return f"{name}.{cloud}" if name in self.hosts else name

    def node(self, name: str, cloud: str) -> str:
        """A hypervisor's name as users see it."""
        return f"{name}.{cloud}" if name in self.nodes else name


class Found(NamedTuple):
    """One row of a mirror."""

    id: str
    cloud: str
    remote_id: str
    document: dict[str, Any]


class HostNames:
    """From names as clouds have them to those that users see, and back."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader, self._clock = reader, clock
        self._asked_at = float("-inf")
        self._shared = Shared(frozenset(), frozenset())

    async def shared(self) -> Shared:
        """The names that several clouds have."""
        if self._clock.monotonic() - self._asked_at >= _REMEMBERED:
            hosts = await self._reader.rows(_shared_hosts)
            nodes = await self._reader.rows(_shared_nodes)
            self._shared = Shared(frozenset(row[0] for row in hosts), frozenset(row[0] for row in nodes))
            self._asked_at = self._clock.monotonic()
        return self._shared

    async def host(self, name: str) -> Place | None:
        """The host that a name means; None where it is the name of none, or of several."""
        return await self._place(_hosts_named, name)

    async def lists_hosts(self, cloud: str) -> bool:
        """Whether a cloud lets us list its hosts, and has some."""
        return await self._reader.row(_any_of, c=cloud) is not None

    async def node(self, name: str) -> Place | None:
        """The same of a hypervisor."""
        return await self._place(_nodes_named, name)

    async def _place(self, named: Query, name: str) -> Place | None:
        there = [Place(*row) for row in await self._reader.rows(named, n=name)]
        if len(there) == 1:
            return there[0]
        for at, char in enumerate(name):
            if char == ".":
                rows = await self._reader.rows(named, n=name[:at])
                there = [Place(*row) for row in rows if row[0] == name[at + 1 :]]
                if there:
                    return there[0]
        return None


async def found(
    reader: Reader, kind: MirrorKind, filters: Filters, *, marker: str | None = None, limit: int = _ALL
) -> list[Found]:
    """Rows in the order of clouds, and in each by name; `UnknownMarker` where the marker is the id of none."""
    name = "host" if kind is SERVICES else "hypervisor_hostname"
    rows = await page(
        reader, kind.table, filters,
        columns=("id", "cloud", "remote_id", "summary"),
        sorts=[Sort("cloud", False), Sort(name, False), Sort("id", False)], marker=marker, limit=limit,
    )  # fmt: skip
    return [Found(row[0], row[1], row[2], msgspec.json.decode(bytes(row[3]))) for row in rows]


async def one(reader: Reader, kind: MirrorKind, column: str, value: str) -> Found | None:
    """The row that an id, or a number, is of."""
    rows = await found(reader, kind, [Filter(column, "eq", value)], limit=2)
    return rows[0] if len(rows) == 1 else None
