"""Migrations on a database server: once, whole, whoever asks, and again where they died half-way."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, inspect, text

import fractus.addressing.tables  # noqa: F401  (its tables are part of METADATA)
from fractus.app import registry
from fractus.store import ddl, opening
from fractus.store.migrate import MigrationFailed, known, upgrade
from fractus.store.migrations.__main__ import _upgrade
from fractus.store.schema import METADATA
from fractus.testing.stores import database, server

pytestmark = pytest.mark.skipif(not server(), reason="needs a database server: make test-databases")

NOTHING = MetaData()

#: What several processes run at once.
UPGRADE = "import sys; from fractus.store.migrate import upgrade; print(upgrade(sys.stdin.read()))"


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[str]:
    """A database with nothing in it."""
    async with database(tmp_path / "none", metadata=NOTHING) as url:
        await do(url, drop_all)
        yield url
        await do(url, drop_all)


async def do(url: str, call: Any) -> Any:
    engine = ddl.engine(opening.parse(url))
    async with engine.connect() as connection:
        found = await connection.run_sync(call)
        await connection.commit()
    await engine.dispose()
    return found


def drop_all(connection: Connection) -> None:
    for name in inspect(connection).get_table_names():
        connection.execute(text(f"DROP TABLE {connection.dialect.identifier_preparer.quote(name)}"))


def schema(connection: Connection) -> dict[str, Any]:
    """Tables, columns, keys and indexes, as the server tells them."""
    look = inspect(connection)
    return {
        name: (
            [(one["name"], str(one["type"]), one["nullable"]) for one in look.get_columns(name)],
            look.get_pk_constraint(name)["constrained_columns"],
            sorted(
                (one["name"] or "", tuple(one["column_names"]), bool(one["unique"]))
                for one in look.get_indexes(name)
            ),
        )
        for name in look.get_table_names()
        if name != "alembic_version"
    }


async def named(tmp_path: Path) -> dict[str, Any]:
    """What the tables in the code come to."""
    program = {table.name for table in registry.TABLES.values()}
    async with database(tmp_path / "named", metadata=METADATA) as url:
        found: dict[str, Any] = await do(url, schema)
    assert program <= found.keys()
    return found


def same(made: dict[str, Any], code: dict[str, Any]) -> None:
    """Columns that were added later stand last; their order means nothing."""
    for name, (columns, key, indexes) in made.items():
        assert sorted(columns) == sorted(code[name][0]), name
        assert (key, indexes) == code[name][1:], name


async def test_the_migrations_make_the_tables_that_the_code_names(empty: str, tmp_path: Path) -> None:
    assert await asyncio.to_thread(upgrade, empty) == known()[-1]
    same(await do(empty, schema), await named(tmp_path))
    assert await asyncio.to_thread(upgrade, empty) == known()[-1]


async def test_several_processes_migrate_once_and_all_are_content(empty: str) -> None:
    async def one() -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            UPGRADE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        reported, _ = await process.communicate(empty.encode())
        return reported.strip()

    assert await asyncio.gather(*(one() for _ in range(3))) == [known()[-1].encode()] * 3


async def test_what_died_half_way_is_finished(empty: str, tmp_path: Path) -> None:
    """MariaDB keeps what was done before; PostgreSQL had taken it back, so there is nothing to be found there."""
    await asyncio.to_thread(upgrade, empty)

    def undo_half(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            drop_all(connection)
            return
        for name in sorted(schema(connection))[::2]:
            connection.execute(text(f"DROP TABLE {name}"))
        connection.execute(text("DELETE FROM alembic_version"))

    await do(empty, undo_half)
    assert await asyncio.to_thread(upgrade, empty) == known()[-1]
    same(await do(empty, schema), await named(tmp_path))


async def test_on_postgresql_each_revision_has_a_transaction_of_its_own(empty: str) -> None:
    """So a long one holds the locks of its own tables alone, and what was done before one that fails is kept."""
    if not empty.startswith("postgresql"):
        pytest.skip("MariaDB commits each change of the schema at once")

    def begin(connection: Connection) -> None:
        """As after the first; and a table is there that a later one wants to make."""
        _upgrade(connection, known()[0])
        connection.execute(text("CREATE TABLE address_group (id int)"))

    await do(empty, begin)
    with pytest.raises(MigrationFailed):
        await asyncio.to_thread(upgrade, empty)
    assert await do(empty, revision_of) == "0017"
    await do(empty, lambda connection: connection.execute(text("DROP TABLE address_group")))
    assert await asyncio.to_thread(upgrade, empty) == known()[-1] == await do(empty, revision_of)


def revision_of(connection: Connection) -> str:
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


async def test_a_strange_schema_is_refused_without_telling_the_password(empty: str) -> None:
    await asyncio.to_thread(upgrade, empty)
    await do(empty, lambda one: one.execute(text("UPDATE alembic_version SET version_num = 'strange'")))
    with pytest.raises(MigrationFailed, match="schema strange") as reported:
        await asyncio.to_thread(upgrade, empty)
    password = opening.parse(empty).password
    assert password
    assert f":{password}@" not in str(reported.value)


async def test_texts_are_compared_byte_by_byte(empty: str) -> None:
    """Capitals, accents and blanks at the end count, as in SQLite; whatever the server itself is set to."""
    await asyncio.to_thread(upgrade, empty)

    def words(connection: Connection) -> list[str]:
        for word in ("b", "a ", "B", "é", "a", "e"):
            connection.execute(
                text("INSERT INTO quota_limit (scope, owner, name, amount) VALUES ('project', :w, 'x', 1)"),
                {"w": word},
            )
        rows = connection.execute(
            text("SELECT owner FROM quota_limit WHERE scope = 'project' ORDER BY owner")
        )
        return [row[0] for row in rows]

    assert await do(empty, words) == ["B", "a", "a ", "b", "e", "é"]
