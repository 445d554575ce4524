"""`/os-hosts`, up to 2.42: hosts by their services, what they have, and what is done to one, which its cloud does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fractus.model.errors import NotFound
from fractus.model.live import LiveCall
from fractus.services.compute.hosts import policy, queries, view
from fractus.services.compute.hosts.api.access import Given
from fractus.services.compute.hosts.kind import HYPERVISORS, SERVICES
from fractus.services.compute.hosts.schema import check_host
from fractus.services.compute.hosts.versions import HOSTS
from fractus.services.mirror_rows import Place
from fractus.store.listing import Filter
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_ROOT = "/os-hosts"

#: What is done to the machine itself, with the rule about it.
_POWER = {"reboot": policy.HOST_REBOOT, "shutdown": policy.HOST_SHUTDOWN, "startup": policy.HOST_START}


def _check(body: Any, _version: Version) -> None:
    check_host(body)


class Hosts:
    """Handlers of hosts."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        one = f"{_ROOT}/{{host}}"
        return [
            Route(
                method="GET", path=_ROOT, handler=self.index, rule=policy.HOSTS_LIST, max_version=HOSTS,
                summary="List the hosts of all clouds by their services.",
            ),
            Route(
                method="GET", path=one, handler=self.show, rule=policy.HOST_SHOW, max_version=HOSTS,
                summary="Show what a host has, and who uses how much of it.",
            ),
            Route(
                method="PUT", path=one, handler=self.update, rule=policy.HOST_UPDATE, schema=_check,
                max_version=HOSTS, live=True, summary="Enable a host, or have it maintained, in its cloud.",
            ),
            *(
                Route(
                    method="GET", path=f"{one}/{verb}", handler=self._power(verb), rule=rule,
                    max_version=HOSTS, live=True, summary=f"Have the cloud of a host do its {verb}.",
                )
                for verb, rule in _POWER.items()
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """Of services that are enabled; those of a zone, if one is named."""
        rows = await queries.found(self._given.store, SERVICES, [])
        zone = call.query.one("zone")
        rows = [row for row in rows if row.document["status"] == "enabled" and zone in (None, "", row.cloud)]
        shared = await self._given.names.shared()
        hosts = [view.host(row.document, shared.host(row.document["host"], row.cloud)) for row in rows]
        return Reply(200, {"hosts": hosts}, await self._given.staleness(SERVICES, rows))

    async def show(self, call: Call) -> Reply:
        """In all, in use, and by our servers: those of each project."""
        name = call.params["host"]
        place = await self._place(name)
        here = [Filter("cloud", "eq", place.cloud), Filter("host", "eq", place.name)]
        rows = await queries.found(self._given.store, HYPERVISORS, here)
        if not rows:
            raise NotFound(f"Compute host {name} could not be found.")
        sizes = await self._given.servers.sizes(self._given.store, *place)
        shown = view.host_resources(name, rows[0].document, [view.Size(*size) for size in sizes])
        return Reply(200, {"host": shown}, await self._given.staleness(HYPERVISORS, rows))

    async def update(self, call: Call) -> Reply:
        """What is said of it, one after the other."""
        name, done = call.params["host"], {}
        place = await self._place(name)
        for field in ("status", "maintenance_mode"):
            if field in call.body:
                asked = {field: call.body[field].lower()}
                answer = await self._asked(place, name, method="PUT", body=asked)
                done[field] = answer.get(field)
        return Reply(200, {"host": name, **done})

    def _power(self, verb: str) -> Callable[[Call], Awaitable[Reply]]:
        async def handler(call: Call) -> Reply:
            name = call.params["host"]
            answer = await self._asked(await self._place(name), name, path=f"/{verb}")
            return Reply(200, {"host": name, "power_action": answer.get("power_action")})

        return handler

    async def _place(self, name: str) -> Place:
        place = await self._given.names.host(name)
        if place is None:
            raise NotFound(f"Host '{name}' is not mapped to any cell")
        return place

    async def _asked(
        self, place: Place, name: str, *, method: str = "GET", path: str = "", body: Any = None
    ) -> Mapping[str, Any]:
        call = LiveCall(
            name="host_act", noun="an answer about the host", service="compute", method=method,
            path=f"{_ROOT}/{{id}}{path}", body=body, type=dict[str, Any], admin=True,
            refusals=frozenset({400, 501}), missing="Compute host {id} could not be found.", not_ready="",
        )  # fmt: skip
        answer: Mapping[str, Any] = await self._given.live.of_cloud(place.cloud, place.name, call, id=name)
        return answer
