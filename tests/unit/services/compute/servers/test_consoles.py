"""Remote consoles: what may be asked for at which microversion, and what the cloud is asked."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import Conflict, Invalid
from tests.unit.services.compute.servers.house import House


def console(protocol: str, type: str) -> dict[str, Any]:
    return {"remote_console": {"protocol": protocol, "type": type}}


@pytest.mark.parametrize(
    ("version", "protocol", "type", "there"),
    [
        ("2.6", "serial", "serial", "2.6"),
        ("2.104", "vnc", "novnc", "2.6"),
        ("2.8", "mks", "webmks", "2.8"),
        ("2.99", "spice", "spice-direct", "2.99"),
    ],
)
async def test_the_cloud_says_where_a_console_is(
    house: House, version: str, protocol: str, type: str, there: str
) -> None:
    id = await house.create()
    await house.place(id)
    path, body = f"/servers/{id}/remote-consoles", console(protocol, type)
    answer = await house.ask("POST", path, body, version=version)
    assert answer == {"remote_console": {"protocol": protocol, "type": type, "url": "ws://there/?token=x"}}
    assert house.last.status == 200
    assert house.console.remote == [(id, body, there)]


@pytest.mark.parametrize(
    ("version", "body", "says"),
    [
        ("2.6", console("mks", "webmks"), "'mks' is not one of"),
        ("2.98", console("spice", "spice-direct"), "'spice-direct' is not one of"),
        ("2.104", console("telnet", "serial"), "'telnet' is not one of"),
        ("2.104", {"remote_console": {"protocol": "vnc"}}, "'type' is a required property"),
        ("2.104", {"remote_console": {"protocol": "vnc", "type": "novnc", "x": 1}}, "'x' was unexpected"),
    ],
)
async def test_bad_bodies(house: House, version: str, body: dict[str, Any], says: str) -> None:
    id = await house.create()
    await house.place(id)
    path = f"/servers/{id}/remote-consoles"
    assert says in await house.refused(Invalid, "POST", path, body, version=version)
    assert house.console.remote == []


async def test_a_server_that_is_nowhere_has_no_console(house: House) -> None:
    id = await house.create()
    path, body = f"/servers/{id}/remote-consoles", console("serial", "serial")
    assert await house.refused(Conflict, "POST", path, body) == f"Instance {id} is not ready"
