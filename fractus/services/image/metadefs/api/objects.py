"""Objects of a namespace: groups of properties."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.image.metadefs import policy, schema, view
from fractus.services.image.metadefs.api.access import ONE, Access, absent, protected, route
from fractus.store.transaction import Reader
from fractus.web.routing import Call, Reply, Route

_ALL = f"{ONE}/objects"
_OBJECT = f"{_ALL}/{{name}}"


class ObjectsApi:
    """They stand in their namespace."""

    def __init__(self, access: Access) -> None:
        """Work on `access`."""
        self._access = access

    def routes(self) -> list[Route]:
        """Six."""
        return [
            route("GET", _ALL, self.index, "List the objects of a namespace."),
            route("POST", _ALL, self.create, "Add an object.", schema.object_),
            route("DELETE", _ALL, self.clear, "Delete all objects of a namespace."),
            route("GET", _OBJECT, self.show, "Show an object."),
            route("PUT", _OBJECT, self.update, "Change an object, all of it.", schema.object_),
            route("DELETE", _OBJECT, self.delete, "Delete an object."),
        ]

    async def _space(self, reader: Reader, call: Call, rule: str, *, to_write: bool = False) -> Resource:
        return await self._access.namespace(reader, call, rule, missing=absent, to_write=to_write)

    async def index(self, call: Call) -> Reply:
        """All of them: Glance reads what asks for a page, and gives none."""
        _check_query(call)
        space = await self._space(self._access.store, call, "get_metadef_objects")
        objects = [view.object_(space.id, view.read_object(one)) for one in space.desired["objects"]]
        return Reply(200, {"objects": objects, "schema": "v2/schemas/metadefs/objects"})

    async def create(self, call: Call) -> Reply:
        """One more."""
        said = schema.object_(call.body)
        async with self._access.store.transaction() as tx:
            space = await self._space(tx, call, "add_metadef_object", to_write=True)
            if _find(space, said["name"]) is not None:
                raise schema.duplicate("object", said["name"], space.id)
            made = {**said, "created_at": tx.now(), "updated_at": tx.now()}
            space.desired["objects"].append(made)
            await self._access.save(tx, space)
        return Reply(201, view.object_(space.id, made))

    async def show(self, call: Call) -> Reply:
        """One."""
        space = await self._space(self._access.store, call, "get_metadef_object")
        return Reply(200, view.object_(space.id, view.read_object(_found(space, call.params["name"]))))

    async def update(self, call: Call) -> Reply:
        """Change it, and its name."""
        said = schema.object_(call.body)
        async with self._access.store.transaction() as tx:
            space = await self._space(tx, call, "modify_metadef_object", to_write=True)
            found = _found(space, call.params["name"])
            if said["name"] != found["name"] and _find(space, said["name"]) is not None:
                raise Conflict(
                    "Invalid update. It would result in a duplicate metadata definition object with the same "
                    f"name={said['name']} in namespace={space.id}."
                )
            found.update(said, updated_at=tx.now())
            await self._access.save(tx, space)
        return Reply(200, view.object_(space.id, found))

    async def delete(self, call: Call) -> Reply:
        """One less."""
        async with self._access.store.transaction() as tx:
            space = await self._space(tx, call, "delete_metadef_object", to_write=True)
            found = _found(space, call.params["name"])
            if space.desired["protected"]:
                raise protected("object", found["name"])
            space.desired["objects"].remove(found)
            await self._access.save(tx, space)
        return Reply(204)

    async def clear(self, call: Call) -> Reply:
        """None is left. Who may delete the namespace may do that."""
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, policy.DELETE, to_write=True)
            if space.desired["protected"]:
                raise protected("namespace", space.id)
            space.desired["objects"] = []
            await self._access.save(tx, space)
        return Reply(204)


def _find(space: Resource, name: str) -> dict[str, Any] | None:
    return next((one for one in space.desired["objects"] if one["name"] == name), None)


def _found(space: Resource, name: str) -> dict[str, Any]:
    found = _find(space, name)
    if found is None:
        raise NotFound(f"Could not find metadata object {name}")
    return found


def _check_query(call: Call) -> None:
    direction = call.query.one("sort_dir")
    if direction is not None and direction not in ("asc", "desc"):
        raise Invalid(f"Invalid sort direction: {direction}")
    visibility = call.query.one("visibility")
    if visibility and visibility not in ("public", "private", "shared"):
        raise Invalid(f"Invalid visibility value: {visibility}")
    limit = call.query.one("limit")
    if limit is None:
        return
    try:
        number = int(limit)
    except ValueError:
        raise Invalid("limit param must be an integer") from None
    if number <= 0:
        raise Invalid("limit param must be positive")
