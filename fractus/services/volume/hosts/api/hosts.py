"""`/os-hosts`: services as hosts, and what is on one."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.services.mirror_rows import Found, Place
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema.judging import Judge
from fractus.services.volume.hosts import policy, queries, schema, view
from fractus.services.volume.hosts.api.access import Given, live, relayed
from fractus.services.volume.hosts.kind import SERVICES
from fractus.web.routing import Call, Reply, Route

_ONE = "/os-hosts/{id}"
_UPDATE = Judge(schema.HOST)


class Hosts:
    """Handlers of hosts."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        listed = Verb(rule=policy.HOSTS, summary="List the hosts of block storage of all clouds.")
        shown = Verb(rule=policy.HOSTS, summary="Ask a host's cloud what is on it.")
        changed = Verb(rule=policy.HOSTS, summary="Have a host take new volumes or none, in its cloud.")
        return [
            route(listed, "GET", "/os-hosts", self.index),
            live(shown, "GET", _ONE, self.show),
            live(changed, "PUT", _ONE, self.update),
        ]

    async def _rows(self) -> list[Found]:
        rows = await queries.found(self._given.store, SERVICES)
        return [row for row in rows if row.document["status"] == "enabled"]

    async def index(self, call: Call) -> Reply:
        """Those that take new work."""
        zone, shared = call.query.one("zone"), await self._given.names.shared()
        rows = [row for row in await self._rows() if zone in (None, "", row.cloud)]
        hosts = [
            view.host(row.document, queries.shown(shared, row.document["host"], row.cloud)) for row in rows
        ]
        return Reply(200, {"hosts": hosts}, await self._given.staleness(SERVICES, rows))

    async def show(self, call: Call) -> Reply:
        """How many volumes and snapshots are on it, in all and by project, as its cloud counts and names them."""
        id = call.params["id"]
        missing = f"Service {view.BACKENDS} could not be found on host {id}."
        place = await self._given.names.host(id)
        if place is None:
            raise NotFound(missing)
        said = relayed(
            "block_host",
            _ONE,
            method="GET",
            key="host",
            type=list[dict[str, dict[str, Any]]],
            missing=missing,
        )
        listed = await self._given.live.of_cloud(place.cloud, place.name, said, id=id)
        return Reply(200, {"host": [{"resource": {**one["resource"], "host": id}} for one in listed]})

    async def update(self, call: Call) -> Reply:
        """Asked of its cloud. Cinder has no answer to it since it has several back ends; then there is none here."""
        id, body = call.params["id"], call.body
        place = await self._given.names.host(id)
        names = {Place(row.cloud, row.document["host"]) for row in await self._rows()}
        if place is None or place not in names:
            raise NotFound(f"Host {id} could not be found.")
        _UPDATE.check(body)
        for name, value in body.items():
            if name.lower().strip() != "status":
                raise Invalid(f"Invalid update setting: '{name}'")
            if value.lower().strip() not in ("enable", "disable"):
                raise Invalid(f"Invalid status: '{value}'")
        if not body:
            return Reply(200, {})
        said = relayed("block_host_update", _ONE, body=body, type=dict[str, Any], missing="")
        answer = await self._given.live.of_cloud(place.cloud, place.name, said, id=id)
        return Reply(200, {**answer, "host": id})
