"""Volume types of a child's Cinder: found by their names. They are the child's own, never made or changed by us."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.cinder import Cinder
from fractus.clouds.openstack.services import segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.volumes import VolumeTypeObserved, VolumeTypeWanted, unencrypted

_PAGE = 500


class _Type(Struct, kw_only=True):
    id: str
    name: str = ""
    description: str | None = None
    is_public: bool | None = True
    extra_specs: dict[str, str] = {}


class _Encryption(Struct, kw_only=True):
    control_location: str | None = None


class VolumeTypes:
    """The actuator of volume types."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._cinder = Cinder(child)

    def _observed(self, document: _Type) -> VolumeTypeObserved:
        return VolumeTypeObserved(
            remote_id=document.id,
            name=document.name,
            description=document.description,
            is_public=document.is_public is not False,
            extra_specs=document.extra_specs,
        )

    async def observe(self, scope: Scope, remote_id: str) -> VolumeTypeObserved:
        """What is there now."""
        ask = await self._cinder.ask(HOME, "GET", f"/types/{segment(remote_id)}")
        return self._observed(await self._child.item(HOME, ask, "volume_type", _Type))

    async def find(self, scope: Scope, wanted: VolumeTypeWanted) -> VolumeTypeObserved | None:
        """The one of that name; for want of it the child's default, where the default is meant."""
        there = await self._named(wanted)
        if there is None or not wanted.encrypted:
            return there
        return there if await self._encrypted(there.remote_id) == wanted.encrypted else None

    async def _named(self, wanted: VolumeTypeWanted) -> VolumeTypeObserved | None:
        async for observed in self.list_changed(""):
            if observed.name == wanted.name:
                return observed
        if not wanted.is_default or not await self._cinder.is_there():
            return None
        try:
            return await self.observe(HOME, "default")
        except Missing:
            return None

    async def create(self, scope: Scope, wanted: VolumeTypeWanted) -> VolumeTypeObserved:
        """The one that is there already. `Refused` where there is none: another cloud may have it."""
        there = await self._named(wanted)
        if there is None:
            raise Refused(f"{self._child.name} has no volume type {wanted.name}", elsewhere=True)
        where = await self._encrypted(there.remote_id) if wanted.encrypted else ""
        if where != wanted.encrypted:
            raise Refused(unencrypted(wanted, where, self._child.name), elsewhere=True)
        return there

    async def _encrypted(self, remote_id: str) -> str:
        """Where volumes of a type are encrypted; empty: nowhere."""
        ask = await self._cinder.ask(HOME, "GET", f"/types/{segment(remote_id)}/encryption")
        return (await self._child.read(HOME, ask, _Encryption)).control_location or ""

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """It is never changed."""
        raise Refused(f"a volume type of {self._child.name} has no verb {step.verb}")

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """It is the child's own and stays: nothing of ours is there."""
        raise Missing(f"volume type {remote_id} of {self._child.name} is not of our making and stays")

    async def has_cursor(self) -> bool:
        """Cinder prints no stamps of types."""
        return False

    async def list_changed(self, since: str) -> AsyncIterator[VolumeTypeObserved]:
        """All of them, private ones too."""
        if not await self._cinder.is_there():
            return
        ask = await self._cinder.ask(HOME, "GET", "/types", query={"is_public": "None"})
        async for page in self._child.pages(HOME, ask, "volume_types", limit=_PAGE, gently=True):
            for raw in page:
                try:
                    yield self._observed(msgspec.json.decode(raw, type=_Type))
                except msgspec.DecodeError as error:
                    if remote_id := self._child.unreadable("volume_type", raw, error):
                        yield VolumeTypeObserved(remote_id=remote_id, unread=str(error))
