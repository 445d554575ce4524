"""The routes of a flavor's extra specs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fractus.auth.policy import RuleDefault
from fractus.model.errors import Invalid, NotFound
from fractus.services.compute.dialect.api.collection import CollectionApi
from fractus.services.compute.dialect.schema.bodies import reached
from fractus.services.compute.flavors import kind, schema
from fractus.services.compute.flavors.schema import extra_specs
from fractus.store.transaction import Store
from fractus.web.microversion import Version
from fractus.web.routing import Call, Handler, Reply, Route, Schema

_decode = msgspec.json.decode


def _specs_schema(body: Any, version: Version) -> None:
    _check_known(schema.specs(body), version)


def _spec_schema(body: Any, version: Version) -> None:
    _check_known(schema.spec(body), version)


def _check_known(specs: Mapping[str, Any], version: Version) -> None:
    if reached(version, "2.86"):
        for name, value in specs.items():
            extra_specs.check(name, str(value))


class SpecsApi:
    """Extra specs: texts by name."""

    def __init__(self, flavors: CollectionApi, store: Store) -> None:
        """Of what `flavors` finds."""
        self._flavors = flavors
        self._store = store

    def routes(self) -> list[Route]:
        """Of all of them, and of one."""
        every = "/flavors/{flavor_id}/os-extra_specs"
        one = f"{every}/{{key}}"
        rows: tuple[tuple[str, str, Handler, RuleDefault, Schema | None, str], ...] = (
            ("GET", every, self.index, kind.SPECS_INDEX, None, "List the extra specs of a flavor."),
            ("POST", every, self.add, kind.SPECS_CREATE, _specs_schema, "Add extra specs to a flavor."),
            ("GET", one, self.show, kind.SPECS_SHOW, None, "Show an extra spec of a flavor."),
            ("PUT", one, self.set, kind.SPECS_UPDATE, _spec_schema, "Set an extra spec of a flavor."),
            ("DELETE", one, self.unset, kind.SPECS_DELETE, None, "Remove an extra spec of a flavor."),
        )
        return [
            Route(method=method, path=path, handler=handler, rule=rule.name, schema=schema, summary=summary)
            for method, path, handler, rule, schema, summary in rows
        ]

    async def _specs_of(self, call: Call) -> Mapping[str, str]:
        self._flavors.judge(call, "show")
        row = await self._flavors.found(self._store, call, "show", call.params["flavor_id"])
        specs: Mapping[str, str] = _decode(row[1])["extra_specs"]
        return specs

    async def index(self, call: Call) -> Reply:
        """All extra specs."""
        return Reply(200, {"extra_specs": await self._specs_of(call)})

    async def show(self, call: Call) -> Reply:
        """One extra spec."""
        key = call.params["key"]
        specs = await self._specs_of(call)
        if key not in specs:
            raise _missing(call)
        return Reply(200, {key: specs[key]})

    async def add(self, call: Call) -> Reply:
        """Add or change several; answered with the body as it came, as Nova does."""
        await self._put(call, call.body["extra_specs"])
        return Reply(200, call.body)

    async def set(self, call: Call) -> Reply:
        """Add or change one."""
        if call.params["key"] not in call.body:
            raise Invalid("Request body and URI mismatch")
        await self._put(call, call.body)
        return Reply(200, call.body)

    async def _put(self, call: Call, given: Mapping[str, Any]) -> None:
        async with self._store.transaction() as tx:
            resource = await self._flavors.fetch(tx, call, "update")
            resource.desired["extra_specs"].update({key: str(value) for key, value in given.items()})
            await self._flavors.changed(tx, resource)

    async def unset(self, call: Call) -> Reply:
        """Remove one."""
        async with self._store.transaction() as tx:
            resource = await self._flavors.fetch(tx, call, "update")
            if resource.desired["extra_specs"].pop(call.params["key"], None) is None:
                raise _missing(call)
            await self._flavors.changed(tx, resource)
        return Reply(200)


def _missing(call: Call) -> NotFound:
    return NotFound(f"Flavor {call.params['flavor_id']} has no extra specs with key {call.params['key']}.")
