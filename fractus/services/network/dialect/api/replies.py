"""The routes that every collection has, and the answers to a create."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fractus.model.resource import Resource
from fractus.services.network.dialect.api.lists import splice
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


def collection_routes(api: Collection, kind: str, path: str, *, update: Handler | None) -> list[Route]:
    """Routes of a collection at `path`; the list also as `<path>.json`, which old clients ask for.

    `update`: the handler of PUT, where there is one.
    """
    noun = kind.replace("_", " ")
    found = []
    for suffix in ("", ".json"):
        found += [
            Route(
                method="GET", path=f"/{path}{suffix}", handler=api.index,
                rule=f"get_{kind}", summary=f"List {noun}s.",
            ),
            Route(
                method="POST", path=f"/{path}{suffix}", handler=api.create,
                rule=f"create_{kind}", summary=f"Create one {noun} or several.",
            ),
        ]  # fmt: skip
    one = f"/{path}/{{id}}"
    found += [
        Route(method="GET", path=one, handler=api.show, rule=f"get_{kind}", summary=f"Show a {noun}."),
        Route(
            method="DELETE", path=one, handler=api.delete, rule=f"delete_{kind}", summary=f"Delete a {noun}."
        ),
    ]
    if update is not None:
        found.append(
            Route(method="PUT", path=one, handler=update, rule=f"update_{kind}", summary=f"Change a {noun}.")
        )
    return found


def created(kind: str, made: Sequence[Resource], *, bulk: bool, extra: bool = False) -> Reply:
    """201 with what was made."""
    documents = [splice(one.summary, one.extra if extra else None) for one in made]
    if bulk:
        return Reply(201, b'{"' + kind.encode() + b's":[' + b",".join(documents) + b"]}")
    return Reply(201, b'{"' + kind.encode() + b'":' + documents[0] + b"}")
