"""Lists of large tables: the index is chosen for the page, and the page is the same as without any."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Float, Index, MetaData, String, Table, bindparam, delete, insert

from fractus.base.clock import SystemClock
from fractus.store import index_choice, listing, statements
from fractus.store.listing import Filter, Sort, page
from fractus.store.sqlite import SqliteStore
from fractus.store.transaction import Query, Row
from fractus.testing.stores import fresh

FIELDS = ("owner", "host_owner", "name", "state", "updated_at", "created_at", "deleted_at")


def table(*indexes: Index, crowded: bool) -> Table:
    return Table(
        "thing",
        MetaData(),
        Column("id", String(40), primary_key=True),
        *(Column(name, String(40), nullable=False) for name in FIELDS[:4]),
        Column("updated_at", Float, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("deleted_at", Float, nullable=True),
        *indexes,
        info={"crowded": crowded},
    )


THING = table(
    Index("by_owner", "owner", "created_at", "id"),
    Index("by_owner_id", "owner", "id"),
    Index("by_host_owner", "host_owner", "id"),
    Index("by_name", "owner", "name", "created_at", "id"),
    Index("by_state", "state", "owner", "created_at", "id"),
    Index("by_change", "owner", "updated_at", "created_at", "id"),
    Index("by_creation", "created_at", "id"),
    Index("by_update", "updated_at"),
    crowded=True,
)
PLAIN = table(crowded=False)
ADD = Query(insert(THING).values({name: bindparam(name) for name in ("id", *FIELDS)}))
EMPTY = Query(delete(THING))

DOWN = (("created_at", True), ("id", True))
UP = (("id", False),)


def way(*filters: Any, keys: index_choice.Keys = DOWN) -> index_choice.Way:
    return index_choice.way(THING, statements.bind(filters)[0], keys)


def indexes(branches: Any) -> list[str]:
    return [branch.index for branch in branches]


ALIVE = Filter("deleted_at", "null")
MINE = Filter("owner", "eq", "p")


def test_a_list_that_an_index_holds_in_order_is_read_by_it() -> None:
    assert way(MINE, ALIVE) == index_choice.Way((index_choice.Branch((-1, -1), "by_owner"),), scans=False)
    assert indexes(way(ALIVE).branches) == ["by_creation"]
    by_name = (("name", False), ("created_at", False), ("id", False))
    assert indexes(way(MINE, keys=by_name).branches) == ["by_name"]
    assert not way(MINE, Filter("state", "eq", "x")).scans
    assert indexes(way(MINE, Filter("state", "eq", "x")).branches) == ["by_state"]


def test_several_values_are_several_lists() -> None:
    found = way(MINE, Filter("state", "in", ["x", "y"]))
    assert not found.scans
    assert found.branches == (
        index_choice.Branch((-1, 0), "by_state"),
        index_choice.Branch((-1, 1), "by_state"),
    )
    either = [Filter("owner", "eq", "p"), Filter("host_owner", "eq", "p")]
    assert indexes(way(either, keys=UP).branches) == ["by_owner_id", "by_host_owner"]
    many = way(MINE, Filter("state", "in", [str(n) for n in range(100)]))
    assert many.scans, "a hundred lists are not worth it"
    assert indexes(many.branches) == ["by_owner"]


def test_what_has_bounds_is_looked_up_in_an_index_that_has_the_order_too() -> None:
    for one, index in (
        (Filter("updated_at", "ge", 1.0), "by_change"),
        (Filter("name", "like", "%a%"), "by_name"),
    ):
        found = way(MINE, one)
        assert found.scans
        assert indexes(found.branches) == ["by_owner"], "where too many rows have it"
        assert found.narrow is not None
        assert found.narrow.covered
        assert indexes(found.narrow.branches) == [index]
        assert found.narrow.branches[0].answers == (0, 1)
    for part in (Filter("name", "like", "%a"), Filter("name", "like", "a")):
        anywhere = way(part, ALIVE)
        assert indexes(anywhere.branches) == ["by_creation"], "where too many rows have it"
        assert anywhere.narrow == index_choice.Narrow(
            (index_choice.Branch((-1, -1), "by_name", (0,)),), covered=True, far=True
        )
    everywhere = way(Filter("updated_at", "ge", 1.0))
    assert everywhere.narrow is not None
    assert indexes(everywhere.narrow.branches) == ["by_update"]
    assert not everywhere.narrow.covered


def test_what_is_tested_here_is_read_from_the_index_that_begins_where_the_list_does() -> None:
    def walk(*filters: Any, needed: set[str]) -> Any:
        return index_choice.walk(THING, statements.bind(filters)[0], frozenset(needed))

    assert walk(MINE, ALIVE, needed={"name", "created_at", "id"}) == index_choice.Branch(
        (-1, -1), "by_name", (0,)
    )
    assert walk(ALIVE, needed={"name", "created_at", "id"}) == index_choice.Branch((-1,), "by_name", ())
    state = Filter("state", "eq", "x")
    assert walk(state, MINE, needed={"created_at", "id"}).index == "by_state"
    assert walk(MINE, needed={"name", "state"}) is None
    assert index_choice.columns_of(THING, "by_name") == ("owner", "name", "created_at", "id")


def test_what_is_asked_for_by_its_id_is_looked_up_by_it() -> None:
    by_key = index_choice.Way((index_choice.Branch((-1, -1), index_choice.PRIMARY),), scans=False)
    assert way(MINE, Filter("id", "eq", "a")) == by_key
    assert way(MINE, Filter("id", "in", ["a", "b"])) == by_key
    assert way(MINE, Filter("id", "in", [])) == index_choice.Way(scans=False)


def test_an_order_that_no_index_has_is_left_to_the_database() -> None:
    for keys in ((("state", False), ("id", False)), (("created_at", True), ("id", False))):
        assert way(ALIVE, keys=keys) == index_choice.Way()
        few = way(MINE, keys=keys)
        assert few.branches == ()
        assert few.narrow is not None, "an owner may have so few that they are sorted here"


TEXTS = {
    "owner": "pq",
    "host_owner": "pq",
    "name": ["", "a", "B", "ab", "aB", "AB", "A_b", "Abc", "b%", "é"],
    "state": "xyz",
}
THINGS = st.fixed_dictionaries({
    "id": st.text("ab1", min_size=1, max_size=4),
    **{name: st.sampled_from(list(values)) for name, values in TEXTS.items()},
    "updated_at": st.sampled_from([1.0, 2.0, 3.0]),
    "created_at": st.sampled_from([1.0, 2.0]),
    "deleted_at": st.sampled_from([None, None, 5.0]),
})  # fmt: skip
LIKE = ["%a%", "a%", "aB%", "%", "b", "AB", "%B", "a_b", "a\\_b", "a\\_%", "b\\%", "a%c", "z%", "é%", "aé%"]
REGEX = ["a", "^b", "^ab+$", "^ab?$", "^a|b", "^a_b$", "^A", "^zz", "^(a)"]
ONE = st.one_of(
    st.builds(Filter, st.just("owner"), st.just("eq"), st.sampled_from("pq")),
    st.builds(Filter, st.just("state"), st.just("in"), st.lists(st.sampled_from("xyz"), max_size=3)),
    st.builds(
        Filter, st.just("id"), st.just("in"), st.lists(st.sampled_from(["a", "b", "ab", "1"]), max_size=3)
    ),
    st.builds(Filter, st.just("id"), st.just("eq"), st.sampled_from("ab1")),
    st.builds(Filter, st.just("state"), st.sampled_from(["eq", "ne"]), st.sampled_from("xyz")),
    st.builds(Filter, st.just("name"), st.just("like"), st.sampled_from(LIKE)),
    st.builds(Filter, st.just("name"), st.just("regex"), st.sampled_from(REGEX)),
    st.builds(Filter, st.just("updated_at"), st.sampled_from(["ge", "lt"]), st.sampled_from([1.0, 2.0])),
    st.builds(Filter, st.just("deleted_at"), st.just("null")),
    st.builds(
        lambda a, b: [Filter("owner", "eq", a), Filter("host_owner", "eq", b)],
        st.sampled_from("pq"),
        st.sampled_from("pq"),
    ),
)
SORTS = st.one_of(
    st.just([]),
    st.booleans().map(lambda down: [Sort("id", down)]),
    st.booleans().map(lambda down: [Sort("name", down), Sort("created_at", down)]),
    st.just([Sort("state"), Sort("name", True)]),
)


@pytest.fixture(scope="module")
def loop_and_store() -> Any:
    """One file for all examples."""
    with tempfile.TemporaryDirectory() as directory:
        runner = asyncio.Runner()
        opened = fresh(Path(directory) / "things.db", SystemClock(), THING.metadata)
        store = runner.run(opened.__aenter__())
        if isinstance(store, SqliteStore):
            store._writer.execute("PRAGMA synchronous=OFF")
        yield runner, store
        runner.run(opened.__aexit__(None, None, None))
        runner.close()


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(THINGS, max_size=16, unique_by=lambda row: row["id"]),
    filters=st.lists(ONE, max_size=4),
    sorts=SORTS,
    limit=st.integers(1, 5),
    most=st.sampled_from([2, 1000]),
    least=st.sampled_from([1, 100]),
    few=st.sampled_from([0, 2, 1000]),
)
def test_law_12_pages_are_the_same_whatever_they_are_read_by(
    loop_and_store: Any,
    rows: list[Any],
    filters: list[Any],
    sorts: list[Sort],
    limit: int,
    most: int,
    least: int,
    few: int,
) -> None:
    runner, store = loop_and_store

    async def story() -> None:
        async with store.transaction() as tx:
            await tx.execute(EMPTY)
            for row in rows:
                await tx.execute(ADD, **row)
        marker = None
        for _ in range(len(rows) + 1):
            asked = {"columns": ("id", "name"), "sorts": sorts, "marker": marker, "limit": limit}
            found = await page(store, THING, filters, **asked)
            assert found == await page(store, PLAIN, filters, **asked)
            if len(found) < limit:
                return
            marker = found[-1][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_COVERED", most)
        patch.setattr(listing, "_HELD", most)
        patch.setattr(listing, "_FEW", few)
        patch.setattr(listing, "_LOOKED_UP", most)
        patch.setattr(listing, "_LEAST", least)
        patch.setattr(listing, "_STRIDE", 2)
        runner.run(story())


async def test_a_heavy_read_sees_what_was_just_written(tmp_path: Path) -> None:
    async with fresh(tmp_path / "things.db", SystemClock(), THING.metadata) as store:
        for number in range(20):
            row = dict.fromkeys(FIELDS, "p") | {"updated_at": 1.0, "created_at": 1.0, "deleted_at": None}
            async with store.transaction() as tx:
                await tx.execute(ADD, id=f"{number:02}", **row)
            found = await page(store, THING, [MINE, Filter("name", "like", "%p%")], columns=("id",))
            assert len(found) == number + 1


@pytest.mark.parametrize("more", [[], [Filter("owner", "in", ["p", "q"])]], ids=["one list", "several lists"])
async def test_a_pattern_is_looked_for_where_nobody_waits(tmp_path: Path, more: list[Filter]) -> None:
    """It may be in the last of a million rows, and a database cannot be asked for it."""
    async with fresh(tmp_path / "things.db", SystemClock(), THING.metadata) as store:
        for number in range(250):
            row = dict.fromkeys(FIELDS, "p") | {"updated_at": 1.0, "created_at": 1.0, "deleted_at": None}
            async with store.transaction() as tx:
                await tx.execute(ADD, id=f"{number:03}", **{**row, "name": f"n{number:03}"})
        heavy: list[bool] = []

        class Watched:
            async def rows(self, query: Query, **values: Any) -> list[Row]:
                found = await store.rows(query, **values)
                heavy.append(query.heavy)
                assert query.heavy or len(found) <= 10, "some are gone through where everybody waits"
                return found

            async def row(self, query: Query, **values: Any) -> Row | None:
                return await store.row(query, **values)

        pattern = Filter("name", "regex", "[n]000$")
        found = await page(Watched(), THING, [*more, pattern], columns=("id",), limit=10)
        assert [id for (id,) in found] == ["000"]
        assert sum(heavy) > 1
