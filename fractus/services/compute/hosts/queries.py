"""What the clouds' hosts are called here, and the rows of services and hypervisors.

Names that several clouds have are distinguished as in every mirror (`fractus.services.mirror_rows`).
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, select, union

from fractus.base.clock import Clock
from fractus.services import mirror_rows
from fractus.services.compute.hosts.kind import HYPERVISORS, SERVICES
from fractus.services.mirror import MirrorKind
from fractus.services.mirror_rows import Found, Place, SharedNames
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Query, Reader

#: More rows than a table has.
_ALL = 1 << 31

_s, _h = SERVICES.table.c, HYPERVISORS.table.c

#: The names of hosts, and of hypervisors, with each cloud that has them.
_hosts = union(select(_s.cloud, _s.host.label("name")), select(_h.cloud, _h.host)).subquery()
_nodes = select(_h.cloud, _h.hypervisor_hostname.label("name")).distinct().subquery()

_any_of = Query(select(_s.host).where(_s.cloud == bindparam("c")).limit(1))


class Shared(NamedTuple):
    """The names that several clouds have."""

    hosts: frozenset[str]
    nodes: frozenset[str]

    def host(self, name: str, cloud: str) -> str:
        """A host's name as users see it."""
        return mirror_rows.shown(self.hosts, name, cloud)

    def node(self, name: str, cloud: str) -> str:
        """A hypervisor's name as users see it."""
        return mirror_rows.shown(self.nodes, name, cloud)


class HostNames:
    """From names as clouds have them to those that users see, and back."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._hosts, self._nodes = (SharedNames(reader, clock, names) for names in (_hosts, _nodes))

    async def shared(self) -> Shared:
        """The names that several clouds have."""
        return Shared(await self._hosts.shared(), await self._nodes.shared())

    async def host(self, name: str) -> Place | None:
        """The host that a name means; None where it is the name of none, or of several."""
        return await self._hosts.place(name)

    async def lists_hosts(self, cloud: str) -> bool:
        """Whether a cloud lets us list its hosts, and has some."""
        return await self._reader.row(_any_of, c=cloud) is not None

    async def node(self, name: str) -> Place | None:
        """The same of a hypervisor."""
        return await self._nodes.place(name)


async def found(
    reader: Reader, kind: MirrorKind, filters: Filters, *, marker: str | None = None, limit: int = _ALL
) -> list[Found]:
    """Rows in the order of clouds, and in each by name; `UnknownMarker` where the marker is the id of none."""
    name = "host" if kind is SERVICES else "hypervisor_hostname"
    return await mirror_rows.found(reader, kind, filters, order=(name,), marker=marker, limit=limit)


async def one(reader: Reader, kind: MirrorKind, column: str, value: str) -> Found | None:
    """The row that an id, or a number, is of."""
    rows = await found(reader, kind, [Filter(column, "eq", value)], limit=2)
    return rows[0] if len(rows) == 1 else None
