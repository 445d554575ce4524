"""Fractus as a child of itself: the OpenStack driver, speaking to a world's own API without a socket.

API, OpenStack driver and simulated driver keep each other honest this way: one of them that misreads OpenStack is
corrected by the other two.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from fractus.base.clock import SystemClock
from fractus.base.ids import new_request_id
from fractus.clouds.openstack.cloud import OpenStackCloud
from fractus.clouds.openstack.tokens import Grant
from fractus.clouds.openstack.transport import Answer, Call, Upload
from fractus.model.cloud import CloudRow
from fractus.model.errors import Refused
from fractus.testing.asgi import HOST, App, call
from fractus.testing.world import World

_CHUNK = 65536


class InProcessTransport:
    """A transport of the OpenStack driver that ends in an ASGI application."""

    def __init__(self, app: App) -> None:
        """Every call goes to `app`, whatever host it is for."""
        self._app = app

    async def exchange(self, request: Call) -> Answer:
        """The answer, whatever its status."""
        headers = dict(request.headers)
        body: bytes | AsyncIterator[bytes] = b""
        if request.body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = msgspec.json.encode(request.body)
        elif request.upload is not None:
            await asyncio.to_thread(_check_bits, request.upload)
            headers["Content-Length"] = str(request.upload.size)
            body = _chunks(request.upload)
        reply = await call(self._app, request.method, request.url, headers=headers, body=body)
        return Answer(reply.status, reply.headers, reply.body)

    async def close(self) -> None:
        """Nothing is held."""


def _check_bits(upload: Upload) -> None:
    """As the transport over the network does: look before announcing a length."""
    path = Path(upload.path)
    if not path.is_file() or path.stat().st_size != upload.size:
        raise Refused("the bits are not on this node")


async def _chunks(upload: Upload) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(Path(upload.path).open, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


class WorldAuthenticator:
    """Tokens of a world for the driver's user: administrator at home, member in every other project."""

    rescopable = True

    def __init__(self, world: World) -> None:
        """Tokens are the world's own."""
        self._world = world

    async def grant(self, project_id: str) -> Grant:
        """A token for the project; empty: for the administrator's own."""
        # Only a service may say of a port how it is plugged (`binding:profile`).
        user = self._world.user("admin", "admin", (*self._world.admin.principal.roles, "service"))
        if project_id:
            user = self._world.user("admin", project_id=project_id, roles=("member", "reader"))
        base = f"http://{HOST}"
        return Grant(
            token=user.token,
            project_id=user.project_id,
            project_domain_id=user.principal.project_domain_id,
            user_id=user.principal.user_id,
            user_name=user.principal.user_name,
            roles=sorted(user.principal.roles),
            lifetime=3600.0,
            endpoints={
                "compute": f"{base}/compute",
                "network": f"{base}/network",
                "image": f"{base}/image",
                "volume": f"{base}/volume/v3",
            },
        )

    async def close(self) -> None:
        """Nothing is held."""


def as_child(world: World, name: str = "fractus", **settings: Any) -> OpenStackCloud:
    """The OpenStack driver with `world` as its child. Projects have the same ids on both sides."""
    return OpenStackCloud.connect(
        CloudRow(name=name, driver="openstack", identity="shared", settings=settings),
        clock=SystemClock(),
        request_id=new_request_id,
        transport=InProcessTransport(world.app),
        authenticator=WorldAuthenticator(world),
    )
