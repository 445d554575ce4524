"""Tags of a namespace. Their names differ by more than capitals."""

from __future__ import annotations

from typing import Any

from oslo_utils.strutils import bool_from_string

from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.image.metadefs import policy, schema, view
from fractus.services.image.metadefs.api.access import ONE, Access, protected, route
from fractus.services.image.metadefs.api.namespaces import once
from fractus.web.routing import Call, Reply, Route

_ALL = f"{ONE}/tags"
_TAG = f"{_ALL}/{{tag}}"
_SORTS = ("created_at", "updated_at", "name", "id")


class TagsApi:
    """They stand in their namespace."""

    def __init__(self, access: Access) -> None:
        """Work on `access`."""
        self._access = access

    def routes(self) -> list[Route]:
        """Seven."""
        return [
            route("GET", _ALL, self.index, "List the tags of a namespace."),
            route("POST", _ALL, self.create_all, "Set the tags of a namespace, or add some.", schema.tags),
            route("DELETE", _ALL, self.clear, "Delete all tags of a namespace."),
            route("GET", _TAG, self.show, "Show a tag."),
            route("POST", _TAG, self.create, "Add a tag."),
            route("PUT", _TAG, self.update, "Rename a tag.", schema.tag),
            route("DELETE", _TAG, self.delete, "Delete a tag."),
        ]

    async def index(self, call: Call) -> Reply:
        """Some of them, in an order: newest first unless another is asked for."""
        key, ascending, limit = _order(call)
        space = await self._access.namespace(self._access.store, call, "get_metadef_tags")
        tags: list[tuple[int, dict[str, Any]]] = list(enumerate(space.desired["tags"]))
        tags.sort(key=lambda one: (_sortable(one[1].get(key, 0)), one[0]), reverse=not ascending)
        names = [one["name"] for _, one in tags]
        marker = call.query.one("marker")
        if marker:
            names = names[names.index(_found(space, marker)["name"]) + 1 :]
        return Reply(200, {"tags": [{"name": name} for name in names[:limit]]})

    async def create(self, call: Call) -> Reply:
        """One more, named by the path."""
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, to_write=True)
            name = schema.tag_name(call.params["tag"])
            self._access.check(call, "add_metadef_tag", space)
            made = {"name": name, "created_at": tx.now(), "updated_at": tx.now()}
            await self._put(space, [*space.desired["tags"], made])
            await self._access.save(tx, space)
        return Reply(201, view.part(made))

    async def create_all(self, call: Call) -> Reply:
        """These instead of those that are there, or beside them; an empty list changes nothing."""
        names = schema.tags(call.body)
        append = bool_from_string(call.headers.get("x-openstack-append"))
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, "add_metadef_tags", to_write=True)
            stamps = {"created_at": tx.now(), "updated_at": tx.now()}
            kept = space.desired["tags"] if append else []
            if names:
                await self._put(space, [*kept, *({"name": name, **stamps} for name in names)])
                await self._access.save(tx, space)
        return Reply(201, {"tags": [{"name": name} for name in names]})

    async def _put(self, space: Resource, tags: list[dict[str, Any]]) -> None:
        once("tag", [one["name"] for one in tags], space.id)
        space.desired["tags"] = tags

    async def show(self, call: Call) -> Reply:
        """One."""
        space = await self._access.namespace(self._access.store, call, "get_metadef_tag")
        return Reply(200, view.part(_found(space, call.params["tag"])))

    async def update(self, call: Call) -> Reply:
        """Rename it."""
        name = schema.tag(call.body)
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, "modify_metadef_tag", to_write=True)
            found = _found(space, call.params["tag"])
            others = [one["name"] for one in space.desired["tags"] if one is not found]
            once("tag", [*others, name], space.id)
            found.update(name=name, updated_at=tx.now())
            await self._access.save(tx, space)
        return Reply(200, view.part(found))

    async def delete(self, call: Call) -> Reply:
        """One less."""
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, "delete_metadef_tag", to_write=True)
            found = _found(space, call.params["tag"])
            if space.desired["protected"]:
                raise protected("tag", found["name"])
            space.desired["tags"].remove(found)
            await self._access.save(tx, space)
        return Reply(204)

    async def clear(self, call: Call) -> Reply:
        """None is left. Who may delete the namespace, and tags, may do that."""
        async with self._access.store.transaction() as tx:
            space = await self._access.namespace(tx, call, policy.DELETE, policy.DELETE_TAGS, to_write=True)
            if space.desired["protected"]:
                raise protected("namespace", space.id)
            space.desired["tags"] = []
            await self._access.save(tx, space)
        return Reply(204)


def _sortable(value: Any) -> Any:
    """Names are in order whatever their capitals."""
    return value.casefold() if isinstance(value, str) else value


def _found(space: Resource, name: str) -> dict[str, Any]:
    for one in space.desired["tags"]:
        if one["name"] == name:
            found: dict[str, Any] = one
            return found
    raise NotFound(f"Could not find metadata tag {name}")


def _order(call: Call) -> tuple[str, bool, int | None]:
    """Sort key, whether it ascends, and how many."""
    query = call.query
    direction = query.one("sort_dir") or "desc"
    if direction not in ("asc", "desc"):
        raise Invalid(f"Invalid sort direction: {direction}")
    visibility = query.one("visibility")
    if visibility and visibility not in ("public", "private", "shared"):
        raise Invalid(f"Invalid visibility value: {visibility}")
    key = query.one("sort_key") or "created_at"
    if key not in _SORTS:
        raise Invalid(f"Invalid sort key: {key}. It must be one of the following: {', '.join(_SORTS)}.")
    text = query.one("limit")
    if not text:
        return key, direction == "asc", None
    try:
        limit = int(text)
    except ValueError:
        raise Invalid("limit param must be an integer") from None
    if limit < 0:
        raise Invalid("limit param must be positive")
    return key, direction == "asc", limit
