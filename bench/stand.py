"""fractus as `fractus up` runs it (Keystone, API under Granian), over a filled store, without a worker.

Without a worker, because the copied servers are in no cloud: a sweep would find them missing.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from bench.filling import Filled, fill
from bench.load import Endpoint, Processor, connections
from fractus.app.calls import Caller
from fractus.app.keystone import DEMO, EmbeddedKeystone
from fractus.app.progress import Progress
from fractus.app.settings import load
from fractus.app.supervisor import Supervisor
from fractus.app.up import Up
from fractus.base import log as logging
from fractus.services import compute


class Stand(NamedTuple):
    """What stands, and what is in it."""

    endpoint: Endpoint
    filled: Filled


@contextlib.asynccontextmanager
async def stand(directory: Path, servers: int, progress: Progress) -> AsyncIterator[Stand]:
    """Stand it up in an empty directory, with `servers` servers of the project demo; stop it at the end."""
    logging.configure("warning")
    told: dict[str, dict[str, Any]] = {
        "api": {"port": _free_port()},
        "keystone": {"port": _free_port()},
        "work": {"metrics_port": 0},
        "quota": {"unlimited": True},
    }
    settings = load(directory / "state", overrides=told, environ={})
    settings.log_dir.mkdir(parents=True)
    keystone = EmbeddedKeystone(settings)
    api = Up(settings, progress, told=told, demo=True).own_programs()[0]
    async with Supervisor(say=progress.warn) as supervisor, Caller() as caller, connections() as session:
        with progress.step("Setting up Keystone", "Keystone runs"):
            keystone.configure()
            await keystone.set_up()
            await supervisor.start([keystone.program()])
            await keystone.fill()
            await caller.log_in(keystone.url, DEMO, keystone.passwords()["demo"], DEMO)
            project = (await caller.call("GET", f"{keystone.url}/auth/projects"))["projects"][0]
        with progress.step(f"Filling the store with {servers} servers", "The store is filled"):
            filled = await fill(directory, servers, project["id"])
        with progress.step("Starting the API", "The API runs"):
            await supervisor.start([api])
        process = supervisor.parts()[-1].process
        assert process is not None
        yield Stand(
            Endpoint(
                session,
                f"{settings.endpoint}/compute/v2.1",
                f"{settings.endpoint}/network",
                f"{settings.endpoint}/image",
                caller.token,
                str(compute.RANGE.max),
                Processor([process.pid]),
            ),
            filled,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def said() -> Progress:
    """Progress on standard error: the table alone goes to standard output."""
    return Progress(Console(stderr=True))
