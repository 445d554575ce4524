"""The routes of QoS specifications; administrators alone see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from sqlalchemy import bindparam, select

from fractus.base.ids import new_id
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import CollectionApi, route
from fractus.services.volume.dialect.api.query import flag
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.view import filled, links
from fractus.services.volume.qos_specs import schema
from fractus.services.volume.qos_specs.kind import CONSUMERS, DELETE, KIND, LIST, UPDATE
from fractus.store.ledger import Ledger
from fractus.store.transaction import Query, Reader, Row, Store, Transaction
from fractus.web.routing import Call, Reply, Route

_by_name = Query(select(KIND.table.c.id).where(KIND.table.c.live_name == bindparam("name")))


class Types(Protocol):
    """Volume types, as far as a QoS specification may be theirs."""

    async def associated(self, reader: Reader, type_id: str) -> Resource:
        """The type with this id, whoever may use it; `NotFound` else."""
        ...

    async def associate(self, tx: Transaction, type_: Resource, qos_specs_id: str | None) -> None:
        """It is this type's from now on; None: none is."""
        ...


class QosSpecsApi(CollectionApi):
    """QoS specifications."""

    kind = KIND

    def __init__(self, store: Store, ledger: Ledger, types: Types) -> None:
        super().__init__(store, ledger)
        self._types = types

    def routes(self) -> list[Route]:
        """Those of every collection, and the associations."""
        one = f"{KIND.root}/{{id}}"
        update, read = Verb(rule=UPDATE), Verb(rule=LIST)
        return [
            *super().routes(),
            route(read, "GET", f"{one}/associations", self.associations),
            route(update, "GET", f"{one}/associate", self.associate),
            route(update, "GET", f"{one}/disassociate", self.disassociate),
            route(update, "GET", f"{one}/disassociate_all", self.disassociate_all),
            route(
                Verb(rule=DELETE, schemas=(("", schema.DELETE_KEYS),)),
                "PUT",
                f"{one}/delete_keys",
                self.delete_keys,
            ),
        ]

    def may_see(self, call: Call, project_id: str, row: Row) -> bool:
        """Whoever the rules let."""
        return True

    def one(self, call: Call, summary: bytes, extra: bytes | None, status: int = 200) -> Reply:
        """The answer with one document, and its links beside it."""
        document = msgspec.json.decode(summary)
        body = {"qos_specs": document, "links": links("qos-specs", document["id"])}
        return Reply(status, filled([msgspec.json.encode(body)], call)[0])

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """One that no type has yet."""
        specs = {key: value for key, value in given.items() if key not in ("name", "consumer")}
        name, consumer = given["name"].strip(), given.get("consumer")
        _check(specs)
        _check_consumer(consumer)
        if await tx.row(_by_name, name=name) is not None:
            raise Conflict(f"QoS Specs {name} already exists.")
        desired = {"name": name, "consumer": consumer or "back-end", "specs": specs, "types": []}
        resource = Resource(
            kind=KIND.name, id=new_id(), name=name, desired=desired, request_id=call.request_id,
            created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(tx, resource, KIND.summarise(resource, ()), assign=False)

    async def update(self, call: Call) -> Reply:
        """Add or change keys; what was said is the answer."""
        await super().update(call)
        return Reply(200, call.body)

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """Who heeds it, and its keys."""
        consumer = given.get("consumer", resource.desired["consumer"])
        _check_consumer(consumer)
        specs = {key: value for key, value in given.items() if key != "consumer"}
        resource.desired.update(consumer=consumer, specs={**resource.desired["specs"], **specs})
        await self._save(tx, resource)

    async def delete_keys(self, call: Call) -> Reply:
        """Remove keys; those before one that is not there are gone, as in Cinder."""
        missing = ""
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, DELETE.name)
            specs = dict(resource.desired["specs"])
            for key in call.body["keys"]:
                if specs.pop(key, specs) is specs:
                    missing = key
                    break
            resource.desired["specs"] = specs
            await self._save(tx, resource)
        if missing:
            raise NotFound(f"QoS spec {resource.id} has no spec with key {missing}.")
        return Reply(202)

    async def before_delete(self, call: Call, tx: Transaction, resource: Resource) -> bool:
        """Not while types have it, unless that is wanted (`force`)."""
        there = await self._associated(tx, resource)
        if there and not flag(call, "force"):
            raise Invalid("Qos specs still in use.")
        for one in there:
            await self._types.associate(tx, one, None)
        return True

    # --- associations ----------------------------------------------------------------------------

    async def associations(self, call: Call) -> Reply:
        """The types that have it."""
        resource = await self.fetch(self._store, call, LIST.name, to_write=False)
        there = await self._associated(self._store, resource)
        return Reply(
            200,
            {
                "qos_associations": [
                    {"association_type": "volume_type", "name": one.desired["name"], "id": one.id}
                    for one in there
                ]
            },
        )

    async def associate(self, call: Call) -> Reply:
        """A type has it from now on."""
        async with self._store.transaction() as tx:
            resource, type_ = await self._both(tx, call)
            current = type_.desired.get("qos_specs_id")
            if current and current != resource.id:
                raise Invalid(
                    f"Invalid volume type: Type {type_.id} is already associated with another qos specs: {current}"
                )
            if not current:
                await self._types.associate(tx, type_, resource.id)
                resource.desired["types"] = [*resource.desired["types"], type_.id]
                await self._save(tx, resource)
        return Reply(202)

    async def disassociate(self, call: Call) -> Reply:
        """A type has none any more."""
        async with self._store.transaction() as tx:
            _, type_ = await self._both(tx, call)
            if type_.desired.get("qos_specs_id"):
                await self._types.associate(tx, type_, None)
        return Reply(202)

    async def disassociate_all(self, call: Call) -> Reply:
        """No type has it any more."""
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, UPDATE.name)
            for one in await self._associated(tx, resource):
                await self._types.associate(tx, one, None)
            resource.desired["types"] = []
            await self._save(tx, resource)
        return Reply(202)

    async def _both(self, tx: Transaction, call: Call) -> tuple[Resource, Resource]:
        type_id = call.query.one("vol_type_id")
        if not type_id:
            raise Invalid("Volume Type id must not be None.")
        resource = await self.fetch(tx, call, UPDATE.name)
        return resource, await self._types.associated(tx, type_id)

    async def _associated(self, reader: Reader, resource: Resource) -> list[Resource]:
        """The types that have it: those that were given it, as far as they are still there and have no other."""
        found = []
        for id in dict.fromkeys(resource.desired["types"]):
            try:
                type_ = await self._types.associated(reader, id)
            except NotFound:
                continue
            if type_.desired.get("qos_specs_id") == resource.id:
                found.append(type_)
        return found

    async def _save(self, tx: Transaction, resource: Resource) -> None:
        await self._ledger.change(tx, resource, KIND.summarise(resource, ()), nowhere=True)


def _check(specs: Mapping[str, Any]) -> None:
    """Keys and values are texts that Cinder's database takes."""
    for key, value in specs.items():
        for what, text, least in ((f'Key "{key}"', key, 1), (f'Value for key "{key}"', value, 0)):
            if text is None:
                continue
            if not isinstance(text, str):
                raise Invalid(f"Invalid input received: {what} is not a string or unicode")
            if len(text) < least:
                raise Invalid(
                    f"Invalid input received: {what} has a minimum character requirement of {least}."
                )
            if len(text) > 255:
                raise Invalid(f"Invalid input received: {what} has {len(text)} characters, more than 255.")


def _check_consumer(consumer: Any) -> None:
    if consumer and consumer not in CONSUMERS:
        raise Invalid(f"Invalid qos specs: Valid consumer of QoS specs are: {list(CONSUMERS)}")
