"""The routes of flavors: everybody lists, admins make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.auth.projects import ProjectLookup
from fractus.base.ids import new_id
from fractus.model.errors import Conflict
from fractus.model.resource import Resource
from fractus.services.compute.dialect.api.collection import CollectionApi
from fractus.services.compute.dialect.schema.bodies import reached
from fractus.services.compute.flavors import schema
from fractus.services.compute.flavors.api.access import AccessApi
from fractus.services.compute.flavors.api.specs import SpecsApi
from fractus.services.compute.flavors.kind import KIND, allowed
from fractus.services.compute.flavors.queries import NAMES, may_use, row_is_free
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Row, Store, Transaction
from fractus.web.microversion import Document, Reshaped, Version
from fractus.web.routing import Call, Route


def _no_swap(document: Document, _extra: Mapping[str, Any]) -> Document:
    """Before 2.75 no swap was an empty text. A list without detail does not tell it at all."""
    document["swap"] = document["swap"] or ""
    return document


class FlavorsApi(CollectionApi):
    """Flavors, their extra specs and who may use them."""

    kind = KIND
    visibility = ("is_public", "access")
    more_versions = (Reshaped(Version(2, 75), down=_no_swap),)

    def __init__(self, store: Store, ledger: Ledger, projects: ProjectLookup) -> None:
        """`projects` knows to whom access can be given."""
        super().__init__(store, ledger)
        self._parts = (SpecsApi(self, store), AccessApi(self, store, projects))

    def routes(self) -> list[Route]:
        """Those of every collection, and those of its parts."""
        return [*super().routes(), *(route for part in self._parts for route in part.routes())]

    def may_see(self, call: Call, row: Row) -> bool:
        """Public ones, and private ones that the caller's project was given access to."""
        return may_use(call.principal, *row[3:])

    def scope(self, call: Call) -> Filters:
        """Administrators may ask for private ones, or for all, and are shown public ones otherwise."""
        if not call.principal.is_admin:
            return super().scope(call)
        public = schema.public_filter(call.query.one("is_public"))
        if public:
            return (allowed(call.principal.project_id),)
        return () if public is None else (Filter("is_public", "eq", False),)

    def sort_keys(self, call: Call) -> Iterable[str]:
        """Without the factor, since flavors have none."""
        without = "rxtx_factor" if reached(call.version, "2.102") else ""
        return (key for key in KIND.sorts if key != without)

    async def draft(self, call: Call, given: dict[str, Any]) -> tuple[Resource, Mapping[str, Any]]:
        """A flavor without extra specs, which nobody was given access to."""
        given.setdefault("flavorid", new_id())
        given |= {"disabled": False, "extra_specs": {}, "access": []}
        return Resource(kind=KIND.name, id=given["flavorid"], name=given["name"], desired=given), {}

    async def admit(self, tx: Transaction, resource: Resource, live: str) -> None:
        """Ids and names are used once. A deleted flavor of that id may still have to be cleaned up somewhere."""
        await super().admit(tx, resource, live)
        if await NAMES.id(tx, resource.name) is not None:
            raise Conflict(f"Flavor with name {resource.name} already exists.")
        free = await row_is_free(tx, self._ledger.resources, live)
        if free:
            await self._ledger.resources.drop(tx, "flavor", live)
        elif free is False:
            resource.id = new_id()
