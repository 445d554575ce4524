"""What nothing can be faster than: the same bytes from a bare HTTP server, the same rows from a bare driver."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw

from bench.hammer import hammer, headers_of
from bench.load import Endpoint, Processor
from bench.report import Options, Row

_BODIES = "FRACTUS_BENCH_BODIES"

#: Rows as lists and single reads take them.
_PAGE = (
    "SELECT id, summary FROM server WHERE project_id = ? AND deleted_at IS NULL"
    " ORDER BY created_at DESC, id DESC LIMIT 100"
)
_ONE = "SELECT summary FROM server WHERE id = ?"


def application() -> Any:
    """An ASGI application that answers `/<name>` with the bytes of a file, and nothing else. Made by Granian."""
    bodies = {f"/{path.name}": path.read_bytes() for path in Path(os.environ[_BODIES]).iterdir()}

    async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = bodies[scope["path"]]
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def limits(
    endpoint: Endpoint,
    database: Path,
    urls: Mapping[str, str],
    project_id: str,
    server_ids: list[str],
    options: Options,
) -> list[Row]:
    """Rows for what `urls` (name -> one of ours) answer, served by Granian alone, and for two queries by apsw alone."""
    place = options.scratch / "bodies"
    place.mkdir(exist_ok=True)
    for at, url in enumerate(urls.values()):
        async with endpoint.session.get(url, headers=headers_of(endpoint)) as answer:
            (place / str(at)).write_bytes(await answer.read())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "granian", "--interface", "asginl", "--factory", "--no-ws", "--port", str(port),
        "--workers", "2", "--log-level", "error", "bench.bare_reads:application",
        env={**os.environ, _BODIES: str(place)}, start_new_session=True,
    )  # fmt: skip
    rows: list[Row] = []
    try:
        base = f"http://127.0.0.1:{port}"
        await _answers(endpoint, f"{base}/0")
        bare = dataclasses.replace(endpoint, processor=Processor([process.pid]))
        for at, name in enumerate(urls):
            taken = [
                await hammer(
                    bare, [f"{base}/{at}"], clients=32, seconds=options.seconds, scratch=options.scratch
                )
                for _ in range(options.rounds)
            ]
            cpu = [one.cpu or 0.0 for one in taken]
            rows.append(Row(what=f"the bytes of {name} by Granian alone", unit="ms CPU", values=cpu))
    finally:
        process.terminate()
        await process.wait()
    rows.append(
        _driven("the rows of a page of 100 servers by apsw alone", database, _PAGE, [project_id], options)
    )
    rows.append(_driven("the row of one server by apsw alone", database, _ONE, server_ids, options))
    return rows


async def _answers(endpoint: Endpoint, url: str) -> None:
    for _ in range(100):
        try:
            async with endpoint.session.get(url):
                return
        except OSError:
            await asyncio.sleep(0.1)
    raise RuntimeError("the bare server does not answer")


def _driven(what: str, database: Path, statement: str, given: list[str], options: Options) -> Row:
    """Processor time of a query in this process, rows fetched and documents joined."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    connection.execute("PRAGMA cache_size = -65536")
    values = []
    for _ in range(options.rounds):
        calls, began, used = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < options.seconds:
            rows: list[tuple[Any, ...]] = connection.execute(
                statement, (given[calls * 7919 % len(given)],)
            ).fetchall()
            b",".join([row[-1] for row in rows])
            calls += 1
        values.append((time.process_time() - used) * 1000 / calls)
    connection.close()
    return Row(what=what, unit="ms CPU", values=values)
