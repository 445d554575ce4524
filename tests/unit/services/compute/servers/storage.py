"""Block storage of the simplest kind, for servers that are built with volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractus.auth.principal import Principal
from fractus.base.ids import new_id
from fractus.model.errors import Invalid
from fractus.model.resource import Presence, Resource, Summary
from fractus.store.resources import Resources
from fractus.store.schema import resource_table
from fractus.store.sqlite import SqliteStore
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call
from tests.unit.own_tables import OWN

VOLUMES = resource_table("test_servers_volume", metadata=OWN)
SNAPSHOTS = resource_table("test_servers_snapshot", metadata=OWN)

_OWNER = "ann-project"


def summarise_volume(volume: Resource, presences: Sequence[Presence]) -> Summary:
    """As much of a volume as servers look at."""
    desired = volume.desired
    document = {
        "size": desired["size"],
        "bootable": "true" if desired["bootable"] else "false",
        "multiattach": desired.get("multiattach", False),
        "volume_image_metadata": desired["about"],
    }
    return Summary(volume.status, document)


class Storage:
    """Makes what it is asked for."""

    def __init__(self, store: SqliteStore, resources: Resources) -> None:
        self._store = store
        self._resources = resources
        self.asked: list[Mapping[str, Any]] = []

    async def snapshot(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        return await self._resources.visible(reader, "snapshot", id, project_id)

    async def of_volume(
        self, tx: Transaction, who: Principal, request_id: str, volume_id: str, name: str
    ) -> Resource:
        return Resource(kind="snapshot", id=new_id(), name=name, desired={"size": 1})

    async def check_type(self, reader: Reader, principal: Principal, name: str) -> None:
        if name != "fast":
            raise Invalid(f"Volume type {name} could not be found.")

    async def make(self, call: Call, tx: Transaction, asked: Mapping[str, Any]) -> Resource:
        self.asked.append(asked)
        return await self._write(tx, size=asked["size"])

    # --- what there is ---------------------------------------------------------------------------

    async def add_volume(self, *, zone: str = "", status: str = "available", **more: Any) -> str:
        """A volume of Ann's."""
        async with self._store.transaction() as tx:
            return (await self._write(tx, status=status, home=zone or None, **more)).id

    async def _write(
        self,
        tx: Transaction,
        *,
        status: str = "creating",
        home: str | None = None,
        owner: str = _OWNER,
        **more: Any,
    ) -> Resource:
        desired = {"size": 1, "bootable": True, "zone": "", "about": {}, **more}
        volume = Resource(
            kind="volume", id=new_id(), project_id=owner, home=home, status=status, desired=desired
        )
        await self._resources.add(tx, volume, summarise_volume(volume, []))
        return volume

    async def add_snapshot(self, volume_id: str, zone: str = "") -> str:
        """A snapshot of it."""
        desired = {"volume_id": volume_id, "size": 1}
        snapshot = Resource(
            kind="snapshot", id=new_id(), project_id=_OWNER, home=zone or None, desired=desired
        )
        async with self._store.transaction() as tx:
            await self._resources.add(tx, snapshot, Summary("available", {}))
        return snapshot.id
