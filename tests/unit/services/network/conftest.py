from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.asgi import HttpReply
from fractus.testing.user import User
from fractus.testing.world import World

V2 = "/network/v2.0"


class Tenant:
    """A caller of the network API, in as few words as may be."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.project_id = user.project_id

    async def get(self, path: str, **query: Any) -> HttpReply:
        return await self.user.get(f"{V2}/{path}", **query)

    async def raw(self, method: str, path: str, json: Any = None, **headers: str) -> HttpReply:
        return await self.user.call(method, f"{V2}/{path}", json, headers=headers)

    async def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        return await self.user.listed(f"{V2}/{path}", **query)

    async def create(self, kind: str, **body: Any) -> dict[str, Any]:
        made: dict[str, Any] = (await self.ask(kind, **body)).ok()[kind]
        return made

    async def ask(self, kind: str, **body: Any) -> HttpReply:
        return await self.user.post(f"{V2}/{path_of(kind)}", {kind: body})

    async def show(self, kind: str, id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.get(f"{path_of(kind)}/{id}")).ok()[kind]
        return found

    async def change(self, kind: str, id: str, **body: Any) -> HttpReply:
        return await self.user.put(f"{V2}/{path_of(kind)}/{id}", {kind: body})

    async def delete(self, kind: str, id: str) -> HttpReply:
        return await self.user.delete(f"{V2}/{path_of(kind)}/{id}")

    async def network(self, *cidrs: str, **more: Any) -> tuple[str, list[str]]:
        """A network with subnets: (its id, theirs)."""
        made = await self.create("network", **{"name": "net", **more})
        subnets = [
            await self.create("subnet", network_id=made["id"], cidr=cidr, ip_version=6 if ":" in cidr else 4)
            for cidr in cidrs
        ]
        return made["id"], [one["id"] for one in subnets]


def path_of(kind: str) -> str:
    return f"{kind}s".replace("_", "-")


def error(reply: HttpReply) -> tuple[int, str, str]:
    """Status, type and sentence of a refusal."""
    inner = reply.json["NeutronError"]
    assert inner["detail"] == ""
    return reply.status, inner["type"], inner["message"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path) as made:
        yield made


@pytest.fixture
def ann(world: World) -> Tenant:
    return Tenant(world.user("ann", "p1"))


@pytest.fixture
def bob(world: World) -> Tenant:
    return Tenant(world.user("bob", "p2"))


@pytest.fixture
def root(world: World) -> Tenant:
    return Tenant(world.admin)
