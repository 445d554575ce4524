"""Lists: filters, sorting, keyset paging. Markers are rows of our own store, so paging is stable (law 12).

What databases do not agree on is decided here, so that a list is the same whatever stands below: patterns, and LIKE
with letters beyond ASCII (whose capitals each knows in its own way). Rows that hold all other conditions are read in
order, and sifted.

Of tables that may become very large (`crowded` in their `info`) it is also decided here by which index a page is read
(`fractus.store.index_choice`). What may have to look at many rows is a `heavy` query, which keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeGuard

from sqlalchemy import Table

from fractus.store import case_folding, index_choice, statements
from fractus.store.patterns import Matcher, matcher, only_ascii
from fractus.store.statements import Filter, Filters, Sort
from fractus.store.transaction import Reader, Row

__all__ = ["Filter", "Filters", "Sort", "UnknownMarker", "count", "one_of", "page", "sieve"]

#: Keys of a narrow list that are sorted for a page: where the index has all that is sorted by (that costs less than
#: rows in order, of which fewer than one in `_ONE_IN` belongs to the list then), and where rows must be looked at.
_COVERED, _LOOKED_UP = 50_000, 1_000

#: So few are counted and sorted before anything else is tried, and where everybody waits.
_FEW = 2_500

#: Keys that are held in memory at a time.
_HELD = 5_000

#: So many times a page's rows are looked at in order first; and if one in so many belongs to the list, more of them.
_AHEAD, _ONE_IN = 2, 20

#: Values that are asked for together, some of them twice: a few statements serve all lists.
_SIZES = (1, 10, 100, 500)

#: Rows read at a time to be sifted: a few more than are asked for, not one by one and not all at once.
_LEAST, _MOST = 100, 1000

#: Entries of an index read at a time to be sifted: others have their turns after some milliseconds.
_STRIDE = 2000


class UnknownMarker(Exception):
    """The marker is not a row of this table (or not one that the caller may see)."""


async def page(
    reader: Reader,
    table: Table,
    filters: Filters,
    *,
    columns: tuple[str, ...] = ("id", "summary"),
    sorts: Sequence[Sort] = (),
    marker: str | None = None,
    limit: int = 1000,
) -> list[Row]:
    """One page of rows in the order of `sorts` (default: newest first), after the row `marker`.

    `UnknownMarker` where there is no such row; whether the caller may know of the marker is for the caller to check.
    Ask for one more than the page to learn whether there is a next one.
    """
    keys = tuple(sorts) or (Sort("created_at", True),)
    if all(sort.column != "id" for sort in keys):
        keys += (Sort("id", keys[-1].descending),)
    given, sifted = _divided(filters)
    asked = await _spelt(reader, table, given)
    after: Row | None = None
    if marker is not None:
        after = await reader.row(statements.marker_query(table, tuple(s.column for s in keys)), key=marker)
        if after is None:
            raise UnknownMarker(marker)
    if not sifted:
        return await _rows(reader, table, asked, columns, keys, after, limit)
    return await _sift(reader, _Sifting(table, asked, sifted, columns, keys), after, limit)


class _Sifting(NamedTuple):
    """A list of which some conditions are looked at here."""

    table: Table
    filters: Filters
    sifted: Sieve
    columns: tuple[str, ...]
    keys: tuple[Sort, ...]

    @property
    def tested(self) -> tuple[str, ...]:
        return tuple(column for column, _ in self.sifted)

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(sort.column for sort in self.keys)

    def will_do(self, row: Row) -> bool:
        """Of a row that begins with what is tested."""
        return all(matches(value) for (_, matches), value in zip(self.sifted, row, strict=False))

    async def whole(self, reader: Reader, ids: list[str], limit: int) -> list[Row]:
        """The first rows of these, whole. One may have been changed since it was looked at."""
        found: list[Row] = []
        columns = (*self.tested, *self.columns)
        for start in range(0, len(ids), _LEAST):
            some = await _by_ids(
                reader, self.table, self.filters, columns, ids[start : start + _LEAST], _LEAST
            )
            found += [row[len(self.tested) :] for row in some if self.will_do(row)]
            if len(found) >= limit:
                break
        return found[:limit]


async def _sift(reader: Reader, asked: _Sifting, after: Row | None, limit: int) -> list[Row]:
    """Go through the rows in order by what is tested of them, and read the whole of those alone that will do. Where
    they are few, go through an index instead.
    """
    found: list[Row] = []
    tested, places = len(asked.tested), asked.places
    at, step = tested + places.index("id"), min(max(2 * limit, _LEAST), _MOST)
    tried = False
    while len(found) < limit:
        # It may go through all there is: a store that reads where everybody waits for it must not do it there.
        rows = await _rows(
            reader, asked.table, asked.filters, (*asked.tested, *places), asked.keys, after, step, aside=True
        )
        ids = [row[at] for row in rows if asked.will_do(row)]
        found += await asked.whole(reader, ids, limit - len(found))
        if len(rows) < step or len(found) >= limit:
            break
        after = tuple(
            statements.LOWEST[asked.table.c[name].type.python_type] if value is None else value
            for name, value in zip(places, rows[-1][tested:], strict=True)
        )
        if not tried:
            tried, some = True, await _walked(reader, asked, after)
            if some is not None:
                return found + await asked.whole(reader, some, limit - len(found))
        await asyncio.sleep(0)
    return found


async def _walked(reader: Reader, asked: _Sifting, after: Row | None) -> list[str] | None:
    """The ids after `after`, in order, of rows that will do, by an index that has all that is tested; None where there
    is none or they are too many.
    """
    table, tested, places = asked.table, len(asked.tested), asked.places
    shape, _ = statements.bind(asked.filters)
    way = (
        index_choice.walk(table, shape, frozenset((*asked.tested, *places)))
        if table.info.get("crowded")
        else None
    )
    if way is None:
        return None
    filters = [asked.filters[at] for at in way.answers]
    steps = tuple(Sort(column) for column in index_choice.columns_of(table, way.index))
    columns = (*asked.tested, *places, *(sort.column for sort in steps))
    width = tested + len(places)
    found: list[Row] = []
    reached: Row | None = None
    while True:
        shape, values = statements.bind(filters, reached)
        query = statements.page_query(
            table, columns, shape, steps, reached is not None, way.index, heavy=True
        )
        rows = await reader.rows(query, **values, n=_STRIDE)
        found += [row[tested:width] for row in rows if asked.will_do(row)]
        if len(found) > _HELD:
            return None
        if len(rows) < _STRIDE:
            return _ids_after(found, asked.keys, after)
        reached = rows[-1][width:]
        await asyncio.sleep(0)


async def _rows(
    reader: Reader,
    table: Table,
    filters: Filters,
    columns: tuple[str, ...],
    keys: tuple[Sort, ...],
    after: Row | None,
    limit: int,
    *,
    aside: bool = False,
) -> list[Row]:
    """Some rows in order, by the shortest way. `aside`: many more will be asked for."""
    shape, values = statements.bind(filters, after)
    crowded = bool(table.info.get("crowded"))
    way = (
        index_choice.way(table, shape, tuple((s.column, s.descending) for s in keys))
        if crowded
        else index_choice.Way()
    )
    if way.narrow is not None:
        found = await _by_narrow(reader, table, filters, way, columns, keys, after, limit)
        if found is not None:
            return found
    by_key = bool(way.branches) and way.branches[0].index == index_choice.PRIMARY
    heavy = crowded and (way.scans or (aside and not by_key))
    if len(way.branches) < 2:
        index = way.branches[0].index if way.branches else ""
        if not way.branches or all(pick < 0 for pick in way.branches[0].picks):
            query = statements.page_query(table, columns, shape, keys, after is not None, index, heavy)
            return await reader.rows(query, **values, n=limit)
    return await _merged(reader, table, filters, columns, keys, after, limit, way.branches, heavy=heavy)


async def _by_narrow(
    reader: Reader,
    table: Table,
    filters: Filters,
    way: index_choice.Way,
    columns: tuple[str, ...],
    keys: tuple[Sort, ...],
    after: Row | None,
    limit: int,
) -> list[Row] | None:
    """A page by an index that is not in its order, or by a look at the next rows; None where neither is short."""
    narrow = way.narrow
    assert narrow is not None
    lists = _Lists(table, filters, narrow)
    if not narrow.far and await lists.several(reader, _FEW) <= _FEW:
        return await lists.page(reader, columns, keys, after, limit, heavy=not narrow.covered)
    if len(way.branches) == 1 and limit <= _MOST:
        some = await _begun(reader, table, filters, keys, after, limit, way.branches[0])
        if len(some) == limit:
            rows = await _by_ids(reader, table, filters, columns, some, limit)
            if len(rows) == limit:
                # else one was changed meanwhile, and a short page means that it is the last
                return rows
    if narrow.far:
        ids = await _narrowed(reader, table, filters, narrow, keys, after)
        return None if ids is None else await _by_ids(reader, table, filters, columns, ids, limit)
    most = _COVERED if narrow.covered else _LOOKED_UP
    if await lists.several(reader, most) > most:
        return None
    return await lists.page(reader, columns, keys, after, limit, heavy=True)


class _Lists:
    """Lists by an index each, not in order, that hold all rows of a page and few others. Databases sort their keys."""

    def __init__(self, table: Table, filters: Filters, narrow: index_choice.Narrow) -> None:
        self._table = table
        self._filters = filters
        self._asked: list[tuple[Filters, str]] = []
        for branch in narrow.branches:
            picked = _picked(filters, branch.picks)
            self._asked.append(([picked[at] for at in branch.answers], branch.index))

    async def several(self, reader: Reader, most: int) -> int:
        """How many they hold, and `most` + 1 where there are more."""
        count = 0
        for filters, index in self._asked:
            shape, values = statements.bind(filters)
            query = statements.several_query(self._table, shape, index, most > _FEW)
            count += (await reader.rows(query, **values, n=most + 1 - count))[0][0]
            if count > most:
                break
        return count

    async def page(
        self,
        reader: Reader,
        columns: tuple[str, ...],
        keys: tuple[Sort, ...],
        after: Row | None,
        limit: int,
        *,
        heavy: bool,
    ) -> list[Row]:
        """The first rows after `after` that all filters hold for."""
        at = [sort.column for sort in keys].index("id")
        found: list[Row] = []
        # Not all hold what an index does not answer: there may have to be another look.
        step = min(max(limit, _LEAST), _HELD)
        while True:
            some = await self._sorted(reader, keys, after, step, heavy=heavy)
            ids = [row[at] for row in some]
            found += await _by_ids(reader, self._table, self._filters, columns, ids, limit)
            if len(found) >= limit or len(some) < step:
                return found[:limit]
            after = some[-1]
            step = min(4 * step, _HELD)

    async def _sorted(
        self, reader: Reader, keys: tuple[Sort, ...], after: Row | None, step: int, *, heavy: bool
    ) -> list[Row]:
        places = tuple(sort.column for sort in keys)
        rows: set[Row] = set()
        for filters, index in self._asked:
            shape, values = statements.bind(filters, after)
            query = statements.page_query(
                self._table, places, shape, keys, after is not None, index, heavy=heavy
            )
            rows.update(await reader.rows(query, **values, n=step))
        return _ordered(list(rows), keys)[:step]


async def _begun(
    reader: Reader,
    table: Table,
    filters: Filters,
    keys: tuple[Sort, ...],
    after: Row | None,
    limit: int,
    branch: index_choice.Branch,
) -> list[str]:
    """The ids of those among the next rows in order that belong to the list: often there are enough."""
    shape, values = statements.bind(_picked(filters, branch.picks), after)
    held = index_choice.answered(table, branch.index, shape)
    query = statements.begun_query(table, shape, held, keys, after is not None, branch.index)
    ahead = limit * _AHEAD
    found = await reader.rows(query, **values, n=limit, ahead=ahead)
    if len(found) < limit and len(found) * _ONE_IN >= ahead:
        ahead = min(limit * _ONE_IN, ahead * limit * 3 // (len(found) * 2))
        found = await reader.rows(query, **values, n=limit, ahead=ahead)
    return [id for (id,) in found]


async def _merged(
    reader: Reader,
    table: Table,
    filters: Filters,
    columns: tuple[str, ...],
    keys: tuple[Sort, ...],
    after: Row | None,
    limit: int,
    branches: Sequence[index_choice.Branch],
    *,
    heavy: bool,
) -> list[Row]:
    """The first rows of several lists, each of them in order. One that is in two of them counts once."""
    places = tuple(sort.column for sort in keys)
    lists = []
    for branch in branches:
        shape, values = statements.bind(_picked(filters, branch.picks), after)
        query = statements.page_query(
            table, (*columns, *places), shape, keys, after is not None, branch.index, heavy
        )
        lists.append(await reader.rows(query, **values, n=limit))
    width = len(columns)
    # All keys go the same way, and end with the id: rows alike in them are one row. Sorting finds the lists in order,
    # and only merges them.
    rows = [row for some in lists for row in some]
    rows.sort(key=itemgetter(slice(width, None)), reverse=keys[0].descending)
    found = {row[width:]: row[:width] for row in rows}
    return list(found.values())[:limit]


def _picked(filters: Filters, picks: Sequence[int]) -> Filters:
    """The filters of one list among several."""
    found: list[Filter | Sequence[Filter]] = []
    for one, pick in zip(filters, picks, strict=True):
        if pick < 0:
            found.append(one)
        elif isinstance(one, Filter):
            found.append(Filter(one.column, "eq", one.value[pick]))
        else:
            found.append(one[pick] if len(one) > 1 else Filter(one[0].column, "eq", one[0].value[pick]))
    return found


async def _narrowed(
    reader: Reader,
    table: Table,
    filters: Filters,
    narrow: index_choice.Narrow,
    keys: tuple[Sort, ...],
    after: Row | None,
) -> list[str] | None:
    """The ids after `after`, in order, of rows that may belong to the list; None where they are too many."""
    most = _HELD if narrow.covered else _LOOKED_UP
    places = tuple(sort.column for sort in keys)
    rows: set[Row] = set()
    for branch in narrow.branches:
        picked = _picked(filters, branch.picks)
        shape, values = statements.bind([picked[at] for at in branch.answers])
        query = statements.page_query(table, places, shape, (), False, branch.index, heavy=True)
        rows.update(await reader.rows(query, **values, n=most + 1))
        if len(rows) > most:
            return None
    return _ids_after(list(rows), keys, after)


def _ordered(rows: list[Row], keys: tuple[Sort, ...]) -> list[Row]:
    """Rows that are their sort keys, in order."""
    for at, sort in reversed([*enumerate(keys)]):
        rows.sort(key=lambda row, at=at: row[at], reverse=sort.descending)  # type: ignore[misc]
    return rows


def _ids_after(rows: list[Row], keys: tuple[Sort, ...], after: Row | None) -> list[str]:
    """The ids of those after `after`, in order, of rows that are their sort keys."""
    ordered = _ordered(rows, keys)
    if after is not None:
        bounds = after

        def beyond(row: Row) -> bool:
            for value, bound, sort in zip(row, bounds, keys, strict=True):
                if value != bound:
                    return bool(value < bound) if sort.descending else bool(value > bound)
            return False

        ordered = ordered[bisect_left(ordered, True, key=beyond) :]
    at = [sort.column for sort in keys].index("id")
    return [row[at] for row in ordered]


async def _by_ids(
    reader: Reader, table: Table, filters: Filters, columns: tuple[str, ...], ids: list[str], limit: int
) -> list[Row]:
    """The first rows of these that all filters hold for."""
    found: list[Row] = []
    step = min(max(limit, 1), _LEAST)
    for start in range(0, len(ids), step):
        some = ids[start : start + step]
        asked = some + some[-1:] * (step - len(some))  # as many as ever: one statement for all
        shape, values = statements.bind([*filters, Filter("id", "in", asked)])
        query = statements.page_query(table, (*columns, "id"), shape, (), False, index_choice.PRIMARY)
        known = {row[-1]: row[:-1] for row in await reader.rows(query, **values, n=step)}
        found += [known[id] for id in some if id in known]
        if len(found) >= limit:
            break
    return found[:limit]


async def _spelt(reader: Reader, table: Table, filters: Filters) -> Filters:
    """Where LIKE says how a text begins, and an index has the texts in order, they are a range of it."""
    if not table.info.get("crowded"):
        return filters
    found: list[Filter | Sequence[Filter]] = []
    for one in filters:
        spelt = await _ranged(reader, table, filters, one) if _is_like(one) else None
        found += [one] if spelt is None else spelt
    return found


def _is_like(one: Filter | Sequence[Filter]) -> TypeGuard[Filter]:
    return isinstance(one, Filter) and one.op == "like"


async def _ranged(reader: Reader, table: Table, filters: Filters, one: Filter) -> list[Filter] | None:
    """What a LIKE comes to, where the beginning of the texts is known; None where that is no help."""
    text, rest = case_folding.beginning(str(one.value))
    shape, _ = statements.bind(filters)
    index = index_choice.ordered(table, shape, one.column) if text else None
    if index is None:
        return None
    fixed = [filters[at] for at in index.answers]
    shape, values = statements.bind(fixed)
    query = statements.first_query(table, shape, one.column, index.index)

    async def first(least: str) -> str | None:
        row = await reader.row(query, **values, least=least)
        return None if row is None else row[0]

    ways = await case_folding.spellings(text, first)
    if ways is None:
        return None
    if not rest or not ways:
        return [Filter(one.column, "in", ways)] if len(ways) != 1 else [Filter(one.column, "eq", ways[0])]
    bounds = [Filter(one.column, "ge", ways[0]), Filter(one.column, "lt", case_folding.after(ways[-1]))]
    return bounds if rest == "%" and len(ways) == 1 else [*bounds, one]


Sieve = list[tuple[str, Callable[[Any], bool]]]
"""Column, and whether a value of it will do."""


def _divided(filters: Filters) -> tuple[list[Filter | Sequence[Filter]], Sieve]:
    """The conditions that a database is asked, and those that are looked at here."""
    asked: list[Filter | Sequence[Filter]] = []
    sifted: Sieve = []
    for one in filters:
        beyond = isinstance(one, Filter) and one.op in ("like", "notlike") and not str(one.value).isascii()
        if isinstance(one, Filter) and (one.op == "regex" or beyond):
            sifted.append((one.column, sieve(one)))
            start = case_folding.beginning_of(str(one.value)) if one.op == "regex" else ""
            if start and only_ascii(str(one.value)):
                asked.append(Filter(one.column, "like", start))
        else:
            asked.append(one)
    return asked, sifted


def sieve(one: Filter) -> Callable[[Any], bool]:
    """Whether a value will do, for `like`, `notlike` and `regex`: the very rules of lists."""
    if one.op == "regex":
        return _whole(matcher(str(one.value)), yes=True)
    return _whole(_like(str(one.value)), yes=one.op == "like")


def _whole(matches: Matcher, *, yes: bool) -> Callable[[Any], bool]:
    return lambda value: value is not None and matches(str(value)) is yes


def _like(pattern: str) -> Matcher:
    """LIKE, with a backslash before what means itself."""
    parts = []
    for one in re.finditer(r"\\(.)|(.)", pattern, re.DOTALL):
        wild = {"%": ".*", "_": "."}.get(one[2] or "")
        parts.append(wild or re.escape(one[1] or one[2]))
    compiled = re.compile("".join(parts), re.IGNORECASE | re.ASCII | re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def one_of(column: str, values: Iterable[str]) -> Filter:
    """That a column has one of these values, however many they are."""
    some = sorted(set(values))
    if len(some) == 1:
        return Filter(column, "eq", *some)
    size = next((size for size in _SIZES if size >= len(some)), len(some)) if some else 0
    return Filter(column, "in", some + some[-1:] * (size - len(some)))


async def count(reader: Reader, table: Table, filters: Filters) -> int:
    """How many rows there are."""
    asked, sifted = _divided(filters)
    if sifted:
        columns = tuple(column for column, _ in sifted)
        everything = await page(reader, table, asked, columns=columns, sorts=(Sort("id"),), limit=2**31 - 1)
        return sum(
            all(matches(value) for (_, matches), value in zip(sifted, row, strict=True)) for row in everything
        )
    shape, values = statements.bind(asked)
    row = await reader.row(statements.count_query(table, shape), **values)
    return int(row[0]) if row else 0
