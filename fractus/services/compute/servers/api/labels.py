"""Metadata and tags of servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fractus.model.errors import Invalid, NotFound, QuotaExceeded
from fractus.model.resource import Resource
from fractus.services.compute import only
from fractus.services.compute.dialect.view import roots
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.access import (
    Dependencies,
    bound,
    change,
    check_state,
    check_unlocked,
    find,
    shown,
)
from fractus.services.compute.servers.schema import bodies
from fractus.services.compute.servers.versions import PARTS, TAGS_SINCE
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route
from fractus.web.schema import body_schema

#: States in which Nova takes metadata and tags.
_STATES = ("active", "paused", "suspended", "stopped")


def _check_metadata(body: Any, _version: Version) -> None:
    bodies.check_replaced_metadata(body)


def _check_meta(body: Any, _version: Version) -> None:
    bodies.check_meta(body)


class Labels:
    """`/servers/{id}/metadata` and `/servers/{id}/tags`."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        metadata = "/servers/{server_id}/metadata"
        one = f"{metadata}/{{key}}"
        rows: list[tuple[str, str, Any, str, str, Any]] = [
            ("GET", metadata, self.metadata, policy.METADATA_LIST, "List the metadata of a server.", None),
            (
                "POST",
                metadata,
                self.add_metadata,
                policy.METADATA_CREATE,
                "Add to the metadata of a server.",
                _check_metadata,
            ),
            (
                "PUT",
                metadata,
                self.replace_metadata,
                policy.METADATA_REPLACE,
                "Replace the metadata of a server.",
                _check_metadata,
            ),
            ("GET", one, self.meta, policy.METADATA_SHOW, "Show an item of a server's metadata.", None),
            (
                "PUT",
                one,
                self.set_meta,
                policy.METADATA_UPDATE,
                "Set an item of a server's metadata.",
                _check_meta,
            ),
            (
                "DELETE",
                one,
                self.drop_meta,
                policy.METADATA_DELETE,
                "Remove an item of a server's metadata.",
                None,
            ),
        ]
        routes = [
            Route(method=method, path=path, handler=handler, rule=rule, summary=summary, schema=schema)
            for method, path, handler, rule, summary, schema in rows
        ]
        return routes + self._tag_routes()

    def _tag_routes(self) -> list[Route]:
        tags = "/servers/{server_id}/tags"
        one = f"{tags}/{{tag}}"
        body = body_schema(bodies.TagsBody)
        rows: list[tuple[str, str, Any, str, str, Any]] = [
            ("GET", tags, self.tags, policy.TAGS_LIST, "List the tags of a server.", None),
            ("PUT", tags, self.replace_tags, policy.TAGS_REPLACE, "Replace the tags of a server.", body),
            ("DELETE", tags, self.clear_tags, policy.TAGS_CLEAR, "Remove all tags of a server.", None),
            ("GET", one, self.tag, policy.TAGS_SHOW, "Check whether a server has a tag.", None),
            ("PUT", one, self.add_tag, policy.TAGS_ADD, "Add a tag to a server.", None),
            ("DELETE", one, self.drop_tag, policy.TAGS_DELETE, "Remove a tag from a server.", None),
        ]
        return [
            Route(
                method=method,
                path=path,
                handler=handler,
                rule=rule,
                summary=summary,
                schema=schema,
                min_version=TAGS_SINCE,
                bounded=("tags",) if schema is body else (),
            )
            for method, path, handler, rule, summary, schema in rows
        ]

    # --- metadata --------------------------------------------------------------------------------

    async def metadata(self, call: Call) -> Reply:
        """All of it."""
        _check_query(call)
        server = await find(self._given, call, policy.METADATA_LIST)
        return Reply(200, {"metadata": server.desired["metadata"]})

    async def meta(self, call: Call) -> Reply:
        """One item."""
        _check_query(call)
        server = await find(self._given, call, policy.METADATA_SHOW)
        key = call.params["key"]
        if key not in server.desired["metadata"]:
            raise NotFound("Metadata item was not found")
        return Reply(200, {"meta": {key: server.desired["metadata"][key]}})

    async def add_metadata(self, call: Call) -> Reply:
        """Add and overwrite."""
        asked = call.body["metadata"]
        metadata = await self._write_metadata(
            call, policy.METADATA_CREATE, "update metadata", lambda old: {**old, **asked}
        )
        return Reply(200, {"metadata": metadata})

    async def replace_metadata(self, call: Call) -> Reply:
        """All anew."""
        asked = call.body["metadata"]
        metadata = await self._write_metadata(
            call, policy.METADATA_REPLACE, "update metadata", lambda _old: dict(asked)
        )
        return Reply(200, {"metadata": metadata})

    async def set_meta(self, call: Call) -> Reply:
        """One item."""
        asked = call.body["meta"]

        def with_it(old: dict[str, str]) -> dict[str, str]:
            if call.params["key"] not in asked:
                raise Invalid("Request body and URI mismatch")
            return {**old, **asked}

        await self._write_metadata(call, policy.METADATA_UPDATE, "update metadata", with_it)
        return Reply(200, {"meta": asked})

    async def drop_meta(self, call: Call) -> Reply:
        """One item less."""
        key = call.params["key"]

        def without(old: dict[str, str]) -> dict[str, str]:
            if key not in old:
                raise NotFound("Metadata item was not found")
            return {name: value for name, value in old.items() if name != key}

        await self._write_metadata(call, policy.METADATA_DELETE, "delete metadata", without)
        return Reply(204)

    async def _write_metadata(
        self,
        call: Call,
        rule: str,
        action: str,
        changed: Callable[[dict[str, str]], dict[str, str]],
    ) -> dict[str, str]:
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, rule, tx)
            metadata = changed(server.desired["metadata"])
            document = shown(server)
            check_unlocked(call, server, document)
            check_state(server, document, action, _STATES, None)
            otherwise = self._given.limits.metadata
            limit = await bound(self._given, tx, server.project_id, "metadata_items", otherwise)
            if len(metadata) > max(limit, len(server.desired["metadata"])):
                raise QuotaExceeded(f"Maximum number of metadata items exceeds {limit}")
            if metadata != server.desired["metadata"]:
                server.desired["metadata"] = metadata
                await change(self._given, call, tx, server)
        return metadata

    # --- tags ------------------------------------------------------------------------------------

    async def tags(self, call: Call) -> Reply:
        """All of them."""
        server = await find(self._given, call, policy.TAGS_LIST)
        return Reply(200, {"tags": server.desired["tags"]})

    async def tag(self, call: Call) -> Reply:
        """204 if it is there."""
        server = await find(self._given, call, policy.TAGS_SHOW)
        tag = call.params["tag"]
        if tag not in server.desired["tags"]:
            raise NotFound(f"Server {server.id} has no tag '{tag}'")
        return Reply(204)

    async def replace_tags(self, call: Call) -> Reply:
        """All anew."""
        asked = list(dict.fromkeys(call.body["tags"]))
        await self._write_tags(call, policy.TAGS_REPLACE, "update tags", lambda _server: asked)
        return Reply(200, {"tags": asked})

    async def add_tag(self, call: Call) -> Reply:
        """One more: 201, or 204 if it is there already."""
        tag = call.params["tag"]

        def more(server: Resource) -> list[str]:
            fault = bodies.tag_fault(tag)
            if fault:
                raise Invalid(fault)
            old: list[str] = server.desired["tags"]
            if len(old) >= bodies.MAX_TAGS:
                raise Invalid(f"The number of tags exceeded the per-server limit {bodies.MAX_TAGS}")
            return old if tag in old else [*old, tag]

        added = await self._write_tags(call, policy.TAGS_ADD, "update tag", more)
        if not added:
            return Reply(204)
        at = f"{roots(call).versioned}/servers/{call.params['server_id']}/tags/{quote(tag)}"
        return Reply(201, headers={"Location": at})

    async def drop_tag(self, call: Call) -> Reply:
        """One less."""
        tag = call.params["tag"]

        def less(server: Resource) -> list[str]:
            if tag not in server.desired["tags"]:
                raise NotFound(f"Instance {server.id} has no tag '{tag}'")
            return [one for one in server.desired["tags"] if one != tag]

        await self._write_tags(call, policy.TAGS_DELETE, "delete tag", less)
        return Reply(204)

    async def clear_tags(self, call: Call) -> Reply:
        """None at all."""
        await self._write_tags(call, policy.TAGS_CLEAR, "delete tags", lambda _server: [])
        return Reply(204)

    async def _write_tags(
        self, call: Call, rule: str, action: str, changed: Callable[[Resource], list[str]]
    ) -> bool:
        """Whether they are others now."""
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, rule, tx)
            check_state(server, shown(server), action, _STATES, None)
            tags = changed(server)
            if tags == server.desired["tags"]:
                return False
            server.desired["tags"] = tags
            await change(self._given, call, tx, server)
        return True


def _check_query(call: Call) -> None:
    if PARTS.behaviour("strict", call.version):
        only(call.query.names(), ())
