"""What is asked of a volume by `POST .../action`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.volumes import kind, schema
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.volumes.api import VolumesApi

#: From here on a volume may grow while a server has it.
_EXTEND_IN_USE = Version(3, 42)


class ActionsApi:
    """Each changes what is desired of a volume; a worker does the rest."""

    def __init__(self, volumes: VolumesApi, store: Store, ledger: Ledger) -> None:
        """Of what `volumes` finds."""
        self._volumes = volumes
        self._store = store
        self._ledger = ledger

    def routes(self) -> list[Route]:
        """A route for each."""
        path = "/volumes/{volume_id}/action"
        rows = (
            ("os-extend", self.extend, kind.EXTEND, schema.EXTEND, "Grow a volume."),
            (
                "os-set_bootable", self.set_bootable, kind.VERBS["update"].rule, schema.BOOTABLE,
                "Say whether servers can boot from a volume.",
            ),
            ("os-update_readonly_flag", self.set_readonly, kind.READONLY, schema.READONLY, ""),
            ("os-reset_status", self.reset, kind.RESET, schema.RESET, ""),
            ("os-force_delete", self.force_delete, kind.ADMIN_FORCE, schema.FORCE_DELETE, ""),
            ("os-set_image_metadata", self.set_image, kind.IMAGE_SET, schema.SET_IMAGE, ""),
            ("os-unset_image_metadata", self.unset_image, kind.IMAGE_REMOVE, schema.UNSET_IMAGE, ""),
            ("os-show_image_metadata", self.show_image, kind.IMAGE_SHOW, schema.SHOW_IMAGE, ""),
        )  # fmt: skip
        return [
            route(Verb(rule=rule, schemas=(("", body),), summary=summary), "POST", path, handler, action=name)
            for name, handler, rule, body, summary in rows
        ]

    async def _write(self, tx: Transaction, resource: Resource) -> None:
        await self._ledger.change(tx, resource, await self._volumes.summary(tx, resource))

    async def extend(self, call: Call) -> Reply:
        """Larger; it is spent from quota at once."""
        size = int(call.body["os-extend"]["new_size"])
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.EXTEND.name)
            attached = call.version >= _EXTEND_IN_USE and volume.status == "in-use"
            if attached:
                call.enforce(kind.EXTEND_ATTACHED.name, kind.KIND.target(volume))
            now = volume.desired["size"]
            if size <= now:
                raise Invalid(
                    "Invalid input received: New size for extend must be greater than current size."
                    f" (current: {now}, extended: {size})."
                )
            if volume.status != "available" and not attached:
                raise Invalid(
                    f"Invalid volume: Volume {volume.id} status must be '{ {'status': 'available'} }' to extend,"
                    f" currently {volume.status}."
                )
            await self._volumes.check_size(tx, volume.project_id, size)
            volume.desired["size"] = size
            volume.desired.pop("refused_size", None)
            await self._write(tx, volume)
        return Reply(202)

    async def set_bootable(self, call: Call) -> Reply:
        """Whether servers can boot from it."""
        await self._set(call, kind.VERBS["update"].rule.name, "bootable", call.body["os-set_bootable"])
        return Reply(200)

    async def set_readonly(self, call: Call) -> Reply:
        """Whether it may be written to; not while it is attached."""
        given = call.body["os-update_readonly_flag"]
        await self._set(call, kind.READONLY.name, "readonly", given, only="available")
        return Reply(202)

    async def _set(
        self, call: Call, rule: str, name: str, given: Mapping[str, Any], *, only: str = ""
    ) -> None:
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, rule)
            if only and volume.status != only:
                raise Invalid(
                    f"Invalid volume: Volume {volume.id} status must be {only} to update readonly flag,"
                    f" but current status is: {volume.status}."
                )
            volume.desired[name] = given[name] in TRUE
            await self._write(tx, volume)

    async def reset(self, call: Call) -> Reply:
        """An administrator says in which state it is; its cloud is asked for the same."""
        body = {name: value.lower() for name, value in call.body["os-reset_status"].items() if value}
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.RESET.name)
            token = (volume.desired.get("reset") or {}).get("token", 0) + 1
            volume.desired["reset"] = {"token": token, "body": body}
            volume.desired.pop("refused_size", None)
            await self._write(tx, volume)
        return Reply(202)

    async def force_delete(self, call: Call) -> Reply:
        """Delete it in whatever state it is."""
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.ADMIN_FORCE.name)
            await self._volumes.refuse_delete(tx, volume, force=True)
            if volume.wanted:
                volume.wanted = False
                await self._ledger.remove(tx, volume, await self._volumes.summary(tx, volume), hide=False)
        return Reply(202)

    async def set_image(self, call: Call) -> Reply:
        """Change what it says of its image; shown as it is then."""
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.IMAGE_SET.name)
            given = call.body["os-set_image_metadata"]["metadata"]
            volume.desired["image_metadata"] = {**volume.desired["image_metadata"], **given}
            await self._write(tx, volume)
        return Reply(200, {"metadata": _image_metadata(volume)})

    async def unset_image(self, call: Call) -> Reply:
        """Remove an item of that."""
        key = call.body["os-unset_image_metadata"]["key"]
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.IMAGE_REMOVE.name)
            if key not in _image_metadata(volume):
                raise NotFound("Metadata not found for given key.")
            volume.desired["image_metadata"] = {**volume.desired["image_metadata"], key: None}
            await self._write(tx, volume)
        return Reply(200)

    async def show_image(self, call: Call) -> Reply:
        """All of that."""
        volume = await self._volumes.fetch(self._store, call, kind.IMAGE_SHOW.name, to_write=False)
        return Reply(200, {"metadata": _image_metadata(volume)})


def _image_metadata(volume: Resource) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(volume.summary).get("volume_image_metadata", {})
    return found
