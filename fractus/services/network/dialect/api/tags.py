"""Tags: the same six routes on every kind that has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from fractus.model.resource import Resource
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import bad_request, invalid_input, not_found
from fractus.store.transaction import Store, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_SIZE = 255
_MOST = 50

#: `(reader, call, id, rule) -> resource` that the caller may see and do `rule` to.
Permitted: TypeAlias = "Callable[[Any, Call, str, str], Awaitable[Resource]]"
#: `(tx, resource)`: write a resource whose `desired["tags"]` is changed.
Write: TypeAlias = "Callable[[Transaction, Resource], Awaitable[None]]"


def _tag(text: str) -> str:
    wrong = values.string(_SIZE)(text)
    if wrong:
        raise invalid_input(wrong)
    return text


def _body(body: Any) -> list[str]:
    if not isinstance(body, dict) or "tags" not in body:
        raise invalid_input("Invalid tags body")
    given = body["tags"]
    # Too many are refused once it is known of what.
    many = isinstance(given, list) and len(given) > _MOST
    wrong = None if many else values.unique(values.string(_SIZE))(given)
    if wrong:
        raise invalid_input(wrong)
    tags: list[str] = given
    return tags


def _unread(_body: Any, _version: Version) -> None:
    """The body of a tag means nothing, to Neutron neither, and clients send any JSON (Tempest the text `"{}"`)."""


class Tags:
    """The tags of one kind. `collection` is its path; `permitted` and `write` belong to the kind; `plural`: several."""

    def __init__(
        self,
        kind: str,
        collection: str,
        store: Store,
        permitted: Permitted,
        write: Write,
        *,
        plural: str = "",
    ) -> None:
        self._kind = kind
        self._path = f"/{collection}/{{id}}/tags"
        self._plural = plural or f"{kind}s"
        self._store = store
        self._permitted = permitted
        self._write = write

    def routes(self) -> list[Route]:
        """All of them."""
        one = self._path + "/{tag}"
        rows: Sequence[tuple[str, str, Any, str, str]] = (
            ("GET", self._path, self.index, "get", "List the tags"),
            ("POST", self._path, self.add, "create", "Add tags"),
            ("PUT", self._path, self.replace, "update", "Replace the tags"),
            ("DELETE", self._path, self.clear, "delete", "Remove all tags"),
            ("GET", one, self.show, "get", "Whether there is a tag"),
            ("PUT", one, self.put, "update", "Add a tag"),
            ("DELETE", one, self.remove, "delete", "Remove a tag"),
        )
        noun = self._kind.replace("_", " ")
        return [
            Route(
                method=method, path=path, handler=handler,
                rule=f"{verb}_{self._kind}:tags", summary=f"{text} of a {noun}.",
                schema=_unread if method == "PUT" and path == one else None,
                bounded=("tags",) if path != one else (),
            )
            for method, path, handler, verb, text in rows
        ]  # fmt: skip

    async def _read(self, call: Call) -> list[str]:
        found = await self._permitted(self._store, call, call.params["id"], f"get_{self._kind}:tags")
        return list(found.desired.get("tags", []))

    async def _change(
        self, call: Call, verb: str, change: Callable[[list[str]], list[str]], asked: list[str] | None = None
    ) -> list[str]:
        """`asked`: the tags of the body, of which there may be too many."""
        async with self._store.transaction() as tx:
            found = await self._permitted(tx, call, call.params["id"], f"{verb}_{self._kind}:tags")
            old = list(found.desired.get("tags", []))
            new = asked if asked is not None and len(asked) > _MOST else change(old)
            if len(new) > _MOST:
                raise bad_request(
                    self._plural, f"The number of tags exceed the per-resource limit of {_MOST}"
                )
            if new != old:
                found.desired["tags"] = new
                await self._write(tx, found)
        return new

    async def index(self, call: Call) -> Reply:
        """GET tags: in the order of their characters, however they were given."""
        return Reply(200, {"tags": sorted(await self._read(call))})

    async def show(self, call: Call) -> Reply:
        """GET one tag: only whether it is there."""
        tag = _tag(call.params["tag"])
        if tag not in await self._read(call):
            raise not_found("tag", tag)
        return Reply(204)

    async def add(self, call: Call) -> Reply:
        """POST tags."""
        more = _body(call.body)
        await self._change(call, "create", lambda old: list(dict.fromkeys([*old, *more])), more)
        return Reply(200, {"tags": more})

    async def replace(self, call: Call) -> Reply:
        """PUT tags."""
        tags = _body(call.body)
        return Reply(200, {"tags": await self._change(call, "update", lambda _old: tags, tags)})

    async def put(self, call: Call) -> Reply:
        """PUT one tag."""
        tag = _tag(call.params["tag"])
        await self._change(call, "update", lambda old: old if tag in old else [*old, tag])
        return Reply(201, b"null")

    async def clear(self, call: Call) -> Reply:
        """DELETE tags."""
        await self._change(call, "delete", lambda _old: [])
        return Reply(204)

    async def remove(self, call: Call) -> Reply:
        """DELETE one tag."""
        tag = _tag(call.params["tag"])

        def without(old: list[str]) -> list[str]:
            if tag not in old:
                raise not_found("tag", tag)
            return [one for one in old if one != tag]

        await self._change(call, "delete", without)
        return Reply(204)
