"""Which index a list is read by, so that a page costs what it holds and not what the table holds.

A list is *in order* where one index has the rows of the list side by side, sorted as asked: its first columns are
compared with `=`, and the sort keys follow. Where a filter allows several values (`IN`, or an OR of comparisons), each
may be such a list of its own, and the page is merged from them. A list is *narrow* where an index holds a filter's
column and the sort keys, and so can say, without a look at any row, which few rows the page is made of.

Databases choose by statistics, which SQLite has none of and MariaDB's are often wrong for lists with a limit; so the
index is named to both. PostgreSQL chooses by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

from msgspec import Struct
from sqlalchemy import Index, Table

#: (column, operator, number of values) of each condition of a filter; several conditions are an OR.
Group = tuple[tuple[str, str, int], ...]
Shape = tuple[Group, ...]
#: (column, descending) of each sort key.
Keys = tuple[tuple[str, bool], ...]

#: Lists that one page is merged from: more cost more than they spare.
_BRANCHES = 16

#: Columns that say whose a row is.
_OWNERS = {"project_id", "network_project_id"}

#: More than any filters weigh.
_ALL = 1 << 30

_FIXED = {"eq", "null"}
_BOUNDS = {"gt", "ge", "lt", "le", "like"}


#: Stands for the index of the primary key.
PRIMARY = "id"


class Branch(Struct, frozen=True):
    """One list that is in order. `picks`: of each filter the value or condition that holds here; -1: as it is."""

    picks: tuple[int, ...]
    index: str
    answers: tuple[int, ...] = ()
    """Of a narrow list: the filters that the index answers."""


class Narrow(Struct, frozen=True):
    """Lists, not in order, that hold all rows of a page and few others."""

    branches: tuple[Branch, ...]
    covered: bool
    """Whether the index has the sort keys too, so that no row has to be looked at."""
    far: bool = False
    """Whether a text is looked for in all that the index has: it takes as long however few have it."""


class Way(Struct, frozen=True):
    """How a page is read."""

    branches: tuple[Branch, ...] = ()
    """Their rows merged are the list; one is the common case. Empty: there is no index in this order."""
    scans: bool = True
    """Whether rows are read that do not belong to the list: it may take long."""
    narrow: Narrow | None = None
    """Another way, which may be the shorter one."""


@lru_cache(maxsize=4096)
def way(table: Table, shape: Shape, keys: Keys) -> Way:
    """How to read the rows that `shape` describes in the order of `keys`."""
    sorted_by = [column for column, _ in keys]
    by_id = [group[0] for group in shape if len(group) == 1 and group[0][0] == "id"]
    if any(op in ("eq", "in") for _, op, _ in by_id):
        # They are looked up one by one; of no values at all there is nothing to look up.
        nothing = any(op == "in" and not size for _, op, size in by_id)
        return Way(() if nothing else (Branch((-1,) * len(shape), PRIMARY),), scans=False)
    one_way = len({descending for _, descending in keys}) == 1
    plain = one_way and not any(table.c[column].nullable for column in sorted_by)
    best: Way | None = None
    least = 0
    for picks in _choices(shape):
        branches = (
            [_in_order(table, _picked(shape, each), sorted_by, each) for each in picks] if plain else []
        )
        found = [branch for branch in branches if branch is not None]
        if not found or len(found) < len(branches):
            continue
        left = max(_left(table, shape, branch) for branch in found)
        if best is None or left < least:
            best, least = Way(branches=tuple(found), scans=left > 0), left
    best = best or Way()
    if not best.scans:
        return best
    plain = not any(table.c[column].nullable for column in sorted_by)
    narrow = _narrow(table, shape, sorted_by, least if best.branches else _ALL) if plain else None
    return Way(best.branches, scans=True, narrow=narrow)


def _choices(shape: Shape) -> Sequence[Sequence[tuple[int, ...]]]:
    """Ways to divide the filters with several values: not at all, by one of them, or by all."""
    many = [
        at
        for at, group in enumerate(shape)
        if (len(group) == 1 and group[0][1] == "in" and group[0][2] > 0)
        or (len(group) > 1 and all(op in _FIXED for _, op, _ in group))
    ]
    chosen = [(), *((at,) for at in many), tuple(many)] if len(many) > 1 else [(), *((at,) for at in many)]
    divided = []
    for places in chosen:
        ranges = [range(_size(shape[at])) if at in places else (-1,) for at in range(len(shape))]
        picks = list(product(*ranges)) if _count(ranges) <= _BRANCHES else []
        if picks:
            divided.append(picks)
    return divided


def _size(group: Group) -> int:
    return len(group) if len(group) > 1 else group[0][2]


def _count(ranges: Sequence[Sequence[int]]) -> int:
    total = 1
    for one in ranges:
        total *= len(one)
    return total


def _single(group: Group, pick: int) -> tuple[str, str]:
    """The column and operator of what holds of a filter; of an OR that is not divided, nothing is known."""
    if len(group) == 1:
        column, op, _ = group[0]
        return (column, "eq") if pick >= 0 else (column, op)
    return group[pick][:2] if pick >= 0 else ("", "")


def _picked(shape: Shape, picks: tuple[int, ...]) -> dict[str, str]:
    """Column -> operator of the conditions that allow one value, with these values picked."""
    found = (_single(group, pick) for group, pick in zip(shape, picks, strict=True))
    return {column: op for column, op in found if op in _FIXED}


def _columns(index: Index) -> list[str]:
    return [column.name for column in index.columns]


def _prefix(columns: Sequence[str], fixed: dict[str, str]) -> int:
    """How many of an index's first columns are compared with one value each."""
    for at, column in enumerate(columns):
        if column not in fixed:
            return at
    return len(columns)


def _in_order(
    table: Table, fixed: dict[str, str], sorted_by: Sequence[str], picks: tuple[int, ...]
) -> Branch | None:
    best, most = None, 0
    for index in _indexes(table):
        columns = _columns(index)
        prefix = _prefix(columns, fixed)
        keys = [column for column in sorted_by if column not in columns[:prefix]]
        if columns[prefix : prefix + len(keys)] == keys and (best is None or prefix > most):
            best, most = Branch(picks, index.name or ""), prefix
    return best


def _indexes(table: Table) -> list[Index]:
    """In an order of their own: a set has none, and of two that fit alike it is always the same one."""
    return sorted((index for index in table.indexes if index.name), key=lambda index: str(index.name))


def _left(table: Table, shape: Shape, branch: Branch) -> int:
    """What the filters weigh that an index does not answer."""
    (index,) = (one for one in table.indexes if one.name == branch.index)
    answers = _answered(index, shape, branch.picks, bounds=False).answers
    return sum(_weight(group) for at, group in enumerate(shape) if at not in answers)


def _weight(group: Group) -> int:
    """What it costs not to answer a filter by an index. That a row is not deleted hardly ever takes it out; whose it is
    takes out less than anything else: one project may have nearly all there is.
    """
    if len(group) == 1 and group[0][:2] == ("deleted_at", "null"):
        return 0
    return 1 if all(column in _OWNERS for column, _, _ in group) else 2


def _narrow(table: Table, shape: Shape, sorted_by: Sequence[str], left: int) -> Narrow | None:
    """By the index that leaves the fewest filters open, and fewer than `left`; if possible one with the sort keys."""
    best: Narrow | None = None
    rank = (left, True)
    for index in _indexes(table):
        for picks in _choices(shape):
            branches = [_answered(index, shape, each) for each in picks]
            if not all(branch.answers for branch in branches):
                continue
            opened = max(
                sum(_weight(group) for at, group in enumerate(shape) if at not in branch.answers)
                for branch in branches
            )
            known = {*_columns(index), *(c for branch in branches for c in _picked(shape, branch.picks))}
            covered = all(column in known for column in sorted_by)
            if opened < left and (opened, not covered) < rank:
                far = any(_single(shape[at], -1)[1] == "like" for branch in branches for at in branch.answers)
                best, rank = Narrow(tuple(branches), covered, far), (opened, not covered)
    for index in _indexes(table):
        branch = _gone_through(index, shape)
        covered = all(column in _columns(index) for column in sorted_by)
        opened = sum(_weight(group) for at, group in enumerate(shape) if at not in branch.answers)
        if covered and branch.answers and opened < rank[0]:
            best, rank = Narrow((branch,), covered, far=True), (opened, False)
    return best


def _gone_through(index: Index, shape: Shape) -> Branch:
    """What an index says that is read from end to end, for a part of a text that may stand anywhere: a hundredth of
    what the rows are that would be read otherwise. It answers nothing where no such part is asked for.
    """
    columns = set(_columns(index))
    singles = [_single(group, -1) for group in shape]
    answers = tuple(
        at for at, (column, op) in enumerate(singles) if column in columns and op in _FIXED | _BOUNDS
    )
    parts = any(singles[at][1] == "like" for at in answers)
    return Branch(tuple(-1 for _ in shape), str(index.name), answers if parts else ())


def _answered(index: Index, shape: Shape, picks: tuple[int, ...], *, bounds: bool = True) -> Branch:
    """What an index says by itself: of its first columns, and with `bounds` of the next one where that has some."""
    columns = _columns(index)
    prefix = _prefix(columns, _picked(shape, picks))
    bound = columns[prefix] if bounds and prefix < len(columns) else ""
    singles = [_single(group, pick) for group, pick in zip(shape, picks, strict=True)]
    answers = tuple(
        at
        for at, (column, op) in enumerate(singles)
        if (op in _FIXED and column in columns[:prefix]) or (op in _BOUNDS and column == bound)
    )
    return Branch(picks, str(index.name), answers)


@lru_cache(maxsize=1024)
def walk(table: Table, shape: Shape, needed: frozenset[str]) -> Branch | None:
    """An index that has all these columns of every row, and can be gone through without a look at one; the one that
    begins where the list does, if there is one.
    """
    best: Branch | None = None
    rank = (0, 0)
    for index in _indexes(table):
        columns = _columns(index)
        if needed <= set(columns) and not any(table.c[name].nullable for name in columns):
            found = _answered(index, shape, tuple(-1 for _ in shape), bounds=False)
            if best is None or (len(found.answers), -len(columns)) > rank:
                best, rank = found, (len(found.answers), -len(columns))
    return best


@lru_cache(maxsize=1024)
def ordered(table: Table, shape: Shape, column: str) -> Branch | None:
    """An index that has a column's values in order, of rows of which it answers what is asked of them otherwise."""
    fixed = _picked(shape, tuple(-1 for _ in shape))
    for index in _indexes(table):
        columns = _columns(index)
        prefix = _prefix(columns, fixed)
        if columns[prefix : prefix + 1] == [column]:
            return _answered(index, shape, tuple(-1 for _ in shape), bounds=False)
    return None


def columns_of(table: Table, name: str) -> tuple[str, ...]:
    """The columns of an index."""
    (index,) = (one for one in table.indexes if one.name == name)
    return tuple(_columns(index))


def answered(table: Table, name: str, shape: Shape) -> tuple[int, ...]:
    """The filters that the first columns of an index answer."""
    (index,) = (one for one in table.indexes if one.name == name)
    return _answered(index, shape, tuple(-1 for _ in shape), bounds=False).answers
