"""`/os-services`: the services of all clouds' block storage; what is asked of one is relayed to its cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.services.mirror_rows import Found, Place
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.hosts import policy, queries, schema, view
from fractus.services.volume.hosts.api.access import Given, live, place_of, relayed
from fractus.services.volume.hosts.kind import BACKEND, SERVICES
from fractus.services.volume.hosts.versions import LOGGED, REQUESTS
from fractus.store import mirrors
from fractus.store.listing import Filter
from fractus.web.routing import Call, Reply, Route

_ROOT = "/os-services"

#: The version in which clusters are named.
_CLUSTERED = "3.26"


class Services:
    """Handlers of services."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        rows = (
            ("enable", self.enable, schema.SWITCH, "Have a service take new work.", ""),
            ("disable", self.disable, schema.SWITCH, "Have a service take no new work.", ""),
            ("disable-log-reason", self.disable_with_reason, schema.DISABLE_WITH_REASON, "The same, saying why.", ""),
            ("freeze", self.freeze, schema.FREEZE, "Freeze a back end or a cluster in its cloud.", ""),
            ("thaw", self.thaw, schema.FREEZE, "End the freeze of a back end or a cluster.", ""),
            ("failover_host", self.fail_over, schema.FAILOVER, "Have a back end fail over in its cloud.", ""),
            ("get-log", self.get_log, schema.GET_LOG, "Ask services for their levels of logging.", str(LOGGED)),
            ("set-log", self.set_log, schema.SET_LOG, "Set levels of logging of services.", str(LOGGED)),
        )  # fmt: skip
        verbs = [
            live(
                Verb(rule=policy.UPDATE, schemas=(("", body),), summary=summary),
                "PUT", f"{_ROOT}/{name}", handler, since=since,
            )
            for name, handler, body, summary, since in rows
        ]  # fmt: skip
        listed = Verb(rule=policy.SERVICES, summary="List the services of block storage of all clouds.")
        return [route(listed, "GET", _ROOT, self.index), *verbs]

    async def index(self, call: Call) -> Reply:
        """All of them, or those of a host, with or without its back ends, or of a program."""
        host, binary = call.query.one("host"), call.query.one("binary")
        conditions = [Filter("binary", "eq", binary)] if binary else []
        rows = await queries.found(self._given.store, SERVICES, conditions)
        if host:
            place = await self._given.names.host(host)
            rows = [row for row in rows if place is not None and _on(row, place)]
        shared, clusters = await self._given.names.shared(), await self._given.names.shared_clusters()
        services = [
            view.service(
                row.document,
                queries.shown(shared, row.document["host"], row.cloud),
                queries.shown(clusters, row.document["cluster"], row.cloud),
                backend_state=REQUESTS.behaviour("backend_state", call.version),
                clustered=REQUESTS.behaviour("clusters", call.version),
            )
            for row in rows
        ]
        return Reply(200, {"services": services}, await self._given.staleness(SERVICES, rows))

    # --- whether it takes new work ---------------------------------------------------------------

    async def enable(self, call: Call) -> Reply:
        """It does."""
        return await self._switch(call, "enable")

    async def disable(self, call: Call) -> Reply:
        """It does not."""
        return await self._switch(call, "disable")

    async def disable_with_reason(self, call: Call) -> Reply:
        """It does not, and why."""
        return await self._switch(call, "disable-log-reason")

    async def _switch(self, call: Call, verb: str) -> Reply:
        body = call.body
        program = body.get("binary") or body.get("service", "")

        def missing(_what: str, name: str) -> NotFound:
            return NotFound(f"Service {program} could not be found on host {name}.")

        _, place = await place_of(self._given.names, body, clusters=False, missing=missing)
        said = relayed(
            "block_service_switch", f"{_ROOT}/{verb}", body={**body, "host": place.name}, type=dict[str, Any],
            missing=missing("", str(body["host"])).message,
        )  # fmt: skip
        answer = await self._given.live.of_cloud(place.cloud, place.name, said, id=body["host"])
        await self._look(place)
        return Reply(200, {**answer, "host": body["host"]})

    # --- its back end ----------------------------------------------------------------------------

    async def freeze(self, call: Call) -> Reply:
        """Nothing of it can be changed until it is thawed."""
        await self._of_backend(call, "freeze")
        return Reply(200)

    async def thaw(self, call: Call) -> Reply:
        """It can again."""
        await self._of_backend(call, "thaw")
        return Reply(200)

    async def fail_over(self, call: Call) -> Reply:
        """What it replicates to takes its place."""
        await self._of_backend(call, "failover_host")
        return Reply(202)

    async def _of_backend(self, call: Call, verb: str) -> None:
        clusters = REQUESTS.behaviour("replication", call.version)

        def missing(what: str, name: str) -> Invalid:
            return Invalid(f"No service found with {what}={name}")

        what, place = await place_of(self._given.names, call.body, clusters=clusters, missing=missing)
        kept = {name: value for name, value in call.body.items() if name not in ("host", "cluster")}
        asked = str(call.body[what])
        said = relayed(
            f"block_{verb}", f"{_ROOT}/{verb}", body={**kept, what: place.name},
            version=_CLUSTERED if what == "cluster" else "", missing=missing(what, asked).message, empty=True,
        )  # fmt: skip
        await self._given.live.of_cloud(place.cloud, place.name, said, id=asked)
        if what == "host":
            await self._look(place)

    async def _look(self, place: Place) -> None:
        """Show at once what a change has made of the services of a host: the next listing is far."""
        said = relayed(
            "block_services", _ROOT, method="GET", query={"host": place.name}, key="services",
            type=list[dict[str, Any]], missing="",
        )  # fmt: skip
        listed = await self._given.live.of_cloud(place.cloud, place.name, said, id=place.name)
        there = {SERVICES.id_of(one): one for one in listed}
        rows = [
            row
            for row in await queries.found(self._given.store, SERVICES, [Filter("cloud", "eq", place.cloud)])
            if row.remote_id in there
        ]
        fresh = [
            SERVICES.row(row.cloud, row.id, row.remote_id, {**row.document, **there[row.remote_id]})
            for row in rows
        ]
        async with self._given.store.transaction() as tx:
            await mirrors.put(tx, SERVICES.table, place.cloud, fresh, {row.remote_id for row in rows})

    # --- levels of logging -----------------------------------------------------------------------

    async def get_log(self, call: Call) -> Reply:
        """Of the clouds that have what is asked for; those that do not answer are named as stale."""
        clouds, body = await self._logging(call.body)
        said = relayed(
            "block_get_log", f"{_ROOT}/get-log", body=body, version=str(LOGGED), key="log_levels",
            type=list[dict[str, Any]], missing="",
        )  # fmt: skip
        answers, stale = await self._given.each(clouds, said)
        shared = await self._given.names.shared()
        levels = [
            {**one, "host": queries.shown(shared, one.get("host"), cloud)}
            for cloud, answer in answers
            for one in answer
        ]
        return Reply(200, {"log_levels": levels}, stale)

    async def set_log(self, call: Call) -> Reply:
        """In the clouds that have what is asked for."""
        clouds, body = await self._logging(call.body)
        said = relayed(
            "block_set_log", f"{_ROOT}/set-log", body=body, version=str(LOGGED), missing="", empty=True
        )
        _, stale = await self._given.each(clouds, said)
        return Reply(202, headers=stale)

    async def _logging(self, body: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Which clouds are asked, and what: a server names its cloud, and none where there is no such."""
        server = body.get("server")
        if not server:
            return await self._given.clouds(), dict(body)
        names = self._given.names
        place = await names.host(server) or await names.cluster(server)
        if place is None:
            return [], dict(body)
        return [place.cloud], {**body, "server": place.name}


def _on(row: Found, place: Place) -> bool:
    """Whether a service is on a host, or is one of its back ends."""
    host = row.document["host"]
    return row.cloud == place.cloud and (host == place.name or host.startswith(place.name + BACKEND))
