"""Properties of a namespace."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Conflict, NotFound
from fractus.model.resource import Resource
from fractus.services.image.metadefs import policy, queries, schema, view
from fractus.services.image.metadefs.api.access import ONE, Access, protected, route
from fractus.web.routing import Call, Reply, Route

_ALL = f"{ONE}/properties"
_PROPERTY = f"{_ALL}/{{name}}"


class PropertiesApi:
    """They stand in their namespace, by name."""

    def __init__(self, access: Access) -> None:
        """Work on `access`."""
        self._access = access

    def routes(self) -> list[Route]:
        """Six."""
        return [
            route("GET", _ALL, self.index, "List the properties of a namespace."),
            route("POST", _ALL, self.create, "Add a property.", schema.property_),
            route("DELETE", _ALL, self.clear, "Delete all properties of a namespace."),
            route("GET", _PROPERTY, self.show, "Show a property."),
            route("PUT", _PROPERTY, self.update, "Change a property, all of it.", schema.property_),
            route("DELETE", _PROPERTY, self.delete, "Delete a property."),
        ]

    async def index(self, call: Call) -> Reply:
        """All of them."""
        space = await self._access.namespace(self._access.store, call, "get_metadef_properties")
        return Reply(200, {"properties": space.desired["properties"]})

    async def create(self, call: Call) -> Reply:
        """One more."""
        name, said = schema.property_(call.body)
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, "add_metadef_property", to_write=True)
            if name in space.desired["properties"]:
                raise schema.duplicate("property", name, space.id)
            space.desired["properties"][name] = said
            await self._access.save(tx, space)
        return Reply(201, view.property_(name, said))

    async def show(self, call: Call) -> Reply:
        """One; with `resource_type`, the path names it with the prefix that it has for that type."""
        space = await self._access.namespace(self._access.store, call, "get_metadef_property")
        name = call.params["name"]
        type = call.query.one("resource_type")
        if type:
            self._access.check(call, policy.GET_TYPE, space)
            name = await self._without_prefix(space, name, type)
        return Reply(200, view.property_(name, _found(space, name)))

    async def _without_prefix(self, space: Resource, name: str, type: str) -> str:
        if await self._access.resources.fetch(self._access.store, queries.TYPE_KIND, type) is None:
            raise NotFound(f"The metadata definition resource-type with name={type}, was not found.")
        every = space.desired["resource_type_associations"]
        found = next((one for one in every if one["name"] == type), None)
        if found is None:
            raise NotFound(
                f"The metadata definition resource-type association of resource-type={type} to namespace={space.id}, "
                "was not found."
            )
        prefix = found.get("prefix")
        if not prefix or not name.startswith(prefix):
            raise NotFound(
                f"Property {name} does not start with the expected resource type association prefix of '{prefix}'."
            )
        return name[len(prefix) :]

    async def update(self, call: Call) -> Reply:
        """Change it, and its name."""
        name, said = schema.property_(call.body)
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, "modify_metadef_property", to_write=True)
            old, properties = call.params["name"], space.desired["properties"]
            _found(space, old)
            if name != old and name in properties:
                raise Conflict(
                    "Invalid update. It would result in a duplicate metadata definition property with the same "
                    f"name={name} in namespace={space.id}."
                )
            space.desired["properties"] = {
                (name if key == old else key): (said if key == old else value)
                for key, value in properties.items()
            }
            await self._access.save(tx, space)
        return Reply(200, view.property_(name, said))

    async def delete(self, call: Call) -> Reply:
        """One less."""
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, "remove_metadef_property", to_write=True)
            name = call.params["name"]
            _found(space, name)
            if space.desired["protected"]:
                raise protected("property", name)
            del space.desired["properties"][name]
            await self._access.save(tx, space)
        return Reply(204)

    async def clear(self, call: Call) -> Reply:
        """None is left. Who may delete the namespace may do that."""
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, policy.DELETE, to_write=True)
            if space.desired["protected"]:
                raise protected("namespace", space.id)
            space.desired["properties"] = {}
            await self._access.save(tx, space)
        return Reply(204)


def _found(space: Resource, name: str) -> dict[str, Any]:
    found: dict[str, Any] | None = space.desired["properties"].get(name)
    if found is None:
        raise NotFound(f"Could not find property {name}")
    return found
