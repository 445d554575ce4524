"""Resources, presences, needs and clouds as rows; and that the machine's statements find them by an index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, cast

import apsw
import pytest
from sqlalchemy import Column, Integer

from fractus.model.resource import BLOCKED, CARRY_ASYNC, PENDING, SETTLED, Need, Presence, Resource, Summary
from fractus.store import clouds, presences, resources, work
from fractus.store.clouds import CloudRecord
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.schema import resource_table
from fractus.store.sqlite import _DIALECT, SqliteStore
from fractus.store.transaction import Conflict, Query, Transaction
from fractus.testing.stores import AnyStore
from tests.unit.own_tables import OWN
from tests.unit.store.conftest import HandClock

CRATE = resource_table("crate", Column("weight", Integer, nullable=False, default=0), metadata=OWN)
ALL = Resources({"crate": CRATE})


def crate(id: str = "c1", **values: object) -> Resource:
    return Resource(kind="crate", id=id, project_id="p1", desired={"size": 1}, **values)  # type: ignore[arg-type]


def summary(status: str = "new", **columns: object) -> Summary:
    return Summary(status, {"status": status, "é": None}, {"admin": True}, columns)


# --- resources ----------------------------------------------------------------------------------


async def test_a_resource_comes_back_as_it_was_written(tables: AnyStore) -> None:
    made = crate(name="ä", user_id="u1", choice={"cloud": "east"}, request_id="req-1")
    async with tables.transaction() as tx:
        await ALL.add(tx, made, summary(weight=5))
    found = await ALL.fetch(tables, "crate", "c1")
    assert found == made
    assert (found.status, found.summary, found.extra) == (
        "new",
        '{"status":"new","é":null}'.encode(),
        b'{"admin":true}',
    )
    assert (found.created_at, found.updated_at, found.wanted) == (1000.0, 1000.0, True)


async def test_saving_without_a_summary_leaves_what_users_see(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        made = await ALL.add(tx, crate(), summary(weight=5))
        made.desired["size"] = 2
        await ALL.save(tx, made)
    found = await ALL.fetch(tables, "crate", "c1")
    assert found is not None
    assert (found.desired, found.status) == ({"size": 2}, "new")
    async with tables.transaction() as tx:
        await ALL.save(tx, found, summary("old"))
    found = await ALL.fetch(tables, "crate", "c1")
    assert found is not None
    assert found.status == "old"


async def test_two_of_one_id_are_refused(tables: AnyStore) -> None:
    async def twice() -> None:
        async with tables.transaction() as tx:
            await ALL.add(tx, crate(), summary())
            await ALL.add(tx, crate(), summary())

    # On a server it may have been another one's at the same moment: the run after this one will see it.
    with pytest.raises((apsw.ConstraintError, Conflict)):
        await twice()
    assert await ALL.fetch(tables, "crate", "c1") is None


@pytest.mark.parametrize(
    ("project", "deleted", "seen"),
    [("p1", None, True), (None, None, True), ("p2", None, False), ("p1", 5.0, False), (None, 5.0, False)],
)
async def test_who_may_see_it(
    tables: AnyStore, project: str | None, deleted: float | None, seen: bool
) -> None:
    async with tables.transaction() as tx:
        await ALL.add(tx, crate(deleted_at=deleted), summary())
    assert (await ALL.visible(tables, "crate", "c1", project) is not None) is seen
    assert await ALL.visible(tables, "crate", "c2", project) is None


async def test_needs_are_replaced_as_a_whole(tables: AnyStore) -> None:
    needs = [Need("net", "1"), Need("plug", "1", exclusive=True), Need("group", "1", mode=CARRY_ASYNC)]
    async with tables.transaction() as tx:
        await ALL.add(tx, crate(), summary(), [*needs, Need("net", "1")])
    assert sorted(await ALL.needs(tables, "crate", "c1"), key=str) == sorted(needs, key=str)
    assert await ALL.needed_by(tables, "net", "1") == [("crate", "c1")]
    async with tables.transaction() as tx:
        await ALL.set_needs(tx, "crate", "c1", needs[:1])
    assert await ALL.needs(tables, "crate", "c1") == needs[:1]
    assert await ALL.needed_by(tables, "plug", "1") == []


async def test_dropped_for_good(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        await ALL.add(tx, crate(), summary())
        await ALL.drop(tx, "crate", "c1")
    assert await ALL.fetch(tables, "crate", "c1") is None


# --- the ledger ---------------------------------------------------------------------------------


class CountingNotifier:
    """A notifier that counts."""

    def __init__(self) -> None:
        self.times = 0

    def notify(self, cloud: str) -> None:
        self.times += 1


async def test_law_1_a_request_and_its_work_are_written_together_or_not_at_all(tables: AnyStore) -> None:
    notifier = CountingNotifier()
    ledger = Ledger(ALL, notifier)

    async def refused() -> None:
        async with tables.transaction() as tx:
            await ledger.create(tx, crate("bad"), summary(), assign=True)
            raise LookupError("no quota")

    with pytest.raises(LookupError):
        await refused()
    assert await work.about(tables, "crate", "bad") == []
    assert notifier.times == 0

    async with tables.transaction() as tx:
        await ledger.create(tx, crate("good"), summary(), assign=True)
        assert notifier.times == 0, "not before it is durable"
    assert len(await work.about(tables, "crate", "good")) == 1
    assert notifier.times == 1


async def test_what_is_carried_on_first_use_is_no_work_yet(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        await Ledger(ALL, CountingNotifier()).create(tx, crate(), summary(), assign=False)
    assert await work.about(tables, "crate", "c1") == []


async def test_a_change_is_a_new_generation(tables: AnyStore, clock: HandClock) -> None:
    ledger = Ledger(ALL, CountingNotifier())
    async with tables.transaction() as tx:
        made = await ledger.create(tx, crate(), summary(), [Need("net", "1")], assign=False)
    clock.time += 5
    async with tables.transaction() as tx:
        await ledger.change(tx, made, summary())
    found = await ALL.fetch(tables, "crate", "c1")
    assert found is not None
    assert (found.generation, found.created_at, found.updated_at) == (2, 1000.0, 1005.0)
    assert await ALL.needs(tables, "crate", "c1") == [Need("net", "1")], "as before"
    assert len(await work.about(tables, "crate", "c1")) == 1
    async with tables.transaction() as tx:
        await ledger.change(tx, made, summary(), [])
    assert await ALL.needs(tables, "crate", "c1") == []


@pytest.mark.parametrize(("hide", "deleted_at"), [(True, 1000.0), (False, None)])
async def test_law_5_a_removed_one_stays_as_a_row(
    tables: AnyStore, hide: bool, deleted_at: float | None
) -> None:
    ledger = Ledger(ALL, CountingNotifier())
    async with tables.transaction() as tx:
        made = await ledger.create(tx, crate(), summary(), assign=False)
        await ledger.remove(tx, made, hide=hide)
    found = await ALL.fetch(tables, "crate", "c1")
    assert found is not None
    assert (found.wanted, found.deleted_at) == (False, deleted_at)


# --- presences ----------------------------------------------------------------------------------


def presence(id: str = "c1", cloud: str = "east", **values: object) -> Presence:
    return Presence(kind="crate", id=id, cloud=cloud, **values)  # type: ignore[arg-type]


async def put(store: AnyStore, *given: Presence) -> None:
    async with store.transaction() as tx:
        for one in given:
            await presences.add(tx, one)


async def test_a_presence_comes_back_as_it_was_written(tables: AnyStore) -> None:
    made = presence(
        state=BLOCKED,
        remote_id="r1",
        observed={"status": "ACTIVE"},
        observed_at=5.5,
        memory={"ran": True},
        error="no",
        creating_since=4.0,
    )
    await put(tables, made)
    assert await presences.fetch(tables, "crate", "c1", "east") == made
    assert await presences.by_remote(tables, "east", "crate", "r1") == made
    assert await presences.by_remote(tables, "west", "crate", "r1") is None
    made.observed, made.wanted, made.memory = None, False, {}
    async with tables.transaction() as tx:
        await presences.save(tx, made)
    assert await presences.of_resource(tables, "crate", "c1") == [made]
    async with tables.transaction() as tx:
        await presences.drop(tx, made)
    assert await presences.of_resource(tables, "crate", "c1") == []


async def test_presences_of_a_cloud_a_page_at_a_time(tables: AnyStore) -> None:
    await put(tables, *(presence(f"{n:03}") for n in range(7)), presence("003x", "west"))
    ids, after = [], ""
    while page := await presences.in_cloud(tables, "east", "crate", after=after, limit=3):
        ids += [one.id for one in page]
        after = page[-1].id
    assert ids == [f"{n:03}" for n in range(7)]


async def test_counts(tables: AnyStore) -> None:
    await put(
        tables,
        presence("1"),
        presence("2", remote_id="r", state=SETTLED),
        presence("3", remote_id="s", wanted=False),
        presence("4", "west"),
    )
    assert await presences.counts(tables, "crate") == {"east": 2, "west": 1}
    assert await presences.left_in(tables, "east") == {"crate": 3}
    assert [one.id for one in await presences.unsettled(tables, "east", "crate", 5)] == ["3"]
    assert await presences.unsettled(tables, "west", "crate", 5) == []


async def test_who_has_to_leave_first(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        for id, need in (
            ("1", Need("net", "n")),
            ("2", Need("net", "n", mode=CARRY_ASYNC)),
            ("3", Need("net", "m")),
        ):
            await ALL.add(tx, crate(id), summary(), [need])
    there = [presence(str(n), remote_id=f"r{n}") for n in (1, 2, 3)]
    await put(tables, *there, presence("1", "west", creating_since=1.0), presence("1", "north"))
    assert await presences.dependents(tables, "net", "n", "east") == [("crate", "1")]
    assert await presences.dependents(tables, "net", "n", "west") == [("crate", "1")], "it may be there"
    assert await presences.dependents(tables, "net", "n", "north") == [], (
        "nothing is there that would hold it"
    )
    assert await presences.dependents(tables, "net", "n", "north", every=True) == [("crate", "1")]
    assert await presences.dependents(tables, "net", "n", "south", every=True) == []
    assert await presences.dependents(tables, "net", "n", "east", every=True, limit=9) == [
        ("crate", "1"),
        ("crate", "2"),
    ]


async def test_what_is_nobodys_work(tables: AnyStore) -> None:
    await put(tables, presence("1"), presence("2"), presence("3", state=SETTLED), presence("4", "west"))
    async with tables.transaction() as tx:
        await work.wake(tx, "crate", "1", "east")
        await work.wake(tx, "crate", "2", "west")
    assert await presences.unattended(tables, "east") == [("crate", "2")]
    assert (await presences.of_resource(tables, "crate", "2"))[0].state == PENDING


# --- clouds -------------------------------------------------------------------------------------


async def test_a_cloud_comes_back_as_it_was_written(tables: AnyStore) -> None:
    made = CloudRecord(name="east", driver="openstack", settings={"weight": 2}, secret=b"\x00sealed")
    async with tables.transaction() as tx:
        await clouds.add(tx, made)
        await clouds.add(tx, CloudRecord(name="alps", driver="simulated", enabled=False))
    assert await clouds.fetch(tables, "east") == made
    assert [one.name for one in await clouds.every(tables)] == ["alps", "east"]
    assert await clouds.enabled(tables) == ["east"]
    async with tables.transaction() as tx:
        await clouds.drop(tx, "east")
    assert await clouds.fetch(tables, "east") is None


async def test_what_an_operator_changes_and_what_sweeps_learn_are_kept_apart(
    tables: AnyStore, clock: HandClock
) -> None:
    made = CloudRecord(name="east", driver="openstack", secret=b"1")
    async with tables.transaction() as tx:
        await clouds.add(tx, made)
        await clouds.failed(tx, "east", "no route")
    assert (await clouds.fetch(tables, "east")).error == "no route"  # type: ignore[union-attr]
    clock.time += 5
    async with tables.transaction() as tx:
        await clouds.record_sweep(tx, "east", {"server": "2026-01-01T00:00:00Z"})
    made.secret, made.cursors, made.seen_at = b"2", {}, None
    async with tables.transaction() as tx:
        await clouds.configure(tx, made)
    found = await clouds.fetch(tables, "east")
    assert found is not None
    assert (found.secret, found.version, found.error) == (b"2", 2, "")
    assert (found.cursors, found.seen_at) == ({"server": "2026-01-01T00:00:00Z"}, 1005.0)
    assert await clouds.answered_at(tables) == {"east": 1005.0}


# --- what is written -----------------------------------------------------------------------------


class Reported:
    """A transaction of which the data statements are noted."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.columns: list[set[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def put(self, query: Query, values: Mapping[str, Any], **how: Any) -> None:
        text = query.compiled(_DIALECT).text
        self.columns.append(set(re.findall(r"(\w+)\s*=", text.partition("SET")[2].partition("WHERE")[0])))
        await self._tx.put(query, values, **how)


async def test_of_a_resource_only_what_has_changed_is_written(tables: AnyStore) -> None:
    made = crate()
    async with tables.transaction() as tx:
        await ALL.add(tx, made, summary(weight=1))
    for shown, columns in (
        (summary(weight=1), []),
        (summary(weight=2), [{"weight"}]),
        (summary("bad", weight=2), [{"status", "summary"}]),
    ):
        async with tables.transaction() as tx:
            reported = Reported(tx)
            await ALL.save(cast("Transaction", reported), made, shown)
        assert reported.columns == columns
        assert await ALL.fetch(tables, "crate", "c1") == made


async def test_of_a_presence_that_stands_as_it_did_only_what_was_learnt_is_written(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        await presences.add(tx, Presence(kind="thing", id="t1", cloud="east", remote_id="r1"))
    for state, learnt in ((PENDING, True), (SETTLED, False), (SETTLED, True)):
        async with tables.transaction() as tx:
            held = await presences.fetch(tx, "thing", "t1", "east")
            assert held is not None
            was = presences.standing(held)
            held.observed, held.observed_at, held.memory = {"a": state}, tx.now(), {"m": [state]}
            held.state = state
            reported = Reported(tx)
            await presences.save(cast("Transaction", reported), held, was=was)
        (columns,) = reported.columns
        assert (columns == {"observed", "observed_at", "memory"}) is learnt
        assert await presences.fetch(tables, "thing", "t1", "east") == held


# --- statements ---------------------------------------------------------------------------------

#: Looked at once by each worker as it starts, or once in a while as a figure; or of a table with a row for each cloud.
MAY_SCAN = {
    "work._free", "work._owners", "work._depth",
    "clouds._every", "clouds._enabled", "clouds._stale", "clouds._doors", "clouds._cursors", "clouds._every_cursors",
    "clouds._reconnect",
}  # fmt: skip


def statements(*modules: ModuleType) -> Iterator[tuple[str, str]]:
    for module in modules:
        for name, query in vars(module).items():
            if isinstance(query, Query):
                yield f"{module.__name__.rpartition('.')[2]}.{name}", query.compiled(_DIALECT).text


async def test_every_statement_of_the_machine_finds_its_rows_by_an_index(tables: AnyStore) -> None:
    if not isinstance(tables, SqliteStore):
        pytest.skip("SQLite tells how it finds rows; the statements are the same everywhere")
    scans = set()
    for name, text in statements(presences, work, clouds, resources):
        if not text.startswith("INSERT"):
            plan = tables.connection.execute(
                "EXPLAIN QUERY PLAN " + text, (None,) * text.count("?")
            ).fetchall()
            if any("SCAN" in row[3] for row in plan):
                scans.add(name)
    assert scans <= MAY_SCAN


async def test_users_of_one_thing_are_not_looked_for_among_all_of_their_kind(tables: AnyStore) -> None:
    """Asked for each server that is made, for each of its networks; there may be a million ports."""
    if not isinstance(tables, SqliteStore):
        pytest.skip("SQLite tells how it finds rows")
    text = presences._users.compiled(_DIALECT).text
    plan = tables.connection.execute("EXPLAIN QUERY PLAN " + text, (None,) * text.count("?")).fetchall()
    first, _subquery, third, second = (row[3] for row in plan)
    assert "need_by_target (need_kind=? AND need_id=?)" in first
    assert "presence_1 (kind=? AND id=?)" in second
    assert "(need_kind=? AND need_id=?" in third


async def test_a_change_of_what_no_cloud_has_is_no_work(tables: AnyStore) -> None:
    notifier = CountingNotifier()
    ledger = Ledger(ALL, notifier)
    async with tables.transaction() as tx:
        made = await ledger.create(tx, crate(), summary(), assign=False)
        await ledger.change(tx, made, summary(), nowhere=True)
    found = await ALL.fetch(tables, "crate", "c1")
    assert found is not None
    assert found.generation == 2, "whoever carries it reads it as it is now"
    assert await work.about(tables, "crate", "c1") == []
    assert notifier.times == 0


async def test_what_was_chosen_is_read_by_itself(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        made = crate()
        made.choice = {"only": ["east"]}
        await ALL.add(tx, made, summary())
    assert await ALL.choice(tables, "crate", "c1") == {"only": ["east"]}
    assert await ALL.choice(tables, "crate", "nobody") == {}
