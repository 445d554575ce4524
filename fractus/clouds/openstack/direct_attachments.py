"""Attachments of volumes that a child's Cinder alone is asked for: reserved, or only written down."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, structs

from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.cinder import Cinder
from fractus.clouds.openstack.services import Ask, reaches, segment
from fractus.model.cloud import Scope
from fractus.model.errors import Missing, Refused
from fractus.model.volumes import VolumeAttachmentObserved, VolumeAttachmentWanted

#: Microversions of Cinder that have attachments, take their mode, and complete them.
_SINCE, _MODE, _COMPLETE = "3.27", "3.54", "3.44"


class _Attachment(Struct, kw_only=True):
    id: str
    status: str = ""
    instance: str | None = None
    volume_id: str = ""
    attached_at: str | None = None
    attach_mode: str | None = None


class _Attached(Struct, kw_only=True):
    server_id: str | None = None
    host_name: str | None = None
    attachment_id: str = ""
    device: str | None = None


class _Volume(Struct, kw_only=True):
    id: str
    attachments: list[_Attached] = []


def _holder(wanted: VolumeAttachmentWanted) -> str:
    """Who has it, as the child is asked for it. Where that is nobody it knows, our id finds it after a lost answer."""
    return wanted.server_id or wanted.id


class DirectAttachments:
    """How they are made, found, and seen."""

    def __init__(self, child: Child, cinder: Cinder) -> None:
        self._child, self._cinder = child, cinder

    async def _ask(self, scope: Scope, method: str, path: str, **more: Any) -> Ask:
        ask = await self._cinder.ask(scope, method, f"/attachments{path}", **more)
        if not reaches(ask.version, _SINCE):
            raise Refused(f"{self._child.name} is too old for attachments of volumes (volume {_SINCE})")
        return ask

    async def observe(self, scope: Scope, remote_id: str) -> VolumeAttachmentObserved:
        """One by its id there."""
        ask = await self._ask(scope, "GET", f"/{segment(remote_id)}")
        found = await self._child.item(scope, ask, "attachment", _Attachment)
        if found.status in ("detached", "deleted"):
            raise Missing(f"attachment {remote_id} is {found.status}")
        return _observed(found)

    async def find(self, scope: Scope, wanted: VolumeAttachmentWanted) -> VolumeAttachmentObserved | None:
        """One of the volume that who is to have it has."""
        if wanted.direct == "note":
            id = await self._noted(scope, wanted)
            return await self.observe(scope, id) if id else None
        ask = await self._ask(scope, "GET", "/detail", query={"volume_id": wanted.volume_id})
        every = await self._child.item(scope, ask, "attachments", list[_Attachment])
        there = (one for one in every if one.volume_id == wanted.volume_id)
        found = next((one for one in there if one.instance == _holder(wanted)), None)
        return _observed(found, marker=wanted.id) if found is not None else None

    async def create(self, scope: Scope, wanted: VolumeAttachmentWanted) -> VolumeAttachmentObserved:
        """Reserve the volume, or have written down that it is attached."""
        if wanted.direct == "note":
            return await self._note(scope, wanted)
        said: dict[str, Any] = {"volume_uuid": wanted.volume_id, "instance_uuid": _holder(wanted)}
        ask = await self._ask(scope, "POST", "", body={"attachment": said})
        if wanted.mode and reaches(ask.version, _MODE):
            said["mode"] = wanted.mode
        return _observed(await self._child.item(scope, ask, "attachment", _Attachment), marker=wanted.id)

    async def _note(self, scope: Scope, wanted: VolumeAttachmentWanted) -> VolumeAttachmentObserved:
        said = {"mountpoint": wanted.device, "mode": wanted.mode or "rw"}
        said |= {"host_name": wanted.host} if wanted.host else {"instance_uuid": _holder(wanted)}
        await self._cinder.act(scope, f"/volumes/{segment(wanted.volume_id)}", {"os-attach": said})
        id = await self._noted(scope, wanted)
        if not id:
            raise Missing(f"volume {wanted.volume_id} is not attached")
        return structs.replace(await self.observe(scope, id), marker=wanted.id)

    async def _noted(self, scope: Scope, wanted: VolumeAttachmentWanted) -> str:
        ask = await self._cinder.ask(scope, "GET", f"/volumes/{segment(wanted.volume_id)}")
        volume = await self._child.item(scope, ask, "volume", _Volume)
        for one in volume.attachments:
            # Which host has it, Cinder tells administrators alone.
            hosts = wanted.host and not one.server_id and one.host_name in (wanted.host, None)
            if (hosts and one.device == wanted.device) or (
                not wanted.host and one.server_id == _holder(wanted)
            ):
                return one.attachment_id
        return ""

    async def complete(self, scope: Scope, remote_id: str) -> None:
        """Say that it is attached."""
        ask = await self._ask(
            scope, "POST", f"/{segment(remote_id)}/action", body={"os-complete": None}, repeat=True
        )
        if not reaches(ask.version, _COMPLETE):
            raise Refused(f"{self._child.name} is too old to complete attachments (volume {_COMPLETE})")
        await self._child.send(scope, ask)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """End it, whatever it is connected to."""
        await self._child.send(scope, await self._ask(scope, "DELETE", f"/{segment(remote_id)}"))


def _observed(there: _Attachment, marker: str = "") -> VolumeAttachmentObserved:
    return VolumeAttachmentObserved(
        remote_id=there.id,
        marker=marker,
        status=there.status,
        attached_at=there.attached_at or "",
        attachment_id=there.id,
        server_id=there.instance or "",
        volume_id=there.volume_id,
        mode=there.attach_mode if there.attach_mode in ("rw", "ro") else "",
    )
