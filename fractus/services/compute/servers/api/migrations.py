"""Live migrations of a server, and its NUMA topology: only its cloud knows them, and is asked now."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import NotFound
from fractus.model.live import LiveCall
from fractus.model.resource import Resource
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.access import (
    Dependencies,
    check_unlocked,
    find,
    shown,
    target_of,
)
from fractus.services.compute.servers.api.parts import strict
from fractus.services.compute.servers.versions import MIGRATION, PARTS
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route
from fractus.web.schema import Body, body_schema

_PATH = "/servers/{server_id}/migrations"

#: In which migrations are asked for: they name their user and project.
_NAMED = "2.80"

_HOSTS, _NODES = ("source_compute", "dest_compute"), ("source_node", "dest_node")


class ForceBody(Body):
    """`{"force_complete": null}`."""

    force_complete: None


class Migrations:
    """`/servers/{server_id}/migrations` and `/topology`."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="GET", path=_PATH, handler=self.index, rule=policy.MIGRATIONS_LIST,
                min_version=Version(2, 23), live=True,
                summary="List the live migrations of a server that are under way in its cloud.",
            ),
            Route(
                method="GET", path=f"{_PATH}/{{id}}", handler=self.show, rule=policy.MIGRATIONS_SHOW,
                min_version=Version(2, 23), live=True, summary="Show a live migration that is under way.",
            ),
            Route(
                method="DELETE", path=f"{_PATH}/{{id}}", handler=self.abort, rule=policy.MIGRATIONS_DELETE,
                min_version=Version(2, 24), live=True, summary="Have a server's cloud abort a live migration.",
            ),
            Route(
                method="POST", path=f"{_PATH}/{{id}}/action", action="force_complete", handler=self.complete,
                rule=policy.MIGRATIONS_FORCE, schema=body_schema(ForceBody), min_version=Version(2, 22),
                live=True, summary="Have a server's cloud force a live migration to complete.",
            ),
            Route(
                method="GET", path="/servers/{server_id}/topology", handler=self.topology,
                rule=policy.TOPOLOGY, min_version=Version(2, 78), live=True,
                summary="Show the NUMA topology of a server.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """Those that are under way."""
        strict(call)
        server = await find(self._given, call, policy.MIGRATIONS_LIST)
        found: list[dict[str, Any]] = []
        if shown(server)["hostId"]:
            found = await self._given.live.ask(server, _listed())
        return Reply(200, {"migrations": [await self._shown(call, server, one) for one in found]})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        strict(call)
        server = await find(self._given, call, policy.MIGRATIONS_SHOW)
        id = call.params["id"]
        asked = _one(id)
        if not shown(server)["hostId"]:
            raise NotFound(asked.missing.format(id=server.id))
        found = await self._given.live.ask(server, asked)
        return Reply(200, {"migration": await self._shown(call, server, found)})

    async def abort(self, call: Call) -> Reply:
        """From 2.65 on also one that is queued or preparing."""
        server = await find(self._given, call, policy.MIGRATIONS_DELETE)
        check_unlocked(call, server, shown(server))
        queued = PARTS.behaviour("abort_while_queued", call.version)
        asked = _change("abort", "DELETE", call.params["id"], "2.65" if queued else "2.24")
        await self._given.live.ask(server, asked)
        return Reply(202)

    async def complete(self, call: Call) -> Reply:
        """Whatever the server writes meanwhile."""
        server = await find(self._given, call, policy.MIGRATIONS_FORCE)
        check_unlocked(call, server, shown(server))
        await self._given.live.ask(server, _change("force_complete", "POST", call.params["id"], "2.22"))
        return Reply(202)

    async def topology(self, call: Call) -> Reply:
        """What of it is the host's is shown to administrators."""
        strict(call)
        server = await find(self._given, call, policy.TOPOLOGY)
        if not shown(server)["hostId"]:
            return Reply(200, {"nodes": [], "pagesize_kb": None})
        found = await self._given.live.ask(server, _topology())
        if not call.allows(policy.TOPOLOGY_HOST, target_of(server)):
            for node in found["nodes"]:
                node.pop("host_node", None)
                node.pop("cpu_pinning", None)
        return Reply(200, found)

    async def _shown(self, call: Call, server: Resource, found: dict[str, Any]) -> dict[str, Any]:
        """With names of hosts as users see them, for those who may see any."""
        cloud, shared = shown(server)["OS-EXT-AZ:availability_zone"], await self._given.names.shared()
        visible = call.allows(policy.MIGRATIONS_HOST, target_of(server))
        for name in (*_HOSTS, *_NODES, "dest_host"):
            rename = shared.host if name in _HOSTS else shared.node
            there = found.get(name)
            if not visible:
                found[name] = None
            elif there and name != "dest_host":
                found[name] = rename(there, cloud)
        return MIGRATION.response_down(found, call.version)


def _listed() -> LiveCall:
    return LiveCall(
        name="server_migrations", noun="the migrations of the server", service="compute",
        path="/servers/{id}/migrations", version=_NAMED, key="migrations", type=list[dict[str, Any]], admin=True,
        missing="Instance {id} could not be found.", not_ready="Instance {id} is not ready",
    )  # fmt: skip


def _one(id: str) -> LiveCall:
    return LiveCall(
        name="server_migration", noun="the migration", service="compute",
        path=f"/servers/{{id}}/migrations/{_segment(id)}", version=_NAMED, key="migration", type=dict[str, Any],
        admin=True, not_ready="Instance {id} is not ready",
        missing=f"In-progress live migration {_said(id)} is not found for server {{id}}.",
    )  # fmt: skip


def _change(name: str, method: str, id: str, version: str) -> LiveCall:
    force = method == "POST"
    return LiveCall(
        name=f"migration_{name}", noun="an answer about the migration", service="compute", method=method,
        path=f"/servers/{{id}}/migrations/{_segment(id)}" + ("/action" if force else ""),
        body={"force_complete": None} if force else None, version=version, admin=True, empty=True,
        refusals=frozenset({400, 409}), not_ready="Instance {id} is not ready",
        missing=f"Migration {_said(id)} not found for instance {{id}}",
    )  # fmt: skip


def _topology() -> LiveCall:
    return LiveCall(
        name="server_topology", noun="the topology of the server", service="compute",
        path="/servers/{id}/topology", version="2.78", type=dict[str, Any], admin=True,
        missing="Instance {id} could not be found.", not_ready="Instance {id} is not ready",
    )  # fmt: skip


def _segment(id: str) -> str:
    """An id of a migration in a path: digits, for a cloud knows them by nothing else."""
    if not (id.isascii() and id.isdigit()):
        return "0"
    return id


def _said(id: str) -> str:
    """An id in a sentence that is a template."""
    return id.replace("{", "{{").replace("}", "}}")
