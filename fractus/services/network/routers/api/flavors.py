"""Routers with a flavor: of the sort that the provider behind it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from fractus.model.errors import NotFound, Unavailable
from fractus.model.resource import Resource
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import invalid_input, not_found
from fractus.services.network.dialect.schema.providers import Provider, of_driver
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction


class Flavors:
    """Knows which sort of router a flavor means."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def of_new(self, tx: Transaction, item: Item) -> dict[str, Any]:
        """What is desired of a new router by its flavor; `Invalid` where it asks for another sort besides."""
        flavor_id = item.values.get("flavor_id", UNSET)
        if flavor_id is UNSET:
            return {"flavor_id": None}
        provider = await self._provider(tx, flavor_id)
        sort = {"distributed": provider.distributed, "ha": provider.ha}
        for name, flag in sort.items():
            asked = item.values.get(name, UNSET)
            if isinstance(asked, bool) and asked != flag:
                raise invalid_input(f"Provider {provider.name} does not support {name}={asked}")
        return {"flavor_id": flavor_id, **sort}

    async def check_update(self, tx: Transaction, router: Resource, given: Mapping[str, Any]) -> None:
        """`Invalid` where a router with a flavor would be of another sort."""
        names = [name for name in ("distributed", "ha") if isinstance(given.get(name), bool)]
        if router.desired.get("flavor_id") and any(given[name] != router.desired[name] for name in names):
            raise invalid_input(
                "Changing the 'ha' and 'distributed' attributes on a router associated with a flavor is not supported"
            )

    async def _provider(self, reader: Reader, flavor_id: Any) -> Provider:
        """That of the flavor's first profile."""
        flavor = await self._resources.fetch(reader, "network_flavor", str(flavor_id))
        if flavor is None:
            raise not_found("network_flavor", str(flavor_id))
        profiles = flavor.desired["service_profiles"]
        profile = await self._resources.fetch(reader, "service_profile", profiles[0]) if profiles else None
        if profile is None:
            raise NotFound(
                f"Service Profile  is not associated with flavor {flavor_id}.",
                kind="flavor", type="FlavorServiceProfileBindingNotFound",
            )  # fmt: skip
        if not profile.desired["enabled"]:
            raise Unavailable("Service Profile is not enabled.", type="ServiceProfileDisabled")
        driver = profile.desired["driver"]
        provider = of_driver(driver)
        if provider is None:
            raise NotFound(
                f"Service Profile driver {driver} could not be found.",
                kind="service_profile", type="ServiceProfileDriverNotFound",
            )  # fmt: skip
        return provider
