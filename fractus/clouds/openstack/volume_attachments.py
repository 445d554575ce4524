"""Volumes that servers of a child have: made and ended by its Nova, while its Cinder says how far that is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Struct, field, structs

from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.cinder import Cinder
from fractus.clouds.openstack.direct_attachments import DirectAttachments
from fractus.clouds.openstack.services import Ask, reaches, segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused, Throttled
from fractus.model.volumes import VolumeAttachmentObserved, VolumeAttachmentWanted

_PAGE = 500

#: Microversion of Nova that takes a tag for a device.
_TAGS = "2.49"

#: That changes whether a volume ends with its server; what it ends with is shown since 2.79.
_KEEPS = "2.85"

#: A volume or a server that is busy is asked for again after so long. Seconds.
_BUSY_SECONDS = 2.0

#: States of a volume in which it may become free, or usable, by itself.
_PASSING = frozenset(
    {"attaching", "creating", "detaching", "downloading", "extending", "reserved", "uploading"}
)


class _Attachment(Struct, kw_only=True):
    volume_id: str = field(name="volumeId", default="")
    server_id: str = field(name="serverId", default="")
    device: str | None = None
    delete_on_termination: bool = False


class _Attached(Struct, kw_only=True):
    server_id: str | None = None
    attachment_id: str | None = None
    device: str | None = None
    attached_at: str | None = None


class _Volume(Struct, kw_only=True):
    id: str
    status: str = ""
    attachments: list[_Attached] = []


def _key(server_id: str, volume_id: str) -> str:
    return f"{server_id}/{volume_id}"


class VolumeAttachments:
    """The actuator of attachments."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._cinder = Cinder(child)
        self._direct = DirectAttachments(child, self._cinder)

    def _path(self, server_id: str, volume_id: str = "") -> str:
        root = f"/servers/{segment(server_id)}/os-volume_attachments"
        return f"{root}/{segment(volume_id)}" if volume_id else root

    async def observe(self, scope: Scope, remote_id: str) -> VolumeAttachmentObserved:
        """What is there now: `Missing` where the server has no such volume (any more)."""
        server_id, slash, volume_id = remote_id.partition("/")
        if not slash:
            return await self._direct.observe(scope, remote_id)
        version = await self._child.services.version(_KEEPS)
        ask = Ask(service="compute", path=self._path(server_id, volume_id), version=version)
        there = await self._child.item(scope, ask, "volumeAttachment", _Attachment)
        volume = await self._volume(scope, volume_id)
        attached = next((one for one in volume.attachments if one.server_id == server_id), None)
        return VolumeAttachmentObserved(
            remote_id=remote_id,
            status=_status(volume.status, attached),
            # Before it has attached the volume Nova may say another device than it comes to be.
            device=there.device or "",
            attached_at=(attached.attached_at or "") if attached is not None else "",
            attachment_id=(attached.attachment_id or "") if attached is not None else "",
            server_id=server_id,
            volume_id=volume_id,
            delete_on_termination=there.delete_on_termination,
        )

    async def _volume(self, scope: Scope, volume_id: str) -> _Volume:
        ask = await self._cinder.ask(scope, "GET", f"/volumes/{segment(volume_id)}")
        return await self._child.item(scope, ask, "volume", _Volume)

    async def find(self, scope: Scope, wanted: VolumeAttachmentWanted) -> VolumeAttachmentObserved | None:
        """Whether the server has the volume: it carries no marker, and which it is, is known."""
        if wanted.direct:
            found = await self._direct.find(scope, wanted)
            return structs.replace(found, marker=wanted.id) if found is not None else None
        try:
            observed = await self.observe(scope, _key(wanted.server_id, wanted.volume_id))
        except Missing:
            return None
        return structs.replace(observed, marker=wanted.id)

    async def create(self, scope: Scope, wanted: VolumeAttachmentWanted) -> VolumeAttachmentObserved:
        """Ask for it; what comes of that is seen later. `Throttled` while the server or the volume is busy."""
        if wanted.direct:
            return await self._direct.create(scope, wanted)
        body: dict[str, Any] = {"volumeId": wanted.volume_id}
        if wanted.device:
            body["device"] = wanted.device
        version = ""
        if wanted.tag:
            version = await self._child.services.version(_TAGS)
            if not reaches(version, _TAGS):
                raise Refused(f"{self._child.name} is too old for a tag of a volume (compute {_TAGS})")
            body["tag"] = wanted.tag
        ask = Ask(
            service="compute",
            method="POST",
            path=self._path(wanted.server_id),
            body={"volumeAttachment": body},
            version=version,
        )
        try:
            await self._child.send(scope, ask)
        except Refused as refusal:
            await self._judge(scope, wanted.server_id, wanted.volume_id, refusal)
        return VolumeAttachmentObserved(
            remote_id=_key(wanted.server_id, wanted.volume_id),
            marker=wanted.id,
            status="attaching",
            server_id=wanted.server_id,
            volume_id=wanted.volume_id,
        )

    async def _judge(self, scope: Scope, server_id: str, volume_id: str, refusal: Refused) -> None:
        """What a refusal means: that it is to be asked again, where something there is busy; else that it is final."""
        if refusal.status not in (400, 409):
            raise refusal
        ask = Ask(service="compute", path=f"/servers/{segment(server_id)}")
        server = await self._child.item(scope, ask, "server", dict[str, Any])
        busy = server.get("OS-EXT-STS:task_state") is not None
        if busy or (await self._volume(scope, volume_id)).status in _PASSING:
            raise Throttled(refusal.reason, after=_BUSY_SECONDS) from refusal
        raise refusal

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """`keep_volume`, or `complete`."""
        if step.verb == "complete":
            await self._direct.complete(scope, remote_id)
            return
        if step.verb == "keep_volume":
            await self._keep_volume(scope, *remote_id.split("/"))
            return
        raise Refused(f"a volume attachment of {self._child.name} has no verb {step.verb}")

    async def _keep_volume(self, scope: Scope, server_id: str, volume_id: str) -> None:
        """Have the volume outlive its server there."""
        version = await self._child.services.version(_KEEPS)
        if not reaches(version, _KEEPS):
            raise Refused(
                f"{self._child.name} is too old to keep a volume whose server ends (compute {_KEEPS})"
            )
        body = {"volumeAttachment": {"volumeId": volume_id, "delete_on_termination": False}}
        path = self._path(server_id, volume_id)
        ask = Ask(service="compute", method="PUT", path=path, body=body, version=version, repeat=True)
        await self._child.send(scope, ask)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Ask for its end. `Missing` where there is none; `Throttled` while the server or the volume is busy."""
        server_id, slash, volume_id = remote_id.partition("/")
        if not slash:
            await self._direct.delete(scope, remote_id)
            return
        ask = Ask(service="compute", method="DELETE", path=self._path(server_id, volume_id))
        try:
            await self._child.send(scope, ask)
        except Refused as refusal:
            await self._judge(scope, server_id, volume_id, refusal)

    async def has_cursor(self) -> bool:
        """They are part of volumes, which are listed whole."""
        return False

    async def list_changed(self, since: str) -> AsyncIterator[VolumeAttachmentObserved]:
        """Those of all volumes that are in use."""
        if not await self._cinder.is_there():
            return
        query = {"all_tenants": "1", "status": "in-use"}
        ask = await self._cinder.ask(HOME, "GET", "/volumes/detail", query=query)
        async for page in self._child.pages(HOME, ask, "volumes", limit=_PAGE, gently=True):
            for raw in page:
                try:
                    volume = msgspec.json.decode(raw, type=_Volume)
                except msgspec.DecodeError as error:
                    self._child.unreadable("volume", raw, error)
                    continue
                for one in volume.attachments:
                    if one.server_id:
                        yield VolumeAttachmentObserved(
                            remote_id=_key(one.server_id, volume.id),
                            status="attached",
                            device=one.device or "",
                            attached_at=one.attached_at or "",
                            attachment_id=one.attachment_id or "",
                            server_id=one.server_id,
                            volume_id=volume.id,
                        )


def _status(status: str, attached: _Attached | None) -> str:
    if attached is None:
        return "attaching"
    return "detaching" if status == "detaching" else "attached"
