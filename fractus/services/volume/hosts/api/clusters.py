"""`/clusters` and `/workers/cleanup`: services that stand in for each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.services.mirror_rows import Found, Place
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.api.query import flag
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.hosts import policy, queries, schema, view
from fractus.services.volume.hosts.api.access import Given, live, relayed
from fractus.services.volume.hosts.kind import CLUSTERS
from fractus.services.volume.hosts.versions import CLUSTERED, REQUESTS
from fractus.store import mirrors
from fractus.web.routing import Call, Reply, Route

_FILTERS = frozenset({"name", "binary", "is_up", "disabled", "num_hosts", "num_down_hosts"})
_REPLICATION = frozenset({"replication_status", "frozen", "active_backend_id"})


class Clusters:
    """Handlers of clusters."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        since = str(CLUSTERED)
        listed = Verb(rule=policy.CLUSTERS, summary="List the clusters of block storage of all clouds.")
        shown = Verb(rule=policy.CLUSTER, summary="Show a cluster.")
        enabled = Verb(
            rule=policy.CLUSTER_UPDATE, schemas=(("", schema.CLUSTER_ENABLE),), summary="Enable a cluster."
        )
        disabled = Verb(
            rule=policy.CLUSTER_UPDATE, schemas=(("", schema.CLUSTER_DISABLE),), summary="Disable a cluster."
        )
        return [
            route(listed, "GET", "/clusters", self.index, since=since),
            route(listed, "GET", "/clusters/detail", self.detail, since=since),
            route(shown, "GET", "/clusters/{id}", self.show, since=since),
            live(enabled, "PUT", "/clusters/enable", self.enable, since=since),
            live(disabled, "PUT", "/clusters/disable", self.disable, since=since),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """In brief."""
        return await self._list(call, detail=False)

    async def detail(self, call: Call) -> Reply:
        """With all that is known of each."""
        return await self._list(call, detail=True)

    async def _list(self, call: Call, *, detail: bool) -> Reply:
        replication = REQUESTS.behaviour("replication", call.version)
        unknown = [
            name for name in call.query if name not in (_FILTERS | _REPLICATION if replication else _FILTERS)
        ]
        if unknown:
            raise Invalid(f"Invalid input received: Invalid filter keys: {', '.join(unknown)}")
        conditions = _conditions(call)
        shared = await self._given.names.shared_clusters()
        rows = [
            row
            for row in await queries.found(self._given.store, CLUSTERS)
            if all(check(self._named(row, shared)) for check in conditions)
        ]
        clusters = [
            view.cluster(
                row.document, self._named(row, shared)["name"], detail=detail, replication=replication
            )
            for row in rows
        ]
        return Reply(200, {"clusters": clusters}, await self._given.staleness(CLUSTERS, rows))

    def _named(self, row: Found, shared: frozenset[str]) -> dict[str, Any]:
        return {**row.document, "name": queries.shown(shared, row.document["name"], row.cloud)}

    async def show(self, call: Call) -> Reply:
        """One, of the program that is named, or of volumes."""
        binary = call.query.one("binary") or view.BACKENDS
        row = await self._found(call.params["id"], binary)
        replication = REQUESTS.behaviour("replication", call.version)
        shown = view.cluster(row.document, call.params["id"], detail=True, replication=replication)
        return Reply(200, {"cluster": shown}, await self._given.staleness(CLUSTERS, [row]))

    async def _found(self, name: str, binary: str) -> Found:
        place = await self._given.names.cluster(name)
        for row in await queries.found(self._given.store, CLUSTERS):
            there = Place(row.cloud, row.document["name"])
            if there == place and row.document["binary"] == binary:
                return row
        raise NotFound(_missing(name, binary))

    async def enable(self, call: Call) -> Reply:
        """It takes new work."""
        return await self._switch(call, "enable")

    async def disable(self, call: Call) -> Reply:
        """It takes none."""
        return await self._switch(call, "disable")

    async def _switch(self, call: Call, verb: str) -> Reply:
        body = call.body
        name, binary = body["name"], body.get("binary") or view.BACKENDS
        row = await self._found(name, binary)
        there = {**body, "name": row.document["name"]}
        said = relayed(
            "block_cluster_switch", f"/clusters/{verb}", body=there, version=str(CLUSTERED), key="cluster",
            type=dict[str, Any], missing=_missing(name, binary),
        )  # fmt: skip
        answer = await self._given.live.of_cloud(row.cloud, there["name"], said, id=name)
        fresh = {**row.document, **{key: value for key, value in answer.items() if key in row.document}}
        kept = CLUSTERS.row(row.cloud, row.id, row.remote_id, fresh)
        async with self._given.store.transaction() as tx:
            await mirrors.put(tx, CLUSTERS.table, row.cloud, [kept], {row.remote_id})
        shown = view.cluster(
            fresh, name, detail=False, replication=REQUESTS.behaviour("replication", call.version)
        )
        return Reply(200, {"cluster": {**shown, "disabled_reason": fresh["disabled_reason"]}})


def _missing(name: str, binary: str) -> str:
    return f"Cluster {{'binary': '{binary}', 'name': '{name}'}} could not be found."


def _conditions(call: Call) -> list[Callable[[Mapping[str, Any]], bool]]:
    """What the query asks of each."""
    found: list[Callable[[Mapping[str, Any]], bool]] = []
    for name in call.query:
        value = call.query.one(name) or ""
        if name in ("is_up", "disabled"):
            words, field = (
                (("down", "up"), "state") if name == "is_up" else (("enabled", "disabled"), "status")
            )
            found.append(_equal(field, words[flag(call, name)]))
        else:
            found.append(_equal(name, value))
    return found


def _equal(name: str, value: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda document: str(document[name]).lower() == value.lower()
