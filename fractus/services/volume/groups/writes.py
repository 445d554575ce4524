"""What becomes of a group with its volumes: written by those who write volumes."""

from __future__ import annotations

from fractus.model.resource import Resource
from fractus.services.volume.dialect.writes import WholeWrites
from fractus.services.volume.groups.kind import KIND
from fractus.store.transaction import Reader, Transaction

#: States of a volume that is made.
_MADE = ("available", "in-use")


class GroupWrites(WholeWrites):
    """Writes groups for others."""

    kind, key, parts = KIND, "group_id", "volumes"

    async def visible(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """A group that is a project's, and is there; None as project: anybody's."""
        found = await self._ledger.resources.visible(reader, KIND.name, id, project_id)
        return found if found is not None and found.deleted_at is None else None

    async def first(self, tx: Transaction, group: Resource) -> Resource | None:
        """The volume by which its cloud is decided, as long as that is open."""
        every = await self._ledger.resources.many(tx, "volume", group.desired["volumes"])
        return next((one for one in every.values() if one.wanted and one.status != "error"), None)

    async def joined(self, tx: Transaction, group_id: str, volume: Resource) -> None:
        """A volume is in it from now on."""
        group = await self._ledger.resources.fetch(tx, KIND.name, group_id, to_write=True)
        if group is not None and volume.id not in group.desired["volumes"]:
            group.desired["volumes"] = [*group.desired["volumes"], volume.id]
            await self.save(tx, group)

    async def progressed(self, tx: Transaction, volume: Resource) -> None:
        """How far a volume of it is has changed: its cloud is known, or it is made, or cannot be."""
        group = await self.whole_of(tx, volume)
        if group is None:
            return
        desired = group.desired
        before = desired["zone"], desired["status"]
        desired["zone"] = desired["zone"] or volume.home or ""
        if desired["status"] == "creating":
            every = await self._ledger.resources.many(tx, "volume", desired["volumes"])
            states = {one.status for one in every.values()}
            if "error" in states:
                desired["status"] = "error"
            elif states <= {*_MADE}:
                desired["status"] = "available"
        if before != (desired["zone"], desired["status"]):
            await self.save(tx, group)
