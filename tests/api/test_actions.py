"""Actions of servers, end to end: what their clouds did is shown; what the version before has accepted is done."""

from __future__ import annotations

from typing import Any, cast

import pytest
from sqlalchemy import bindparam, delete

from fractus.reconcile.converge import acting
from fractus.reconcile.machine import Machine
from fractus.reconcile.queue.loop import Worker
from fractus.store import actions, presences
from fractus.store.schema import WORK
from fractus.store.transaction import Query
from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World

_end_work = Query(delete(WORK).where(WORK.c.kind == "server", WORK.c.id == bindparam("i")))


def _machine(world: World) -> Machine:
    return cast(Worker, world.parts.worker).machine


def _boots(world: World) -> int:
    """How often the one server there has begun to run."""
    (there,) = world.cloud("a").of("server")
    return len(cast(Any, there).boots)


async def _running(user: User, world: World) -> str:
    server = await user.boots_server("vm", zone="a")
    await world.settle()
    return server


async def _history(user: User, server: str) -> list[dict[str, Any]]:
    at = f"{COMPUTE}/servers/{server}/os-instance-actions"
    found: list[dict[str, Any]] = (await user.get(at)).ok()["instanceActions"]
    return found


async def _events(user: User, server: str, place: int = 0) -> list[dict[str, Any]]:
    request = (await _history(user, server))[place]["request_id"]
    at = f"{COMPUTE}/servers/{server}/os-instance-actions/{request}"
    answer = await user.get(at, version="2.104")
    found: list[dict[str, Any]] = answer.ok()["instanceAction"]["events"]
    return found


async def _as_before(world: World, server: str, *entries: dict[str, Any]) -> None:
    """The server as processes of the version before have left it, who add something to their list."""
    core = world.core
    async with core.store.transaction() as tx:
        await actions.forget(tx, "server", server)
        row = await core.resources.fetch(tx, "server", server)
        assert row is not None
        for name in ("acting", "token"):
            row.desired.pop(name, None)
        row.desired["actions"] += entries
        every = await presences.of_resource(tx, "server", server)
        await core.ledger.change(tx, row, _machine(world).lifecycles["server"].summarise(row, every))


def _entry(token: int, verb: str, **args: str) -> dict[str, Any]:
    who = {"user_id": "u", "project_id": "p"}
    return {"token": token, "verb": verb, "args": args, "request_id": f"req-old-{token}", **who, "at": 1e9}


async def test_what_a_cloud_did_is_shown_as_events(world: World) -> None:
    ann = world.user("ann")
    server = await _running(ann, world)
    (await ann.acts(server, "os-stop")).ok()
    assert await _events(ann, server) == []
    await world.settle()
    (event,) = await _events(ann, server)
    assert (event["event"], event["result"]) == ("compute_stop_instance", "Success")
    assert event["start_time"] < event["finish_time"]
    assert set(event) == {"event", "start_time", "finish_time", "result", "hostId"}
    (whole,) = await _events(world.admin, server)
    assert (whole["host"], whole["traceback"], whole["details"]) == ("a", None, None)


async def test_what_a_cloud_refuses_is_shown_and_the_server_goes_on(world: World) -> None:
    ann = world.user("ann")
    server = await _running(ann, world)
    world.cloud("a").faults.refuses_once("It is locked there.", kind="server", method="apply stop")
    (await ann.acts(server, "os-stop")).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert [(one["action"], one["message"]) for one in await _history(ann, server)] == [
        ("stop", "Error"),
        ("create", None),
    ]
    (event,) = await _events(world.admin, server)
    assert (event["result"], event["details"]) == ("Error", "It is locked there.")
    (await ann.acts(server, "os-stop")).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "SHUTOFF"


async def test_a_reboot_whose_answer_was_lost_has_one_end(world: World) -> None:
    ann = world.user("ann")
    server = await _running(ann, world)
    world.cloud("a").faults.loses_reply_once(kind="server", method="apply reboot")
    (await ann.acts(server, "reboot", {"type": "HARD"})).ok()
    await world.work_once()
    world.restart_worker()
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    (row,) = await actions.history(world.core.store, "server", server, 2)
    assert (row.verb, row.state) == ("reboot", "done")
    assert _boots(world) == 2


# --- beside the version before ----------------------------------------------------------------------

PENDING = [
    (_entry(2, "stop"), "SHUTOFF", "compute_stop_instance"),
    (_entry(2, "reboot", type="SOFT"), "ACTIVE", "compute_reboot_instance"),
]


@pytest.mark.parametrize(("entry", "status", "event"), PENDING)
async def test_a_pending_action_of_the_version_before_is_done(
    world: World, entry: dict[str, Any], status: str, event: str
) -> None:
    ann = world.user("ann")
    server = await _running(ann, world)
    await _as_before(world, server, entry)
    await world.settle()
    assert (await ann.server(server))["status"] == status
    assert _boots(world) == (2 if entry["verb"] == "reboot" else 1)
    assert [one["action"] for one in await _history(ann, server)] == [entry["verb"], "create"]
    assert await _events(ann, server) == []
    # What is asked from now on has a row beside it.
    (await ann.acts(server, "reboot", {"type": "HARD"})).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert [one["action"] for one in await _history(ann, server)] == ["reboot", entry["verb"], "create"]
    assert [one["event"] for one in await _events(ann, server)] == ["compute_reboot_instance"]


async def test_what_a_worker_of_the_version_before_has_done_is_not_done_again(world: World) -> None:
    """It knows no rows: it leaves its marks in the presence's memory, and the row open."""
    ann = world.user("ann")
    server = await _running(ann, world)
    (await ann.acts(server, "reboot", {"type": "HARD"})).ok()
    core = world.core
    (row,) = await actions.open_of(core.store, "server", server)
    await world.settle()
    async with core.store.transaction() as tx:
        await actions.forget(tx, "server", server)
        row.due_at = tx.now()
        await actions.add(tx, row)
    assert await acting.look_at_due(_machine(world)) == 1
    await world.settle()
    assert await actions.open_of(core.store, "server", server) == []
    assert _boots(world) == 2, "once when it was made, once for the reboot"


async def test_what_a_worker_of_the_version_before_let_go_of_goes_on(world: World) -> None:
    """The work was taken and ended by a process that did not see the action."""
    ann = world.user("ann")
    server = await _running(ann, world)
    (await ann.acts(server, "os-stop")).ok()
    core = world.core
    async with core.store.transaction() as tx:
        await tx.execute(_end_work, i=server)
    await world.run_for(120)
    assert (await ann.server(server))["OS-EXT-STS:task_state"] == "powering-off"
    assert await acting.look_at_due(_machine(world)) == 1
    await world.settle()
    assert (await ann.server(server))["status"] == "SHUTOFF"
