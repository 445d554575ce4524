"""The routes by which other services speak to compute."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from fractus.model.errors import ApiError, Invalid, NotFound, Unavailable
from fractus.model.live import LiveCall
from fractus.model.resource import Presence
from fractus.services.compute import only
from fractus.services.compute.dialect.api.host_names import HostNames
from fractus.services.compute.other_services import policy, schema
from fractus.services.compute.other_services.versions import EVENTS, REQUESTS
from fractus.services.mirror_rows import Live
from fractus.store import clouds, presences
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, page
from fractus.store.transaction import Reader, Store
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_SERVER, _VOLUME = "server", "volume"
_SNAPSHOTS = "/os-assisted-volume-snapshots"


class OtherServicesApi:
    """Handlers for other services."""

    def __init__(self, store: Store, ledger: Ledger, servers: Table, live: Live, names: HostNames) -> None:
        """`servers`: the table of servers."""
        self._store, self._ledger, self._servers = store, ledger, servers
        self._live, self._names = live, names

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="POST", path="/os-server-external-events", handler=self.events, rule=policy.EVENTS,
                schema=_check_events,
                summary="Tell that something of servers changed: each is looked at in its cloud at once.",
            ),
            Route(
                method="GET", path="/os-console-auth-tokens/{token}", handler=self.token, rule=policy.TOKENS,
                live=True, summary="Ask the clouds what a console's token opens.",
            ),
            Route(
                method="POST", path=_SNAPSHOTS, handler=self.create_snapshot, rule=policy.SNAPSHOT_CREATE,
                schema=_check_snapshot, live=True,
                summary="Have the cloud of a volume make a snapshot of it while it is in use.",
            ),
            Route(
                method="DELETE", path=f"{_SNAPSHOTS}/{{id}}", handler=self.delete_snapshot,
                rule=policy.SNAPSHOT_DELETE, live=True, summary="Have the cloud of a volume delete such a snapshot.",
            ),
        ]  # fmt: skip

    # --- events ----------------------------------------------------------------------------------

    async def events(self, call: Call) -> Reply:
        """An event says that another service did something, and its cloud's compute knows it already: what is left to
        do here is to look at the server.
        """
        given: list[dict[str, Any]] = call.body["events"]
        async with self._store.transaction() as tx:
            there = await self._placed(tx, sorted({one["server_uuid"] for one in given}))
            answers = [{**one, **_verdict(one, there.get(one["server_uuid"]))} for one in given]
            accepted = dict.fromkeys(one["server_uuid"] for one in answers if one["code"] == 200)
            await self._ledger.wake_all(tx, [(_SERVER, id, there[id][0]) for id in accepted])
        failed = any(one["code"] != 200 for one in answers)
        return Reply(207 if failed else 200, {"events": answers})

    async def _placed(self, reader: Reader, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Servers by their ids: cloud and host."""
        filters = [Filter("id", "in", list(ids)), Filter("deleted_at", "null")]
        rows = await page(reader, self._servers, filters, columns=("id", "cloud", "host"), limit=len(ids))
        return {row[0]: (row[1], row[2]) for row in rows}

    # --- tokens of consoles ----------------------------------------------------------------------

    async def token(self, call: Call) -> Reply:
        """All clouds are asked at once: a token does not say whose it is."""
        if not REQUESTS.behaviour("tokens", call.version):
            raise Invalid(
                "The server could not comply with the request since it is either malformed or otherwise incorrect."
            )
        if REQUESTS.behaviour("strict_tokens", call.version):
            only(call.query.names(), ())
        token, tls = call.params["token"], REQUESTS.behaviour("tls_port", call.version)
        names = [one.name for one in await clouds.doors(self._store) if one.enabled]
        answers = await asyncio.gather(*(self._opened(name, token, tls=tls) for name in names))
        for name, console in zip(names, answers, strict=True):
            if isinstance(console, dict):
                return Reply(200, {"console": await self._shown(name, console)})
        for silent in answers:
            if isinstance(silent, ApiError) and not isinstance(silent, NotFound):
                raise Unavailable(silent.message)
        raise NotFound("Token not found")

    async def _opened(self, cloud: str, token: str, *, tls: bool) -> dict[str, Any] | ApiError:
        """What a token opens in a cloud, or why that is not known."""
        asked = LiveCall(
            name="console_token", noun="what a token opens", service="compute",
            path="/os-console-auth-tokens/{id}", version="2.99" if tls else "2.31", key="console",
            type=dict[str, Any], admin=True, missing="Token not found", not_ready="",
        )  # fmt: skip
        try:
            console: dict[str, Any] = await self._live.of_cloud(cloud, token, asked, id="the token")
        except ApiError as error:
            return error
        return console

    async def _shown(self, cloud: str, console: Mapping[str, Any]) -> dict[str, Any]:
        server = await presences.by_remote(self._store, cloud, _SERVER, str(console.get("instance_uuid")))
        shown, host = dict(console), console.get("host")
        if server is not None:
            shown["instance_uuid"] = server.id
        if host:
            shown["host"] = (await self._names.shared()).host(host, cloud)
        return shown

    # --- snapshots of volumes in use -------------------------------------------------------------

    async def create_snapshot(self, call: Call) -> Reply:
        """Its cloud's compute makes it. Which file it is made in is between that one and its block storage."""
        asked = call.body["snapshot"]
        volume = await self._volume(asked["volume_id"])
        body = {"snapshot": {"volume_id": volume.remote_id, "create_info": asked["create_info"]}}
        made = LiveCall(
            name="assisted_snapshot_create", noun="an answer about the snapshot", service="compute", method="POST",
            path=_SNAPSHOTS, body=body, key="snapshot", type=dict[str, Any], admin=True,
            refusals=frozenset({400}), missing=_no_volume(volume.id), not_ready="",
        )  # fmt: skip
        answer = await self._live.of_cloud(volume.cloud, volume.remote_id or "", made, id=volume.id)
        return Reply(200, {"snapshot": {"id": answer.get("id"), "volumeId": volume.id}})

    async def delete_snapshot(self, call: Call) -> Reply:
        """The query says of which volume."""
        if REQUESTS.behaviour("strict_snapshots", call.version):
            only(call.query.names(), ("delete_info",))
        info, id = schema.delete_info(call.query.one("delete_info")), call.params["id"]
        volume = await self._volume(info["volume_id"])
        query = {"delete_info": json.dumps({**info, "volume_id": volume.remote_id})}
        gone = LiveCall(
            name="assisted_snapshot_delete", noun="an answer about the snapshot", service="compute",
            method="DELETE", path=f"{_SNAPSHOTS}/{{id}}", query=query, admin=True, empty=True,
            refusals=frozenset({400}), missing="Snapshot {id} could not be found.", not_ready="",
        )  # fmt: skip
        await self._live.of_cloud(volume.cloud, id, gone, id=id)
        return Reply(204)

    async def _volume(self, id: str) -> Presence:
        """Where a volume is."""
        for one in await presences.of_resource(self._store, _VOLUME, id):
            if one.remote_id:
                return one
        raise Invalid(_no_volume(id))


def _no_volume(id: str) -> str:
    return f"No volume Block Device Mapping with id {id}."


def _check_events(body: Any, version: Version) -> None:
    schema.check_events(body, [name for since, name in EVENTS if since <= version])


def _check_snapshot(body: Any, _version: Version) -> None:
    schema.check_snapshot(body)


def _verdict(event: Mapping[str, Any], placed: tuple[str, str] | None) -> dict[str, Any]:
    """What becomes of an event: of one of a server that is nowhere, or without what it is about, nothing."""
    code = 200
    if placed is None:
        code = 404
    elif event["name"] in schema.TAG_REQUIRED and "tag" not in event:
        code = 400
    elif not placed[1]:
        code = 422
    return {"status": "completed" if code == 200 else "failed", "code": code}
