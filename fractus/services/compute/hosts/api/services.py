"""`/os-services`: the compute services of all clouds; changes are relayed to the cloud that has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fractus.base.ids import is_uuid
from fractus.model.errors import Invalid, NotFound
from fractus.model.live import LiveCall
from fractus.services.compute import only
from fractus.services.compute.hosts import policy, queries, view
from fractus.services.compute.hosts.api.access import Given
from fractus.services.compute.hosts.kind import HYPERVISORS, SERVICES
from fractus.services.compute.hosts.schema import check_named, check_numbered, truth
from fractus.services.compute.hosts.versions import NAMED, NUMBERED, REQUESTS, SERVICE
from fractus.services.mirror_rows import Found, Place
from fractus.store import mirrors
from fractus.store.listing import Filter
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_COMPUTE = "nova-compute"


def _check_numbered(body: Any, version: Version) -> None:
    check_numbered(body, forced_down=REQUESTS.behaviour("forced_down", version))


def _check_named(body: Any, _version: Version) -> None:
    check_named(body)


class Services:
    """Handlers of services."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="GET", path="/os-services", handler=self.index, rule=policy.SERVICES_LIST,
                summary="List the compute services of all clouds.",
            ),
            Route(
                method="PUT", path="/os-services/{id}", handler=self.act, rule=policy.SERVICES_UPDATE,
                schema=_check_numbered, max_version=NUMBERED, live=True,
                summary="Enable, disable or force down the service of a host, in its cloud.",
            ),
            Route(
                method="PUT", path="/os-services/{id}", handler=self.update, rule=policy.SERVICES_UPDATE,
                schema=_check_named, min_version=NAMED, live=True,
                summary="Enable, disable or force down a service, in its cloud.",
            ),
            Route(
                method="DELETE", path="/os-services/{id}", handler=self.delete, rule=policy.SERVICES_DELETE,
                live=True, summary="Delete a service in its cloud.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """All of them, or those of a host or a program."""
        if REQUESTS.behaviour("strict", call.version):
            only(call.query.names(), ("host", "binary"))
        host, binary = call.query.one("host") or "", call.query.one("binary") or ""
        rows = await queries.found(
            self._given.store, SERVICES, [Filter("binary", "eq", binary)] if binary else []
        )
        if host:
            place = await self._given.names.host(host)
            rows = [row for row in rows if place == Place(row.cloud, row.document["host"])]
        shared = await self._given.names.shared()
        services = [_shown(call, row.document, shared.host(row.document["host"], row.cloud)) for row in rows]
        return Reply(200, {"services": services}, await self._given.staleness(SERVICES, rows))

    # --- changes ---------------------------------------------------------------------------------

    async def update(self, call: Call) -> Reply:
        """PUT of 2.53 and later: a service by its id, what is to be changed in the body."""
        id, body = call.params["id"], call.body
        row = await self._named(id)
        if row is None:
            raise NotFound(f"Service {id} could not be found.")
        _check_program(row.document["binary"])
        if body.get("status") == "enabled" and body.get("disabled_reason"):
            raise Invalid("Specifying 'disabled_reason' with status 'enabled' is invalid.")
        if "status" not in body and "forced_down" not in body:
            raise Invalid("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
        document = await self._change(row, body)
        shared = await self._given.names.shared()
        return Reply(200, {"service": _shown(call, document, shared.host(document["host"], row.cloud))})

    async def act(self, call: Call) -> Reply:
        """PUT before 2.53: what is to be done stands in the path, the service in the body."""
        verb, body = call.params["id"], call.body
        forced = verb == "force-down" and REQUESTS.behaviour("forced_down", call.version)
        if verb not in ("enable", "disable", "disable-log-reason") and not forced:
            raise NotFound("Unknown action")
        shown: dict[str, Any] = {"host": body["host"], "binary": body["binary"]}
        change: dict[str, Any] = {"status": "enabled" if verb == "enable" else "disabled"}
        if forced:
            if "forced_down" not in body:
                raise Invalid("Missing forced_down field")
            change = {"forced_down": truth(body["forced_down"])}
        elif verb == "disable-log-reason":
            if "disabled_reason" not in body:
                raise Invalid("Missing disabled reason field")
            change["disabled_reason"] = body["disabled_reason"]
        _check_program(body["binary"])
        await self._change(await self._on_host(body["host"]), change)
        return Reply(200, {"service": {**shown, **change}})

    async def delete(self, call: Call) -> Reply:
        """By the id of the version."""
        id = call.params["id"]
        if REQUESTS.behaviour("named", call.version):
            row = await self._named(id)
        else:
            if not id.removeprefix("-").isdecimal():
                raise Invalid(f"Invalid input received: {id} is not an integer")
            row = await queries.one(self._given.store, SERVICES, "number", id)
        if row is None:
            raise NotFound(f"Service {id} not found.")
        await self._given.live.of_cloud(row.cloud, row.remote_id, _delete(row.remote_id), id=id)
        async with self._given.store.transaction() as tx:
            await mirrors.drop(tx, SERVICES.table, row.cloud, [row.remote_id])
            if row.document["binary"] == _COMPUTE:
                gone = [one.remote_id for one in await self._hypervisors(row)]
                await mirrors.drop(tx, HYPERVISORS.table, row.cloud, gone)
        return Reply(204)

    async def _named(self, id: str) -> Found | None:
        if not is_uuid(id):
            raise Invalid(f"Invalid uuid {id}")
        return await queries.one(self._given.store, SERVICES, "id", id)

    async def _on_host(self, name: str) -> Found:
        place = await self._given.names.host(name)
        here = [Filter("host", "eq", place.name if place else ""), Filter("binary", "eq", _COMPUTE)]
        rows = await queries.found(self._given.store, SERVICES, here) if place else []
        for row in rows:
            if place is not None and row.cloud == place.cloud:
                return row
        raise NotFound(f"Host '{name}' is not mapped to any cell")

    async def _change(self, row: Found, change: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have a cloud change a service, and show it so at once: the next listing is far. Its document."""
        answer = await self._given.live.of_cloud(
            row.cloud, row.remote_id, _update(row, change), id=row.document["id"]
        )
        fresh = {**row.document, **_as_asked(row.document, change)}
        if isinstance(answer, dict) and "state" in answer:
            fresh |= {
                name: value for name, value in answer.items() if name in fresh and name not in ("id", "zone")
            }
        hypervisors = await self._hypervisors(row)
        async with self._given.store.transaction() as tx:
            kept = SERVICES.row(row.cloud, row.id, row.remote_id, {**fresh, "id": row.remote_id})
            await mirrors.put(tx, SERVICES.table, row.cloud, [kept], {row.remote_id})
            for one in hypervisors:
                document = {**one.document, "status": fresh["status"], "state": fresh["state"]}
                reason = {"disabled_reason": fresh["disabled_reason"]}
                document["service"] = {**document["service"], **reason, "id": row.remote_id}
                again = HYPERVISORS.row(row.cloud, one.id, one.remote_id, {**document, "id": one.remote_id})
                await mirrors.put(tx, HYPERVISORS.table, row.cloud, [again], {one.remote_id})
        return msgspec.json.decode(kept.summary, type=dict[str, Any])

    async def _hypervisors(self, row: Found) -> list[Found]:
        """Those on the host of a service."""
        here = [Filter("cloud", "eq", row.cloud), Filter("host", "eq", row.document["host"])]
        return await queries.found(self._given.store, HYPERVISORS, here)


def _shown(call: Call, document: Mapping[str, Any], host: str) -> dict[str, Any]:
    return SERVICE.response_down(view.service(document, host), call.version, view.known(document))


def _check_program(binary: str) -> None:
    if binary != _COMPUTE:
        raise Invalid(
            f"Updating a {binary} service is not supported. Only nova-compute services can be updated."
        )


def _as_asked(document: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """What a service shows after a change."""
    fresh: dict[str, Any] = {}
    if "status" in change:
        fresh = {"status": change["status"], "disabled_reason": change.get("disabled_reason")}
    if "forced_down" in change:
        fresh["forced_down"] = truth(change["forced_down"])
        fresh["state"] = "down" if fresh["forced_down"] else document["state"]
    return fresh


_MISSING = "Service {id} could not be found."


def _update(row: Found, change: Mapping[str, Any]) -> LiveCall:
    """A cloud that knows no UUIDs of services is asked in the form that it has."""
    path, body, version = "/os-services/{id}", dict(change), str(NAMED)
    if not is_uuid(row.remote_id):
        verb = "force-down" if "forced_down" in change else "enable"
        if change.get("status") == "disabled":
            verb = "disable-log-reason" if change.get("disabled_reason") else "disable"
        path, version = f"/os-services/{verb}", "2.11"
        kept = {name: value for name, value in change.items() if name != "status"}
        body = {"host": row.document["host"], "binary": row.document["binary"], **kept}
    return LiveCall(
        name="service_update", noun="an answer about the service", service="compute", method="PUT", path=path,
        body=body, version=version, key="service", type=dict[str, Any], admin=True,
        refusals=frozenset({400, 409}), missing=_MISSING, not_ready=_MISSING,
    )  # fmt: skip


def _delete(remote_id: str) -> LiveCall:
    return LiveCall(
        name="service_delete", noun="an answer about the service", service="compute", method="DELETE",
        path="/os-services/{id}", version=str(NAMED) if is_uuid(remote_id) else "", admin=True, empty=True,
        refusals=frozenset({400, 409}), missing="Service {id} not found.", not_ready=_MISSING,
    )  # fmt: skip
