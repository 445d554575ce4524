"""The routes of a type's extra specs, and of who may use a private one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.volume_types import kind, schema
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store, Transaction
from fractus.web.routing import Call, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.volume_types.api import VolumeTypesApi


class PartsApi:
    """Extra specs: texts by name; access: a list of projects."""

    def __init__(self, types: VolumeTypesApi, store: Store, ledger: Ledger) -> None:
        """Of what `types` finds."""
        self._types = types
        self._store = store
        self._ledger = ledger

    def routes(self) -> list[Route]:
        """All of them."""
        one = "/types/{type_id}"
        every, single = f"{one}/extra_specs", f"{one}/extra_specs/{{key}}"
        return [
            route(Verb(rule=kind.SPECS_INDEX), "GET", every, self.specs),
            route(Verb(rule=kind.SPECS_CREATE, schemas=(("", schema.SPECS),)), "POST", every, self.add_specs),
            route(Verb(rule=kind.SPECS_GET), "GET", single, self.spec),
            route(Verb(rule=kind.SPECS_UPDATE, schemas=(("", schema.SPEC),)), "PUT", single, self.set_spec),
            route(Verb(rule=kind.SPECS_DELETE), "DELETE", single, self.drop_spec),
            route(Verb(rule=kind.ACCESS_LIST), "GET", f"{one}/os-volume-type-access", self.access),
            route(
                Verb(rule=kind.ACCESS_ADD, schemas=(("", schema.ADD),)),
                "POST", f"{one}/action", self.add, action="addProjectAccess",
            ),
            route(
                Verb(rule=kind.ACCESS_REMOVE, schemas=(("", schema.REMOVE),)),
                "POST", f"{one}/action", self.remove, action="removeProjectAccess",
            ),
        ]  # fmt: skip

    # --- extra specs -----------------------------------------------------------------------------

    async def _shown(self, call: Call) -> Mapping[str, Any]:
        row = await self._types.found(self._store, call, call.params["type_id"])
        document = msgspec.json.decode(self._types.shown(call, row[1], row[2]))
        specs: Mapping[str, Any] = document["extra_specs"]
        return specs

    async def specs(self, call: Call) -> Reply:
        """All that the caller may see."""
        return Reply(200, {"extra_specs": await self._shown(call)})

    async def spec(self, call: Call) -> Reply:
        """One."""
        specs, key = await self._shown(call), call.params["key"]
        if key not in specs:
            raise _unknown(call)
        return Reply(200, {key: specs[key]})

    async def add_specs(self, call: Call) -> Reply:
        """Add or change several."""
        await self._put(call, call.body["extra_specs"], kind.SPECS_CREATE.name)
        return Reply(200, call.body)

    async def set_spec(self, call: Call) -> Reply:
        """Add or change one."""
        if call.params["key"] not in call.body:
            raise Invalid("Request body and URI mismatch")
        await self._put(call, call.body, kind.SPECS_UPDATE.name)
        return Reply(200, call.body)

    async def drop_spec(self, call: Call) -> Reply:
        """Remove one."""
        async with self._store.transaction() as tx:
            resource = await self._to_change(call, tx, kind.SPECS_DELETE.name)
            if resource.desired["extra_specs"].pop(call.params["key"], None) is None:
                raise _unknown(call)
            await self._write(tx, resource)
        return Reply(202)

    async def _put(self, call: Call, given: Mapping[str, Any], rule: str) -> None:
        async with self._store.transaction() as tx:
            resource = await self._to_change(call, tx, rule)
            specs = {**resource.desired["extra_specs"], **given}
            if specs.get("multiattach") == specs.get("cacheable") == "<is> True":
                raise Invalid("cacheable cannot be set with multiattach.")
            resource.desired["extra_specs"] = specs
            await self._write(tx, resource)

    async def _to_change(self, call: Call, tx: Transaction, rule: str) -> Resource:
        resource = await self._types.fetch(tx, call, rule)
        if await self._types.in_use(tx, resource.id):
            raise Invalid("Volume Type is currently in use.")
        return resource

    async def _write(self, tx: Transaction, resource: Resource) -> None:
        await self._ledger.change(tx, resource, kind.KIND.summarise(resource, ()))

    # --- access ----------------------------------------------------------------------------------

    async def access(self, call: Call) -> Reply:
        """The projects that may use a private type."""
        resource = await self._types.fetch(self._store, call, kind.ACCESS_LIST.name, to_write=False)
        if resource.desired["is_public"]:
            raise NotFound("Access list not available for public volume types.")
        listed = [
            {"volume_type_id": resource.id, "project_id": project} for project in resource.desired["access"]
        ]
        return Reply(200, {"volume_type_access": listed})

    async def add(self, call: Call) -> Reply:
        """Let a project use it."""
        project = call.body["addProjectAccess"]["project"]
        async with self._store.transaction() as tx:
            resource = await self._types.fetch(tx, call, kind.ACCESS_ADD.name)
            if resource.desired["is_public"]:
                raise Invalid(
                    "Invalid volume type: Type access modification is not applicable to public volume type."
                )
            if project in resource.desired["access"]:
                raise Conflict(
                    f"Volume type access for {resource.id} / {project} combination already exists."
                )
            resource.desired["access"].append(project)
            await self._write(tx, resource)
        return Reply(202)

    async def remove(self, call: Call) -> Reply:
        """Let a project no longer use it."""
        project = call.body["removeProjectAccess"]["project"]
        async with self._store.transaction() as tx:
            resource = await self._types.fetch(tx, call, kind.ACCESS_REMOVE.name)
            if resource.desired["is_public"]:
                raise Invalid(
                    "Invalid volume type: Type access modification is not applicable to public volume type."
                )
            if project not in resource.desired["access"]:
                raise NotFound(f"Volume type access not found for {resource.id} / {project} combination.")
            resource.desired["access"].remove(project)
            await self._write(tx, resource)
        return Reply(202)


def _unknown(call: Call) -> NotFound:
    return NotFound(f"Volume Type {call.params['type_id']} has no extra specs with key {call.params['key']}.")
