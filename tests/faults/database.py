"""A database server of the suite's own, to be killed and stopped under fractus: MariaDB or PostgreSQL.

It is started by `tools/databases`, and then set to write every commit before it confirms it, which servers for tests
are not: what was confirmed must outlive SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from sqlalchemy import Connection, text

from fractus.store import ddl, opening

MARIADB, POSTGRESQL = "mariadb", "postgresql"
KINDS = (MARIADB, POSTGRESQL)

_TOOL = Path(__file__).parents[2] / "tools" / "databases" / "databases"
_SCHEMES = {MARIADB: "mysql", POSTGRESQL: "postgresql"}
_DURABLE = {
    MARIADB: ["SET GLOBAL innodb_flush_log_at_trx_commit = 1"],
    POSTGRESQL: ["ALTER SYSTEM SET synchronous_commit = on", "SELECT pg_reload_conf()"],
}
_PIDS = {MARIADB: "mariadb/pid", POSTGRESQL: "postgresql/data/postmaster.pid"}


class Database:
    """One server. All its files lie under a directory of its own."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.url = ""
        self._home = directory

    async def start(self) -> None:
        """Start it, unless it runs, and make it durable."""
        urls = (await self._tool("up")).split()
        self.url = next(url for url in urls if url.startswith(_SCHEMES[self.kind]))
        engine = ddl.engine(opening.parse(self.url))
        try:
            plain = await engine.connect()
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            await connection.run_sync(self._make_durable)
            await plain.close()
        finally:
            await engine.dispose()

    def _make_durable(self, connection: Connection) -> None:
        for statement in _DURABLE[self.kind]:
            connection.execute(text(statement))

    async def _tool(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            str(_TOOL), *words, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "FRACTUS_DATABASES": str(self._home)},
        )  # fmt: skip
        reported, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"{_TOOL.name} {' '.join(words)} ended with {process.returncode}")
        return reported.decode()

    def _pids(self) -> list[int]:
        """The server and its children."""
        first = int((self._home / _PIDS[self.kind]).read_text().split("\n")[0])
        children = Path(f"/proc/{first}/task/{first}/children")
        with contextlib.suppress(OSError):
            return [first, *map(int, children.read_text().split())]
        return [first]

    def _signal(self, number: int) -> None:
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pause(self) -> None:
        """SIGSTOP: its port is open, and nobody is there."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, to all of it."""
        self._signal(signal.SIGKILL)

    async def close(self) -> None:
        """Stop both servers and remove what they had."""
        with contextlib.suppress(OSError):
            self.resume()
        await self._tool("down")
