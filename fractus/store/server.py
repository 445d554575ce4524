"""What the database servers have in common: connections, transactions, and what is done when they break.

Reads run outside transactions, on connections of their own; a transaction has a connection to itself from its first
statement to its commit. Both kinds are kept for reuse. A driver (`mysql`, `postgres`) says how a connection is made and
what its errors mean; all else is here.

Transactions run side by side as long as that goes well. One that lost against another runs again in a *turn*: alone
among all that have lost, of all processes; and while somebody waits for a turn, the transactions of that process wait
for one too. So few are run in vain, however many want to change the same row.

Whatever happens to a connection in the middle of a statement (an error of the network, a deadline, a cancelled task),
it is thrown away: nobody can tell what the server would answer on it next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeVar

from fractus.base.clock import Clock, SharedClock
from fractus.base.log import logger
from fractus.store.shared_transactions import SharedTransactions
from fractus.store.statement_queue import Driver, Meaning, Part, Turn, Wire, silent
from fractus.store.transaction import (
    Away,
    CommitUnknown,
    Compiled,
    Conflict,
    Query,
    Row,
    StoreTrouble,
    Transaction,
    Unwritable,
    lost_before,
)

log = logger("store")

T = TypeVar("T")

#: How long the time that the database reported is gone on from. Seconds; a good clock loses microseconds in it.
_HEAR_AGAIN = 30.0

#: How long nobody asks for a turn again who did not get one. Seconds; then the server has ended who stopped in one.
_WITHOUT = 30.0


class _Pool:
    """Connections of one kind: up to so many, the one used last given out first."""

    def __init__(self, connect: Callable[[], Awaitable[Wire]], size: int, where: str) -> None:
        self._connect = connect
        self._where = where
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Wire] = []
        self._size = size

    async def take(self, seconds: float, *, fresh: bool = False) -> Wire:
        """A connection; `fresh`: one that was not there before. `Away` where none can be had in `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise Away(
                f"All {self._size} connections to {self._where} were busy for {seconds:g} seconds."
            ) from None
        try:
            if fresh:
                self.forget()
            return self._idle.pop() if self._idle else await self._connect()
        except BaseException:
            self._slots.release()
            raise

    def give(self, wire: Wire) -> None:
        """Back, for the next."""
        self._idle.append(wire)
        self._slots.release()

    def drop(self, wire: Wire) -> None:
        """Not to be used again."""
        wire.cut()
        self._slots.release()

    def forget(self) -> None:
        """Where one connection broke, those that lie here have broken too, or are cheaply replaced."""
        while self._idle:
            self._idle.pop().cut()

    async def close(self) -> None:
        """Release what is not in use."""
        while self._idle:
            await self._idle.pop().close()


class ServerStore:
    """A database on a server."""

    def __init__(
        self, driver: Driver, clock: Clock, *, size: int, seconds: float, shared: bool = False
    ) -> None:
        """`size`: connections for transactions, and as many for reads. `seconds`: what a statement may take. `shared`:
        transactions of this process that come at the same time are one of the database
        (`fractus.store.shared_transactions`).

        Nothing is connected to yet.
        """
        self.driver = driver
        self.seconds = seconds
        self._clock = clock
        self._heard_at = float("-inf")
        self._readers = _Pool(lambda: self._connect(writing=False), size, driver.where)
        self._writers = _Pool(lambda: self._connect(writing=True), size, driver.where)
        self._turn = asyncio.Lock()
        self._crowd = 0
        """How many of this process have the turn or wait for it."""
        self._holders: set[asyncio.Task[Any]] = set()
        self._commits: set[asyncio.Task[None]] = set()
        self._sharing = SharedTransactions(self) if shared else None
        self._without_until = float("-inf")

    def silent(self) -> str:
        """A sentence for a statement that took too long."""
        return silent(self.driver.where, self.seconds)

    # ------------------------------------------------------------------ reads

    async def rows(self, query: Query, **values: Any) -> list[Row]:
        """All rows, of the newest committed state. Asked once more on a new connection where the first one broke."""
        compiled = query.compiled(self.driver.dialect)
        given = compiled.values(values)
        try:
            return await self._read(compiled, given, fresh=False)
        except _Broken:
            pass
        try:
            return await self._read(compiled, given, fresh=True)
        except _Broken as error:
            raise Away(str(error)) from error

    async def row(self, query: Query, **values: Any) -> Row | None:
        """The first row, or None."""
        found = await self.rows(query, **values)
        return found[0] if found else None

    async def _read(self, compiled: Compiled, values: tuple[Any, ...], *, fresh: bool) -> list[Row]:
        wire = await self._readers.take(self.seconds, fresh=fresh)
        sound = False
        try:
            async with asyncio.timeout(self.seconds):
                found = await wire.rows(compiled, values)
            sound = True
            return found
        except TimeoutError:
            raise _Broken(self.silent()) from None
        except Exception as error:
            meaning = self.driver.meaning(error)
            sound = meaning is not Meaning.LOST
            if meaning is Meaning.OURS:
                raise
            if meaning is Meaning.FULL:
                # It wanted to sort more than it has memory for.
                raise Away(f"{self.driver.where}: {error}") from error
            raise _Broken(f"{self.driver.where}: {error}") from error
        finally:
            if sound:
                self._readers.give(wire)
            else:
                self._readers.drop(wire)

    # ------------------------------------------------------------------ transactions

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A serialisable transaction; leaving the block returns when the commit was answered.

        One task has one at a time, as in every store: a second one inside would not see what the first has written.
        """
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        task = asyncio.current_task()
        if task is None or task in self._holders:
            raise RuntimeError("this task has a transaction open already; use that one")
        self._holders.add(task)
        try:
            if self._sharing is not None:
                async with self._sharing.transaction() as part:
                    yield part
                return
            in_turn = self._in_turn() if self._crowd or lost_before.get() else nullcontext()
            async with in_turn, self._one() as part:
                yield part
        finally:
            self._holders.discard(task)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        """Nobody of this process is in a turn beside us."""
        self._crowd += 1
        try:
            async with self._turn:
                yield
        finally:
            self._crowd -= 1

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[Transaction]:
        turn = await self.begin(in_turn=lost_before.get())
        part = Part(turn.session, self._clock.now())
        try:
            yield part
            await turn.session.write_down(part)
            if turn.trouble is not None:
                raise turn.trouble
        except BaseException:
            await self.undo(turn)
            raise
        commit = asyncio.create_task(self.commit(turn))
        self._commits.add(commit)
        commit.add_done_callback(lambda done: self._committed(done, part))
        # Who asked may not wait any more, but it may well become durable, and others want to know.
        await asyncio.shield(commit)

    async def begin(self, *, in_turn: bool) -> Turn:
        """A transaction of the database. `in_turn`: alone among all, of whatever process, that are begun so; without,
        where that is not to be had in half the time that a statement may take.
        """
        wait = self.seconds / 2 if in_turn else 0.0
        return Turn(self.driver, await self._begin(wait), self.seconds)

    def now(self) -> float:
        """The time of what begins now."""
        return self._clock.now()

    async def _begin(self, wait: float) -> Wire:
        """A connection with a transaction begun on it; a connection that had broken meanwhile is replaced."""
        try:
            return await self._begin_on(await self._writers.take(self.seconds), wait)
        except _Broken:
            pass
        try:
            return await self._begin_on(await self._writers.take(self.seconds, fresh=True), wait)
        except _Broken as error:
            raise Away(str(error)) from error

    async def _begin_on(self, wire: Wire, wait: float) -> Wire:
        try:
            async with asyncio.timeout(self.seconds):
                await self._hear(wire, patience=_HEAR_AGAIN)
                await self._lock_for_write(wire, wait)
                await wire.begin()
        except TimeoutError:
            self._writers.drop(wire)
            raise _Broken(self.silent()) from None
        except Exception as error:
            self._writers.drop(wire)
            raise _Broken(f"{self.driver.where}: {error}") from error
        except BaseException:
            self._writers.drop(wire)
            raise
        return wire

    async def _lock_for_write(self, wire: Wire, wait: float) -> None:
        """Be alone, unless that is not asked for, or somebody who has stopped in the middle keeps all others out."""
        loses = lost_before.get()
        if not wait or (not loses and self._clock.monotonic() < self._without_until):
            return
        if not await wire.lock_for_write(wait):
            log.debug("no turn to be had; going without")
            if not loses:
                self._without_until = self._clock.monotonic() + _WITHOUT

    async def undo(self, turn: Turn) -> None:
        """Roll back. A server that is not asked, because the connection broke, does it by itself."""
        sound = False
        try:
            if not turn.torn:
                async with asyncio.timeout(self.seconds):
                    await turn.wire.rollback()
                    await turn.wire.end_turn()
                sound = True
        except Exception as error:
            log.debug("rollback failed", error=str(error))
        finally:
            if sound:
                self._writers.give(turn.wire)
            else:
                self._writers.drop(turn.wire)

    async def commit(self, turn: Turn) -> None:
        """End it. What `Conflict` and `CommitUnknown` mean is said there."""
        sound = False
        try:
            async with asyncio.timeout(self.seconds):
                await turn.wire.commit()
            sound = await self._ended(turn.wire)
        except TimeoutError:
            raise self._unanswered(turn, self.silent()) from None
        except Exception as error:
            meaning = self.driver.meaning(error)
            if meaning is Meaning.OURS:
                raise
            why = f"{self.driver.where}: {error}"
            if meaning is Meaning.FULL:
                raise Unwritable(why) from error
            if meaning is Meaning.CONFLICT:
                raise Conflict(why) from error
            raise self._unanswered(turn, why) from error
        finally:
            # After a refused commit too it is clear where the connection is, but it happens too seldom to matter.
            if sound:
                self._writers.give(turn.wire)
            else:
                self._writers.drop(turn.wire)

    async def _ended(self, wire: Wire) -> bool:
        """Let the next have the turn. It is committed already, so nothing that happens here matters to who did it."""
        try:
            async with asyncio.timeout(self.seconds):
                await wire.end_turn()
        except Exception as error:
            log.debug("the turn was not ended", error=str(error))
            return False
        return True

    def _unanswered(self, turn: Turn, why: str) -> StoreTrouble:
        return CommitUnknown(why) if turn.wrote else Conflict(why)

    def _committed(self, commit: asyncio.Task[None], part: Part) -> None:
        self._commits.discard(commit)
        if not commit.cancelled() and commit.exception() is None:
            part.confirm()

    # ------------------------------------------------------------------ connections

    async def _connect(self, *, writing: bool) -> Wire:
        """A new connection, or `Away`."""
        try:
            async with asyncio.timeout(self.seconds):
                wire = await self.driver.connect(writing=writing)
                await self._hear(wire, patience=0.0)
                return wire
        except TimeoutError:
            raise Away(self.silent()) from None
        except Exception as error:
            raise Away(f"{self.driver.where} takes no connection: {error}") from error

    async def _hear(self, wire: Wire, *, patience: float) -> None:
        """Set the time that all machines share by the database's, unless that was done not long ago."""
        clock = self._clock
        if isinstance(clock, SharedClock) and clock.monotonic() - self._heard_at >= patience:
            asked = clock.monotonic()
            theirs = await wire.time()
            self._heard_at = clock.monotonic()
            clock.heard(theirs, asked, self._heard_at)

    async def close(self) -> None:
        """Release the connections, once what is being committed is done."""
        if self._sharing is not None:
            await self._sharing.close()
        if self._commits:
            await asyncio.wait(set(self._commits))
        await self._readers.close()
        await self._writers.close()


class _Broken(Exception):
    """The connection gave out; another may do."""
