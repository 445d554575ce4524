"""Actions as rows: open ones, history in pages, due ones, and that each statement finds its rows by an index."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.action import ASKED, DONE, ERROR, FAILED, SENT, SUPERSEDED, Action, Event
from fractus.model.resource import Presence
from fractus.store import actions, presences
from fractus.store.sqlite import _DIALECT, SqliteStore
from fractus.store.transaction import Query
from fractus.testing.stores import AnyStore
from tests.unit.store.conftest import HandClock


def action(token: int, **about: Any) -> Action:
    given: dict[str, Any] = {
        "kind": "server",
        "id": "s",
        "verb": "stop",
        "due_at": 60.0 + token,
        "at": float(token),
        "request_id": f"req-{token}",
        **about,
    }
    return Action(token=token, **given)


def finished(token: int, **about: Any) -> Action:
    return action(token, **{"state": DONE, "due_at": None, "finished_at": 9.0, **about})


async def added(tables: AnyStore, *many: Action) -> None:
    async with tables.transaction() as tx:
        for one in many:
            await actions.add(tx, one)


async def test_an_action_comes_back_as_it_was_written(tables: AnyStore) -> None:
    made = action(
        3,
        verb="reboot",
        args={"type": "HARD", "é": None},
        state=FAILED,
        step=1,
        error="it is locked",
        events=[Event(step="reboot", cloud="east", started_at=4.5, finished_at=5.0, result=ERROR)],
        user_id="ann",
        project_id="p",
        finished_at=5.0,
    )
    await added(tables, made)
    assert await actions.open_of(tables, "server", "s") == [made]
    assert made.once == "reboot:3"


async def test_what_became_of_it_is_written_while_it_is_open(tables: AnyStore) -> None:
    event = Event(step="stop", cloud="east", started_at=4.5)
    await added(tables, action(1), action(2))
    async with tables.transaction() as tx:
        await actions.save(tx, action(2, state=SENT, step=1, events=[event], verb="never changed"))
    one, other = await actions.open_of(tables, "server", "s")
    assert (other.state, other.step, other.events, other.verb) == (SENT, 1, [event], "stop")
    assert one == action(1)
    async with tables.transaction() as tx:
        await actions.save(tx, finished(2))
        await actions.save(tx, action(2, state=ASKED))
        await actions.save(tx, action(3))
    found = await actions.history(tables, "server", "s", 10)
    assert [(one.token, one.state, one.due_at) for one in found] == [(2, DONE, None), (1, ASKED, 61.0)]


async def test_open_ones_are_those_of_the_resource_oldest_first(tables: AnyStore) -> None:
    await added(tables, action(2), action(1), finished(3), action(1, id="t"), action(1, kind="volume"))
    assert [one.token for one in await actions.open_of(tables, "server", "s")] == [1, 2]
    found = await actions.open_of_many(tables, "server", ["t", "s", "nobody"])
    assert {id: [one.token for one in many] for id, many in found.items()} == {"s": [1, 2], "t": [1]}
    assert await actions.open_of_many(tables, "server", []) == {}


async def test_a_presence_says_whether_its_resource_has_open_actions(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        for id in ("s", "t", "u"):
            await presences.add(tx, Presence(kind="server", id=id, cloud="east"))
    await added(tables, action(1), finished(1, id="t"), action(1, kind="volume", id="u"))
    found = [await presences.fetch_acting(tables, "server", id, "east") for id in ("s", "t", "u")]
    assert [one is not None and one.acting for one in found] == [True, False, False]
    assert await presences.fetch_acting(tables, "server", "s", "west") is None


async def test_the_history_newest_first_in_pages_and_by_time(tables: AnyStore) -> None:
    await added(tables, *(finished(token) for token in range(1, 8)), finished(9, id="t"))

    async def page(limit: int, **bounds: Any) -> list[int]:
        return [one.token for one in await actions.history(tables, "server", "s", limit, **bounds)]

    assert await page(3) == [7, 6, 5]
    assert await page(3, below=5) == [4, 3, 2]
    assert await page(3, below=2) == [1]
    assert await page(9, since=3.0, before=5.0) == [4, 3]
    assert await page(0) == []


async def test_by_request(tables: AnyStore) -> None:
    await added(tables, finished(2, request_id="req"), finished(1, request_id="req"), finished(3))
    found = await actions.of_request(tables, "server", "s", "req")
    assert [one.token for one in found] == [1, 2]
    assert await actions.of_request(tables, "server", "t", "req") == []


async def test_what_is_due_and_put_off(tables: AnyStore) -> None:
    await added(tables, action(2), action(1), action(1, id="t", due_at=61.5), finished(1, id="u"))
    assert await actions.due(tables, 60.0, 10) == []
    assert await actions.due(tables, 99.0, 10) == [("server", "s"), ("server", "t")]
    assert await actions.due(tables, 99.0, 1) == [("server", "s")]
    async with tables.transaction() as tx:
        await actions.put_off(tx, "server", "s", 99.0, 160.0)
    assert await actions.due(tables, 99.0, 10) == [("server", "t")]
    assert [one.due_at for one in await actions.open_of(tables, "server", "s")] == [160.0, 160.0]


async def test_closing_ends_what_is_open_and_nothing_else(tables: AnyStore, clock: HandClock) -> None:
    await added(tables, finished(1), action(2, state=ASKED), action(1, id="t"))
    async with tables.transaction() as tx:
        await actions.close(tx, "server", "s", SUPERSEDED)
    newest, oldest = await actions.history(tables, "server", "s", 10)
    assert (newest.state, newest.due_at, newest.finished_at) == (SUPERSEDED, None, clock.now())
    assert (oldest.state, oldest.finished_at) == (DONE, 9.0)
    assert len(await actions.open_of(tables, "server", "t")) == 1


async def test_of_a_long_history_the_newest_are_kept_and_all_that_is_open(tables: AnyStore) -> None:
    await added(tables, finished(1, id="other"), action(2))
    await added(tables, *(finished(token) for token in range(3, actions.KEPT + 251)))
    assert actions.KEPT == 1000, "docs/architecture.md says so"
    kept = [one.token for one in await actions.history(tables, "server", "s", 10_000)]
    assert kept == [*range(1250, 200, -1), 2]
    assert [one.token for one in await actions.history(tables, "server", "other", 10)] == [1]


async def test_a_history_that_has_grown_far_longer_is_cut_in_parts(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        for token in range(1, 3000):
            await tx.put(actions._add, actions._values(finished(token)))
    lengths = []
    for token in range(3000, 3501, 100):
        await added(tables, finished(token))
        lengths.append(len(await actions.history(tables, "server", "s", 10_000)))
    assert lengths == [2800, 2601, 2402, 2203, 2004, 1805]


async def test_a_history_goes_with_its_resource(tables: AnyStore) -> None:
    await added(tables, finished(1), action(2), finished(1, id="t"))
    async with tables.transaction() as tx:
        await actions.forget(tx, "server", "s")
    assert await actions.history(tables, "server", "s", 10) == []
    assert len(await actions.history(tables, "server", "t", 10)) == 1


async def test_every_statement_finds_its_rows_by_an_index(tables: AnyStore) -> None:
    if not isinstance(tables, SqliteStore):
        pytest.skip("SQLite tells how it finds rows; the statements are the same everywhere")
    queries = {name: one for name, one in vars(actions).items() if isinstance(one, Query)}
    queries["acting"] = presences._one_acting
    queries["open_many"] = actions._open_many[20]
    plans = {}
    for name, query in queries.items():
        text = query.compiled(_DIALECT).text
        if not text.startswith("INSERT"):
            rows = tables.connection.execute("EXPLAIN QUERY PLAN " + text, (None,) * text.count("?"))
            plans[name] = [row[3] for row in rows]
    assert not [name for name, plan in plans.items() if any("SCAN" in step for step in plan)]
    assert "action_by_resource" in plans["acting"][-1]
    assert "action_by_resource" in plans["_open"][0]
    assert "action_by_resource" in plans["open_many"][0]
    assert "action_by_due" in plans["_due"][0]
    assert not [step for step in plans["_history"] if "TEMP B-TREE" in step], "read in order"
