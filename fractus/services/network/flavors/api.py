"""The API of flavors of network services, as far as it is particular: their service profiles."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.field import Field, named
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.queries.rows import is_some
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import read
from fractus.services.network.dialect.schema.errors import conflict, not_found
from fractus.services.network.flavors.kind import KIND
from fractus.store.listing import Filter
from fractus.store.transaction import Transaction
from fractus.web.routing import Call, Reply, Route

_KEY = "service_profile"
_PROFILE = named([Field("id", post=True, check=values.uuid)])


class NetworkFlavorApi(CollectionApi):
    """Handlers of flavors of network services."""

    kind = KIND
    core = False
    bulk = False

    def routes(self) -> list[Route]:
        """With those of a flavor's profiles."""
        many = "/flavors/{id}/service_profiles"
        return [
            *super().routes(),
            Route(
                method="POST", path=many, handler=self.add_profile, rule="create_flavor_service_profile",
                summary="Add a service profile to a flavor.",
            ),
            Route(
                method="DELETE", path=f"{many}/{{part}}", handler=self.remove_profile,
                rule="delete_flavor_service_profile", summary="Remove a service profile from a flavor.",
            ),
        ]  # fmt: skip

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Not while a router has it."""
        if await is_some(tx, self._resources, "router", Filter("flavor_id", "eq", resource.id)):
            raise conflict(f"Flavor {resource.id} is used by some service instance.", "FlavorInUse")

    async def add_profile(self, call: Call) -> Reply:
        """POST a profile. The id in the answer is the flavor's, as in Neutron."""
        asked = read(_KEY, _PROFILE, call.body, call.principal, create=True, core=False, bulk=False).items[0]
        profile_id = asked.values["id"]
        async with self._store.transaction() as tx:
            flavor = await self.permitted(
                tx, call, call.params["id"], "create_flavor_service_profile", to_write=True
            )
            there = flavor.desired["service_profiles"]
            if profile_id in there:
                raise conflict(
                    f"Service Profile {profile_id} is already associated with flavor {flavor.id}.",
                    "FlavorServiceProfileBindingExists",
                )
            if await self._resources.fetch(tx, _KEY, profile_id) is None:
                raise not_found(_KEY, profile_id)
            await self._writes.update(tx, flavor, {"service_profiles": [*there, profile_id]})
        return Reply(201, {_KEY: {"id": flavor.id}})

    async def remove_profile(self, call: Call) -> Reply:
        """DELETE a profile."""
        async with self._store.transaction() as tx:
            flavor = await self.permitted(
                tx, call, call.params["id"], "delete_flavor_service_profile", to_write=True
            )
            there, profile_id = flavor.desired["service_profiles"], call.params["part"]
            if profile_id not in there:
                raise NotFound(
                    f"Service Profile {profile_id} is not associated with flavor {flavor.id}.",
                    kind=_KEY, type="FlavorServiceProfileBindingNotFound",
                )  # fmt: skip
            left = [one for one in there if one != profile_id]
            await self._writes.update(tx, flavor, {"service_profiles": left})
        return Reply(204)
