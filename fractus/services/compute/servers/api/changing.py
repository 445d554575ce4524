"""Changing servers: PUT, DELETE and actions. Each writes what is desired; the cloud is asked by the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from fractus.model.action import SUPERSEDED
from fractus.model.errors import Conflict, Invalid
from fractus.model.resource import INSISTS, Resource, at_home
from fractus.model.server_verbs import SERVER_VERBS, ServerVerb
from fractus.services.compute.servers import actions, policy, queries, view
from fractus.services.compute.servers.api.access import (
    Dependencies,
    accept,
    asked_for,
    change,
    check_placed,
    check_unlocked,
    find,
    missing,
    record,
    shown,
    target_of,
)
from fractus.services.compute.servers.api.acting import Acting
from fractus.services.compute.servers.api.imaging import Imaging
from fractus.services.compute.servers.api.live import console_log
from fractus.services.compute.servers.api.moving import MOVES, Moving
from fractus.services.compute.servers.api.rebuilding import Rebuilding, check_rebuild
from fractus.services.compute.servers.api.showing import Showing
from fractus.services.compute.servers.schema import acting, bodies
from fractus.services.compute.servers.versions import REQUESTS, UPDATED
from fractus.store import actions as stored_actions
from fractus.store import presences
from fractus.store.transaction import Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Handler, Reply, Route, Schema
from fractus.web.schema import body_schema, convert

#: What Nova takes out of a console's log.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f]")


def _check_update(body: Any, version: Version) -> None:
    REQUESTS.request_check(body, version, "update")
    bodies.check_update(body, domain_name=REQUESTS.behaviour("hostname_is_domain_name", version))


def _check_lock(body: Any, version: Version) -> None:
    if REQUESTS.behaviour("lock_has_reason", version):
        convert(body, bodies.LockBody)


def _check_console_output(body: Any, _version: Version) -> None:
    bodies.check_console_output(body)


def _check_unshelve(body: Any, version: Version) -> None:
    acting.check_unshelve(
        body,
        zone=REQUESTS.behaviour("unshelve_to_zone", version),
        host=REQUESTS.behaviour("unshelve_to_host", version),
    )


def _anything(_body: Any, _version: Version) -> None:
    """Nova looks at nothing but the name of the action."""


class Changing:
    """PUT, DELETE and POST of one server."""

    def __init__(self, given: Dependencies, showing: Showing) -> None:
        self._given = given
        self._showing = showing
        self._acting = Acting(given)
        self._rebuilding = Rebuilding(given, showing)
        self._imaging = Imaging(given)
        self._moving = Moving(given)

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        one = "/servers/{server_id}"
        return [
            Route(
                method="PUT",
                path=one,
                handler=self.update,
                rule=policy.UPDATE,
                schema=_check_update,
                summary="Rename or describe a server.",
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.delete,
                rule=policy.DELETE,
                summary="Delete a server.",
            ),
            *(_action(verb, self._handler(verb)) for verb in SERVER_VERBS.values()),
            *self._acting.routes(),
            Route(
                method="POST",
                path=f"{one}/action",
                action="os-getConsoleOutput",
                handler=self.console_output,
                rule=policy.CONSOLE_OUTPUT,
                schema=_check_console_output,
                live=True,
                summary="Read the end of a server's console log in its cloud.",
            ),
        ]

    # --- PUT -------------------------------------------------------------------------------------

    async def update(self, call: Call) -> Reply:
        """Change what a server is called and how it is described."""
        asked: dict[str, Any] = call.body["server"]
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, policy.UPDATE, tx)
            renamed = asked.get("hostname", "") not in ("", shown(server)["OS-EXT-SRV-ATTR:hostname"])
            if renamed:
                await _set_hostname(tx, server, asked["hostname"])
            if _update(server, asked) or renamed:
                await change(self._given, call, tx, server)
            row = await queries.server_shown(tx, server.id)
        if row is None:
            raise missing(server.id)
        body, headers = await self._showing.one(call, row, target_of(server), UPDATED)
        return Reply(200, body, headers)

    # --- DELETE ----------------------------------------------------------------------------------

    async def delete(self, call: Call) -> Reply:
        """It is no longer wanted. It stays to be seen until its cloud has confirmed that it is gone."""
        await self._delete(call, policy.DELETE)
        return Reply(204)

    async def force_delete(self, verb: ServerVerb, call: Call) -> Reply:
        """The same, for there is no deferred deletion that could be cut short."""
        await self._delete(call, verb.rule)
        return Reply(202)

    async def _delete(self, call: Call, rule: str) -> None:
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, rule, tx)
            check_unlocked(call, server, shown(server))
            if not server.wanted:
                return
            if actions.newest(server.desired) is not None:
                # What was asked of it before, and is not done yet, is over.
                for one in await stored_actions.open_of(tx, "server", server.id):
                    if "image_id" in one.args:
                        await self._given.maker.over(tx, one.args["image_id"])
                await stored_actions.close(tx, "server", server.id, SUPERSEDED)
            await record(call, tx, server, "delete")
            server.request_id = call.request_id
            server.wanted = False
            server.updated_at = tx.now()
            every = await presences.of_resource(tx, "server", server.id)
            await self._given.ledger.remove(tx, server, view.summarise(server, every), hide=False)

    # --- actions ---------------------------------------------------------------------------------

    def _handler(self, verb: ServerVerb) -> Handler:
        """What answers the request for a verb: the row says it all, where a cloud does it."""
        own = {
            "lock": self.lock,
            "unlock": self.unlock,
            "resetState": self.reset_state,
            "forceDelete": self.force_delete,
            **self._acting.handlers(),
            "rebuild": self._rebuilding.rebuild,
            **self._imaging.handlers(),
            **self._moving.handlers(),
        }
        return partial(own.get(verb.name, self._act), verb)

    async def _act(self, verb: ServerVerb, call: Call) -> Reply:
        """Have its cloud do it."""
        args = verb.arguments(call.body[verb.key])
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, args)
            await accept(self._given, call, tx, server, verb, args)
        return Reply(verb.answer)

    # --- states of our own -----------------------------------------------------------------------

    async def lock(self, verb: ServerVerb, call: Call) -> Reply:
        """Keep everybody but admins from changing it."""
        lock = call.body[verb.key]
        reason = None
        if REQUESTS.behaviour("lock_has_reason", call.version) and lock is not None:
            reason = lock.get("locked_reason")
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, verb.rule, tx)
            owner = server.project_id == call.principal.project_id
            if server.desired["locked"] and owner:
                return Reply(202)
            server.desired.update(locked=True, locked_by="owner" if owner else "admin")
            server.desired["locked_reason"] = reason or server.desired["locked_reason"]
            await accept(self._given, call, tx, server, verb)
        return Reply(202)

    async def unlock(self, verb: ServerVerb, call: Call) -> Reply:
        """Undo it; what an admin locked, only an admin unlocks."""
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, verb.rule, tx)
            mine = "owner" if server.project_id == call.principal.project_id else "admin"
            if server.desired["locked_by"] not in ("", mine):
                call.enforce(policy.UNLOCK_OVERRIDE, target_of(server))
            server.desired.update(locked=False, locked_by="", locked_reason=None)
            await accept(self._given, call, tx, server, verb)
        return Reply(202)

    async def reset_state(self, verb: ServerVerb, call: Call) -> Reply:
        """Show another state until the cloud says something new; nothing is done to the server."""
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, verb.rule, tx)
            shown = view.shown_state(server, await presences.of_resource(tx, "server", server.id))
            server.desired["reset"] = {
                "vm_state": call.body[verb.key]["state"],
                "over": [shown.vm_state, shown.task_state],
            }
            await accept(self._given, call, tx, server, verb)
        return Reply(202)

    # --- live ------------------------------------------------------------------------------------

    async def console_output(self, call: Call) -> Reply:
        """The end of the console's log, from the cloud."""
        server = await find(self._given, call, policy.CONSOLE_OUTPUT)
        check_placed(server, shown(server))
        length = call.body["os-getConsoleOutput"].get("length")
        lines = None if length is None or int(length) < 0 else int(length)
        text = await self._given.live.ask(server, console_log(lines))
        return Reply(200, {"output": _CONTROLS.sub("", text)})


#: What checks the value of a verb's key; Nova looks at nothing but the key of the others.
_SCHEMAS: Mapping[str, Schema] = {
    "reboot": body_schema(bodies.RebootBody),
    "lock": _check_lock,
    "resetState": body_schema(bodies.ResetStateBody),
    "rescue": acting.check_rescue,
    "unshelve": _check_unshelve,
    "changePassword": body_schema(acting.ChangePasswordBody),
    "resize": body_schema(acting.ResizeBody),
    "rebuild": check_rebuild,
    "createImage": acting.check_new_image,
    "createBackup": acting.check_new_image,
    **MOVES,
}


def _action(verb: ServerVerb, handler: Handler) -> Route:
    return Route(
        method="POST",
        path="/servers/{server_id}/action",
        action=verb.key,
        handler=handler,
        rule=verb.rule,
        schema=_SCHEMAS.get(verb.name, _anything),
        min_version=Version.parse(verb.since) if verb.since else None,
        summary=verb.summary,
    )


def _update(server: Resource, asked: dict[str, Any]) -> bool:
    """Put the body of a PUT into what is desired; whether anything changed."""
    desired = server.desired
    before = (server.name, msgspec.json.encode(desired))
    if "name" in asked:
        name = asked["name"].strip()
        if name == desired["name"] != server.name:
            # It is shown with a name that somebody gave it in its cloud.
            desired[INSISTS] = {**desired.get(INSISTS, {}), "name": server.generation + 1}
        server.name = desired["name"] = name
    if "description" in asked:
        desired["description"] = asked["description"]
    for field, name in (("OS-DCF:diskConfig", "disk_config"), ("accessIPv4", "access_ip_v4")):
        if field in asked:
            desired[name] = asked[field]
    if "accessIPv6" in asked:
        desired["access_ip_v6"] = bodies.access_address(asked["accessIPv6"])
    if "pinned_availability_zone" in asked:
        _pin(server, asked["pinned_availability_zone"])
    return before != (server.name, msgspec.json.encode(desired))


async def _set_hostname(tx: Transaction, server: Resource, hostname: str) -> None:
    """Put another host name into what is desired; `Invalid` where the server's cloud cannot change it so."""
    here = at_home(server.home, await presences.of_resource(tx, "server", server.id))
    observed = view.observation_of(here)
    limit = observed.hostnames if observed is not None else ""
    if here is not None and (limit == "none" or (limit == "label" and "." in hostname)):
        floor = "2.90" if limit == "none" else "2.94"
        raise Invalid(
            f"hostname cannot be changed to {hostname!r} in the cloud {here.cloud}, where the server is: "
            f"that needs compute {floor} there."
        )
    desired = server.desired
    if hostname == desired["hostname"]:
        # It is shown with one that somebody gave it in its cloud.
        desired[INSISTS] = {**desired.get(INSISTS, {}), "hostname": server.generation + 1}
    desired.update(hostname=hostname, hostname_given=True)


def _pin(server: Resource, zone: str | None) -> None:
    """Pin a server to the zone that it is in, or let it go."""
    if zone is None:
        server.desired["zone"] = ""
        return
    pinned = server.desired["zone"]
    if pinned and zone != pinned:
        raise Conflict(
            "Cannot change pinned availability zone directly. Unpin first by setting pinned_availability_zone to null."
        )
    here = shown(server)["OS-EXT-AZ:availability_zone"]
    if not pinned and zone != here:
        raise Conflict(
            f"Server can only be pinned to its current availability zone '{here}', but '{zone}' was requested."
        )
    server.desired["zone"] = zone
