"""Holds as users and operators see them, over the whole endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.notify.node import LocalNotifier
from fractus.operations import holding
from fractus.store import holds
from fractus.store.holds import ALL_FROZEN, CORDONED, DRAINING, FROZEN, OPEN, READ_ONLY
from fractus.testing.user import COMPUTE, IMAGE, NETWORK
from fractus.testing.world import World
from tests.api.house import furnish


async def say(world: World, cloud: str, state: str, reason: str = "") -> None:
    await holding.set_state(world.parts.store, LocalNotifier(), cloud, state, reason=reason, by="ann@desk")


async def zones(world: World) -> dict[str, bool]:
    found = (await world.user("ann").get(f"{COMPUTE}/os-availability-zone")).ok()["availabilityZoneInfo"]
    return {one["zoneName"]: one["zoneState"]["available"] for one in found}


async def network_zones(world: World) -> dict[str, str]:
    found = (await world.user("ann").get(f"{NETWORK}/availability_zones")).ok()["availability_zones"]
    return {one["name"]: one["state"] for one in found}


@pytest.mark.parametrize("state", [CORDONED, DRAINING, FROZEN])
async def test_a_closed_zone_is_shown_so_and_refused_with_the_operators_reason(
    world: World, state: str
) -> None:
    await world.sweep()
    ann = world.user("ann")
    network = await ann.makes_network()
    await say(world, "a", state, "the floor is wet")
    assert await zones(world) == {"a": False, "b": True}
    assert await network_zones(world) == {"a": "unavailable", "b": "available"}
    body = {
        "server": {
            "name": "s",
            "flavorRef": await world.default_flavor(),
            "imageRef": await world.default_image(),
            "networks": [{"uuid": network.id}],
            "availability_zone": "a",
        }
    }
    reply = await ann.post(f"{COMPUTE}/servers", body)
    assert reply.status == 400
    message = reply.json["badRequest"]["message"]
    assert message.startswith("The requested availability zone is not available")
    assert "the floor is wet" in message
    assert "ann@desk" not in message

    server = await ann.boots_server(network=network)
    await world.settle()
    shown = await ann.server(server)
    assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "b")
    await say(world, "a", OPEN)
    assert await zones(world) == {"a": True, "b": True}


async def test_a_frozen_clouds_work_waits_and_ends_after_thaw(world: World) -> None:
    ann = world.user("ann")
    server = await ann.boots_server(zone="a")
    await world.settle()
    await say(world, "a", FROZEN, "smoke")
    (await ann.delete(f"{COMPUTE}/servers/{server}")).ok()
    await world.run_for(300)
    assert len(world.cloud("a").of("server")) == 1
    assert await holding.idle(world.parts.store, "a", world.clock.now()) == (0, 0, 1)
    await say(world, "a", OPEN)
    await world.settle()
    assert not world.cloud("a").of("server")


async def test_drain_work_is_idle_when_what_was_begun_has_ended(world: World) -> None:
    ann = world.user("ann")
    server = await ann.boots_server(zone="a")
    for _ in range(60):
        await world.work_once()
        if world.cloud("a").of("server"):
            break
    assert world.cloud("a").of("server")
    await say(world, "a", DRAINING)
    _, begun, _ = await holding.idle(world.parts.store, "a", world.clock.now())
    assert begun
    await world.run_for(120)
    calls, begun, _ = await holding.idle(world.parts.store, "a", world.clock.now())
    assert (calls, begun) == (0, 0)
    assert (await ann.server(server))["status"] == "ACTIVE"


async def _writes(world: World) -> list[Any]:
    """One of each service, by a user and by an admin."""
    found = []
    for who in (world.user("ann"), world.admin):
        found += [
            await who.post(f"{NETWORK}/networks", {"network": {"name": "n"}}),
            await who.post(f"{COMPUTE}/os-keypairs", {"keypair": {"name": f"key-{who.principal.user_name}"}}),
            await who.post(
                f"{IMAGE}/images", {"name": "i", "disk_format": "raw", "container_format": "bare"}
            ),
        ]
    return found


async def test_read_only_refuses_every_write_in_each_services_own_words_and_no_read(world: World) -> None:
    ann = world.user("ann")
    house = await furnish(world, ann, zone="a")
    await world.settle()
    store = world.parts.store
    await holding.place(store, READ_ONLY, reason="We are moving house until noon.", by="ann@desk")
    await world.clock.advance(2)

    replies = await _writes(world)
    assert [one.status for one in replies] == [503] * 6
    assert [one.headers["retry-after"] for one in replies] == ["60"] * 6
    said = "This cloud is read-only at present: We are moving house until noon."
    network, compute, image = (one.json for one in replies[:3])
    assert network["NeutronError"] == {"type": "ServiceUnavailable", "message": said, "detail": ""}
    assert compute["serviceUnavailable"] == {"code": 503, "message": said}
    assert image["code"] == "503 Service Unavailable"
    assert said in image["message"]
    assert (await ann.delete(f"{COMPUTE}/servers/{house.server}")).status == 503
    action = f"{COMPUTE}/servers/{house.server}/action"
    assert (await ann.post(action, {"reboot": {"type": "SOFT"}})).status == 503
    # The console log is a read, though it is asked for with a POST.
    assert (await ann.post(action, {"os-getConsoleOutput": {}})).status == 200
    assert (await ann.server(house.server))["status"] == "ACTIVE"
    assert (await ann.get(f"{NETWORK}/networks")).status == 200

    assert await holding.release(store, LocalNotifier(), READ_ONLY)
    await world.clock.advance(2)
    assert all(one.status < 300 for one in await _writes(world))


async def test_read_only_comes_after_who_may_do_what(world: World) -> None:
    await holding.place(world.parts.store, READ_ONLY, reason="", by="")
    await world.clock.advance(2)
    reader = world.user("rob", roles=("reader",))
    assert (await reader.post(f"{COMPUTE}/flavors", {"flavor": {}})).status == 403
    ann = world.user("ann")
    ann.token = "nonsense"
    assert (await ann.post(f"{NETWORK}/networks", {"network": {}})).status == 401


async def test_work_that_was_accepted_goes_on_in_read_only_mode_unless_all_is_frozen(world: World) -> None:
    ann = world.user("ann")
    first = await ann.boots_server(zone="a")
    await holding.place(world.parts.store, READ_ONLY, reason="", by="")
    await world.settle()
    assert (await ann.server(first))["status"] == "ACTIVE"
    await holding.release(world.parts.store, LocalNotifier(), READ_ONLY)
    await world.clock.advance(2)

    await holding.place(world.parts.store, ALL_FROZEN, reason="", by="")
    second = await ann.boots_server(zone="b")
    await world.run_for(300)
    assert (await ann.server(second))["status"] == "BUILD"
    assert not world.cloud("b").of("server")
    assert await holding.release(world.parts.store, LocalNotifier(), ALL_FROZEN)
    await world.settle()
    assert (await ann.server(second))["status"] == "ACTIVE"


async def test_one_frozen_resource_waits_alone(world: World) -> None:
    ann = world.user("ann")
    one, two = await ann.boots_server(zone="a"), await ann.boots_server("two", zone="a")
    await world.settle()
    await holding.place(world.parts.store, holds.of_resource("server", one), reason="evidence", by="")
    for server in (one, two):
        (await ann.delete(f"{COMPUTE}/servers/{server}")).ok()
    await world.run_for(120)
    assert [thing.marker for thing in world.cloud("a").of("server")] == [one]
    assert await holding.thaw_resource(world.parts.store, LocalNotifier(), one) == ["server"]
    await world.settle()
    assert not world.cloud("a").of("server")
