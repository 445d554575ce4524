"""Conntrack helpers: judged as Neutron does, and brought to every cloud where their router is."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.routers import ConntrackHelper
from fractus.store import findings
from fractus.testing.world import World

from .conftest import V2, Tenant, error
from .test_routers import act

FTP: dict[str, Any] = {"protocol": "tcp", "port": 21, "helper": "ftp"}


async def routed(world: World, ann: Tenant, *zones: str) -> str:
    """A router with an interface in a subnet that has a server in each of these clouds."""
    network, (subnet,) = await ann.network("10.72.0.0/24")
    router = await ann.create("router", name="r")
    (await act(ann, router["id"], "add_router_interface", subnet_id=subnet)).ok()
    for zone in zones:
        await ann.user.boots_server(zone, zone=zone, networks=[{"uuid": network}])
    await world.settle()
    return str(router["id"])


def there(world: World, cloud: str) -> list[tuple[str, int, str]]:
    """What the cloud's one router has."""
    (record,) = world.cloud(cloud).of("router")
    return [(one.protocol, one.port, one.helper) for one in record.conntrack_helpers]  # type: ignore[attr-defined]


async def test_they_come_to_each_cloud_and_go(world: World, ann: Tenant) -> None:
    router = await routed(world, ann, "a", "b")
    url = f"{V2}/routers/{router}/conntrack_helpers"
    made = (await ann.user.post(url, {"conntrack_helper": FTP})).ok()["conntrack_helper"]
    assert made == {"id": made["id"], **FTP}
    await world.settle()
    assert there(world, "a") == there(world, "b") == [("tcp", 21, "ftp")]
    assert (await ann.show("router", router))["conntrack_helpers"] == [FTP]
    assert (await ann.user.get(f"{url}/{made['id']}")).ok()["conntrack_helper"] == made
    assert [one["id"] for one in await ann.user.listed(url, port=21)] == [made["id"]]
    assert await ann.user.listed(url, helper="irc") == []
    changed = (await ann.user.put(f"{url}/{made['id']}", {"conntrack_helper": {"port": 2121}})).ok()
    assert changed["conntrack_helper"] == {**made, "port": 2121}
    await world.settle()
    assert there(world, "a") == there(world, "b") == [("tcp", 2121, "ftp")]
    assert (await ann.user.delete(f"{url}/{made['id']}")).status == 204
    await world.settle()
    assert there(world, "a") == there(world, "b") == []
    assert (await ann.show("router", router))["conntrack_helpers"] == []


async def test_what_others_did_in_a_cloud_is_found(world: World, ann: Tenant) -> None:
    router = await routed(world, ann, "a")
    url = f"{V2}/routers/{router}/conntrack_helpers"
    (await ann.user.post(url, {"conntrack_helper": FTP})).ok()
    await world.settle()
    (record,) = world.cloud("a").of("router")
    record.conntrack_helpers = [ConntrackHelper("udp", 69, "tftp")]  # type: ignore[attr-defined]
    world.cloud("a").backend.records.put(record)
    await world.sweep(full=True)
    every = await findings.page(world.parts.store, {})
    (found,) = [one for one in every if one.kind == "router"]
    assert (found.resource_id, [one["field"] for one in found.differences]) == (router, ["conntrack_helpers"])


@pytest.mark.parametrize(
    ("asked", "status", "type", "sentence"),
    [
        ({**FTP, "helper": "quake"}, 400, "ConntrackHelperNotAllowed", "Conntrack Helper quake is not allowed."),
        (
            {**FTP, "protocol": "udp"}, 400, "InvalidProtocolForHelper",
            "Conntrack Helper ftp does not support: udp. Supported protocols are: tcp",
        ),
        (
            {**FTP, "protocol": "x"}, 400, "InvalidInput",
            "Invalid input for operation: IP protocol 'x' is not supported. Only protocol names and their integer"
            " representation (0 to 255) are supported.",
        ),
        (
            {**FTP, "port": 0}, 400, "HTTPBadRequest",
            "Invalid input for port. Reason: '0' is too small - must be at least '1'.",
        ),
        (
            {"protocol": "tcp", "port": 21}, 400, "HTTPBadRequest",
            "Failed to parse request. Required attribute 'helper' not specified",
        ),
    ],
)  # fmt: skip
async def test_what_is_refused(
    ann: Tenant, asked: dict[str, Any], status: int, type: str, sentence: str
) -> None:
    router = await ann.create("router")
    url = f"{V2}/routers/{router['id']}/conntrack_helpers"
    assert error(await ann.user.post(url, {"conntrack_helper": asked})) == (status, type, sentence)
    assert await ann.user.listed(url) == []


async def test_one_is_there_once(ann: Tenant) -> None:
    router = (await ann.create("router"))["id"]
    url = f"{V2}/routers/{router}/conntrack_helpers"
    (await ann.user.post(url, {"conntrack_helper": FTP})).ok()
    other = (await ann.user.post(url, {"conntrack_helper": {**FTP, "port": 22}})).ok()["conntrack_helper"]
    twice = (
        400, "BadRequest",
        "Bad conntrack_helper request: A duplicate conntrack helper entry with same attributes already exists,"
        f" conflicting values are {{'router_id': '{router}', 'protocol': 'tcp', 'port': 21, 'helper': 'ftp'}}.",
    )  # fmt: skip
    assert error(await ann.user.post(url, {"conntrack_helper": FTP})) == twice
    assert error(await ann.user.put(f"{url}/{other['id']}", {"conntrack_helper": {"port": 21}})) == twice
    assert error(await ann.user.get(f"{url}/{router}")) == (
        404, "ConntrackHelperNotFound", f"Conntrack Helper {router} could not be found.",
    )  # fmt: skip


async def test_others_are_shown_nothing(ann: Tenant, bob: Tenant) -> None:
    router = (await ann.create("router"))["id"]
    url = f"{V2}/routers/{router}/conntrack_helpers"
    made = (await ann.user.post(url, {"conntrack_helper": FTP})).ok()["conntrack_helper"]
    for reply in (
        await bob.user.get(url),
        await bob.user.post(url, {"conntrack_helper": {**FTP, "port": 2121}}),
        await bob.user.delete(f"{url}/{made['id']}"),
    ):
        assert error(reply) == (404, "RouterNotFound", f"Router {router} could not be found")
