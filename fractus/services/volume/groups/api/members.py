"""Which volumes come to a group, and which leave it: judged as Cinder does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.groups.api.neighbours import Volumes
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction
from fractus.web.routing import Call

#: States of a volume that may come, and that may leave.
_COMES = ("available", "in-use")
_LEAVES = ("available", "in-use", "error", "error_deleting")


class Members:
    """The volumes of groups."""

    def __init__(self, volumes: Volumes) -> None:
        """`volumes` writes them."""
        self._volumes = volumes

    async def of(self, tx: Transaction, group: Resource) -> list[Resource]:
        """All of a group, to be changed."""
        every = [await self._volumes.to_write(tx, id) for id in group.desired["volumes"]]
        return [one for one in every if one is not None and one.deleted_at is None]

    async def judge(
        self, tx: Transaction, group: Resource, given: Mapping[str, Any]
    ) -> tuple[list[Resource], list[Resource]]:
        """Those that come and those that leave."""
        coming, leaving = _listed(given.get("add_volumes")), _listed(given.get("remove_volumes"))
        both = [one for one in coming if one in leaving]
        if both:
            raise Invalid(f"Invalid volume: UUIDs {both} are in both add and remove volume list.")
        held = group.desired["volumes"]
        added = [await self._comes(tx, group, id) for id in dict.fromkeys(coming) if id not in held]
        removed = [await self._leaves(tx, group, id) for id in dict.fromkeys(leaving)]
        return added, removed

    async def _comes(self, tx: Transaction, group: Resource, id: str) -> Resource:
        volume = await self._volumes.to_write(tx, id)
        sentence = f"Invalid volume: Cannot add volume {id} to group {group.id} because "
        # Whether another project has one of this id is nobody's business.
        if volume is None or not volume.wanted or volume.project_id != group.project_id:
            raise Invalid(f"{sentence}volume cannot be found.")
        other, desired = volume.desired.get("group_id"), volume.desired
        if other:
            raise Invalid(f"{sentence}it is already in group {other}.")
        if desired["type_id"] not in group.desired["volume_types"]:
            raise Invalid(f"{sentence}volume type {desired['type_id']} is not supported by the group.")
        if volume.status not in _COMES:
            raise Invalid(
                f"{sentence}volume is in an invalid state: {volume.status}. Valid states are: {_COMES}."
            )
        if group.desired["zone"] and volume.home != group.desired["zone"]:
            raise Invalid("Invalid volume: Volume is not local to this node.")
        return volume

    async def _leaves(self, tx: Transaction, group: Resource, id: str) -> Resource:
        volume = await self._volumes.to_write(tx, id) if id in group.desired["volumes"] else None
        sentence = f"Invalid volume: Cannot remove volume {id} from group {group.id} because "
        if volume is None:
            raise Invalid(f"{sentence}it is not in the group.")
        if volume.status not in _LEAVES:
            raise Invalid(
                f"{sentence}volume is in an invalid state: {volume.status}. Valid states are: {_LEAVES}."
            )
        return volume

    async def snapshot(self, call: Call, tx: Transaction, resources: Resources, id: str) -> Resource:
        """A snapshot of a group that the caller sees, to be read; `NotFound` else."""
        who = call.principal
        found = await resources.visible(tx, "group_snapshot", id, None if who.is_admin else who.project_id)
        if found is None or found.deleted_at is not None:
            raise NotFound(f"GroupSnapshot {id} could not be found.")
        return found


def _listed(text: str | None) -> list[str]:
    return text.strip(",").split(",") if text else []
