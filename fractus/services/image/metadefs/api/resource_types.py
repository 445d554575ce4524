"""Types of resources that definitions are for, and the associations of namespaces with them."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.services.image.metadefs import policy, schema, view
from fractus.services.image.metadefs.api.access import ONE, Access, forbidden, protected, route
from fractus.services.image.metadefs.table import RESOURCE_TYPE
from fractus.store.listing import Sort, page
from fractus.web.routing import Call, Reply, Route

_ALL = f"{ONE}/resource_types"
#: Types that are listed; Glance knows no pages of them.
_MOST = 10_000


class ResourceTypesApi:
    """Associations stand in their namespace; types are rows of their own, for they outlive those."""

    def __init__(self, access: Access) -> None:
        """Work on `access`."""
        self._access = access

    def routes(self) -> list[Route]:
        """Four."""
        return [
            route("GET", "/metadefs/resource_types", self.index, "List types of resources."),
            route("GET", _ALL, self.show, "List the associations of a namespace."),
            route("POST", _ALL, self.create, "Associate a namespace with a type.", schema.association),
            route("DELETE", f"{_ALL}/{{name}}", self.delete, "End an association."),
        ]

    async def index(self, call: Call) -> Reply:
        """All types, oldest first."""
        if not call.allows(policy.TYPES):
            raise forbidden(policy.TYPES)
        rows = await page(
            self._access.store,
            RESOURCE_TYPE,
            [],
            columns=("id", "created_at", "updated_at"),
            sorts=[Sort("created_at", False)],
            limit=_MOST,
        )
        return Reply(200, {"resource_types": [view.resource_type(*row) for row in rows]})

    async def show(self, call: Call) -> Reply:
        """Those of one namespace."""
        space = await self._access.namespace(self._access.store, call, policy.TYPES)
        seen = call.allows(policy.GET_TYPE, view.target(space))
        every = space.desired["resource_type_associations"] if seen else []
        return Reply(200, {"resource_type_associations": [view.part(one) for one in every]})

    async def create(self, call: Call) -> Reply:
        """One more; the type comes into being with it."""
        said = schema.association(call.body)
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, policy.ADD_TYPE, to_write=True)
            every = space.desired["resource_type_associations"]
            if any(one["name"] == said["name"] for one in every):
                raise schema.duplicate("type", said["name"], space.id)
            made = {**said, "created_at": tx.now(), "updated_at": tx.now()}
            every.append(made)
            await self._access.know_type(tx, said["name"])
            await self._access.save(tx, space)
        return Reply(201, view.part(made))

    async def delete(self, call: Call) -> Reply:
        """One less; the type stays."""
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, policy.REMOVE_TYPE, to_write=True)
            every, name = space.desired["resource_type_associations"], call.params["name"]
            found = next((one for one in every if one["name"] == name), None)
            if found is None:
                raise NotFound(f"Failed to find resource type {name} to delete")
            if space.desired["protected"]:
                raise protected("resource-type-association", name)
            every.remove(found)
            await self._access.save(tx, space)
        return Reply(204)
