r"""Run on every database node: tells HAProxy by HTTP whether this node may be used.

    HEALTH_LISTEN=10.20.0.11:9200 HEALTH_DATABASE=10.20.0.11:3306 HEALTH_PASSWORD=... \
        python -m fractus.deploy.galera_health

200 when the node is Synced (wsrep_local_state 4; or Donor, where a donor serves), part of the primary component, ready
and not behind; otherwise 503 with the reason.
That a port is open says nothing: a node that is cut off, frozen, or still copying has it open too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from asyncmy.connection import Connection, connect

#: Seconds that the database has to say how it is. HAProxy waits two.
DEADLINE = 1.5

#: wsrep_local_state of a node that has everything that was committed; and of one that gives others what they missed.
SYNCED, DONOR = "4", "2"

#: What others committed and this node has yet to apply, in write-sets. A new writer with more would show the past.
BEHIND = 8

_ASK = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_local_state', 'wsrep_local_state_comment',"
    " 'wsrep_cluster_status', 'wsrep_ready', 'wsrep_local_recv_queue')"
)
#: These questions must be answered at once, also while the cluster makes up its mind.
_FIRST = "SET SESSION wsrep_sync_wait = 0"
_READ_ONLY = "SELECT @@global.read_only"


def unfit(status: Mapping[str, str], read_only: bool, donor_serves: bool = False) -> str:
    """Why a node of this status may not be used; empty where it may. `donor_serves`: while it gives a copy too."""
    if not status:
        return "this database is not part of a Galera cluster"
    if status.get("wsrep_cluster_status") != "Primary":
        return f"cut off from the majority (wsrep_cluster_status {status.get('wsrep_cluster_status')})"
    if status.get("wsrep_local_state") not in ((SYNCED, DONOR) if donor_serves else (SYNCED,)):
        return f"has not everything yet ({status.get('wsrep_local_state_comment')})"
    if status.get("wsrep_ready") != "ON":
        return "does not take statements (wsrep_ready is not ON)"
    if int(status.get("wsrep_local_recv_queue", 0)) > BEHIND:
        return f"is behind by {status['wsrep_local_recv_queue']} write-sets"
    return "is set to read_only" if read_only else ""


class Health:
    """Asks one database."""

    def __init__(self, host: str, port: int, password: str, *, donor_serves: bool = False) -> None:
        """The database of this node, and the password of its user `health`."""
        self._donor_serves = donor_serves
        self._where = {"host": host, "port": port, "user": "health", "password": password}
        self._connection: Connection | None = None

    async def look(self) -> str:
        """Why it may not be used, or an empty text; never raises, never takes longer than `DEADLINE`."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._ask()
        except TimeoutError:
            self._forget()
            return f"does not answer within {DEADLINE} s"
        except Exception as error:
            self._forget()
            return f"does not answer: {type(error).__name__}"

    async def _ask(self) -> str:
        if self._connection is None:
            self._connection = await connect(
                **self._where, connect_timeout=1, autocommit=True, init_command=_FIRST
            )
        async with self._connection.cursor() as cursor:
            # Status may be read on a node that refuses everything else.
            await cursor.execute(_ASK)
            status = dict(await cursor.fetchall())
            reason = unfit(status, False, self._donor_serves)
            if not reason:
                await cursor.execute(_READ_ONLY)
                row: Any = await cursor.fetchone()
                reason = unfit(status, bool(row[0]), self._donor_serves)
        return reason

    def _forget(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


async def serve(health: Health, host: str, port: int) -> asyncio.Server:
    """Answer every request with how the database is. Those that come together get one answer."""
    asking: asyncio.Task[str] | None = None

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asking
        try:
            async with asyncio.timeout(5):
                while (await reader.readline()).strip():
                    pass
            if asking is None or asking.done():
                asking = asyncio.create_task(health.look())
            reason = await asyncio.shield(asking)
            body = f"{reason or 'Synced'}\n".encode()
            status = "503 Service Unavailable" if reason else "200 OK"
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
                f"Connection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # who asked has gone, or does not speak HTTP
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port)


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


async def _run() -> None:
    host, port = _split(os.environ["HEALTH_DATABASE"])
    serves = os.environ.get("HEALTH_DONOR_SERVES") == "yes"
    health = Health(host, port, os.environ["HEALTH_PASSWORD"], donor_serves=serves)
    server = await serve(health, *_split(os.environ["HEALTH_LISTEN"]))
    async with server:
        await server.serve_forever()


def main() -> int:
    """Serve until asked to stop."""
    try:
        asyncio.run(_run())
    except KeyError as missing:
        print(f"{missing.args[0]} is not set.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
