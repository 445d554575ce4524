"""Several transactions of a process as one of the database server: they take turns in it, and share its commit.

As on SQLite (`fractus.store.sqlite`): transactions that come while another one runs queue up behind it, and each goes
on where the one before has ended, in the same transaction of the database. So what one has read the next need not ask
for again, what they write is sent together (`fractus.store.session`), they never lose against each other, and one
commit makes all of them durable. Each is still all or nothing, and its block ends only when the commit was answered.

Of the transactions that are shared so one runs at a time, of whatever process (`Wire.lock_for_write`), as long as
that goes well: nobody's correctness hangs on it, for they are serialisable besides. Who has lost runs again and
shares nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from fractus.base.log import logger
from fractus.store.statement_queue import Part, Turn
from fractus.store.transaction import (
    Away,
    CommitUnknown,
    Conflict,
    LostTogether,
    Transaction,
    lost_before,
)

log = logger("store")

#: Transactions that may share one: beyond this the wait of the first one outgrows the gain.
_MOST = 64

#: How long others may join one. Seconds: as long as those of other processes have to wait for it, and a little more.
_OPEN = 1.0


class Begins(Protocol):
    """The store, as far as it is needed here."""

    async def begin(self, *, in_turn: bool) -> Turn:
        """A transaction of the database."""
        ...

    async def commit(self, turn: Turn) -> None:
        """End it."""
        ...

    async def undo(self, turn: Turn) -> None:
        """Undo it."""
        ...

    def now(self) -> float:
        """The shared time."""
        ...


class _Group:
    """One transaction of the database, and those whose turns are over."""

    def __init__(self, turn: Turn, *, alone: bool) -> None:
        self.turn = turn
        self.alone = alone
        self.began = asyncio.get_running_loop().time()
        self.parts: list[Part] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def open(self) -> bool:
        """Whether one more may join."""
        lasts = asyncio.get_running_loop().time() - self.began
        return not self.alone and len(self.parts) < _MOST and lasts < _OPEN


class _Waiting:
    """Somebody in the queue. `alone`: what they do is shared with nobody."""

    def __init__(self, *, alone: bool) -> None:
        self.alone = alone
        self.called: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class SharedTransactions:
    """The queue of one process."""

    def __init__(self, store: Begins) -> None:
        self._store = store
        self._queue: deque[_Waiting] = deque()
        self._busy = False
        """Somebody has the turn, or a transaction is being ended."""
        self._group: _Group | None = None
        self._endings: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One turn."""
        alone = lost_before.get()
        await self._wait(alone=alone)
        try:
            group = await self._join(alone=alone)
        except BaseException as error:
            self._fail(error)
            raise
        part = Part(group.turn.session, self._store.now(), crowded=not alone)
        group.turn.session.begin(follows=bool(group.parts))
        try:
            yield part
            if group.turn.trouble is not None:
                raise group.turn.trouble
        except BaseException:
            await self._undo(group)
            raise
        group.parts.append(part)
        self._leave(group)
        await self._ended(group, part)

    # --- the queue -------------------------------------------------------------------------------

    async def _wait(self, *, alone: bool) -> None:
        if not self._busy:
            self._busy = True
            return
        waiting = _Waiting(alone=alone)
        self._queue.append(waiting)
        try:
            await waiting.called
        except asyncio.CancelledError:
            if waiting.called.done() and not waiting.called.cancelled():
                # It was called, and does not come: as if its turn were over.
                self._pass_on()
            raise

    def _first(self) -> _Waiting | None:
        """The first that still waits."""
        while self._queue:
            if not self._queue[0].called.done():
                return self._queue[0]
            self._queue.popleft()
        return None

    def _pass_on(self) -> None:
        """The turn is over: the group goes on, or ends."""
        if self._group is not None:
            self._leave(self._group)
            return
        first = self._first()
        if first is None:
            self._busy = False
        else:
            self._queue.popleft()
            first.called.set_result(None)

    def _fail(self, error: BaseException) -> None:
        """No transaction was to be had. While the database is away nobody need find that out one after the other."""
        if isinstance(error, Away):
            while (waiting := self._first()) is not None:
                self._queue.popleft()
                waiting.called.set_exception(Away(str(error)))
                waiting.called.exception()
        self._pass_on()

    # --- the group -------------------------------------------------------------------------------

    async def _join(self, *, alone: bool) -> _Group:
        if self._group is None:
            turn = await self._store.begin(in_turn=True)
            self._group = _Group(turn, alone=alone)
        return self._group

    def _leave(self, group: _Group) -> None:
        """Leave the end to whoever comes next, or have it ended now."""
        first = self._first()
        if first is not None and not first.alone and group.open():
            self._queue.popleft()
            first.called.set_result(None)
            return
        self._group = None
        # Neither the disk's work nor those who wait for it depend on the task that happened to be the last.
        ending = asyncio.get_running_loop().create_task(self._end(group))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _end(self, group: _Group) -> None:
        turn = group.turn
        try:
            try:
                await turn.session.write_down(group.parts[-1])
            except BaseException:
                await self._store.undo(turn)
                raise
            await self._store.commit(turn)
        except BaseException as error:
            group.done.set_exception(error)
            group.done.exception()
            if not isinstance(error, Exception):
                raise
        else:
            group.done.set_result(None)
            for part in group.parts:
                part.confirm()
        finally:
            self._pass_on()

    async def _undo(self, group: _Group) -> None:
        """Take one turn back and go on with the others; or end all, where the server cannot tell them apart."""
        turn, sound = group.turn, False
        try:
            if (
                group.parts
                and not turn.torn
                and not turn.lost
                and (turn.trouble is None or turn.session.saved)
            ):
                await turn.session.undo()
                sound = True
        except Exception as worse:
            log.debug("a shared transaction is given up", why=str(worse))
        finally:
            try:
                if not sound:
                    self._group = None
                    why = turn.trouble or "somebody who shared the transaction was cut off"
                    group.done.set_exception(LostTogether(str(why)))
                    group.done.exception()
                    await self._store.undo(turn)
            finally:
                self._pass_on()

    async def _ended(self, group: _Group, part: Part) -> None:
        """Wait for the commit, and tell what it means to one of several."""
        try:
            # Who asked may not wait any more, but it may well become durable, and others want to know.
            await asyncio.shield(group.done)
        except CommitUnknown as error:
            if part.wrote:
                raise CommitUnknown(str(error)) from error
            raise Conflict(str(error)) from error
        except Away as error:
            raise Away(str(error)) from error
        except Exception as error:
            if len(group.parts) > 1:
                raise LostTogether(str(error)) from error
            raise

    async def close(self) -> None:
        """Wait until all is ended."""
        while self._endings:
            await asyncio.wait(set(self._endings))
