"""A transaction of a database server, statement by statement, and what somebody does in it.

What a driver gives for this (`mysql`, `postgres`) is a `Wire`, and what its errors mean.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import Dialect

from fractus.base.log import logger
from fractus.store.session import Session
from fractus.store.transaction import Compiled, Conflict, Query, Row, Settle, StoreTrouble, Unwritable

log = logger("store")

T = TypeVar("T")


class Meaning(enum.Enum):
    """What an error of a driver says."""

    CONFLICT = "another transaction was faster; the server has rolled this one back"
    LOST = "the connection is gone, or of no use any more"
    FULL = "the server has no room to write; it has undone the statement"
    OURS = "the statement is wrong, or what was given to it"


class Wire(Protocol):
    """One connection, as a driver has it. Errors are the driver's own."""

    async def rows(self, compiled: Compiled, values: tuple[Any, ...]) -> list[Row]:
        """Run a query."""
        ...

    async def execute(self, compiled: Compiled, values: tuple[Any, ...]) -> int:
        """Run a data statement; the number of rows that it found, whether it changed them or not."""
        ...

    async def many(self, compiled: Compiled, rows: list[tuple[Any, ...]]) -> None:
        """Run a data statement with each of `rows`, in one go where it can be."""
        ...

    async def begin(self) -> None:
        """Begin a serialisable transaction."""
        ...

    async def savepoint(self) -> None:
        """Mark this place of the transaction."""
        ...

    async def back(self) -> None:
        """Undo all since the mark, also where a statement has failed since."""
        ...

    async def commit(self) -> None:
        """End it."""
        ...

    async def rollback(self) -> None:
        """Undo it."""
        ...

    async def time(self) -> float:
        """The server's clock, seconds since the epoch."""
        ...

    async def lock_for_write(self, seconds: float) -> bool:
        """Be the only connection that has the turn; False where it was not to be had in `seconds`."""
        ...

    async def end_turn(self) -> None:
        """Let the next have it. A connection that breaks loses it too."""
        ...

    async def close(self) -> None:
        """Close the connection in order."""
        ...

    def cut(self) -> None:
        """Close the connection at once, without telling the server."""
        ...


class Driver(Protocol):
    """How one kind of server is spoken to."""

    dialect: Dialect
    url: str
    where: str
    """For messages: `MariaDB at host:port`."""

    async def connect(self, *, writing: bool) -> Wire:
        """A new connection; `writing`: for transactions."""
        ...

    def meaning(self, error: BaseException) -> Meaning:
        """What an error of a statement says."""
        ...


class Turn:
    """One transaction of the database."""

    def __init__(self, driver: Driver, wire: Wire, seconds: float) -> None:
        """`wire`: where it has just begun. `seconds`: what a statement may take."""
        self._driver = driver
        self._seconds = seconds
        self.wire = wire
        self.session = Session(self, driver.dialect)
        self.wrote = False
        self.torn = False
        """The connection is in the middle of something."""
        self.trouble: StoreTrouble | None = None
        """What has ended this transaction already, or the part of it that was not yet saved."""
        self.lost = False
        """The server has ended it."""

    async def rows(self, compiled: Compiled, values: tuple[Any, ...]) -> list[Row]:
        return await self._run(self.wire.rows(compiled, values))

    async def execute(self, compiled: Compiled, values: tuple[Any, ...]) -> int:
        self.wrote = True
        return await self._run(self.wire.execute(compiled, values))

    async def many(self, compiled: Compiled, rows: list[tuple[Any, ...]]) -> None:
        self.wrote = True
        await self._run(self.wire.many(compiled, rows))

    async def savepoint(self) -> None:
        await self._run(self.wire.savepoint())

    async def back(self) -> None:
        self.trouble = None
        await self._run(self.wire.back())

    async def _run(self, statement: Awaitable[T]) -> T:
        if self.trouble is not None:
            # Somebody took the first error for less than it was. On some servers a statement would now stand alone.
            _never(statement)
            raise self.trouble
        self.torn = True
        try:
            async with asyncio.timeout(self._seconds):
                result = await statement
        except TimeoutError as error:
            self.trouble, self.lost = Conflict(silent(self._driver.where, self._seconds)), True
            raise self.trouble from error
        except Exception as error:
            meaning = self._driver.meaning(error)
            self.torn = meaning is Meaning.LOST
            if meaning is Meaning.OURS:
                self.trouble = Conflict(f"A statement of this transaction had failed: {error}")
                raise
            if meaning is Meaning.FULL:
                self.trouble = Unwritable(f"{self._driver.where} cannot write: {error}")
                raise self.trouble from error
            self.trouble, self.lost = Conflict(f"{self._driver.where}: {error}"), True
            raise self.trouble from error
        self.torn = False
        return result


class Part:
    """What somebody does in a transaction of the database; all of it, where they share it with nobody."""

    def __init__(self, session: Session, now: float, *, crowded: bool = False) -> None:
        """`crowded`: more may come after it."""
        self._session = session
        self._now = now
        self._crowded = crowded
        self.wrote = False
        self._calls: list[Callable[[], None]] = []

    async def rows(self, query: Query, **values: Any) -> list[Row]:
        return await self._session.rows(self, query, values)

    async def row(self, query: Query, **values: Any) -> Row | None:
        found = await self._session.rows(self, query, values)
        return found[0] if found else None

    async def execute(self, query: Query, **values: Any) -> int:
        self.wrote = True
        return await self._session.execute(self, query, values)

    async def put(
        self, query: Query, values: Mapping[str, Any], *, holding: bool = False, one: bool = False
    ) -> None:
        # What is held was changed by somebody before, who need not be who writes it down.
        self.wrote = self.wrote or not holding
        await self._session.put(self, query, values, holding=holding, one=one)

    def held(self, table: str, key: Hashable) -> Any:
        return self._session.held(table, key)

    def hold(self, table: str, key: Hashable, value: Any, settle: Settle) -> None:
        self._session.hold(table, key, value, settle)

    def change(self, table: str, key: Hashable, value: Any) -> None:
        self.wrote = True
        self._session.change(table, key, value)

    @property
    def crowded(self) -> bool:
        return self._crowded

    def now(self) -> float:
        return self._now

    def after_commit(self, call: Callable[[], None]) -> None:
        self._calls.append(call)

    def confirm(self) -> None:
        """It is durable. Whatever goes wrong in what is called now makes nobody believe that it is not."""
        for call in self._calls:
            try:
                call()
            except Exception:
                log.exception("a call after a commit failed")


def _never(statement: Awaitable[Any]) -> None:
    """A statement that is not run after all."""
    close = getattr(statement, "close", None)
    if close is not None:
        close()


def silent(where: str, seconds: float) -> str:
    """A sentence for a statement that took too long."""
    return f"{where} did not answer within {seconds:g} seconds."
