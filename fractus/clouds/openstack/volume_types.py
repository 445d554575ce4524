"""Volume types of a child's Cinder: found by their names.

The child's own are never changed. Where its operator lets us, those that it does not have are made, with our marker
among their extra specs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.cinder import Cinder
from fractus.clouds.openstack.services import segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.volumes import VolumeTypeObserved, VolumeTypeWanted, unencrypted

_PAGE = 500

#: Our marker among the extra specs. With a scope, so that no scheduler takes it for a capability of a back end.
_ID, _BY = "fractus:id", "fractus:by"


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

    def __init__(self, child: Child, *, makes: bool) -> None:
        """`makes`: what the child does not have is made there."""
        self._child = child
        self._cinder = Cinder(child)
        self.makes = makes

    def _observed(self, document: _Type) -> VolumeTypeObserved:
        specs = document.extra_specs
        return VolumeTypeObserved(
            remote_id=document.id,
            **self._child.judged(specs.get(_ID, ""), specs.get(_BY, "")),
            name=document.name,
            description=document.description,
            is_public=document.is_public is not False,
            extra_specs={key: value for key, value in specs.items() if key not in (_ID, _BY)},
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
        """The one that is there already; else a new one, where we may. `Refused` where there is none: another cloud may
        have it.
        """
        there = await self._named(wanted)
        if there is None and self.makes:
            there = await self._make(wanted)
        if there is None:
            raise Refused(f"{self._child.name} has no volume type {wanted.name}", elsewhere=True)
        where = await self._encrypted(there.remote_id) if wanted.encrypted else ""
        if not where and wanted.encrypted and there.marker == wanted.id:
            path = f"/types/{segment(there.remote_id)}/encryption"
            await self._write("POST", path, {"encryption": wanted.encryption})
            where = wanted.encrypted
        if where != wanted.encrypted:
            raise Refused(unencrypted(wanted, where, self._child.name), elsewhere=True)
        return there

    async def _make(self, wanted: VolumeTypeWanted) -> VolumeTypeObserved | None:
        """Make one, as the administrator that our credential has to be. None: somebody did that first."""
        marker = {_ID: wanted.id, **({_BY: self._child.by} if self._child.by else {})}
        body = {
            "name": wanted.name,
            "description": wanted.description,
            "os-volume-type-access:is_public": wanted.is_public,
            "extra_specs": {**wanted.extra_specs, **marker},
        }
        ask = await self._cinder.ask(HOME, "POST", "/types", body={"volume_type": body})
        try:
            return self._observed(await self._child.item(HOME, ask, "volume_type", _Type))
        except Refused as refusal:
            if refusal.status == 409:
                return await self._named(wanted)
            reason = (
                f"{self._child.name} has no volume type {wanted.name}, and none can be made: {refusal.reason}"
            )
            raise Refused(reason, status=refusal.status, elsewhere=True) from refusal

    async def _write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        more = {} if body is None else {"body": body}
        await self._child.send(HOME, await self._cinder.ask(HOME, method, path, **more))

    async def _encrypted(self, remote_id: str) -> str:
        """Where volumes of a type are encrypted; empty: nowhere."""
        ask = await self._cinder.ask(HOME, "GET", f"/types/{segment(remote_id)}/encryption")
        return (await self._child.read(HOME, ask, _Encryption)).control_location or ""

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """One verb of `fractus.model.volumes`, on a type of our making only."""
        await self._made_by_us(scope, remote_id)
        path, body = f"/types/{segment(remote_id)}", step.body
        match step.verb:
            case "update":
                await self._write("PUT", path, {"volume_type": body})
            case "set_extra_specs":
                await self._write("POST", f"{path}/extra_specs", body)
            case "unset_extra_spec":
                await self._unless_done("DELETE", f"{path}/extra_specs/{segment(body['key'])}")
            case "admit" | "expel":
                action = "addProjectAccess" if step.verb == "admit" else "removeProjectAccess"
                project = await self._child.project(Scope(body["project_id"]))
                await self._unless_done("POST", f"{path}/action", {action: {"project": project}})
            case verb:
                raise Refused(f"a volume type of {self._child.name} has no verb {verb}")

    async def _unless_done(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """What is so already is done: Cinder says that it is there (409), or not (404)."""
        try:
            await self._write(method, path, body)
        except Missing:
            return
        except Refused as refusal:
            if refusal.status != 409:
                raise

    async def _made_by_us(self, scope: Scope, remote_id: str) -> None:
        if not (await self.observe(scope, remote_id)).marker:
            raise Missing(f"volume type {remote_id} of {self._child.name} is not of our making and stays")

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """One of our making. `Refused` (400) while a volume there has it."""
        await self._made_by_us(scope, remote_id)
        await self._write("DELETE", f"/types/{segment(remote_id)}")

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
