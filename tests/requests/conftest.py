"""Requests to a whole world, which listens on a port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn

from fractus.settings.loading import Settings
from fractus.testing import plugin
from fractus.testing.plugin import no_task_left, world
from fractus.testing.user import User
from fractus.testing.world import World
from tests.requests.files import Caller, Place

__all__ = ["no_task_left", "world"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    plugin.pytest_collection_modifyitems([item for item in items if item.path.is_relative_to(HERE)])


class _Reachable(World):
    """A world whose links have the URL that it listens on."""

    url = ""

    def settings(self) -> Settings:
        made = super().settings()
        return msgspec.structs.replace(made, api=msgspec.structs.replace(made.api, public_endpoint=self.url))


@pytest.fixture
async def reachable(tmp_path: Path) -> AsyncIterator[World]:
    """A world that listens on a port of this machine."""
    made = _Reachable(clouds=2, tmp_path=tmp_path)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        made.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with made, _listening(made.app, sock):
            yield made


@pytest.fixture
def place(reachable: _Reachable) -> Place:
    """The same as a place that requests can be sent to."""
    return Place(
        endpoints={service: f"{reachable.url}/{service}" for service in ("network", "compute", "image")},
        callers={
            "member": _caller(reachable.user("ann", "p1")),
            "other": _caller(reachable.user("bob", "p2")),
            "admin": _caller(reachable.admin),
        },
    )


def _caller(user: User) -> Caller:
    return Caller(user.token, user.project_id, user.principal.user_id)


@contextlib.asynccontextmanager
async def _listening(app: Any, sock: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
