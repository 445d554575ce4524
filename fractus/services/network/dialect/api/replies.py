"""The routes that every collection has, and the answers to a create."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fractus.model.resource import Resource
from fractus.services.field import Fields
from fractus.services.network.dialect.api.lists import splice
from fractus.services.network.dialect.schema.attributes import bounded
from fractus.web.routing import Call, Handler, Reply, Route


class Collection(Protocol):
    """The handlers that every collection has."""

    async def index(self, call: Call) -> Reply:
        """GET the list."""
        ...

    async def create(self, call: Call) -> Reply:
        """POST."""
        ...

    async def show(self, call: Call) -> Reply:
        """GET one."""
        ...

    async def delete(self, call: Call) -> Reply:
        """DELETE."""
        ...


def collection_routes(
    api: Collection,
    kind: str,
    path: str,
    attributes: Fields,
    *,
    update: Handler | None,
    core: bool = True,
) -> list[Route]:
    """Routes of a collection at `path`. `update`: the handler of PUT, where there is one.

    `core`: of Neutron's core, which refuses requests that accept no JSON; extensions answer with it all the same.
    """
    noun, one = kind.replace("_", " "), f"/{path}/{{id}}"
    article = "an" if noun[0] in "aeiou" else "a"
    rows: list[tuple[str, str, Handler, str, str]] = [
        ("GET", f"/{path}", api.index, "get", f"List {noun}s."),
        ("POST", f"/{path}", api.create, "create", f"Create one {noun} or several."),
        ("GET", one, api.show, "get", f"Show {article} {noun}."),
        ("DELETE", one, api.delete, "delete", f"Delete {article} {noun}."),
    ]
    if update is not None:
        rows.append(("PUT", one, update, "update", f"Change {article} {noun}."))
    return [
        Route(
            method=method,
            path=where,
            handler=handler,
            rule=f"{verb}_{kind}",
            summary=summary,
            json_only=core,
            bounded=bounded(kind, attributes, create=verb == "create")
            if verb in ("create", "update")
            else (),
        )
        for method, where, handler, verb, summary in rows
    ]


def created(kind: str, made: Sequence[Resource], *, bulk: bool, extra: bool = False) -> Reply:
    """201 with what was made."""
    documents = [splice(one.summary, one.extra if extra else None) for one in made]
    if bulk:
        return Reply(201, b'{"' + kind.encode() + b's":[' + b",".join(documents) + b"]}")
    return Reply(201, b'{"' + kind.encode() + b'":' + documents[0] + b"}")
