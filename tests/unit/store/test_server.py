"""What only a database server can do to us: others at the same time, and going away. Run by `make test-databases`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    column,
    func,
    insert,
    select,
    table,
    update,
)

from fractus.base.clock import SystemClock
from fractus.store import opening, work
from fractus.store.retrying import again, counted
from fractus.store.schema import METADATA
from fractus.store.server import ServerStore
from fractus.store.transaction import Away, CommitUnknown, Conflict, Query, Reader, Store
from fractus.testing.stores import AnyStore, database, fresh, server
from tests.unit.store.wire import Wire

OWN = MetaData()
PURSE = Table(
    "purse", OWN, Column("id", String(32), primary_key=True), Column("spent", Integer, nullable=False)
)
COIN = Table(
    "coin", OWN, Column("id", Integer, primary_key=True), Column("purse", String(32), nullable=False)
)

ADD_PURSE = Query(insert(PURSE).values(id=bindparam("i"), spent=bindparam("n")))
SPENT = Query(select(PURSE.c.spent).where(PURSE.c.id == bindparam("i")))
SPEND = Query(update(PURSE).where(PURSE.c.id == bindparam("i")).values(spent=bindparam("n")))
ADD_COIN = Query(insert(COIN).values(id=bindparam("i"), purse=bindparam("p")))
COINS = Query(select(func.count()).select_from(COIN).where(COIN.c.purse == bindparam("p")))
BAD = Query(select(column("x")).select_from(table("there_is_no_such_table")))

on_a_server = pytest.mark.skipif(not server(), reason="needs a database server: make test-databases")


async def spent(reader: Reader, purse: str = "p") -> int:
    row = await reader.row(SPENT, i=purse)
    return -1 if row is None else int(row[0])


async def put(store: Store, purse: str = "p", n: int = 0) -> None:
    async with store.transaction() as tx:
        await tx.execute(ADD_PURSE, i=purse, n=n)


#: Stores on a server are also tested as processes have them that answer many at a time.
SHARED = [False, True] if server() else [False]


@pytest.fixture(params=SHARED)
async def three(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[list[AnyStore]]:
    """Three stores on one database: as many processes' connections."""
    async with fresh(tmp_path / "own.db", SystemClock(), OWN) as first:
        url = first.driver.url if isinstance(first, ServerStore) else f"sqlite:///{tmp_path / 'own.db'}"
        others = [opening.open_store(url, SystemClock(), shared=request.param) for _ in range(2)]
        yield [first, *others]
        for one in others:
            await one.close()


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with database(tmp_path / "own.db", metadata=OWN) as url, Wire(url) as made:
        yield made


@pytest.fixture(params=SHARED)
async def store(wire: Wire, request: pytest.FixtureRequest) -> AsyncIterator[AnyStore]:
    """By way of the wire; it waits for a second, where others wait for ten."""
    made = opening.open_store(wire.url, SystemClock(), size=3, seconds=1.0, shared=request.param)
    yield made
    wire.thaw()
    await made.close()


# --- others at the same time ----------------------------------------------------------------------


async def test_a_limit_is_kept_whoever_spends_at_the_same_time(three: list[AnyStore]) -> None:
    """Read, check, write: a hundred at once, over three processes' worth of connections, where thirty may."""
    await put(three[0])

    async def spend(store: AnyStore) -> bool:
        async with store.transaction() as tx:
            now = await spent(tx)
            if now >= 30:
                return False
            await tx.execute(SPEND, i="p", n=now + 1)
            return True

    tries = [again(lambda s=three[n % 3]: spend(s), patience=120.0) for n in range(100)]
    done = await asyncio.gather(*tries)
    assert done.count(True) == 30
    assert await spent(three[0]) == 30


async def test_what_is_counted_stays_as_it_was_counted(three: list[AnyStore]) -> None:
    """Nobody writes a row that another one writes: only what each has *read* makes the others wrong."""

    async def add(store: AnyStore, number: int) -> bool:
        async with store.transaction() as tx:
            row = await tx.row(COINS, p="p")
            if row is None or row[0] >= 20:
                return False
            await tx.execute(ADD_COIN, i=number, p="p")
            return True

    tries = [again(lambda s=three[n % 3], n=n: add(s, n), patience=120.0) for n in range(60)]
    done = await asyncio.gather(*tries)
    row = await three[0].row(COINS, p="p")
    assert row is not None
    assert done.count(True) == row[0] == 20


async def test_law_7_fifty_items_and_three_workers_each_item_once(tmp_path: Path) -> None:
    async with fresh(tmp_path / "work.db", SystemClock(), METADATA) as first:
        url = first.driver.url if isinstance(first, ServerStore) else f"sqlite:///{tmp_path / 'work.db'}"
        stores = [first, *(opening.open_store(url, SystemClock()) for _ in range(2))]

        async def wake_all() -> None:
            async with first.transaction() as tx:
                for number in range(50):
                    await work.wake(tx, "box", str(number))

        async def take(store: AnyStore, owner: str) -> list[str]:
            taken: list[str] = []

            async def some() -> list[work.Claim]:
                items = await work.due(store, "", store_now(), 5)
                async with store.transaction() as tx:
                    return await work.claim(tx, owner, items, 60.0)

            while len(taken) < 50 and (await work.due(store, "", store_now(), 1)):
                taken += [claim.id for claim in await again(some, patience=60.0)]
            return taken

        store_now = SystemClock().now
        await again(wake_all)
        shares = await asyncio.gather(*(take(store, f"w{n}") for n, store in enumerate(stores)))
        every = [id for share in shares for id in share]
        assert sorted(every, key=int) == [str(number) for number in range(50)]
        for one in stores[1:]:
            await one.close()


@on_a_server
async def test_who_lost_says_so_and_wrote_nothing(three: list[AnyStore]) -> None:
    """The same row from two connections: one of them is informed at the latest when it commits."""
    await put(three[0])
    both_have_read = asyncio.Barrier(2)

    async def spend(store: AnyStore) -> None:
        async with store.transaction() as tx:
            now = await spent(tx)
            await both_have_read.wait()
            await tx.execute(SPEND, i="p", n=now + 1)

    ended = await asyncio.gather(spend(three[0]), spend(three[1]), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "NoneType"]
    assert await spent(three[2]) == 1


@on_a_server
async def test_after_a_failed_statement_nothing_of_the_transaction_is_kept(three: list[AnyStore]) -> None:
    """Also where the error was caught: on some servers what came after it would stand alone."""

    async def careless() -> None:
        async with three[0].transaction() as tx:
            await tx.execute(ADD_PURSE, i="p", n=1)
            with pytest.raises(Exception, match="there_is_no_such_table"):
                await tx.rows(BAD)
            with pytest.raises(Conflict):
                await tx.execute(ADD_PURSE, i="q", n=1)

    with pytest.raises(Conflict):
        await careless()
    assert (await spent(three[1], "p"), await spent(three[1], "q")) == (-1, -1)
    await put(three[0])
    assert await spent(three[1]) == 0


# --- going away -----------------------------------------------------------------------------------


@on_a_server
async def test_a_connection_lost_before_the_commit_is_a_conflict(wire: Wire, store: AnyStore) -> None:
    reported: list[str] = []

    async def story() -> None:
        async with store.transaction() as tx:
            tx.after_commit(lambda: reported.append("written"))
            await tx.execute(ADD_PURSE, i="p", n=1)
            wire.cut()
            await tx.execute(ADD_PURSE, i="q", n=1)

    with pytest.raises(Conflict):
        await story()
    assert (await spent(store, "p"), await spent(store, "q"), reported) == (-1, -1, [])


@on_a_server
@pytest.mark.parametrize("wrote", [True, False])
async def test_a_commit_whose_answer_is_lost_is_neither_done_nor_not(
    wire: Wire, store: AnyStore, wrote: bool
) -> None:
    """Unless nothing was written: then it does not matter."""
    await put(store, "other")
    reported: list[str] = []

    async def story() -> None:
        async with store.transaction() as tx:
            tx.after_commit(lambda: reported.append("written"))
            assert await spent(tx, "other") == 0
            if wrote:
                await tx.execute(ADD_PURSE, i="p", n=1)
            wire.lose_answer_to(b"COMMIT")

    with pytest.raises(CommitUnknown if wrote else Conflict):
        await story()

    async def arrives() -> bool:
        return await spent(store) == (1 if wrote else -1)

    assert await eventually(arrives)
    assert reported == []


@on_a_server
async def test_it_is_run_again_only_where_that_is_harmless(wire: Wire, store: AnyStore) -> None:
    await put(store)

    async def more() -> None:
        async with store.transaction() as tx:
            await tx.execute(SPEND, i="p", n=await spent(tx) + 1)
            wire.lose_answer_to(b"COMMIT" if not runs else b"never")
            runs.append(1)

    runs: list[int] = []
    with pytest.raises(CommitUnknown):
        await again(more)
    assert len(runs) == 1
    runs.clear()
    await again(more, repeatable=True)
    assert len(runs) == 2


@on_a_server
async def test_a_read_is_asked_once_more_on_a_new_connection(wire: Wire, store: AnyStore) -> None:
    await put(store)
    assert await spent(store) == 0
    before = wire.accepted
    wire.cut()
    assert await spent(store) == 0
    assert wire.accepted == before + 1
    wire.cut()
    await put(store, "q")


@on_a_server
async def test_a_server_that_is_away_is_said_to_be_and_is_used_again_when_it_is_back(
    wire: Wire, store: AnyStore
) -> None:
    await put(store)
    await wire.down()
    with pytest.raises(Away, match=r"127\.0\.0\.1"):
        await spent(store)
    with pytest.raises(Away):
        await put(store, "q")
    waiting = asyncio.create_task(again(lambda: put(store, "q"), patience=60.0))
    before = counted.away
    assert await eventually(lambda: settled(counted.away > before))
    await wire.up()
    await waiting
    assert await spent(store, "q") == 0


@on_a_server
async def test_a_frozen_server_is_noticed(wire: Wire, store: AnyStore) -> None:
    await put(store)

    async def story() -> None:
        async with store.transaction() as tx:
            await tx.execute(SPEND, i="p", n=1)
            wire.freeze()
            await spent(tx)

    with pytest.raises(Conflict, match="did not answer within 1 seconds"):
        await story()
    with pytest.raises(Away):
        await spent(store)
    wire.thaw()
    assert await spent(store) == 0


@on_a_server
async def test_who_says_nothing_any_more_holds_no_lock_for_ever(tmp_path: Path) -> None:
    """A client that is frozen in the middle of its transaction: the server ends that by itself."""
    async with database(tmp_path / "own.db", metadata=OWN) as url:
        parts = opening.parse(url)
        frozen = opening.server(parts, SystemClock(), size=1, seconds=30.0, idle=1.0)
        other = opening.server(parts, SystemClock(), size=1, seconds=30.0)
        await put(frozen)

        async def write() -> None:
            async with other.transaction() as tx:
                await tx.execute(SPEND, i="p", n=2)

        async def story() -> None:
            async with frozen.transaction() as tx:
                await tx.execute(SPEND, i="p", n=1)
                await again(write, patience=60.0)
                await spent(tx)

        with pytest.raises(Conflict):
            await story()
        assert await spent(other) == 2
        await frozen.close()
        await other.close()


@on_a_server
async def test_cancelled_at_any_moment_the_store_goes_on(wire: Wire, store: AnyStore) -> None:
    """What is cancelled in a statement leaves its connection in the middle of an answer: it is not used again."""
    await put(store)
    dice = random.Random(3)

    async def spend() -> None:
        async with store.transaction() as tx:
            await tx.execute(SPEND, i="p", n=await spent(tx) + 1)

    for _ in range(40):
        task = asyncio.create_task(spend())
        for _ in range(dice.randrange(30)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    before = await spent(store)
    await again(spend)
    assert await spent(store) == before + 1


@on_a_server
async def test_a_transaction_inside_another_is_refused(store: AnyStore) -> None:
    async with store.transaction():
        with pytest.raises(RuntimeError, match="open already"):
            async with store.transaction():
                pass


@on_a_server
@pytest.mark.parametrize("store", [False], indirect=True)
async def test_reads_of_those_in_a_transaction_do_not_wait_for_one_another(store: AnyStore) -> None:
    """As many in transactions as there are connections for them, and each also reads beside its own."""
    await put(store)

    async def both(number: int) -> int:
        async with store.transaction() as tx:
            await all_here.wait()
            await tx.execute(ADD_PURSE, i=f"n{number}", n=number)
            return await spent(store)

    all_here = asyncio.Barrier(3)
    assert await asyncio.gather(*(asyncio.create_task(both(n)) for n in range(3))) == [0, 0, 0]


async def settled(value: bool) -> bool:
    return value


async def eventually(true: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it comes to be true, within half a minute."""
    for _ in range(600):
        if await true():
            return True
        await asyncio.sleep(0.05)
    return False
