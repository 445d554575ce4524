"""How volumes are written beside what their own routes write: what they are busy with, what is asked of their clouds,
and those that are made of backups.

`desired["busy"]` says what a volume is shown to be busy with from the moment in which that was accepted, until
whoever said so (`by`) says that it is over. `desired["asked"]` is the token of the newest action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fractus.base.ids import new_id
from fractus.model.action import Action
from fractus.model.errors import NotFound
from fractus.model.resource import Need, Resource
from fractus.model.volumes import UNWRITTEN
from fractus.services.volume.dialect.writes import Asker
from fractus.services.volume.volumes.kind import KIND
from fractus.store import actions, presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Transaction

#: An action is looked at by itself after so long, should its wake-up get lost. Seconds.
_DUE = 60.0


class VolumeWrites:
    """Writes volumes for others. Which may be written is judged by who calls."""

    def __init__(self, ledger: Ledger) -> None:
        """Write through `ledger`."""
        self._ledger = ledger

    async def visible(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """A volume that is a project's, and is there; None as project: anybody's."""
        found = await self._ledger.resources.visible(reader, KIND.name, id, project_id)
        return found if found is not None and found.deleted_at is None else None

    async def to_write(self, tx: Transaction, id: str) -> Resource | None:
        """A volume, to be changed."""
        return await self._ledger.resources.fetch(tx, KIND.name, id, to_write=True)

    # --- what it is busy with --------------------------------------------------------------------

    async def busy(self, tx: Transaction, volume: Resource, status: str, by: str) -> None:
        """It is shown in this state until `by` has it freed."""
        volume.desired["busy"] = {"status": status, "by": by}
        await self.save(tx, volume)

    async def free(self, tx: Transaction, volume_id: str, by: str, *, look: bool = True) -> None:
        """What `by` kept it busy with is over. `look`: how it is there now is looked at."""
        volume = await self.to_write(tx, volume_id)
        if volume is None or volume.desired.get("busy", {}).get("by") != by:
            return
        volume.desired.pop("busy")
        if volume.deleted_at is not None or not volume.wanted:
            await self._ledger.resources.save(tx, volume)
            return
        await self.save(tx, volume)
        if look:
            await self._ledger.look_again(tx, KIND.name, volume.id)

    async def written(self, tx: Transaction, volume_id: str) -> None:
        """Somebody is connected with it, and may write to it."""
        volume = await self.to_write(tx, volume_id)
        if volume is not None and volume.desired.pop(UNWRITTEN, None):
            await self.save(tx, volume)

    async def look(self, tx: Transaction, volume_id: str, status: str) -> None:
        """Its cloud has just accepted what brings it to this state; how it is there now is looked at."""
        volume = await self.to_write(tx, volume_id)
        if volume is None or not volume.wanted:
            return
        volume.desired.pop(UNWRITTEN, None)
        every = await presences.of_resource(tx, KIND.name, volume.id)
        for there in every:
            there.observed = {**(there.observed or {}), "status": status}
            there.observed_at = None
            await presences.save(tx, there)
        await self.save(tx, volume)
        await self._ledger.wake_all(tx, [(KIND.name, volume.id, there.cloud) for there in every])

    # --- groups ----------------------------------------------------------------------------------

    async def regroup(self, tx: Transaction, volume: Resource, group_id: str) -> None:
        """It is in another group from now on; empty: in none. It stays where those in its group are."""
        volume.desired["group_id"] = group_id
        volume.desired.pop(UNWRITTEN, None)
        await self.save(tx, volume)

    async def remove(self, tx: Transaction, volume: Resource) -> None:
        """It is no longer wanted."""
        if volume.wanted:
            volume.wanted = False
            every = await presences.of_resource(tx, KIND.name, volume.id)
            await self._ledger.remove(tx, volume, KIND.summarise(volume, every), hide=False)

    # --- what its cloud is asked for -------------------------------------------------------------

    async def ask(
        self,
        tx: Transaction,
        volume: Resource,
        verb: str,
        args: dict[str, Any],
        who: Asker,
        *,
        status: str,
        needs: Sequence[Need] | None = None,
    ) -> Action:
        """Its cloud is to do something, and it is busy with that meanwhile. `needs`: all; None: as before."""
        token = volume.desired.get("asked", 0) + 1
        action = Action(
            kind=KIND.name,
            id=volume.id,
            token=token,
            verb=verb,
            args=args,
            due_at=tx.now() + _DUE,
            request_id=who.request_id,
            user_id=who.user_id,
            project_id=who.project_id,
            at=tx.now(),
        )
        volume.desired |= {"asked": token, "busy": {"status": status, "by": action.once}}
        volume.desired.pop(UNWRITTEN, None)
        await actions.add(tx, action)
        every = await presences.of_resource(tx, KIND.name, volume.id)
        await self._ledger.change(tx, volume, KIND.summarise(volume, every), needs)
        return action

    async def newest_snapshot(self, tx: Transaction, volume_id: str) -> Resource | None:
        """The snapshot of it that was made last."""
        return max(await self._snapshots(tx, volume_id), key=lambda one: one.created_at, default=None)

    # --- what changes its project ----------------------------------------------------------------

    async def unready_snapshot(self, tx: Transaction, volume_id: str) -> str:
        """The id of a snapshot of it that is not available; empty: all are."""
        every = await self._snapshots(tx, volume_id)
        return next((one.id for one in every if one.status != "available"), "")

    async def hand_over(self, tx: Transaction, volume_id: str, who: Asker, *, snapshots: bool) -> None:
        """It is another project's from now on, here at once; its cloud is asked for it where that knows both projects.

        `QuotaExceeded` where that project has no quota for it; `NotFound` where it is gone.
        """
        volume = await self.to_write(tx, volume_id)
        if volume is None or volume.deleted_at is not None:
            raise NotFound(f"Volume {volume_id} could not be found.")
        args = {"from": volume.project_id, "snapshots": snapshots}
        volume.project_id, volume.user_id = who.project_id, who.user_id
        await self.ask(tx, volume, "transfer", args, who, status="awaiting-transfer")
        for one in await self._snapshots(tx, volume_id) if snapshots else ():
            one.project_id, one.user_id = who.project_id, who.user_id
            shown = msgspec.json.decode(one.summary)
            shown |= {"user_id": who.user_id, "os-extended-snapshot-attributes:project_id": who.project_id}
            one.summary = msgspec.json.encode(shown)
            await self._ledger.resources.save(tx, one, within=who.project_id)

    async def _snapshots(self, tx: Transaction, volume_id: str) -> list[Resource]:
        ids = await self._ledger.resources.needed_by_kind(tx, KIND.name, volume_id, "snapshot")
        found = await self._ledger.resources.many(tx, "snapshot", ids)
        return [one for one in found.values() if one.deleted_at is None]

    # --- those that are made of backups ----------------------------------------------------------

    async def of_backup(
        self, tx: Transaction, backup: Resource, type_: Resource, name: str, who: Asker, *, zone: str = ""
    ) -> Resource:
        """A new volume with what is in a backup; with a `zone`, an empty one there, to which it will be written.

        `QuotaExceeded` where the project has no quota for it.
        """
        desired = {
            "name": name,
            "description": "auto-created_from_restore_from_backup",
            "size": backup.desired["size"],
            "metadata": {},
            "zone": zone,
            "type_id": type_.id,
            "type_name": type_.name,
            "multiattach": type_.desired["extra_specs"].get("multiattach") == "<is> True",
            "image_id": "",
            "snapshot_id": "",
            "source_id": "",
            "backup_id": "" if zone else backup.id,
            "bootable": None,
            "readonly": None,
            "image_metadata": {},
        }
        volume = Resource(
            kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=name, desired=desired,
            request_id=who.request_id, created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(
            tx, volume, KIND.summarise(volume, ()), KIND.needs(volume), assign=True
        )

    async def save(self, tx: Transaction, volume: Resource) -> None:
        """Write what is shown of it; nothing of it has to reach its cloud."""
        volume.updated_at = tx.now()
        every = await presences.of_resource(tx, KIND.name, volume.id)
        await self._ledger.resources.save(tx, volume, KIND.summarise(volume, every))
