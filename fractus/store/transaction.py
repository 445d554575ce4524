"""The small interface that everything above the store is written against.

A `Store` answers reads at once (the newest committed state) and gives transactions. Statements are SQLAlchemy Core
expressions wrapped once in a `Query`; an engine compiles them once for its dialect and runs the text on the raw driver
(measured: SQLAlchemy's execution layer costs 100-480 us a query, the raw driver 10-40).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

Row = tuple[Any, ...]


class Compiled:
    """The text of a statement for one dialect, and how to order its parameters."""

    __slots__ = ("_fixed", "_names", "text")

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("only queries and data statements are run through a Query")
        self.text = str(compiled)
        self._names: Sequence[str] = compiled.positiontup or ()
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
        fixed = self._fixed
        return tuple([given[name] if name in given else fixed[name] for name in self._names])


class Query:
    """A statement, made once at import and compiled once for each dialect."""

    __slots__ = ("_compiled", "statement")

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement
        self._compiled: dict[str, Compiled] = {}

    def compiled(self, dialect: Dialect) -> Compiled:
        """The text for `dialect`, from memory after the first time."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = Compiled(self.statement, dialect)
        return found


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

    def now(self) -> float:
        """The time of this transaction, seconds since the epoch; the same for all its statements."""
        ...

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have `call` called once this transaction is durable, and never if it is not."""
        ...


class Store(Reader, Protocol):
    """A database."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; leaving the block commits, an exception rolls back."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
