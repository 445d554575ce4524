"""The small interface that everything above the store is written against.

A `Store` answers reads at once (the newest committed state) and gives transactions. Statements are SQLAlchemy Core
expressions wrapped once in a `Query`; an engine compiles them once for its dialect and runs the text on the raw driver
(measured: SQLAlchemy's execution layer costs 100-480 us a query, the raw driver 10-40).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from operator import itemgetter
from typing import Any, Protocol, TypeAlias

from sqlalchemy import ClauseElement, Table, TableClause, insert
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

Row = tuple[Any, ...]


class StoreTrouble(Exception):
    """The database did not do as asked, and no fault of the statement. The message is a sentence for operators."""


class Conflict(StoreTrouble):
    """Another transaction was faster, or the connection broke before the commit: nothing was written, run it again."""


class LostTogether(Conflict):
    """The same, of several that shared one transaction of the database: perhaps not all of them would have lost."""


class Away(StoreTrouble):
    """The database cannot be reached, or serves nobody now: nothing was written, and trying again needs patience."""


class Unwritable(StoreTrouble):
    """The database takes no writes now: its disk is full, or may not be written. Nothing was written, what is there can
    be read, and writes are taken again as soon as there is room, without anybody's doing.
    """


class CommitUnknown(StoreTrouble):
    """The commit was sent and its answer never came: all of it was written, or nothing. Look before you repeat it."""


#: Whether what runs now has lost before (`fractus.store.retrying`): it had better wait until others are done.
lost_before: ContextVar[bool] = ContextVar("lost_before", default=False)


class Compiled:
    """The text of a statement for one dialect, and how to order its parameters."""

    __slots__ = ("_fixed", "_names", "_pick", "text")

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("only queries and data statements are run through a Query")
        self.text = str(compiled)
        self._names: Sequence[str] = compiled.positiontup or ()
        self._pick = _picker(self._names)
        # SQLAlchemy has None for a value that has to be given, and for a column's default, which its own execution
        # would fill in. Absent is not NULL: the first is left out here, the second looked up.
        required = {name for name, bound in compiled.binds.items() if bound.required}
        fixed = {name: value for name, value in compiled.params.items() if name not in required}
        for column in compiled.insert_prefetch:
            if not isinstance(column.default, ScalarElementColumnDefault):
                raise TypeError(f"the default of {column} is no plain value")
            fixed[column.key] = column.default.arg
        self._fixed: Mapping[str, Any] = fixed

    def values(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Parameters in the order of the text: the given ones, and those fixed in the statement.

        KeyError names a parameter that was not given.
        """
        return self._pick({**self._fixed, **given} if self._fixed else given)


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What puts values in an order. It is called for every statement, so it is made of what is quick."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda given: tuple([given[name] for name in names])


class Query:
    """A statement, made once at import and compiled once for each dialect.

    `others`: how it is said in dialects that have words of their own for it, by their names. `heavy`: it may have to
    look at very many rows; a store that reads where everybody waits for it reads this one somewhere else.
    """

    __slots__ = ("_compiled", "_others", "heavy", "statement", "tables", "target")

    def __init__(self, statement: ClauseElement, *, heavy: bool = False, **others: ClauseElement) -> None:
        self.statement = statement
        self.heavy = heavy
        self._others = others
        self._compiled: dict[str, Compiled] = {}
        target = getattr(statement, "table", None)
        self.target: str = target.name if isinstance(target, TableClause) else ""
        """The table that a data statement changes."""
        self.tables: tuple[str, ...] = _tables_of(statement, self.target)
        """All tables that it is about."""

    def compiled(self, dialect: Dialect) -> Compiled:
        """The text for `dialect`, from memory after the first time."""
        found = self._compiled.get(dialect.name)
        if found is None:
            statement = self._others.get(dialect.name, self.statement)
            found = self._compiled[dialect.name] = Compiled(statement, dialect)
        return found


def _tables_of(statement: ClauseElement, target: str) -> tuple[str, ...]:
    found = {one.name for one in visitors.iterate(statement) if isinstance(one, TableClause)}
    return tuple(sorted(found | ({target} if target else set())))


def add_new_row(table: Table, values: Mapping[str, Any]) -> Query:
    """Insert a row unless one with its key is there; how many were inserted tells which."""
    return Query(
        sqlite.insert(table).values(values).on_conflict_do_nothing(),
        postgresql=postgresql.insert(table).values(values).on_conflict_do_nothing(),
        mariadb=insert(table).prefix_with("IGNORE").values(values),
    )


#: From the columns of the row that was to be inserted to what becomes of the one that is there.
Changes: TypeAlias = "Callable[[Any], Mapping[str, Any]]"


def upsert(table: Table, values: Mapping[str, Any], changes: Mapping[str, Any] | Changes) -> Query:
    """Insert a row, or make `changes` to the one that has its primary key: in one statement, so that two who do it at
    the same time need not look first, which would have them wait for each other.

    Changes that are given by the new row's own columns (`Changes`) let many such statements be sent as one.
    """
    key = list(table.primary_key.columns)

    def made(of: Any) -> dict[str, Any]:
        return dict(changes(of) if callable(changes) else changes)

    lite, post, maria = (one.insert(table).values(values) for one in (sqlite, postgresql, mysql))
    return Query(
        lite.on_conflict_do_update(index_elements=key, set_=made(lite.excluded)),
        postgresql=post.on_conflict_do_update(index_elements=key, set_=made(post.excluded)),
        mariadb=maria.on_duplicate_key_update(made(maria.inserted)),
    )


class Reader(Protocol):
    """What reads need: a store, or a transaction under way."""

    async def rows(self, query: Query, **values: Any) -> list[Row]:
        """All rows."""
        ...

    async def row(self, query: Query, **values: Any) -> Row | None:
        """The first row, or None."""
        ...


class Transaction(Reader, Protocol):
    """One unit of work: all of it or nothing. No outside call is made while one is open (law 7)."""

    async def execute(self, query: Query, **values: Any) -> int:
        """Run a data statement; the number of rows it touched."""
        ...

    async def put(
        self, query: Query, values: Mapping[str, Any], *, holding: bool = False, one: bool = False
    ) -> None:
        """Run a data statement whose outcome nobody waits for. The database hears of it before anything that reads its
        table, and together with others of its kind at the latest when the transaction ends; so do its errors.

        `holding`: it agrees with what is held of its table. `one`: it touches one row, or all of this is a `Conflict`.
        """
        ...

    def held(self, table: str, key: Hashable) -> Any:
        """What this transaction holds, or None."""
        ...

    def hold(self, table: str, key: Hashable, value: Any, settle: Settle) -> None:
        """Hold a value that was read under a lock, so that it need neither be read again nor written after each change.

        Values are never changed themselves. Whatever else writes to the table has `settle` write first what changed,
        and what is held of it is forgotten.
        """
        ...

    @property
    def crowded(self) -> bool:
        """Whether others share what is read here: then it is worth reading for more than one."""
        ...

    def change(self, table: str, key: Hashable, value: Any) -> None:
        """Another value for what is held; None may not be one."""
        ...

    def now(self) -> float:
        """The time of this transaction, seconds since the epoch; the same for all its statements."""
        ...

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have `call` called once this transaction is durable, and never if it is not."""
        ...


#: Writes down values that are held: (key, what is stored, what shall be) of each. By `put`, `holding`.
Settle: TypeAlias = "Callable[[Transaction, Sequence[tuple[Any, Any, Any]]], Awaitable[None]]"


class Store(Reader, Protocol):
    """A database."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; leaving the block commits, an exception rolls back.

        All transactions are serialisable: what one reads, others do not change under it. Where that cannot be kept up,
        one of them gets a `Conflict`, from any statement or from leaving the block (`fractus.store.retrying`).
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
