"""The API of service profiles, as far as it is particular: one that a flavor has stays as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.queries.rows import is_some
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict, hidden, invalid
from fractus.services.network.dialect.schema.providers import of_driver
from fractus.services.network.service_profiles.kind import KIND
from fractus.store.listing import Filter
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call, Route


class ServiceProfileApi(CollectionApi):
    """Handlers of service profiles."""

    kind = KIND
    core = False
    bulk = False

    def routes(self) -> list[Route]:
        """Whoever may see none is answered that there is none, rather than refused."""
        return [
            dataclasses.replace(one, rule="regular_user") if one.method == "GET" else one
            for one in super().routes()
        ]

    async def find(self, reader: Reader, call: Call, id: str, *, to_write: bool = False) -> Resource:
        """Whoever may see none is shown none."""
        found = await self._resources.fetch(reader, KIND.name, id, to_write=to_write)
        if found is None:
            raise self.missing(id)
        if not call.allows("get_service_profile", KIND.target(found)):
            raise hidden()
        return found

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """It has a driver that there is, or else something that says what it is."""
        _check_driver(item.values["driver"])
        if not item.values["driver"] and not item.values["metainfo"]:
            raise invalid("Service Profile needs either a driver or metainfo.", "ServiceProfileEmpty")

    async def before_update(
        self, tx: Transaction, call: Call, resource: Resource, item: Item
    ) -> Mapping[str, Any] | None:
        """Not while a flavor has it."""
        _check_driver(item.values.get("driver", ""))
        await self._check_unused(tx, resource)
        return None

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Not while a flavor has it."""
        await self._check_unused(tx, resource)

    async def _check_unused(self, reader: Reader, resource: Resource) -> None:
        of = Filter("service_profiles", "like", f"%|{resource.id}|%")
        if await is_some(reader, self._resources, "network_flavor", of):
            raise conflict(
                f"Service Profile {resource.id} is used by some service instance.", "ServiceProfileInUse"
            )


def _check_driver(name: str) -> None:
    """Drivers are those of service providers."""
    if name and of_driver(name) is None:
        raise NotFound(
            f"Service Profile driver {name} could not be found.",
            kind=KIND.name,
            type="ServiceProfileDriverNotFound",
        )
