"""One database file: turns, group commit, and what is left when somebody is cancelled, fails or writes beside us."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, bindparam, insert, select

from fractus.base.clock import SystemClock
from fractus.store.retrying import again
from fractus.store.sqlite import SqliteStore
from fractus.store.sqlite_errors import unwritten
from fractus.store.transaction import CommitUnknown, Query, Store, Unwritable

METADATA = MetaData()
NOTE = Table(
    "note",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("text", String(80)),
    Column("stars", Integer, nullable=False, default=3),
    Column("seen", Boolean, nullable=False, default=False),
)

ADD = Query(insert(NOTE).values(id=bindparam("key"), text=bindparam("words")))
ADD_OR_ROLLBACK = Query(
    insert(NOTE).prefix_with("OR ROLLBACK").values(id=bindparam("key"), text=bindparam("words"))
)
IDS = Query(select(NOTE.c.id).order_by(NOTE.c.id))


@pytest.fixture
async def synced(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """As it is where anything matters: the disk works in a thread."""
    made = SqliteStore(tmp_path / "synced.db", SystemClock())
    made.create(METADATA)
    yield made
    await made.close()


@pytest.fixture(params=["synced", "relaxed"])
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[SqliteStore]:
    """Either sort; a relaxed one commits at once."""
    made = SqliteStore(tmp_path / "notes.db", SystemClock())
    if request.param == "relaxed":
        made.relax(1000)
    made.create(METADATA)
    yield made
    await made.close()


async def add(store: Store, key: int) -> None:
    async with store.transaction() as tx:
        await tx.execute(ADD, key=key, words="x")


async def ids(store: Store) -> list[int]:
    return [row[0] for row in await store.rows(IDS)]


class Disk:
    """The store's disk, which a test may hold up."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._go = threading.Event()

    def stop(self) -> None:
        self._store._disk.submit(self._go.wait)

    def go(self) -> None:
        self._go.set()


class Slow:
    """A transaction that holds its turn until it is asked to end, so that others queue up behind it."""

    def __init__(self, store: Store, key: int) -> None:
        self._store, self._key = store, key
        self._end = asyncio.Event()

    async def begin(self) -> asyncio.Task[None]:
        entered = asyncio.Event()
        task = asyncio.create_task(self._run(entered))
        await entered.wait()
        return task

    async def _run(self, entered: asyncio.Event) -> None:
        async with self._store.transaction() as tx:
            await tx.execute(ADD, key=self._key, words="x")
            entered.set()
            await self._end.wait()

    def end(self) -> None:
        self._end.set()


async def turns_taken(store: SqliteStore) -> None:
    """Let everything run until it waits for the disk."""
    for _ in range(20):
        await asyncio.sleep(0)


# --- a transaction is all or nothing ------------------------------------------------------------


async def test_leaving_the_block_means_that_it_is_on_disk(store: SqliteStore, tmp_path: Path) -> None:
    await add(store, 1)
    other = apsw.Connection(str(tmp_path / "notes.db"))
    assert other.execute("SELECT id FROM note").fetchall() == [(1,)]


async def test_a_transaction_sees_its_own_writes_and_readers_do_not(store: SqliteStore) -> None:
    async with store.transaction() as tx:
        await tx.execute(ADD, key=1, words="x")
        assert await tx.rows(IDS) == [(1,)]
        assert await store.rows(IDS) == []


async def test_an_error_in_the_block_takes_back_that_turn_only(store: SqliteStore) -> None:
    async def failing() -> None:
        async with store.transaction() as tx:
            await tx.execute(ADD, key=2, words="x")
            raise LookupError("on purpose")

    done = await asyncio.gather(add(store, 1), failing(), add(store, 3), return_exceptions=True)
    assert [type(one) for one in done] == [type(None), LookupError, type(None)]
    assert await ids(store) == [1, 3]


async def test_a_refused_statement_may_be_caught_and_the_rest_kept(store: SqliteStore) -> None:
    await add(store, 1)
    async with store.transaction() as tx:
        with pytest.raises(apsw.ConstraintError):
            await tx.execute(ADD, key=1, words="again")
        await tx.execute(ADD, key=2, words="x")
    assert await ids(store) == [1, 2]


async def test_execute_says_how_many_rows_it_touched(store: SqliteStore) -> None:
    nothing = Query(NOTE.delete().where(NOTE.c.id == bindparam("key")))
    await add(store, 1)
    async with store.transaction() as tx:
        assert await tx.execute(nothing, key=5) == 0
        assert await tx.execute(nothing, key=1) == 1


async def test_what_a_statement_needs_and_was_not_given_is_an_error_and_no_null(store: SqliteStore) -> None:
    async with store.transaction() as tx:
        with pytest.raises(KeyError, match="words"):
            await tx.execute(ADD, key=1)


async def test_a_column_that_is_not_named_gets_its_default(store: SqliteStore) -> None:
    await add(store, 1)
    assert await store.row(Query(select(NOTE.c.stars, NOTE.c.seen))) == (3, 0)


async def test_a_default_that_is_made_by_a_function_is_refused(store: SqliteStore) -> None:
    odd = Table(
        "odd", MetaData(), Column("id", Integer, primary_key=True, default=lambda: 5), Column("x", Integer)
    )
    with pytest.raises(TypeError, match="no plain value"):
        await store.row(Query(insert(odd).values(x=bindparam("number"))), number=1)


async def test_a_transaction_inside_another_is_refused_and_does_not_hang(store: SqliteStore) -> None:
    async with store.transaction() as tx:
        await tx.execute(ADD, key=1, words="x")
        with pytest.raises(RuntimeError, match="open already"):
            async with store.transaction():
                pass
    assert await ids(store) == [1]


async def test_one_task_may_have_one_transaction_after_another(store: SqliteStore) -> None:
    for key in range(3):
        await add(store, key)
    assert await ids(store) == [0, 1, 2]


# --- group commit -------------------------------------------------------------------------------


async def test_turns_that_queue_up_share_commits(synced: SqliteStore) -> None:
    commits: list[int] = []

    def count() -> bool:
        commits.append(1)
        return False

    synced._writer.set_commit_hook(count)
    await asyncio.gather(*(add(synced, key) for key in range(200)))
    assert len(await ids(synced)) == 200
    assert len(commits) < 20


async def test_after_commit_is_called_once_durable_and_never_after_an_error(store: SqliteStore) -> None:
    reported: list[str] = []
    async with store.transaction() as tx:
        tx.after_commit(lambda: reported.append("kept"))
        assert reported == []

    async def fail() -> None:
        async with store.transaction() as tx:
            tx.after_commit(lambda: reported.append("taken back"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert reported == ["kept"]


async def test_a_long_transaction_lets_others_run(store: SqliteStore) -> None:
    """It is one all the same: nobody sees a part of it, and who would write waits."""
    turns, seen = 0, set()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            seen.add(len(await ids(store)))
            await asyncio.sleep(0)

    watching = asyncio.create_task(others())
    await asyncio.sleep(0)
    before = turns
    async with store.transaction() as tx:
        key = 0
        while turns - before < 5 and key < 200_000:
            key += 1
            if key % 2:
                await tx.put(ADD, {"key": key, "words": "x"})
            else:
                await tx.execute(ADD, key=key, words="x")
        within = turns - before
    watching.cancel()
    await asyncio.wait([watching])
    assert within >= 5, "each stretch without a turn is of milliseconds"
    assert seen <= {0, key}
    assert len(await ids(store)) == key


async def test_a_call_after_a_commit_that_fails_makes_nobody_believe_that_nothing_was_written(
    store: SqliteStore,
) -> None:
    reported: list[str] = []

    def fail() -> None:
        raise OSError("nobody listens")

    async with store.transaction() as tx:
        await tx.execute(ADD, key=1, words="x")
        tx.after_commit(fail)
        tx.after_commit(lambda: reported.append("the next"))
    assert reported == ["the next"]
    assert await ids(store) == [1]


async def test_a_commit_that_fails_is_reported_to_all_who_shared_it(store: SqliteStore) -> None:
    reported: list[int] = []

    async def add_and_report(key: int) -> None:
        async with store.transaction() as tx:
            await tx.execute(ADD, key=key, words="x")
            tx.after_commit(lambda: reported.append(key))

    slow = Slow(store, 9)
    group = [await slow.begin(), *(asyncio.create_task(add_and_report(key)) for key in range(3))]
    await turns_taken(store)
    store._writer.set_commit_hook(lambda: True)  # SQLite turns the COMMIT into a ROLLBACK
    slow.end()
    done = await asyncio.wait_for(asyncio.gather(*group, return_exceptions=True), 60)
    assert [isinstance(one, apsw.ConstraintError) for one in done] == [True] * 4
    assert reported == []
    assert await ids(store) == []

    store._writer.set_commit_hook(None)
    await add(store, 7)
    assert await ids(store) == [7]


async def test_when_sqlite_itself_undoes_everything_all_who_shared_it_are_informed(
    store: SqliteStore,
) -> None:
    await add(store, 1)

    async def clash() -> None:
        async with store.transaction() as tx:
            await tx.execute(ADD_OR_ROLLBACK, key=1, words="as a full disk would")

    slow = Slow(store, 2)
    shared = [await slow.begin(), asyncio.create_task(clash()), asyncio.create_task(add(store, 3))]
    await turns_taken(store)
    slow.end()
    done = await asyncio.wait_for(asyncio.gather(*shared, return_exceptions=True), 60)
    assert isinstance(done[0], apsw.ConstraintError), "it had ended its block, but nothing of it is there"
    assert isinstance(done[1], apsw.ConstraintError)
    assert done[2] is None
    assert await ids(store) == [1, 3]


# --- no room ------------------------------------------------------------------------------------


@contextlib.contextmanager
def no_file_grows(_directory: Path, store: SqliteStore) -> Iterator[None]:
    """No file of this process may grow beyond what the log of the database has."""
    most = os.path.getsize(f"{store._path}-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def full_disk(directory: Path, _store: SqliteStore) -> Iterator[None]:
    """The file system has not a block left."""
    filler = directory / "filler"
    with open(filler, "wb", buffering=0) as out, contextlib.suppress(OSError):
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while out.write(b"x" * size) == size:
                    pass
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture(params=[no_file_grows, full_disk])
def without_room(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, Any]]:
    """A directory, and what takes the room of it."""
    if request.param is no_file_grows:
        yield tmp_path, no_file_grows
        return
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield tmp_path, full_disk
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("shared", [False, True])
async def test_without_room_reads_go_on_and_writes_are_refused_until_there_is_some(
    without_room: tuple[Path, Any], shared: bool
) -> None:
    directory, taken = without_room
    store = SqliteStore(directory / "notes.db", SystemClock())
    store.create(METADATA)
    await add(store, 1)
    reported: list[int] = []

    async def add_much(key: int) -> None:
        async with store.transaction() as tx:
            for more in range(200):
                await tx.execute(ADD, key=1000 * key + more, words="x" * 80)
            tx.after_commit(lambda: reported.append(key))

    async def wait_for_room() -> None:
        await again(lambda: add_much(9), for_room=True)

    try:
        with taken(directory, store):
            many = 8 if shared else 1
            done = await asyncio.gather(
                *(add_much(key) for key in range(1, 1 + many)), return_exceptions=True
            )
            assert [type(one) for one in done] == [Unwritable] * many
            assert await ids(store) == [1]
            with pytest.raises(Unwritable):
                await again(lambda: add_much(1))
            waits = asyncio.create_task(wait_for_room())
            await asyncio.sleep(0.1)
            assert not waits.done()
            assert await ids(store) == [1]
        await asyncio.wait_for(waits, 60)
        await add(store, 2)
        assert (reported, len(await ids(store))) == ([9], 202)
    finally:
        await store.close()


async def test_a_disk_that_does_not_say_whether_it_has_it_leaves_that_open(store: SqliteStore) -> None:
    error = apsw.IOError("disk I/O error")
    error.extendedresult = apsw.SQLITE_IOERR_FSYNC
    assert isinstance(unwritten(error, commit=True), CommitUnknown)
    assert isinstance(unwritten(error), Unwritable)
    other = apsw.ConstraintError("theirs")
    assert unwritten(other, commit=True) is other


async def test_what_has_to_be_sorted_on_the_disk_is_sorted_in_memory_where_that_has_no_room(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(store, 1)
    used: list[str] = []

    class Full:
        """A connection whose temporary files find no room."""

        def execute(self, text: str, values: tuple[Any, ...] = ()) -> Any:
            used.append(text)
            if "temp_store=MEMORY" not in "".join(used):
                raise apsw.FullError("database or disk is full")
            return real.execute(text, values)

    real = store.connection
    monkeypatch.setattr(store, "connection", Full())
    assert await ids(store) == [1]


# --- cancellation -------------------------------------------------------------------------------


async def test_cancelled_in_the_block_nothing_is_kept_and_the_next_goes_on(store: SqliteStore) -> None:
    entered = asyncio.Event()

    async def stuck() -> None:
        async with store.transaction() as tx:
            await tx.execute(ADD, key=1, words="x")
            entered.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(stuck())
    await entered.wait()
    behind = asyncio.create_task(add(store, 2))
    await asyncio.sleep(0)
    task.cancel()
    await behind
    assert await ids(store) == [2]


async def test_a_cancelled_waiter_does_not_take_the_others_commit_with_it(store: SqliteStore) -> None:
    """The first leaves the commit to the second, which is cancelled as its turn comes: who commits?"""
    slow = Slow(store, 1)
    first = await slow.begin()
    second = asyncio.create_task(add(store, 2))
    await turns_taken(store)
    slow.end()
    while store._turn.locked():
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait_for(first, 60)
    assert await ids(store) == [1]


async def test_all_waiters_cancelled_at_once_leave_the_first_ones_commit_done(store: SqliteStore) -> None:
    slow = Slow(store, 1)
    first = await slow.begin()
    others = [asyncio.create_task(add(store, key)) for key in (2, 3, 4)]
    await turns_taken(store)
    slow.end()
    while store._turn.locked():
        await asyncio.sleep(0)
    for other in others:
        other.cancel()
    await asyncio.wait_for(first, 60)
    assert await ids(store) == [1]


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("victim", [0, 1])
async def test_cancelled_while_the_disk_works_the_commit_and_all_who_wait_for_it_go_on(
    synced: SqliteStore, victim: int, times: int
) -> None:
    reported: list[int] = []

    async def add_and_report(key: int) -> None:
        async with synced.transaction() as tx:
            await tx.execute(ADD, key=key, words="x")
            tx.after_commit(lambda: reported.append(key))

    slow = Slow(synced, 0)
    first = await slow.begin()
    group = [asyncio.create_task(add_and_report(key)) for key in (1, 2)]
    await turns_taken(store)
    disk = Disk(synced)
    disk.stop()
    slow.end()
    await turns_taken(store)
    for _ in range(times):
        group[victim].cancel()
        await asyncio.sleep(0)
    later = asyncio.create_task(add_and_report(3))
    await turns_taken(store)
    disk.go()
    await asyncio.wait_for(asyncio.gather(first, group[1 - victim], later), 60)
    assert await ids(synced) == [0, 1, 2, 3]
    assert sorted(reported) == [1, 2, 3], "it became durable, so whoever has to know was notified"
    assert group[victim].cancelled()


async def test_cancelled_at_any_moment_the_store_goes_on(store: SqliteStore) -> None:
    """Every await of a writer is a place to be cancelled at; no other writer may notice."""
    for step in range(30):
        before, victim, after = (
            asyncio.create_task(add(store, step * 3)),
            asyncio.create_task(add(store, step * 3 + 1)),
            asyncio.create_task(add(store, step * 3 + 2)),
        )
        for _ in range(step % 10):
            await asyncio.sleep(0)
        victim.cancel()
        await asyncio.wait_for(asyncio.gather(before, after), 60)
        await asyncio.gather(victim, return_exceptions=True)
    kept = await ids(store)
    assert {key for key in range(90) if key % 3 != 1} <= set(kept)


async def test_closing_commits_what_was_left_to_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    store = SqliteStore(path, SystemClock())
    store.create(METADATA)
    slow = Slow(store, 1)
    first = await slow.begin()
    second = asyncio.create_task(add(store, 2))
    await turns_taken(store)
    slow.end()
    while store._turn.locked():
        await asyncio.sleep(0)
    second.cancel()
    closing = asyncio.create_task(store.close())
    await asyncio.wait_for(asyncio.gather(first, closing), 60)
    assert apsw.Connection(str(path)).execute("SELECT id FROM note").fetchall() == [(1,)]


# --- other processes ----------------------------------------------------------------------------


async def test_another_process_that_writes_is_waited_for_without_stopping_the_loop(
    store: SqliteStore, tmp_path: Path
) -> None:
    other = apsw.Connection(str(tmp_path / "notes.db"))
    other.execute("BEGIN IMMEDIATE")
    ticks = 0
    writing = asyncio.create_task(add(store, 1))
    while ticks < 20:
        await asyncio.sleep(0.001)
        ticks += 1
    assert not writing.done()
    other.execute("COMMIT")
    await asyncio.wait_for(writing, 60)
    assert await ids(store) == [1]


async def test_cancelled_while_another_process_writes_the_turn_is_free_again(
    store: SqliteStore, tmp_path: Path
) -> None:
    other = apsw.Connection(str(tmp_path / "notes.db"))
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(add(store, 1))
    behind = asyncio.create_task(add(store, 2))
    await asyncio.sleep(0.005)
    writing.cancel()
    other.execute("COMMIT")
    await asyncio.wait_for(behind, 60)
    assert await ids(store) == [2]


async def test_two_stores_on_one_file_lose_nothing(store: SqliteStore, tmp_path: Path) -> None:
    beside = SqliteStore(tmp_path / "notes.db", SystemClock())
    try:
        both = [add(store if key % 2 else beside, key) for key in range(60)]
        await asyncio.wait_for(asyncio.gather(*both), 60)
        assert await ids(store) == await ids(beside) == list(range(60))
    finally:
        await beside.close()
