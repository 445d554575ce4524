"""Every statement and every table of the program can be said in the words of all three databases."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

import fractus
from fractus.store import ddl, opening, resources
from fractus.store import statements as shapes
from fractus.store.listing import Filter, Sort
from fractus.store.mysql import MysqlStore
from fractus.store.postgres import PostgresStore
from fractus.store.schema import METADATA
from fractus.store.sqlite import _DIALECT
from fractus.store.transaction import Query
from fractus.testing.clock import VirtualClock

MARIADB = opening.parse("mysql://user:secret@host/database")
POSTGRESQL = opening.parse("postgresql://user:secret@host/database")

DIALECTS = {
    "sqlite": _DIALECT,
    "mariadb": MysqlStore(MARIADB, VirtualClock()).driver.dialect,
    "postgresql": PostgresStore(POSTGRESQL, VirtualClock()).driver.dialect,
}

#: Longest key of InnoDB, in bytes; a letter of utf8mb4 has up to four.
_KEY, _LETTER = 3072, 4


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(fractus.__path__, "fractus."):
        if not re.search(r"__main__|migrations|keystone_wsgi", found.name):
            yield importlib.import_module(found.name)


def lists(table: Table) -> Iterator[Query]:
    """The shapes that lists of this table may have: every operator on every column, every order."""
    for column in table.c:
        if column.type.python_type is bytes:
            continue
        ops = [
            op for op in sorted(shapes.OPS - {"regex"}) if "like" not in op or column.type.python_type is str
        ]
        filters = [Filter(column.name, op, ("a", "b") if op in ("in", "notin") else "a") for op in ops]
        shape, _ = shapes.bind([*filters, filters])
        sorts = (Sort(column.name, True), Sort("id"))
        yield shapes.page_query(table, ("id",), shape, sorts, True)
        yield shapes.count_query(table, shape)


@lru_cache(maxsize=1)
def statements() -> list[Query]:
    loaded = list(modules())
    assert len(loaded) > 200
    for table in METADATA.tables.values():
        if set(resources._BASE) <= set(table.c.keys()):
            resources._fetch_query(table, True)
            resources._fetch_query(table, False)
            resources._insert_query(table, tuple(table.c.keys()))
            resources._update_query(table, tuple(one.name for one in table.c if one.name != "id"))
            resources._drop_query(table)
            list(lists(table))
    return [one for one in gc.get_objects() if isinstance(one, Query)]


@pytest.mark.parametrize("name", DIALECTS)
def test_every_statement_is_said_in_the_words_of_every_database(name: str) -> None:
    """Whatever a module holds, in a variable, a list or a cache, is compiled; parameters too have their place."""
    found = statements()
    assert len(found) > 300
    for query in found:
        compiled = query.compiled(DIALECTS[name])
        places = {"sqlite": r"\?", "mariadb": r"(?<!%)%s", "postgresql": r"\$\d+"}[name]
        asked = re.findall(places, compiled.text)
        wanted = len(set(asked)) if name == "postgresql" else len(asked)
        assert wanted == len(compiled._names), compiled.text
        assert "regexp" not in compiled.text.lower(), compiled.text


def test_what_is_to_be_written_is_locked_where_there_are_locks() -> None:
    table = METADATA.tables["server"]
    texts = {name: resources._fetch_query(table, True).compiled(one).text for name, one in DIALECTS.items()}
    assert "FOR UPDATE" in texts["mariadb"]
    assert "FOR UPDATE" in texts["postgresql"]
    assert "FOR UPDATE" not in texts["sqlite"]


@pytest.mark.parametrize("url", [MARIADB, POSTGRESQL, None])
def test_every_table_can_be_made(url: Any) -> None:
    list(modules())
    dialect = sqlite.dialect() if url is None else ddl.engine(url).dialect
    for table in METADATA.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            str(CreateIndex(index).compile(dialect=dialect))
        if url is MARIADB:
            # 64 KiB is not enough for a document, and four bytes are not enough for a time.
            assert not re.search(r"\b(TEXT|BLOB|FLOAT)\b", text), text
        if url is POSTGRESQL:
            assert all(
                'COLLATE "C"' in line for line in text.splitlines() if "VARCHAR" in line or " TEXT" in line
            ), text


def test_no_key_is_too_long_for_mariadb() -> None:
    list(modules())
    for table in METADATA.sorted_tables:
        keys = [table.primary_key, *table.indexes]
        keys += [one for one in table.constraints if one.__visit_name__ == "unique_constraint"]
        for key in keys:
            size = sum(_LETTER * (getattr(column.type, "length", None) or 2) for column in key.columns)
            assert size <= _KEY, (table.name, key.name, size)


@pytest.mark.parametrize(
    ("statement", "again"),
    [
        ("\nCREATE TABLE box (id INTEGER)", "\nCREATE TABLE IF NOT EXISTS box (id INTEGER)"),
        ("CREATE UNIQUE INDEX a ON box (id)", "CREATE UNIQUE INDEX IF NOT EXISTS a ON box (id)"),
        ("ALTER TABLE box ADD COLUMN b TEXT", "ALTER TABLE box ADD COLUMN IF NOT EXISTS b TEXT"),
        ("ALTER TABLE box DROP COLUMN b", "ALTER TABLE box DROP COLUMN IF EXISTS b"),
        ("DROP TABLE box", "DROP TABLE IF EXISTS box"),
        ("UPDATE box SET id = 'CREATE TABLE x'", "UPDATE box SET id = 'CREATE TABLE x'"),
    ],
)
def test_a_change_of_the_schema_can_be_made_twice_where_it_cannot_be_taken_back(
    statement: str, again: str
) -> None:
    assert ddl.unless_done(statement) == again
    assert ddl.unless_done(again) == again


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "no URL"),
        ("oracle://user@host/database", "not oracle://"),
        ("mysql://host/database", "user, host and database"),
        ("postgresql://user:secret@host/", "user, host and database"),
    ],
)
def test_a_wrong_url_is_reported_in_a_sentence_without_its_password(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as reported:
        opening.parse(url)
    assert "secret" not in str(reported.value)
