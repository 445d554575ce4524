"""What is asked of a server is a row; what the version before has written counts as much."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.action import ASKED, DONE, ERROR, FAILED, SENT, SUCCESS, SUPERSEDED, Action, Event
from fractus.model.cloud import Step
from fractus.model.errors import Invalid, NotFound
from fractus.model.server_verbs import CLOUD_VERBS, SERVER_VERBS, ServerVerb, When, verb_to
from fractus.reconcile.kind import Acts, Apply, Done
from fractus.services.compute.servers import actions, policy, view
from fractus.services.compute.servers.api import changing
from fractus.store import actions as stored
from fractus.web.microversion import Version
from tests.unit.services.compute.servers.house import House, admin
from tests.unit.services.compute.servers.test_lifecycle import LIFE, MEMORY, OFF, item, seen

STOP = {"os-stop": None}


async def act(house: House, id: str, body: dict[str, Any], **more: Any) -> None:
    await house.ask("POST", f"/servers/{id}/action", body, **more)


async def placed(house: House) -> str:
    id = await house.create()
    await house.place(id)
    return id


async def rows(house: House, id: str) -> dict[int, Action]:
    return {one.token: one for one in await stored.history(house.store, "server", id, 100)}


async def as_before(house: House, id: str, *entries: dict[str, Any]) -> None:
    """The server as a process of the version before has left it, with what that adds to its list."""
    async with house.store.transaction() as tx:
        await stored.forget(tx, "server", id)
        server = await house.resources.fetch(tx, "server", id)
        assert server is not None
        for name in ("acting", "token"):
            server.desired.pop(name, None)
        server.desired["actions"] += entries
        await house.resources.save(tx, server)


def entry(token: int, verb: str = "stop", **args: Any) -> dict[str, Any]:
    """As the version before writes it."""
    who = {"user_id": "ann", "project_id": "ann-project"}
    return {
        "token": token,
        "verb": verb,
        "args": args,
        "request_id": f"old-{token}",
        **who,
        "at": 1e9 + token,
    }


def action(token: int, verb: str = "stop", **about: Any) -> Action:
    return Action(kind="server", id="s", token=token, verb=verb, due_at=1.0, **about)


#: What ends in the state in which it was asked.
AS_IT_WAS = (
    "changePassword",
    "live-migration",
    "trigger_crash_dump",
    "injectNetworkInfo",
    "createImage",
    "createBackup",
)


# --- the table ------------------------------------------------------------------------------------


def test_a_verb_is_a_row_and_its_route_and_rule_follow() -> None:
    pause = ServerVerb(
        name="pause",
        key="pause",
        rule="os_compute_api:os-pause-server:pause",
        summary="Pause a server.",
        since="2.17",
        when=When(vm_states=("active",), task="pausing"),
        ends="paused",
    )

    async def handler(_call: Any) -> Any:
        return None

    route = changing._action(pause, handler)
    assert (route.action, route.rule, route.min_version) == ("pause", pause.rule, Version(2, 17))
    assert pause.request({}) == {"pause": None}
    assert pause.is_at("paused")
    assert pause.is_at_status("PAUSED")
    assert not pause.is_at_status("ACTIVE")


def test_each_row_is_whole() -> None:
    rules = {rule.name for rule in policy.RULES}
    assert {verb.rule for verb in SERVER_VERBS.values()} <= rules
    assert len({verb.key for verb in SERVER_VERBS.values()}) == len(SERVER_VERBS)
    for verb in CLOUD_VERBS.values():
        assert verb.event.startswith("compute_")
        assert verb.ends or verb.name in AS_IT_WAS
        for when in (verb.when, *verb.variants.values()):
            assert when is not None
            unseen = when.task is None and verb.name in (*AS_IT_WAS, "confirmResize")
            assert unseen or when.task in verb.tasks, "what we show is one of what the cloud shows"
    assert isinstance(LIFE, Acts)
    assert LIFE.verbs == set(CLOUD_VERBS)
    assert [verb_to(state).name for state in ("active", "stopped")] == ["start", "stop"]


@pytest.mark.parametrize(
    ("args", "task", "goes_before"),
    [
        ({"type": "HARD"}, "rebooting", True),
        ({"type": "HARD"}, "reboot_started_hard", True),
        ({"type": "HARD"}, "pausing", False),
        ({"type": "SOFT"}, "rebooting", False),
    ],
)
def test_a_hard_reboot_goes_before_a_soft_one(args: dict[str, Any], task: str, goes_before: bool) -> None:
    assert CLOUD_VERBS["reboot"].overtakes(args, task) is goes_before


# --- rows -----------------------------------------------------------------------------------------


async def test_what_a_cloud_has_to_do_is_open(house: House) -> None:
    id = await placed(house)
    await act(house, id, {"reboot": {"type": "Hard"}}, who=admin())
    (row,) = (await rows(house, id)).values()
    assert (row.token, row.verb, row.args, row.state) == (2, "reboot", {"type": "HARD"}, ASKED)
    assert (row.user_id, row.project_id, row.at) == ("root", "admin-project", house.clock.at)
    assert row.due_at == house.clock.at + 60
    desired = (await house.fetch(id)).desired
    assert desired["acting"] == {"token": 2, "verb": "reboot", "args": {"type": "HARD"}}
    assert (desired["token"], desired["actions"][-1]["request_id"]) == (2, row.request_id)


async def test_what_only_we_know_of_is_done_at_once(house: House) -> None:
    id = await placed(house)
    await act(house, id, {"lock": None})
    (row,) = (await rows(house, id)).values()
    assert (row.verb, row.state, row.due_at, row.finished_at) == ("lock", DONE, None, house.clock.at)
    assert "acting" not in (await house.fetch(id)).desired


async def test_a_refused_request_leaves_no_row(house: House) -> None:
    id = await house.create()
    with pytest.raises(Exception, match="is not ready"):
        await act(house, id, STOP)
    assert await rows(house, id) == {}


async def test_what_is_open_is_over_when_the_server_is_deleted(house: House) -> None:
    id = await placed(house)
    await act(house, id, STOP)
    await house.ask("DELETE", f"/servers/{id}")
    assert {token: (row.verb, row.state) for token, row in (await rows(house, id)).items()} == {
        2: ("stop", SUPERSEDED),
        3: ("delete", DONE),
    }
    assert await stored.open_of(house.store, "server", id) == []


# --- the plan -------------------------------------------------------------------------------------


def with_rows(about: Any, *open_ones: Action) -> Any:
    return type(about)(about.resource, about.presence, about.remote, open_ones)


def test_the_newest_takes_the_place_of_those_before() -> None:
    asked = {"token": 3, "verb": "start", "args": {}}
    about = with_rows(item(acting=asked), action(2), action(3, "start"))
    assert LIFE.plan(about, seen(**OFF)) == Apply(
        Step("start"), {**MEMORY, "done": 3, "sent": 3}, once="start:3", over=(2,)
    )


@pytest.mark.parametrize("memory", [{"done": 2, "sent": 2}, {"done": 0, "sent": 0}, {"done": 2, "sent": 0}])
def test_what_is_so_is_over_whoever_has_done_it(memory: dict[str, int]) -> None:
    asked = {"token": 2, "verb": "stop", "args": {}}
    about = with_rows(item(None, {**MEMORY, **memory}, acting=asked), action(2))
    assert LIFE.plan(about, seen(**OFF)) == Done({**MEMORY, "done": 2}, over=(2,))


@pytest.mark.parametrize(
    ("acting", "listed", "newest"),
    [
        (None, [], None),
        (None, [entry(1, "create"), entry(2), entry(3, "lock")], 2),
        (4, [entry(1, "create"), entry(4)], 4),
        (2, [entry(1, "create"), entry(2), entry(3, "start")], 3),
        (2, [entry(1, "create"), entry(2), entry(3, "lock")], 2),
        (2, [], 2),
    ],
)
def test_the_newest_counts_whoever_wrote_it(acting: int | None, listed: Any, newest: int | None) -> None:
    desired: dict[str, Any] = {"actions": listed}
    if acting is not None:
        desired["acting"] = {"token": acting, "verb": "stop", "args": {}}
    found = actions.newest(desired)
    assert (found and found["token"]) == newest
    assert (
        actions.next_token({**desired, "token": acting or 0})
        == max([acting or 0, *(one["token"] for one in listed)]) + 1
    )


# --- what the version before has written ------------------------------------------------------------


async def history(house: House, id: str, **more: Any) -> list[tuple[str, str | None]]:
    answer = await house.ask("GET", f"/servers/{id}/os-instance-actions", **more)
    return [(one["action"], one["message"]) for one in answer["instanceActions"]]


async def test_a_pending_stop_of_the_version_before_is_planned_shown_and_listed(house: House) -> None:
    id = await placed(house)
    await as_before(house, id, entry(2))
    await house.remember(id)
    server = await house.ask("GET", f"/servers/{id}")
    assert server["server"]["OS-EXT-STS:task_state"] == "powering-off"
    assert view.power_wanted((await house.fetch(id)).desired) == "stopped"
    plan = LIFE.plan(with_rows(item([entry(2)])), seen())
    assert isinstance(plan, Apply)
    assert (plan.step, plan.once) == (Step("stop"), "stop:2")
    assert await history(house, id) == [("stop", None), ("create", None)]
    shown = await house.ask("GET", f"/servers/{id}/os-instance-actions/old-2")
    assert (shown["instanceAction"]["action"], shown["instanceAction"]["events"]) == ("stop", [])


async def test_rows_and_the_list_are_one_history(house: House) -> None:
    """A server of the version before, changed by us, then by a process of the version before, then by us."""
    id = await placed(house)
    await as_before(house, id, entry(2, "lock"), entry(3, "unlock"))
    await act(house, id, {"lock": None})
    async with house.store.transaction() as tx:
        server = await house.resources.fetch(tx, "server", id)
        assert server is not None
        server.desired["actions"].append(entry(5, "unlock"))
        await house.resources.save(tx, server)
    await act(house, id, STOP, who=admin())
    assert sorted(await rows(house, id)) == [4, 6]
    every = ["stop", "unlock", "lock", "unlock", "lock", "create"]
    assert [verb for verb, _ in await history(house, id)] == every
    assert [verb for verb, _ in await history(house, id, version="2.57")] == every
    paged, query = [], "limit=2"
    while query:
        answer = await house.ask("GET", f"/servers/{id}/os-instance-actions", query=query)
        paged += [one["action"] for one in answer["instanceActions"]]
        query = answer["links"][0]["href"].partition("?")[2] if "links" in answer else ""
    assert paged == every
    said = await house.refused(Invalid, "GET", f"/servers/{id}/os-instance-actions", query="marker=old-9")
    assert said == "Marker old-9 could not be found."


async def test_what_an_old_worker_noted_of_a_row_counts(house: House) -> None:
    id = await placed(house)
    await act(house, id, STOP)
    await house.remember(id, done=2, failed={"stop:2": "no"})
    assert await history(house, id) == [("stop", "Error"), ("create", None)]


async def test_more_than_the_list_keeps_is_read_from_rows(house: House) -> None:
    id = await placed(house)
    for _ in range(205):
        await act(house, id, {"unlock": None})
    assert len((await house.fetch(id)).desired["actions"]) == 200
    assert len(await history(house, id)) == 206


def test_the_list_keeps_nothing_that_is_secret_or_large() -> None:
    desired: dict[str, Any] = {}
    for token, (verb, args) in enumerate(
        [("reboot", {"type": "HARD"}), ("rebuild", {"adminPass": "sealed", "user_data": "x" * 65535})], 1
    ):
        actions.noted(desired, Action(kind="server", id="1", token=token, verb=verb, args=args))
    assert [one["args"] for one in desired["actions"]] == [{"type": "HARD"}, {}]
    newest = actions.newest(desired)
    assert newest is not None
    assert newest["args"] == {"adminPass": "sealed", "user_data": "x" * 65535}


# --- events ---------------------------------------------------------------------------------------


async def test_events_are_shown_as_each_version_has_them(house: House) -> None:
    id = await placed(house)
    await act(house, id, STOP)
    row = (await rows(house, id))[2]
    row.state, row.error = FAILED, "it is locked"
    row.events = [
        Event(step="stop", cloud="east", started_at=10.0, finished_at=11.5, result=SUCCESS),
        Event(
            step="stop", cloud="east", started_at=12.0, finished_at=13.0, result=ERROR, details="it is locked"
        ),
    ]
    async with house.store.transaction() as tx:
        await stored.save(tx, row)
    at = f"/servers/{id}/os-instance-actions/{row.request_id}"

    async def events(version: str, who: Any = None) -> list[dict[str, Any]]:
        answer = await house.ask("GET", at, version=version, who=who)
        found: list[dict[str, Any]] = answer["instanceAction"]["events"]
        assert answer["instanceAction"]["message"] == "Error"
        return found

    newest = {
        "event": "compute_stop_instance",
        "start_time": "1970-01-01T00:00:12.000000",
        "finish_time": "1970-01-01T00:00:13.000000",
        "result": "Error",
    }
    host = view.host_id("ann-project", "east")
    assert (await events("2.51"))[0] == newest
    assert (await events("2.62"))[0] == {**newest, "hostId": host}
    assert (await events("2.84"))[0] == {**newest, "hostId": host}
    assert (await events("2.1", admin()))[0] == {**newest, "traceback": None}
    whole = {**newest, "traceback": None, "host": "east", "hostId": host, "details": "it is locked"}
    assert (await events("2.104", admin()))[0] == whole
    assert [one["result"] for one in await events("2.104")] == ["Error", "Success"]


async def test_an_event_that_goes_on_has_no_end(house: House) -> None:
    id = await placed(house)
    await act(house, id, STOP)
    row = (await rows(house, id))[2]
    row.state, row.events = SENT, [Event(step="stop", cloud="east", started_at=10.0)]
    async with house.store.transaction() as tx:
        await stored.save(tx, row)
    answer = await house.ask("GET", f"/servers/{id}/os-instance-actions/{row.request_id}")
    (event,) = answer["instanceAction"]["events"]
    assert (event["finish_time"], event["result"]) == (None, None)
    await house.refused(NotFound, "GET", f"/servers/{id}/os-instance-actions/req-nobody")
