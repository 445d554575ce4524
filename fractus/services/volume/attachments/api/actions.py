"""What volumes were asked before there were attachments: that it is written down to what one is attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.attachments import kind, schema
from fractus.services.volume.attachments.kind import DETACHING, DIRECT, KIND, NOTE
from fractus.services.volume.attachments.writes import AttachmentWrites, Direct
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.store.transaction import Store, Transaction
from fractus.web.routing import Call, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.attachments.api import Volumes

_PATH = "/volumes/{volume_id}/action"


class NotesApi:
    """`os-attach`, `os-detach`, `os-force_detach`."""

    def __init__(self, store: Store, writes: AttachmentWrites, volumes: Volumes) -> None:
        self._store, self._writes, self._volumes = store, writes, volumes

    def routes(self) -> list[Route]:
        """A route for each."""
        rows = (
            ("os-attach", kind.ATTACH, schema.ATTACH, self.attach),
            ("os-detach", kind.DETACH, schema.DETACH, self.detach),
            ("os-force_detach", kind.FORCE_DETACH, schema.FORCE_DETACH, self.detach),
        )
        return [
            route(Verb(rule=rule, schemas=(("", body),)), "POST", _PATH, handler, action=name)
            for name, rule, body, handler in rows
        ]

    async def _volume(self, call: Call, tx: Transaction, rule: str) -> Resource:
        id = call.params["volume_id"]
        project = None if call.principal.is_admin else call.principal.project_id
        volume = await self._volumes.visible(tx, project, id)
        if volume is None:
            raise NotFound(f"Volume {id} could not be found.")
        call.enforce(rule, KIND.target(volume))
        return volume

    async def attach(self, call: Call) -> Reply:
        """It is attached to a server, or to a host, which has done that itself."""
        said = call.body["os-attach"]
        async with self._store.transaction() as tx:
            volume = await self._volume(call, tx, kind.ATTACH.name)
            mode = said.get("mode", "rw")
            if volume.desired["readonly"] and mode != "ro":
                raise Invalid(
                    f"Error attaching volume - InvalidVolumeAttachMode: Invalid attaching mode '{mode}' for volume"
                    f" {volume.id}."
                )
            if volume.status == "in-use" and not volume.desired.get("multiattach"):
                raise Invalid(
                    "Error attaching volume - InvalidVolume: Invalid volume: volume is already attached and multiple"
                    " attachments are not enabled"
                )
            if volume.status not in ("available", "attaching", "reserved", "in-use"):
                raise Invalid(
                    f"Error attaching volume - InvalidVolume: Invalid volume: Volume {volume.id} is {volume.status}."
                )
            asked = Direct(
                how=NOTE,
                server_id=said.get("instance_uuid") or "",
                host="" if said.get("instance_uuid") else said.get("host_name") or "",
                device=said["mountpoint"],
                mode=mode,
            )
            await self._writes.direct(tx, volume, asked, call.principal, call.request_id)
        return Reply(202)

    async def detach(self, call: Call) -> Reply:
        """It is attached no longer. What a server has, that gives back."""
        name, said = next(iter(call.body.items()))
        rule = kind.DETACH if name == "os-detach" else kind.FORCE_DETACH
        asked = (said or {}).get("attachment_id")
        async with self._store.transaction() as tx:
            volume = await self._volume(call, tx, rule.name)
            held = [one for one in volume.desired.get("attached", ()) if one["state"] != DETACHING]
            if not asked and len(held) > 1:
                raise Invalid(
                    "Error detaching volume - InvalidVolume: Invalid volume: Detach volume failed: More than one"
                    " attachment, but no attachment_id provided."
                )
            found = [one for one in held if asked in (None, one["attachment_id"])]
            if asked and not found:
                raise Invalid(
                    "Error detaching volume - VolumeAttachmentNotFound: Volume attachment could not be found with"
                    f" filter: attachment_id = {asked}."
                )
            for one in found:
                attachment = await self._writes.fetch(tx, one["attachment_id"])
                if attachment is not None and not attachment.desired.get(DIRECT):
                    raise Conflict(f"Detach volume from instance {one['server_id']} using the Compute API")
                if rule is kind.FORCE_DETACH:
                    await self._writes.withdraw_reset(tx, volume)
                await self._writes.detach(tx, one["attachment_id"])
        return Reply(202)
