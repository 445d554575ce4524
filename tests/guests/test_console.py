"""A session on a guest's serial port, at the URL that our endpoint gives."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.guests.stand import ZONES, Guest
from tests.real.stand import needs_stand

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(300)]


class Session:
    """What is typed and shown on a serial port, through a proxy that speaks WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._shown = ""

    async def types(self, text: str) -> None:
        """Type a line."""
        await self._socket.send_bytes(text.encode() + b"\n")

    async def shows(self, text: str) -> None:
        """Until it has shown something, which is then forgotten."""
        async with asyncio.timeout(60):
            while text not in self._shown:
                message = await self._socket.receive()
                assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
                data = message.data
                self._shown += data if isinstance(data, str) else data.decode(errors="replace")
        self._shown = self._shown.partition(text)[2]


@pytest.mark.parametrize("name", [f"one-{zone}" for zone in ZONES])
async def test_a_user_logs_in_on_the_serial_port(name: str, guests: dict[str, Guest]) -> None:
    guest = guests[name]
    console = guest.cloud.compute.create_console(guest.id, console_type="serial")
    origin = console["url"].replace("ws://", "http://").partition("?")[0]
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(console["url"], protocols=["binary"], origin=origin) as socket,
    ):
        session = Session(socket)
        await session.types("")
        await session.shows("login: ")
        await session.types("guest")
        await session.shows("Password: ")
        await session.types("guest")
        await session.shows("$ ")
        await session.types("echo on $(hostname); exit")
        await session.shows(f"on {name}")


def test_a_screen_that_the_cloud_does_not_have_is_refused_in_its_words(one: Guest) -> None:
    answer = one.cloud.compute.post(
        f"/servers/{one.id}/remote-consoles",
        json={"remote_console": {"protocol": "spice", "type": "spice-html5"}},
        microversion="2.6",
    )
    assert answer.status_code == 400
    assert answer.json()["badRequest"]["message"] == "Unavailable console type spice-html5."
