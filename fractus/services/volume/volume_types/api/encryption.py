"""The routes that say how volumes of a type are encrypted.

A cloud's own type decides: where it is not encrypted in the same place (`control_location`), no volume of our type is
made there (`fractus.services.volume.volume_types.lifecycle`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fractus.base.clock import iso_micro
from fractus.base.ids import new_id
from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import PENDING, Resource
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.volume_types import kind, schema
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store, Transaction
from fractus.web.routing import Call, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.volume_types.api import VolumeTypesApi

_FIELDS = kind.ENCRYPTION_FIELDS


class EncryptionApi:
    """One set of values for a type, or none."""

    def __init__(self, types: VolumeTypesApi, store: Store, ledger: Ledger) -> None:
        """Of what `types` finds."""
        self._types = types
        self._store = store
        self._ledger = ledger

    def routes(self) -> list[Route]:
        """All of them."""
        every, one = "/types/{type_id}/encryption", "/types/{type_id}/encryption/{id}"
        create = Verb(rule=kind.ENCRYPTION_CREATE, schemas=(("", schema.ENCRYPT),))
        update = Verb(rule=kind.ENCRYPTION_UPDATE, schemas=(("", schema.CHANGE_ENCRYPTION),))
        return [
            route(Verb(rule=kind.ENCRYPTION_GET), "GET", every, self.index),
            route(create, "POST", every, self.create),
            route(Verb(rule=kind.ENCRYPTION_GET), "GET", one, self.show),
            route(update, "PUT", one, self.update),
            route(Verb(rule=kind.ENCRYPTION_DELETE), "DELETE", one, self.delete),
        ]

    async def index(self, call: Call) -> Reply:
        """All values; nothing where there are none."""
        return Reply(200, _shown(await self._read(call)))

    async def show(self, call: Call) -> Reply:
        """One value."""
        shown, name = _shown(await self._read(call)), call.params["id"]
        if name not in shown:
            raise _missing(call)
        return Reply(200, {name: shown[name]})

    async def _read(self, call: Call) -> Resource:
        return await self._types.fetch(self._store, call, kind.ENCRYPTION_GET.name, to_write=False)

    async def create(self, call: Call) -> Reply:
        """Have volumes of the type encrypted."""
        given = _given(call.body)
        async with self._store.transaction() as tx:
            type_ = await self._unused(call, tx, kind.ENCRYPTION_CREATE.name, "create")
            if type_.desired.get("encryption"):
                raise Invalid(f"Volume type encryption for type {type_.id} already exists.")
            values = {name: given.get(name) for name in _FIELDS}
            times = {"encryption_id": new_id(), "created_at": tx.now(), "updated_at": None}
            await self._write(tx, type_, {**values, **times})
        made = {"volume_type_id": type_.id, "encryption_id": times["encryption_id"]}
        return Reply(200, {"encryption": given | made})

    async def update(self, call: Call) -> Reply:
        """Change some values."""
        given = _given(call.body)
        async with self._store.transaction() as tx:
            type_ = await self._unused(call, tx, kind.ENCRYPTION_UPDATE.name, "update")
            there = type_.desired.get("encryption")
            if not there:
                raise _missing(call)
            said = {name: given[name] for name in _FIELDS if name in given}
            await self._write(tx, type_, {**there, **said, "updated_at": tx.now()})
        return Reply(200, _answered(call.body))

    async def delete(self, call: Call) -> Reply:
        """Have them no longer encrypted."""
        async with self._store.transaction() as tx:
            type_ = await self._unused(call, tx, kind.ENCRYPTION_DELETE.name, "delete")
            if not type_.desired.get("encryption"):
                raise _missing(call)
            await self._write(tx, type_, None)
        return Reply(202)

    async def _unused(self, call: Call, tx: Transaction, rule: str, verb: str) -> Resource:
        type_ = await self._types.fetch(tx, call, rule)
        if await self._types.in_use(tx, type_.id):
            raise Invalid(f"Cannot {verb} encryption specs. Volume type in use.")
        return type_

    async def _write(self, tx: Transaction, type_: Resource, values: Mapping[str, Any] | None) -> None:
        type_.desired["encryption"] = values
        # Whether a cloud's type will do is asked when it is looked for: so it is looked for anew.
        for there in await presences.of_resource(tx, kind.KIND.name, type_.id):
            there.wanted, there.state = False, PENDING
            await presences.save(tx, there)
            await self._ledger.wake_all(tx, [(kind.KIND.name, type_.id, there.cloud)])
        await self._ledger.change(tx, type_, kind.KIND.summarise(type_, ()))


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(body["encryption"])
    if values.get("key_size") is not None:
        values["key_size"] = int(values["key_size"])
    return values


def _answered(body: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, with its number as one."""
    return {"encryption": _given(body)}


def _shown(type_: Resource) -> dict[str, Any]:
    values = type_.desired.get("encryption")
    if not values:
        return {}
    changed = values["updated_at"]
    return {
        **{name: values[name] for name in (*_FIELDS, "encryption_id")},
        "volume_type_id": type_.id,
        "created_at": iso_micro(values["created_at"]),
        "updated_at": None if changed is None else iso_micro(changed),
        "deleted_at": None,
        "deleted": False,
    }


def _missing(call: Call) -> NotFound:
    return NotFound(f"Volume type encryption for type {call.params['type_id']} does not exist.")
