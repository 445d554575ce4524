"""The routes of a thing's metadata: of volumes and of snapshots alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fractus.auth.policy import RuleDefault
from fractus.model.errors import Invalid, NotFound
from fractus.services.volume.dialect.api.collection import CollectionApi, route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema import parameters as p
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store
from fractus.web.routing import Call, Reply, Route

_SOME = p.body("metadata", p.extra_specs)
_ONE = p.body("meta", {**p.extra_specs, "minProperties": 1, "maxProperties": 1})


class MetadataApi:
    """Texts by name."""

    def __init__(
        self,
        of: CollectionApi,
        store: Store,
        ledger: Ledger,
        rules: Mapping[str, RuleDefault],
        missing: str,
    ) -> None:
        """Of what `of` finds. `rules`: `get`, `create`, `update`, `delete`; `missing`: of an item that is not there,
        with `{id}` and `{key}`.
        """
        self._of = of
        self._store = store
        self._ledger = ledger
        self._rules = rules
        self._missing = missing

    def routes(self) -> list[Route]:
        """Of all items, and of one."""
        every = f"{self._of.kind.root}/{{{self._of.by}}}/metadata"
        one, rules = f"{every}/{{key}}", self._rules
        noun = self._of.kind.noun
        return [
            route(Verb(rule=rules["get"]), "GET", every, self.index),
            route(Verb(rule=rules["create"], schemas=(("", _SOME),)), "POST", every, self.add),
            route(
                Verb(rule=rules["update"], schemas=(("", _SOME),), summary=f"Set all metadata of a {noun}."),
                "PUT", every, self.replace,
            ),
            route(
                Verb(rule=rules["get"], summary=f"Show an item of metadata of a {noun}."), "GET", one, self.show
            ),
            route(
                Verb(rule=rules["update"], schemas=(("", _ONE),), summary=f"Set an item of metadata of a {noun}."),
                "PUT", one, self.set,
            ),
            route(
                Verb(rule=rules["delete"], summary=f"Remove an item of metadata of a {noun}."),
                "DELETE", one, self.drop,
            ),
        ]  # fmt: skip

    async def _kept(self, call: Call) -> dict[str, Any]:
        row = await self._of.found(self._store, call, call.params[self._of.by])
        found: dict[str, Any] = msgspec.json.decode(row[1])["metadata"]
        return found

    async def index(self, call: Call) -> Reply:
        """All of them."""
        return Reply(200, {"metadata": await self._kept(call)})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        kept, key = await self._kept(call), call.params["key"]
        if key not in kept:
            raise self._unknown(call)
        return Reply(200, {"meta": {key: kept[key]}})

    async def add(self, call: Call) -> Reply:
        """Add or change some."""
        kept = await self._write(call, call.body["metadata"], "create")
        return Reply(200, {"metadata": kept})

    async def replace(self, call: Call) -> Reply:
        """All that there is from now on."""
        kept = await self._write(call, call.body["metadata"], "update", whole=True)
        return Reply(200, {"metadata": kept})

    async def set(self, call: Call) -> Reply:
        """Add or change one."""
        given = call.body["meta"]
        await self._write(call, given, "update", only=call.params["key"])
        return Reply(200, {"meta": given})

    async def drop(self, call: Call) -> Reply:
        """Remove one."""
        async with self._store.transaction() as tx:
            resource = await self._of.fetch(tx, call, self._rules["delete"].name)
            kept = dict(resource.desired["metadata"])
            if kept.pop(call.params["key"], None) is None:
                raise self._unknown(call)
            resource.desired["metadata"] = kept
            await self._ledger.change(tx, resource, await self._of.summary(tx, resource))
        return Reply(200)

    async def _write(
        self, call: Call, given: Mapping[str, str], rule: str, *, whole: bool = False, only: str = ""
    ) -> dict[str, str]:
        async with self._store.transaction() as tx:
            resource = await self._of.fetch(tx, call, self._rules[rule].name)
            if only and only not in given:
                raise Invalid("Request body and URI mismatch")
            kept = dict(given) if whole else {**resource.desired["metadata"], **given}
            resource.desired["metadata"] = kept
            await self._ledger.change(tx, resource, await self._of.summary(tx, resource))
        return kept

    def _unknown(self, call: Call) -> NotFound:
        return NotFound(self._missing.format(id=call.params[self._of.by], key=call.params["key"]))
