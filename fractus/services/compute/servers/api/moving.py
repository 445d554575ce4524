"""Verbs that move a server to another host of its cloud. Which host is its cloud's choice, unless one is named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource, at_home
from fractus.model.server_verbs import VERSION, ServerVerb
from fractus.services.compute.servers import policy, view
from fractus.services.compute.servers.api.access import (
    Dependencies,
    accept,
    asked_for,
    shown,
    target_of,
)
from fractus.services.compute.servers.api.passwords import first_password, sealed
from fractus.services.compute.servers.schema import bodies, moving
from fractus.services.compute.servers.versions import REQUESTS
from fractus.store import presences
from fractus.store.transaction import Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Schema

Answers = Callable[[ServerVerb, Call], Awaitable[Reply]]

#: Live migration as it is now: 2.25 took disk_over_commit away, and from 2.34 on a cloud checks in the background.
_LIVE = "2.34"

#: From here on evacuated servers are stopped.
_STOPPED = "2.95"

_FORCED = "Can't force to a non-provided destination"


def _check_migrate(body: Any, version: Version) -> None:
    if REQUESTS.behaviour("migrate_to_host", version):
        moving.check_migrate(body)


def _check_live(body: Any, version: Version) -> None:
    forced = REQUESTS.behaviour("live_migration_may_be_forced", version)
    moving.check_live(
        body,
        chooses=REQUESTS.behaviour("live_migration_chooses", version),
        forced=forced and not REQUESTS.behaviour("moves_are_never_forced", version),
    )


def _check_evacuate(body: Any, version: Version) -> None:
    forced = REQUESTS.behaviour("evacuate_may_be_forced", version)
    moving.check_evacuate(
        body,
        storage=not REQUESTS.behaviour("evacuate_finds_storage", version),
        forced=forced and not REQUESTS.behaviour("moves_are_never_forced", version),
    )


#: What checks the value of each verb's key.
MOVES: Mapping[str, Schema] = {
    "migrate": _check_migrate,
    "live-migration": _check_live,
    "evacuate": _check_evacuate,
}


class Moving:
    """Handlers of verbs, by the verb's name."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def handlers(self) -> Mapping[str, Answers]:
        """What answers to each of them."""
        return {"migrate": self.migrate, "live-migration": self.migrate_live, "evacuate": self.evacuate}

    async def migrate(self, verb: ServerVerb, call: Call) -> Reply:
        """It is stopped, moved, and waits for the decision whether to stay, as after a resize. Its quota stays."""
        asked = call.body[verb.key] if REQUESTS.behaviour("migrate_to_host", call.version) else None
        host = (asked or {}).get("host") or ""
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, {})
            args = await self._to(call, server, host, policy.MIGRATE_TO_HOST)
            await self._other_host(tx, server, args)
            await accept(self._given, call, tx, server, verb, args)
        return Reply(verb.answer)

    async def migrate_live(self, verb: ServerVerb, call: Call) -> Reply:
        """It goes on running meanwhile."""
        asked: dict[str, Any] = call.body[verb.key]
        more: dict[str, Any] = {"block_migration": asked["block_migration"]}
        if REQUESTS.behaviour("live_migration_chooses", call.version):
            more[VERSION] = _LIVE
        else:
            more["disk_over_commit"] = bodies.truth(asked["disk_over_commit"])
        if asked["block_migration"] != "auto":
            more["block_migration"] = bodies.truth(asked["block_migration"])
        if "force" in asked:
            more["force"] = bodies.truth(asked["force"])
            if more["force"] and not asked["host"]:
                raise Invalid(_FORCED)
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, {})
            args = await self._to(call, server, asked["host"] or "", policy.MIGRATE_LIVE_TO_HOST)
            await accept(self._given, call, tx, server, verb, {**args, **more})
        return Reply(verb.answer)

    async def evacuate(self, verb: ServerVerb, call: Call) -> Reply:
        """Before 2.14 the answer has its new password, unless its disk is on shared storage and stays."""
        asked: dict[str, Any] = call.body[verb.key]
        finds = REQUESTS.behaviour("evacuate_finds_storage", call.version)
        shared = not finds and bodies.truth(asked["onSharedStorage"])
        if shared and "adminPass" in asked:
            raise Invalid("admin password can't be changed on existing disk")
        if bodies.truth(asked.get("force", False)) and not asked.get("host"):
            raise Invalid(_FORCED)
        password = None if shared else first_password(asked)
        more: dict[str, Any] = {} if finds else {"onSharedStorage": shared}
        if "force" in asked:
            more |= {"force": bodies.truth(asked["force"]), VERSION: "2.29"}
        elif finds:
            more[VERSION] = "2.14"
        if REQUESTS.behaviour("evacuated_servers_stop", call.version):
            more[VERSION] = _STOPPED
        if password is not None and self._given.secrets is not None:
            more[verb.secret] = sealed(self._given.secrets, password)
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, {})
            args: dict[str, Any] = {}
            if "host" in asked:
                args = await self._to(call, server, asked["host"], "", evacuate=True)
            await accept(self._given, call, tx, server, verb, {**args, **more})
        return Reply(verb.answer, None if finds else {"adminPass": password})

    # --- the host --------------------------------------------------------------------------------

    async def _to(
        self, call: Call, server: Resource, host: str, rule: str, *, evacuate: bool = False
    ) -> dict[str, Any]:
        """The host that is named, as the server's cloud calls it. It must be one of that cloud's."""
        if not host:
            return {}
        if rule:
            call.enforce(rule, target_of(server))
        cloud = shown(server)["OS-EXT-AZ:availability_zone"]
        place = await self._given.names.host(host)
        if place is not None and place[0] != cloud:
            raise Invalid(
                f"Server {server.id} is in {cloud}, and the host {host} in {place[0]}: a server moves within its cloud."
            )
        if place is None and await self._given.names.lists_hosts(cloud):
            if evacuate:
                raise NotFound(f"Compute host {host} not found.")
            raise Invalid(f"Compute host {host} could not be found.")
        return {"host": place[1] if place is not None else host.removesuffix(f".{cloud}")}

    async def _other_host(self, tx: Transaction, server: Resource, args: Mapping[str, Any]) -> None:
        """Nova refuses to migrate a server to where it is."""
        here = at_home(server.home, await presences.of_resource(tx, "server", server.id))
        observed = view.observation_of(here)
        if args and observed is not None and observed.host == args["host"]:
            raise Invalid("Cannot migrate to the host where the server exists.")
