"""Lists: filters, and pages that neither repeat nor skip (law 12)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    insert,
)

from fractus.base.clock import SystemClock
from fractus.store.listing import Filter, Sort, UnknownMarker, count, page
from fractus.store.sqlite import SqliteStore
from fractus.store.transaction import Query, Store
from fractus.testing.stores import AnyStore, fresh

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("name", String(40), nullable=False, default=""),
    Column("rank", BigInteger, nullable=True),
    Column("size", Float, nullable=True),
    Column("open", Boolean, nullable=True),
    Column("label", String(40), nullable=True),
    Column("created_at", Float, nullable=False, default=0.0),
)
FIELDS = ("name", "rank", "size", "open", "label", "created_at")
ADD = Query(insert(THING).values({name: bindparam(name) for name in ("id", *FIELDS)}))
DROP = Query(delete(THING).where(THING.c.id == bindparam("key")))
EMPTY = Query(delete(THING))

Row = dict[str, Any]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[AnyStore]:
    async with fresh(tmp_path / "things.db", SystemClock(), METADATA) as made:
        yield made


def thing(id: str, **values: Any) -> Row:
    return {
        "id": id,
        "name": "",
        "rank": None,
        "size": None,
        "open": None,
        "label": None,
        "created_at": 0.0,
        **values,
    }


async def put(store: Store, *rows: Row) -> None:
    async with store.transaction() as tx:
        for row in rows:
            await tx.execute(ADD, **row)


async def ids(store: Store, *filters: Any, **how: Any) -> list[str]:
    return [row[0] for row in await page(store, THING, filters, columns=("id",), **how)]


# --- filters ------------------------------------------------------------------------------------

ROWS = [
    thing("a", name="web-1", rank=1, label="x"),
    thing("b", name="web-2", rank=2, label=None),
    thing("c", name="db_1", rank=3, label="50%"),
    thing("d", name="dbx1", rank=None, label="y"),
]


@pytest.mark.parametrize(
    ("filters", "expected", "reason"),
    [
        ([], "abcd", "no condition"),
        ([Filter("name", "eq", "web-1")], "a", "equal"),
        ([Filter("name", "ne", "web-1")], "bcd", "not equal"),
        ([Filter("rank", "gt", 1)], "bc", "greater; nothing is not greater"),
        ([Filter("rank", "ge", 2)], "bc", "at least"),
        ([Filter("rank", "lt", 2)], "a", "less; nothing is not less"),
        ([Filter("rank", "le", 2)], "ab", "at most"),
        ([Filter("name", "in", ["web-1", "dbx1"])], "ad", "one of"),
        ([Filter("name", "in", ["web-1"])], "a", "one of one"),
        ([Filter("name", "in", [])], "", "one of none"),
        ([Filter("name", "notin", ["web-1", "dbx1"])], "bc", "none of"),
        ([Filter("name", "notin", [])], "abcd", "none of none"),
        ([Filter("name", "like", "web%")], "ab", "like"),
        ([Filter("name", "like", "db\\_1")], "c", "like, with an escaped wildcard"),
        ([Filter("label", "like", "50\\%")], "c", "like, with an escaped percent sign"),
        ([Filter("name", "regex", "^(web|db).[12]$")], "abcd", "a pattern"),
        ([Filter("name", "regex", "(")], "", "not a pattern"),
        ([Filter("label", "regex", ".*")], "acd", "nothing matches no pattern"),
        ([Filter("label", "null")], "b", "nothing there"),
        ([Filter("label", "notnull")], "acd", "something there"),
        ([Filter("name", "like", "web%"), Filter("rank", "eq", 2)], "b", "both"),
        ([[Filter("rank", "eq", 2), Filter("label", "eq", "y")]], "bd", "either"),
        ([[Filter("rank", "in", [1, 2])], Filter("label", "notnull")], "a", "either of one, and another"),
    ],
)
async def test_filters(store: AnyStore, filters: list[Any], expected: str, reason: str) -> None:
    await put(store, *ROWS)
    found = await ids(store, *filters, sorts=[Sort("id")])
    assert found == list(expected), reason
    assert await count(store, THING, filters) == len(expected), reason


async def test_the_same_shape_with_other_values(store: AnyStore) -> None:
    await put(store, *ROWS)
    for name, expected in (("web-1", ["a"]), ("web-2", ["b"]), ("none", [])):
        assert await ids(store, Filter("name", "eq", name)) == expected


async def test_an_operator_that_does_not_exist_is_a_mistake(store: AnyStore) -> None:
    with pytest.raises(ValueError, match="no such operator: is"):
        await ids(store, Filter("name", "is", "x"))


# --- pages --------------------------------------------------------------------------------------


async def test_newest_first_is_the_usual_order(store: AnyStore) -> None:
    await put(
        store, thing("old", created_at=1.5), thing("new", created_at=2.5), thing("same", created_at=2.5)
    )
    assert await ids(store) == ["same", "new", "old"]


async def test_a_marker_that_is_not_there_is_reported(store: AnyStore) -> None:
    with pytest.raises(UnknownMarker):
        await ids(store, marker="nobody")


async def test_rows_without_a_value_come_before_all_others_and_none_is_lost(store: AnyStore) -> None:
    await put(store, *(thing(f"n{i}") for i in range(3)), *(thing(f"v{i}", rank=-i) for i in range(3)))
    assert await walk(store, [Sort("rank")], 1) == ["n0", "n1", "n2", "v2", "v1", "v0"]
    assert await walk(store, [Sort("rank", True)], 2) == ["v0", "v1", "v2", "n2", "n1", "n0"]


async def walk(store: Store, sorts: list[Sort], limit: int) -> list[str]:
    seen: list[str] = []
    while True:
        found = await ids(store, sorts=sorts, marker=seen[-1] if seen else None, limit=limit)
        if not found:
            return seen
        seen += found


SORTS = st.lists(
    st.builds(Sort, st.sampled_from([*FIELDS, "id"]), st.booleans()),
    min_size=0,
    max_size=3,
    unique_by=lambda sort: sort.column,
)
THINGS = st.builds(
    thing,
    st.text("ab1", min_size=1, max_size=4),
    name=st.sampled_from(["", "a", "b", "B", "é"]),
    rank=st.sampled_from([None, -1, 0, 1, 2**40]),
    size=st.sampled_from([None, -1.5, 0.0, 0.1, 1e18]),
    open=st.sampled_from([None, True, False]),
    label=st.sampled_from([None, "", "a", "b"]),
    created_at=st.sampled_from([0.0, 1700000000.123456, 1700000000.1234562]),
)


def order(row: Row, sorts: list[Sort]) -> Any:
    """Where a row stands: as pairs, so that nothing comes first and ids break ties."""
    keys = [*sorts] or [Sort("created_at", True)]
    if all(sort.column != "id" for sort in keys):
        keys.append(Sort("id", keys[-1].descending))
    return [_Place(row[sort.column], sort.descending) for sort in keys]


class _Place:
    def __init__(self, value: Any, descending: bool) -> None:
        # An empty text and no text, no and nothing: the same place.
        self.value = (value not in (None, "", False), 0 if value in (None, "", False) else value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.value = (True, value)
        self.descending = descending

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Place) and self.value == other.value

    def __lt__(self, other: _Place) -> bool:
        return self.value > other.value if self.descending else self.value < other.value


@pytest.fixture(scope="module")
def loop_and_store() -> Any:
    """One file for all examples: making one takes longer than everything else in them."""
    with tempfile.TemporaryDirectory() as directory:
        runner = asyncio.Runner()
        opened = fresh(Path(directory) / "things.db", SystemClock(), METADATA)
        store = runner.run(opened.__aenter__())
        if isinstance(store, SqliteStore):
            store._writer.execute("PRAGMA synchronous=OFF")
        yield runner, store
        runner.run(opened.__aexit__(None, None, None))
        runner.close()


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(THINGS, max_size=14, unique_by=lambda row: row["id"]),
    sorts=SORTS,
    limit=st.integers(1, 4),
    changes=st.lists(st.tuples(st.lists(THINGS, max_size=2), st.integers(0, 20)), max_size=6),
)
def test_law_12_pages_never_repeat_and_never_skip_while_rows_come_and_go(
    loop_and_store: Any, rows: list[Row], sorts: list[Sort], limit: int, changes: Any
) -> None:
    """Between pages rows are added, and others than the marker dropped: each that was there throughout is seen once."""
    runner, store = loop_and_store

    async def story() -> None:
        async with store.transaction() as tx:
            await tx.execute(EMPTY)
        await put(store, *rows)
        here = {row["id"]: row for row in rows}
        throughout = set(here)
        seen: list[str] = []
        pending = list(changes)
        while found := await ids(store, sorts=sorts, marker=seen[-1] if seen else None, limit=limit):
            seen += found
            if pending:
                added, dropped = pending.pop()
                fresh = {row["id"]: row for row in added if row["id"] not in here and row["id"] not in seen}
                await put(store, *fresh.values())
                here.update(fresh)
                others = sorted(set(here) - {seen[-1]})
                if others:
                    gone = others[dropped % len(others)]
                    await drop(store, gone)
                    here.pop(gone)
                    throughout.discard(gone)
        assert len(seen) == len(set(seen)), "no row twice"
        assert throughout <= set(seen), "none that was there all the time is skipped"
        if not changes:
            assert seen == [row["id"] for row in sorted(rows, key=lambda row: order(row, sorts))]

    coroutine: Coroutine[Any, Any, None] = story()
    runner.run(coroutine)


async def drop(store: Store, id: str) -> None:
    async with store.transaction() as tx:
        await tx.execute(DROP, key=id)
