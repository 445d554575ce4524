"""What a transaction has read, and what it has still to write.

A transaction is serialisable, so what it has read stays true until it ends or writes to the same table itself: it is
asked for once. What nobody waits to hear the outcome of (`put`) is written in one go: rows of one statement together,
before anything reads their table, and at the latest at the end. And a number that many change (what a project uses, the
next free address of a subnet) is read once under a lock, changed here, and written once (`hold`).

Several transactions of a process may share one of the database, taking turns (`fractus.store.shared_transactions`). All
of this then goes on from one turn to the next; a turn that fails takes back its own part and no other's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping
from time import monotonic
from typing import Any, NamedTuple, Protocol

from sqlalchemy.engine import Dialect

from fractus.store.transaction import Compiled, Conflict, Query, Row, Settle, Transaction

#: Rows of one statement that are sent together.
_TOGETHER = 256


#: How long a transaction goes on before it lets others run. Seconds; few take a tenth of it.
_LONG = 0.02


class Raw(Protocol):
    """One transaction of the database, statement by statement."""

    async def rows(self, compiled: Compiled, values: tuple[Any, ...]) -> list[Row]:
        """Run a query."""
        ...

    async def execute(self, compiled: Compiled, values: tuple[Any, ...]) -> int:
        """Run a data statement; the number of rows it touched."""
        ...

    async def many(self, compiled: Compiled, rows: list[tuple[Any, ...]]) -> None:
        """Run a data statement with each of `rows`, in their order."""
        ...

    async def savepoint(self) -> None:
        """Mark this place, instead of any that was marked before."""
        ...

    async def back(self) -> None:
        """Undo all since the mark."""
        ...


class _Held(NamedTuple):
    """A value that the database has as `stored`, and shall have as `now`."""

    stored: Any
    now: Any


_Memo = dict[tuple[str, tuple[Any, ...]], list[Row]]
_Owed = dict[str, list[tuple[Compiled, tuple[Any, ...], bool]]]
_Holding = dict[str, dict[Hashable, _Held]]


class Session:
    """What is known of one transaction of the database, for the turns that share it."""

    def __init__(self, raw: Raw, dialect: Dialect) -> None:
        self._raw = raw
        self._dialect = dialect
        self._memo: _Memo = {}
        self._read_of: dict[str, set[tuple[str, tuple[Any, ...]]]] = {}
        self._owed: _Owed = {}
        self._held: _Holding = {}
        self._settles: dict[str, Settle] = {}
        self._marks: dict[str, int] = {}
        self._held_before: _Holding = {}
        self.saved = False
        """The turn could be undone by the server."""
        self._follows = False
        self._since = monotonic()
        """When other tasks of the process last had a chance to run."""

    # --- turns -----------------------------------------------------------------------------------

    def begin(self, *, follows: bool) -> None:
        """A turn begins. `follows`: others have had theirs, and what they did must outlast it."""
        self._marks = {table: len(rows) for table, rows in self._owed.items()}
        self._held_before = {table: dict(held) for table, held in self._held.items()}
        self.saved = False
        self._follows = follows
        self._since = monotonic()

    async def undo(self) -> None:
        """Take back what the turn has done. Only where others have gone before it."""
        if self.saved:
            await self._raw.back()
            # Which rows are locked still differs from one server to the other.
            self.forget()
            self._owed.clear()
        else:
            for table, rows in self._owed.items():
                del rows[self._marks.get(table, 0) :]
        self._held = self._held_before

    def clear(self) -> None:
        """A turn was undone by the store, and what went before it is written: nothing is known any more."""
        self.forget()
        self._owed.clear()
        self._held.clear()

    def forget(self) -> None:
        """What was read may not be so any more."""
        self._memo.clear()
        self._read_of.clear()

    async def _give_way(self) -> None:
        """Let other tasks of the process run. Asked for when this one has gone on for `_LONG`: where the database is in
        the process, no statement does, and a transaction about hundreds of things would have everybody wait for its
        end.
        """
        await asyncio.sleep(0)
        self._since = monotonic()

    # --- statements ------------------------------------------------------------------------------

    async def rows(self, tx: Transaction, query: Query, given: Mapping[str, Any]) -> list[Row]:
        """Run a query, or remember what it came to."""
        compiled = query.compiled(self._dialect)
        values = compiled.values(given)
        key = (compiled.text, values)
        found = self._memo.get(key)
        if found is None:
            if monotonic() - self._since > _LONG:
                await self._give_way()
            await self._write_down(tx, query.tables)
            found = self._memo[key] = await self._raw.rows(compiled, values)
            for table in query.tables:
                self._read_of.setdefault(table, set()).add(key)
        return list(found)

    async def execute(self, tx: Transaction, query: Query, given: Mapping[str, Any]) -> int:
        """Run a data statement now."""
        compiled = query.compiled(self._dialect)
        values = compiled.values(given)
        if monotonic() - self._since > _LONG:
            await self._give_way()
        await self._write_down(tx, query.tables)
        await self._save(tx)
        for table in query.tables:
            self._held.pop(table, None)
            self._changed(table)
        return await self._raw.execute(compiled, values)

    async def put(
        self,
        tx: Transaction,
        query: Query,
        given: Mapping[str, Any],
        *,
        holding: bool = False,
        one: bool = False,
    ) -> None:
        """Run a data statement when its time comes (`fractus.store.transaction.Transaction.put`). Others get their
        chance to run then.
        """
        compiled = query.compiled(self._dialect)
        values = compiled.values(given)
        target = query.target
        if not holding and target in self._held:
            await self._settle(tx, target)
            self._held.pop(target)
        self._owed.setdefault(target, []).append((compiled, values, one))
        self._changed(target)

    # --- what is held ----------------------------------------------------------------------------

    def held(self, table: str, key: Hashable) -> Any:
        """The value, or None."""
        found = self._held.get(table, {}).get(key)
        return None if found is None else found.now

    def hold(self, table: str, key: Hashable, value: Any, settle: Settle) -> None:
        """Hold a value that was just read under a lock."""
        self._settles[table] = settle
        self._held.setdefault(table, {})[key] = _Held(value, value)

    def change(self, table: str, key: Hashable, value: Any) -> None:
        """Another value for what is held."""
        held = self._held[table]
        held[key] = _Held(held[key].stored, value)
        self._changed(table)

    async def _settle(self, tx: Transaction, table: str) -> None:
        """Have the values of a table written, as far as they have changed."""
        held = self._held.get(table, {})
        if any(one.stored != one.now for one in held.values()):
            await self._save(tx)
            await self._settle_those(tx, table, held)

    async def _settle_those(self, tx: Transaction, table: str, held: dict[Hashable, _Held]) -> None:
        changes = [(key, one.stored, one.now) for key, one in held.items() if one.stored != one.now]
        for key, _, now in changes:
            held[key] = _Held(now, now)
        if changes:
            await self._settles[table](tx, changes)

    # --- writing down ----------------------------------------------------------------------------

    async def write_down(self, tx: Transaction) -> None:
        """Everything: the transaction ends."""
        self._follows = False
        for table in list(self._held):
            await self._settle(tx, table)
        for table in list(self._owed):
            await self._flush(table)

    async def _write_down(self, tx: Transaction, tables: Iterable[str]) -> None:
        """What is still to be written to some tables, if anything is."""
        for table in tables:
            if table in self._held:
                await self._settle(tx, table)
            if self._owed.get(table):
                await self._save(tx)
                await self._flush(table)

    async def _save(self, tx: Transaction) -> None:
        """The turn is about to write: mark the place, after all that those before it have still to write."""
        if self.saved or not self._follows:
            return
        self.saved = True
        own = {table: rows[self._marks.get(table, 0) :] for table, rows in self._owed.items()}
        for table, rows in self._owed.items():
            del rows[self._marks.get(table, 0) :]
        for table, held in self._held_before.items():
            await self._settle_those(tx, table, held)
        for table in list(self._owed):
            await self._flush(table)
        await self._raw.savepoint()
        # The database has now what the turn began with.
        for table, held in self._held_before.items():
            mine = self._held.get(table, {})
            for key, one in held.items():
                if key in mine:
                    mine[key] = _Held(one.stored, mine[key].now)
        self._owed = {table: rows for table, rows in own.items() if rows}

    async def _flush(self, table: str) -> None:
        rows = self._owed.pop(table, [])
        at = 0
        while at < len(rows):
            if monotonic() - self._since > _LONG:
                await self._give_way()
            compiled, values, one = rows[at]
            end = at + 1
            while not one and end < len(rows) and end - at < _TOGETHER:
                if rows[end][0] is not compiled or rows[end][2]:
                    break
                end += 1
            if end - at > 1:
                await self._raw.many(compiled, [row[1] for row in rows[at:end]])
            elif await self._raw.execute(compiled, values) != 1 and one:
                raise Conflict(f"what was held of {table} has changed")
            at = end

    def _changed(self, table: str) -> None:
        """Nothing that was read of it is to be believed any more."""
        for key in self._read_of.pop(table, ()):
            self._memo.pop(key, None)
