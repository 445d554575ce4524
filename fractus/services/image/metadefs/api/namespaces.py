"""Namespaces: list, create, show, change, delete."""

from __future__ import annotations

from typing import Any

import msgspec

from fractus.model.errors import Conflict, Invalid
from fractus.model.resource import Resource
from fractus.services.image.metadefs import policy, queries, schema, view
from fractus.services.image.metadefs.api.access import (
    NAMESPACES,
    ONE,
    Access,
    absent,
    forbidden,
    protected,
    route,
)
from fractus.services.image.metadefs.table import NAMESPACE
from fractus.store.listing import Filter, Filters, Sort, page
from fractus.store.transaction import Transaction
from fractus.web.paging import glance_links, glance_paging
from fractus.web.routing import Call, Query, Reply, Route

_SORTS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "id": "id",
    "namespace": "id",
    "display_name": "display_name",
    "visibility": "visibility",
    "protected": "protected",
    "owner": "owner",
}
_PLAIN = ("display_name", "description")


class NamespacesApi:
    """Namespaces themselves."""

    def __init__(self, access: Access) -> None:
        """Work on `access`."""
        self._access = access

    def routes(self) -> list[Route]:
        """Five."""
        return [
            route("GET", NAMESPACES, self.index, "List namespaces of metadata definitions."),
            route(
                "POST", NAMESPACES, self.create, "Create a namespace, with what it defines.", schema.namespace
            ),
            route("GET", ONE, self.show, "Show a namespace with all that it defines."),
            route("PUT", ONE, self.update, "Change a namespace itself.", schema.namespace),
            route("DELETE", ONE, self.delete, "Delete a namespace with all that it defines."),
        ]

    async def index(self, call: Call) -> Reply:
        """A page of what the caller may see."""
        if not call.allows(policy.TYPES):
            raise forbidden(policy.TYPES)
        paging = glance_paging(call.query, columns=_SORTS)
        store = self._access.store
        if paging.marker is not None:
            marker = await queries.fetch(store, self._access.resources, paging.marker)
            if marker is None or not queries.visible(marker, call.principal):
                raise absent(paging.marker)
        rows = await page(
            store,
            NAMESPACE,
            _conditions(call.query, call),
            columns=("id", "summary", "owner", "visibility"),
            sorts=[Sort(column, not ascending) for column, ascending in paging.sorts],
            marker=paging.marker,
            limit=paging.limit or 0,
        )
        seen = [
            summary
            for _, summary, owner, visibility in rows
            if call.allows(policy.GET, {"project_id": owner, "visibility": visibility})
        ]
        links = glance_links(call, paging, len(rows), rows[-1][0] if rows else None)
        rest = msgspec.json.encode({**links, "schema": "/v2/schemas/metadefs/namespaces"})
        return Reply(200, b'{"namespaces":[' + b",".join(seen) + b"]," + rest[1:])

    async def create(self, call: Call) -> Reply:
        """A new one; nothing of it where any part is wrong."""
        body = schema.namespace(call.body)
        rules = [policy.ADD]
        for part, rule in (
            ("resource_type_associations", policy.ADD_TYPE),
            ("objects", "add_metadef_object"),
            ("properties", "add_metadef_property"),
            ("tags", "add_metadef_tag"),
        ):
            rules += [rule] if body[part] else []
        for rule in rules:
            if not call.allows(rule):
                raise forbidden(rule)
        name = body["namespace"]
        async with self._access.store.transaction() as tx:
            if await queries.fetch(tx, self._access.resources, name) is not None:
                raise Conflict(f"The metadata definition namespace={name} already exists.")
            made = Resource(kind=queries.KIND, id=name, name=name, desired=_desired(body, call, tx.now()))
            made.created_at = made.updated_at = tx.now()
            for one in made.desired["resource_type_associations"]:
                await self._access.know_type(tx, one["name"])
            await self._access.resources.add(tx, made, view.summarise(made))
        return Reply(201, _as_said(made, call.body), {"Location": f"{call.base_url}{NAMESPACES_AT}/{name}"})

    async def show(self, call: Call) -> Reply:
        """One; with `resource_type`, properties have the prefix that the association with that type says."""
        found = await self._access.namespace(self._access.store, call, policy.GET, missing=absent)
        for rule in (
            policy.TYPES,
            "get_metadef_objects",
            "get_metadef_properties",
            "get_metadef_tags",
        ):
            self._access.check(call, rule, found)
        return Reply(200, view.whole(found, prefix_of(found, call.query.one("resource_type"))))

    async def update(self, call: Call) -> Reply:
        """Change it, all of it: what is not said is as in a new one."""
        body = schema.namespace(call.body)
        async with self._access.store.transaction() as tx:
            found = await self._access.namespace(tx, call, policy.MODIFY, to_write=True)
            name = body["namespace"]
            if name != found.id and await queries.fetch(tx, self._access.resources, name) is not None:
                raise Conflict(
                    "Invalid update. It would result in a duplicate metadata definition namespace with the same "
                    f"name of {name}"
                )
            found.desired.update({field: body.get(field) for field in _PLAIN})
            found.desired.update(
                namespace=name,
                visibility=body.get("visibility") or "private",
                protected=body.get("protected") or False,
                owner=body.get("owner") or call.principal.project_id,
            )
            found.updated_at = tx.now()
            await self._rename(tx, found, name)
        return Reply(200, view.plain(found))

    async def _rename(self, tx: Transaction, found: Resource, name: str) -> None:
        """Write it back; under another name it is another row."""
        if name == found.id:
            await self._access.save(tx, found)
            return
        await self._access.resources.drop(tx, queries.KIND, found.id)
        found.id = found.name = name
        await self._access.resources.add(tx, found, view.summarise(found))

    async def delete(self, call: Call) -> Reply:
        """Delete it."""
        async with self._access.store.transaction() as tx:
            found = await self._access.namespace(tx, call, policy.DELETE, to_write=True)
            if found.desired["protected"]:
                raise protected("namespace", found.id)
            await self._access.resources.drop(tx, queries.KIND, found.id)
        return Reply(204)


NAMESPACES_AT = f"/v2{NAMESPACES}"


def prefix_of(namespace: Resource, type: str | None) -> str:
    """What stands before the names of its properties where they are used for a type of resources."""
    for one in namespace.desired["resource_type_associations"]:
        if one["name"] == type:
            return str(one.get("prefix") or "")
    return ""


def _conditions(query: Query, call: Call) -> Filters:
    """What a list is asked for, and what the caller may see of it."""
    found: list[Any] = []
    who = call.principal
    if not who.is_admin:
        own = [Filter("owner", "eq", who.project_id)] if who.project_id else []
        found.append([*own, Filter("visibility", "eq", "public")])
    visibility = query.one("visibility")
    if visibility:
        if visibility not in ("public", "private"):
            raise Invalid(f"Invalid visibility value: {visibility}")
        found.append(Filter("visibility", "eq", visibility))
    types = query.one("resource_types")
    if types is not None:
        found.append([Filter("types", "like", f"%{view.word(one)}%") for one in types.split(",")])
    return found


def _desired(body: dict[str, Any], call: Call, now: float) -> dict[str, Any]:
    """What is kept of a new namespace; `Conflict` where it defines something twice."""
    stamps = {"created_at": now, "updated_at": now}
    name = body["namespace"]
    for what, names in (
        ("type", [one["name"] for one in body["resource_type_associations"]]),
        ("object", [one["name"] for one in body["objects"]]),
        ("tag", body["tags"]),
    ):
        once(what, names, name)
    return {
        **{field: body.get(field) for field in ("namespace", *_PLAIN)},
        "visibility": body.get("visibility", "private"),
        "protected": body.get("protected", False),
        "owner": body.get("owner", call.principal.project_id),
        "properties": body["properties"],
        "objects": [{**one, **stamps} for one in body["objects"]],
        "tags": [{"name": one, **stamps} for one in body["tags"]],
        "resource_type_associations": [{**one, **stamps} for one in body["resource_type_associations"]],
    }


def once(what: str, names: list[str], namespace: str) -> None:
    """`Conflict` where a name stands there twice; of tags, in whatever letters."""
    known: set[str] = set()
    for name in names:
        key = name.casefold() if what == "tag" else name
        if key in known:
            raise schema.duplicate(what, name, namespace)
        known.add(key)


def _as_said(made: Resource, body: dict[str, Any]) -> dict[str, Any]:
    """A namespace in the answer to its create: with what it defines as it was said, without times."""
    document = view.plain(made)
    said = schema.namespace(body)
    for name in ("resource_type_associations", "properties", "objects"):
        if name in body:
            document[name] = said[name]
    if "objects" in body:
        document["objects"] = [
            {key: one[key] for key in one if one[key] is not None} for one in said["objects"]
        ]
    if "tags" in body:
        document["tags"] = [{"name": name} for name in said["tags"]]
    return document
