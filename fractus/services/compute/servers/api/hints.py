"""Scheduler hints of new servers: what they say of clouds is decided here, the rest is for the cloud's own scheduler.

A group is carried to the cloud. Servers that are named are named there by the ids that they have there; `same_host`
decides the cloud, for a host is in one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from fractus.model.errors import Conflict, Invalid, QuotaExceeded
from fractus.model.resource import IF_PRESENT, Need, Resource, at_home
from fractus.services.compute.servers.api.access import Dependencies, bound, shown
from fractus.services.compute.servers.schema.hints import hints_of
from fractus.store import presences
from fractus.store.transaction import Transaction
from fractus.web.routing import Call

#: Nova's default, where there are no quotas.
_MEMBERS = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Hints:
    """What the hints of a request come to."""

    desired: dict[str, Any]
    """What is kept of them with each server."""
    needs: Sequence[Need] = ()
    group: Resource | None = None


async def read_hints(given: Dependencies, call: Call, tx: Transaction, zone: str) -> Hints:
    """Judge the hints of a request for servers in `zone` (empty: any)."""
    hints = hints_of(call.body)
    if not hints:
        return Hints({})
    asked = {name: value if isinstance(value, list) else [value] for name, value in hints.items()}
    needs: list[Need] = []
    desired: dict[str, Any] = {"scheduler_hints": asked}
    group = await _group(given, call, tx, asked.get("group", []), zone)
    if group is not None:
        desired["group"] = {"id": group.id, "policy": group.desired["policy"]}
        needs.append(Need("server_group", group.id))
    same = await _servers(given, call, tx, asked.get("same_host", []))
    if same:
        desired["hinted_cloud"] = await _cloud_of(tx, same, zone)
    apart = await _servers(given, call, tx, asked.get("different_host", []))
    ids = dict.fromkeys(one.id for one in (*same, *apart))
    needs += [Need("server", id, mode=IF_PRESENT) for id in ids]
    return Hints(desired, needs, group)


async def check_members(given: Dependencies, call: Call, tx: Transaction, hints: Hints, number: int) -> None:
    """Refuse more servers in a group than its project may have in one."""
    if hints.group is None:
        return
    most = await bound(given, tx, call.principal.project_id, "server_group_members", _MEMBERS)
    if len(await given.groups.members(tx, hints.group.id)) + number > most:
        raise QuotaExceeded("Quota exceeded, too many servers in group")


async def _group(
    given: Dependencies, call: Call, tx: Transaction, ids: Sequence[str], zone: str
) -> Resource | None:
    if not ids:
        return None
    group = await given.groups.usable(tx, call.principal, ids[0]) if len(ids) == 1 else None
    if group is None:
        raise Invalid(f"Instance group {', '.join(ids)} could not be found.")
    if zone and group.desired["policy"] == "affinity":
        there = await presences.counts_of_users(tx, group.kind, group.id, "server")
        if there and zone not in there:
            raise Conflict(
                f"Server group {group.id} keeps its servers together in {', '.join(sorted(there))}, which a server in"
                f" {zone} cannot join: leave the availability zone out, or name that one."
            )
    return group


async def _servers(given: Dependencies, call: Call, tx: Transaction, ids: Sequence[str]) -> list[Resource]:
    """The caller's servers of these ids, each once."""
    found = []
    for id in dict.fromkeys(ids):
        server = await given.ledger.resources.fetch(tx, "server", id)
        if (
            server is None
            or server.deleted_at is not None
            or not (call.principal.is_admin or server.project_id == call.principal.project_id)
        ):
            raise Invalid(f"Instance {id} could not be found.")
        found.append(server)
    return found


async def _cloud_of(tx: Transaction, servers: Sequence[Resource], zone: str) -> str:
    """The cloud in which all of these servers are."""
    clouds = {}
    for one in servers:
        here = at_home(one.home, await presences.of_resource(tx, "server", one.id))
        if here is None or here.remote_id is None or not shown(one)["hostId"]:
            raise Conflict(f"Instance {one.id} is on no host yet, so no other can be built on the same one.")
        clouds[here.cloud] = one.id
    names = ", ".join(sorted({*clouds, *([zone] if zone else [])}))
    if len(clouds) > 1 or (zone and zone not in clouds):
        raise Conflict(f"same_host asks for one host in different clouds: {names}.")
    return next(iter(clouds))
