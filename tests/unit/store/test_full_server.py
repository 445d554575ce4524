"""A database server without room says so in its own way; to us it is one and the same."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import asyncmy.errors
import asyncpg
import pytest
from sqlalchemy.engine import make_url

from fractus.store.mysql import _MariaDB
from fractus.store.postgres import _PostgreSQL
from fractus.store.statement_queue import Meaning, Turn
from fractus.store.transaction import Unwritable

MARIA = _MariaDB(make_url("mysql://u:p@h:1/d"), seconds=1.0, idle=1.0)
POSTGRES = _PostgreSQL(make_url("postgresql://u:p@h:1/d"), seconds=1.0, idle=1.0)


def full(code: int) -> Exception:
    made: Exception = asyncmy.errors.OperationalError(code, "no room")
    return made


CASES: list[tuple[Any, Exception]] = [
    (MARIA, full(1021)),
    (MARIA, full(1114)),
    (POSTGRES, asyncpg.DiskFullError("could not extend file")),
    (POSTGRES, asyncpg.OutOfMemoryError("out of memory")),
]


@pytest.mark.parametrize(("driver", "error"), CASES)
async def test_no_room_is_neither_our_fault_nor_a_broken_connection(driver: Any, error: Exception) -> None:
    assert driver.meaning(error) is Meaning.FULL

    class Wire:
        async def execute(self, *_: Any) -> int:
            raise error

        async def rollback(self) -> None:
            """Nothing to undo."""

    turn = Turn(driver, Wire(), 1.0)  # type: ignore[arg-type]
    statement: Awaitable[int] = turn.execute(None, ())  # type: ignore[arg-type]
    with pytest.raises(Unwritable):
        await statement
    assert isinstance(turn.trouble, Unwritable), "what follows in it is refused too"
    assert not turn.lost
    assert not turn.torn, "the connection is of use again once it is undone"
