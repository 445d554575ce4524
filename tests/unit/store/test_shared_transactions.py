"""Transactions that take turns in one of the database: each is all or nothing, and answers for itself alone.

On SQLite they always do; on servers those of a store that is opened so. What is held, put and read again is tested here
too, because turns hand it on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    column,
    delete,
    insert,
    select,
    table,
    update,
)

from fractus.base.clock import SystemClock
from fractus.store import opening
from fractus.store.retrying import again, counted
from fractus.store.server import ServerStore
from fractus.store.transaction import (
    CommitUnknown,
    Conflict,
    LostTogether,
    Query,
    StoreTrouble,
    Transaction,
    upsert,
)
from fractus.testing.stores import AnyStore, database, server
from tests.unit.store.wire import Wire

OWN = MetaData()
SUM = Table("sum", OWN, Column("id", String(32), primary_key=True), Column("total", Integer, nullable=False))
ITEM = Table("item", OWN, Column("id", String(64), primary_key=True), Column("size", Integer, nullable=False))

_sum_add = Query(insert(SUM).values(id=bindparam("i"), total=bindparam("n")))
_sum = Query(select(SUM.c.total).where(SUM.c.id == bindparam("i")))
_sum_held = Query(select(SUM.c.total).where(SUM.c.id == bindparam("i")).with_for_update())
_sum_write = upsert(SUM, {"id": bindparam("i"), "total": bindparam("n")}, lambda new: {"total": new.total})
_sum_set = Query(update(SUM).where(SUM.c.id == bindparam("i")).values(total=bindparam("n")))
_item_add = Query(insert(ITEM).values(id=bindparam("i"), size=bindparam("n")))
_item_drop = Query(delete(ITEM).where(ITEM.c.id == bindparam("i")))
_items = Query(select(ITEM.c.id, ITEM.c.size).order_by(ITEM.c.id))
_sums = Query(select(SUM.c.id, SUM.c.total).order_by(SUM.c.id))
_bad = Query(select(column("x")).select_from(table("there_is_no_such_table")))

on_a_server = pytest.mark.skipif(not server(), reason="needs a database server: make test-databases")


class Meant(Exception):
    """The transaction changes its mind."""


async def _settle(tx: Transaction, changes: Sequence[tuple[Any, Any, Any]]) -> None:
    for id, _, now in changes:
        await tx.put(_sum_write, {"i": id, "n": now}, holding=True)


async def held(tx: Transaction, id: str) -> int:
    """The sum, locked."""
    value: int | None = tx.held("sum", id)
    if value is None:
        row = await tx.row(_sum_held, i=id)
        assert row is not None
        value = int(row[0])
        tx.hold("sum", id, value, _settle)
    return value


async def take(tx: Transaction, id: str, item: str, size: int) -> None:
    """An item, and the sum with it."""
    tx.change("sum", id, await held(tx, id) + size)
    await tx.put(_item_add, {"i": item, "n": size})


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with database(tmp_path / "own.db", metadata=OWN) as url, Wire(url) as made:
        yield made


@pytest.fixture
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AnyStore]:
    async with database(tmp_path / "own.db", metadata=OWN) as url:
        made = opening.open_store(url, SystemClock(), shared=True)
        if not isinstance(made, ServerStore):
            made.create(OWN)
        async with made.transaction() as tx:
            for id in ("a", "b"):
                await tx.execute(_sum_add, i=id, n=0)
        yield made
        await made.close()


@pytest.fixture
async def wired(wire: Wire) -> AsyncIterator[AnyStore]:
    made = opening.open_store(wire.url, SystemClock(), seconds=2.0, shared=True)
    async with made.transaction() as tx:
        for id in ("a", "b"):
            await tx.execute(_sum_add, i=id, n=0)
    yield made
    wire.thaw()
    await made.close()


async def _all(store: AnyStore, query: Query) -> list[tuple[str, int]]:
    return [(id, number) for id, number in await store.rows(query)]


async def stored(store: AnyStore) -> tuple[dict[str, int], dict[str, int]]:
    """All sums and all items."""
    return dict(await _all(store, _sums)), dict(await _all(store, _items))


async def test_of_many_at_once_those_that_fail_leave_nothing_and_the_others_all(store: AnyStore) -> None:
    reported: list[int] = []

    async def one(number: int) -> None:
        async with store.transaction() as tx:
            await take(tx, "a", f"item-{number:03}", 1)
            tx.after_commit(lambda: reported.append(number))
            if number % 5 == 0:
                raise Meant
            if number % 7 == 0:
                await tx.rows(_bad)

    ended = await asyncio.gather(*(again(lambda n=n: one(n)) for n in range(60)), return_exceptions=True)
    failed = {number for number, end in enumerate(ended) if end is not None}
    assert failed == {n for n in range(60) if n % 5 == 0 or n % 7 == 0}
    sums, items = await stored(store)
    assert set(items) == {f"item-{n:03}" for n in range(60) if n not in failed}
    assert sums == {"a": len(items), "b": 0}
    assert sorted(reported) == sorted(set(range(60)) - failed)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_turns_do_the_end_is_that_of_one_after_the_other(store: AnyStore, seed: int) -> None:
    """Turns read, hold, put, write at once, fail before or after any of it; and what they read is always right."""
    dice = random.Random(seed)
    model_sums, model_items = {"a": 0, "b": 0}, dict[str, int]()

    async def turn(number: int) -> None:
        async with store.transaction() as tx:
            sums, items = dict(model_sums), dict(model_items)
            for step in range(dice.randrange(1, 7)):
                await _step(tx, dice, sums, items, f"{number}-{step}")
            if dice.random() < 0.3:
                raise Meant
            # The next one begins when this block has ended, and not before.
            model_sums.update(sums)
            model_items.clear()
            model_items.update(items)

    ended = await asyncio.gather(*(turn(n) for n in range(40)), return_exceptions=True)
    assert [end for end in ended if end is not None and not isinstance(end, Meant)] == []
    assert await stored(store) == (model_sums, model_items)


async def _step(
    tx: Transaction, dice: random.Random, sums: dict[str, int], items: dict[str, int], name: str
) -> None:
    id, size = dice.choice("ab"), dice.randrange(1, 100)
    match dice.randrange(7):
        case 0:
            await take(tx, id, name, size)
            sums[id] += size
            items[name] = size
        case 1:
            assert await held(tx, id) == sums[id]
        case 2:
            row = await tx.row(_sum, i=id)
            assert row is not None
            assert row[0] == sums[id]
        case 3:
            assert await tx.execute(_sum_set, i=id, n=size) == 1
            sums[id] = size
        case 4:
            assert await tx.rows(_items) == sorted(items.items())
        case 5 if items:
            gone = dice.choice(sorted(items))
            assert await tx.execute(_item_drop, i=gone) == 1
            del items[gone]
        case _:
            await tx.put(_sum_set, {"i": id, "n": size})
            sums[id] = size


async def test_a_put_that_cannot_be_is_reported_to_its_own_transaction_alone(store: AnyStore) -> None:
    async def one(number: int) -> None:
        async with store.transaction() as tx:
            await take(tx, "a", f"item-{number}", 1)
            if number == 3:
                await tx.put(_item_add, {"i": "item-x", "n": None})

    ended = await asyncio.gather(*(again(lambda n=n: one(n)) for n in range(8)), return_exceptions=True)
    assert [number for number, end in enumerate(ended) if end is not None] == [3]
    assert not isinstance(ended[3], StoreTrouble)
    sums, items = await stored(store)
    assert sums["a"] == len(items) == 7


async def test_one_row_or_none_of_all(store: AnyStore) -> None:
    """What is held was changed by somebody who asked nobody: nothing is written over it."""

    async def one() -> None:
        async with store.transaction() as tx:
            await tx.put(_item_add, {"i": "item", "n": 1})
            await tx.put(_sum_set, {"i": "c", "n": 1}, one=True)

    with pytest.raises(Conflict):
        await one()
    assert await stored(store) == ({"a": 0, "b": 0}, {})


async def test_what_was_read_is_read_once_until_it_is_changed(
    store: AnyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Mapping[str, Any]] = []
    async with store.transaction() as tx:
        raw: Any = tx
        whole = raw._session._raw.rows

        async def rows(compiled: Any, values: Any) -> Any:
            asked.append({compiled.text: values})
            return await whole(compiled, values)

        monkeypatch.setattr(raw._session._raw, "rows", rows)
        for _ in range(3):
            assert await tx.rows(_sum, i="a") == [(0,)]
        assert len(asked) == 1
        await tx.put(_sum_set, {"i": "a", "n": 4})
        assert await tx.rows(_sum, i="a") == [(4,)]
        found = await tx.rows(_sum, i="a")
        found.append((5,))
        assert await tx.rows(_sum, i="a") == [(4,)]
        assert len(asked) == 2


async def test_who_is_cut_off_in_the_middle_is_cut_off_alone(store: AnyStore) -> None:
    reached, going = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with store.transaction() as tx:
            await take(tx, "a", "slow", 1)
            reached.set()
            await going.wait()

    async def quick(number: int) -> None:
        async with store.transaction() as tx:
            await take(tx, "a", f"quick-{number}", 1)

    others = [asyncio.create_task(again(lambda n=n: quick(n))) for n in range(3)]
    cut = asyncio.create_task(slow())
    others += [asyncio.create_task(again(lambda n=n: quick(n))) for n in range(3, 6)]
    await reached.wait()
    others[-1].cancel()
    cut.cancel()
    ended = await asyncio.gather(cut, *others, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError)
    sums, items = await stored(store)
    assert {f"quick-{n}" for n in range(5)} <= set(items) <= {f"quick-{n}" for n in range(6)}
    assert sums["a"] == len(items)


@on_a_server
async def test_many_share_one_transaction_of_the_server(store: AnyStore) -> None:
    assert isinstance(store, ServerStore)
    commits = 0
    whole = store.commit

    async def commit(turn: Any) -> None:
        nonlocal commits
        commits += 1
        await whole(turn)

    store.commit = commit  # type: ignore[method-assign]

    async def one(number: int) -> None:
        async with store.transaction() as tx:
            await take(tx, "a", f"item-{number}", 1)

    await asyncio.gather(*(one(n) for n in range(100)))
    assert commits <= 4
    assert (await stored(store))[0]["a"] == 100


@on_a_server
async def test_a_lost_connection_takes_all_that_shared_it_and_all_are_run_again(
    wire: Wire, wired: AnyStore
) -> None:
    async def one(number: int) -> None:
        async with wired.transaction() as tx:
            await take(tx, "a", f"item-{number}", 1)
            if number == 5 and not counted.conflicts > before:
                wire.cut()
                await tx.rows(_sums)

    before = counted.conflicts
    await asyncio.gather(*(again(lambda n=n: one(n)) for n in range(10)))
    assert counted.conflicts >= before + 6
    sums, items = await stored(wired)
    assert sums["a"] == len(items) == 10


@on_a_server
async def test_all_who_shared_a_commit_without_an_answer_are_informed(wire: Wire, wired: AnyStore) -> None:
    async def one(number: int) -> None:
        async with wired.transaction() as tx:
            await take(tx, "a", f"item-{number}", 1)
            if number == 4:
                wire.lose_answer_to(b"COMMIT")

    async def look() -> None:
        async with wired.transaction() as tx:
            await tx.rows(_items)

    ended = await asyncio.gather(*(one(n) for n in range(5)), look(), return_exceptions=True)
    assert [type(end) for end in ended[:5]] == [CommitUnknown] * 5
    # Who has only looked may look again.
    assert isinstance(ended[5], Conflict | None)
    sums, items = await stored(wired)
    assert sums["a"] == len(items) in (0, 5)


@on_a_server
async def test_who_lost_together_is_run_again_together_and_then_apart(store: AnyStore) -> None:
    crowds: list[bool] = []

    async def one() -> None:
        async with store.transaction() as tx:
            crowds.append(tx.crowded)
            if len(crowds) < 4:
                raise LostTogether("by somebody's fault")

    await again(one)
    assert crowds == [True, True, True, False]
