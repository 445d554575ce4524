"""What hosts, back ends, pools and clusters of block storage are called here, and their rows.

Cinder's names are `host@backend#pool`. A host that several clouds have is shown with its zone
(`fractus.services.mirror_rows`), and what is behind it stays: `host.ZONE@backend#pool`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from fractus.base.clock import Clock
from fractus.model.resource import Resource
from fractus.scheduling.capabilities import has_room, meets
from fractus.services import mirror_rows
from fractus.services.mirror import MirrorKind
from fractus.services.mirror_rows import Found, Place, SharedNames
from fractus.services.volume.hosts.kind import CLUSTERS, POOLS, SERVICES, machine_of
from fractus.store.listing import Filters
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

_s, _c = SERVICES.table.c, CLUSTERS.table.c
_machines = select(_s.cloud, _s.machine.label("name")).distinct().subquery()
_clustered = select(_c.cloud, _c.machine.label("name")).distinct().subquery()

#: By which columns rows of each are listed within their cloud.
_ORDER = {
    SERVICES.mirrored.kind: ("host", "binary"),
    POOLS.mirrored.kind: ("name",),
    CLUSTERS.mirrored.kind: ("name", "binary"),
}


class BackendNames:
    """From names as clouds have them to those that users see, and back."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._hosts, self._clusters = (SharedNames(reader, clock, one) for one in (_machines, _clustered))

    async def shared(self) -> frozenset[str]:
        """The hosts that several clouds have."""
        return await self._hosts.shared()

    async def shared_clusters(self) -> frozenset[str]:
        """The same of clusters."""
        return await self._clusters.shared()

    async def host(self, name: str) -> Place | None:
        """The cloud of a host, a back end or a pool, and what that calls it; None: of none, or of several."""
        return await _place(self._hosts, name)

    async def cluster(self, name: str) -> Place | None:
        """The same of a cluster."""
        return await _place(self._clusters, name)


async def _place(names: SharedNames, name: str) -> Place | None:
    machine = machine_of(name)
    there = await names.place(machine)
    return Place(there.cloud, there.name + name[len(machine) :]) if there else None


def shown(shared: frozenset[str], name: Any, cloud: str) -> Any:
    """A name as users see it; what is no name stays."""
    if not isinstance(name, str) or not name:
        return name
    machine = machine_of(name)
    return mirror_rows.shown(shared, machine, cloud) + name[len(machine) :]


async def found(reader: Reader, kind: MirrorKind, filters: Filters = ()) -> list[Found]:
    """Rows in the order of clouds, and in each by name."""
    return await mirror_rows.found(reader, kind, filters, order=_ORDER[kind.mirrored.kind])


class Room:
    """Which clouds have no room for a volume, as their pools say."""

    def __init__(self, resources: Resources) -> None:
        """`resources`: where its type is read."""
        self._resources = resources

    async def lacking(self, reader: Reader, volume: Resource) -> dict[str, str]:
        """Clouds whose pools are known, with no pool that is what its type asks for and has room: why not there."""
        type_ = await self._resources.fetch(reader, "volume_type", volume.desired["type_id"])
        specs = type_.desired["extra_specs"] if type_ is not None else {}
        size, fits = int(volume.desired["size"]), set()
        rows = await found(reader, POOLS)
        for row in rows:
            capabilities = row.document["capabilities"] or {}
            if meets(capabilities, specs) and has_room(capabilities, size):
                fits.add(row.cloud)
        why = f"has no pool with room for {size} GiB of its type"
        return {row.cloud: why for row in rows if row.cloud not in fits}
