"""A cloud that misbehaves when a server is to be made there: the next one is tried, or the user is shown why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from fractus.testing.user import COMPUTE, NETWORK, User
from fractus.testing.world import World, WorldCloud


@dataclasses.dataclass(frozen=True)
class Trouble:
    """What is wrong with a cloud. `passes`: waiting for it to be well again is enough."""

    begins: Callable[[WorldCloud], None]
    reason: str
    passes: bool = True


def _quota(**limits: int) -> Callable[[WorldCloud], None]:
    return lambda cloud: _reshape(cloud, quota=limits)


def _reshape(cloud: WorldCloud, **fields: object) -> None:
    cloud.backend.shape = msgspec.structs.replace(cloud.backend.shape, **fields)


_QUOTA = "Quota exceeded for instances: Requested 1, but already used 0 of 0 instances"

TROUBLES = {
    "unreachable": Trouble(lambda cloud: cloud.faults.unreachable(), "does not answer"),
    "hangs": Trouble(lambda cloud: cloud.faults.hangs(), "no answer within 30 seconds"),
    "hangs at servers": Trouble(lambda cloud: cloud.faults.hangs(kind="server"), "no answer within 30 seconds"),
    "refuses our password": Trouble(lambda cloud: cloud.faults.credentials_rejected(), "requires authentication"),
    "answers garbage": Trouble(lambda cloud: cloud.faults.garbage(), "not JSON"),
    "garbage of servers": Trouble(lambda cloud: cloud.faults.garbage(kind="server"), "not JSON"),
    "no network service": Trouble(lambda cloud: cloud.faults.unreachable(kind="network"), "does not answer"),
    "no image service": Trouble(lambda cloud: cloud.faults.unreachable(kind="image"), "does not answer"),
    "no quota of servers": Trouble(_quota(instances=0), _QUOTA, passes=False),
    "no quota of ports": Trouble(_quota(port=0), "Quota exceeded for resources: ['port']", passes=False),
    "no quota of networks": Trouble(_quota(network=0), "Quota exceeded for resources: ['network']", passes=False),
    "no hosts": Trouble(lambda cloud: _reshape(cloud, hosts=0), "No valid host was found. There are not", passes=False),
    "no room on hosts": Trouble(
        lambda cloud: _reshape(cloud, ram_per_host=1), "No valid host was found. There are not", passes=False
    ),
    "refuses flavors": Trouble(
        lambda cloud: cloud.faults.refuses("No flavors today.", kind="flavor", status=403),
        "No flavors today.",
        passes=False,
    ),
}  # fmt: skip


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> Trouble:
    return TROUBLES[request.param]


async def _reported(user: User, server: str) -> str:
    shown = await user.server(server)
    return f"{shown['status']} in {shown['OS-EXT-AZ:availability_zone']}: {shown.get('fault')}"


async def test_without_a_zone_the_next_cloud_has_it(world: World, trouble: Trouble) -> None:
    ann = world.user("ann")
    a, b = world.clouds
    trouble.begins(a)
    server = await ann.boots_server("vm")
    assert (await ann.server(server))["status"] == "BUILD", "it is accepted at once"
    await world.run_for(120)
    assert await _reported(ann, server) == "ACTIVE in b: None"
    assert len(b.marked("server", server)) == 1

    a.faults.heals()
    await world.settle()
    await world.sweep(full=True)
    await world.settle()
    assert a.marked("server", server) == []
    left = [thing for kind in ("server", "port") for thing in a.of(kind) if thing.marker]
    assert left == [], "nothing is left in the first"
    assert await _reported(ann, server) == "ACTIVE in b: None"
    await world.assert_no_orphans()
    await _leaves_nothing(world, ann, server)


async def test_in_a_zone_of_the_users_the_server_tells_the_clouds_own_reason(
    world: World, trouble: Trouble
) -> None:
    ann = world.user("ann")
    a, b = world.clouds
    trouble.begins(a)
    server = await ann.boots_server("vm", zone="a")
    assert (await ann.server(server))["status"] == "BUILD", "it is accepted at once"
    await world.run_for(120)
    shown = await ann.server(server)
    assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ERROR", "a")
    assert trouble.reason in shown["fault"]["message"]
    assert shown["fault"]["code"] == 500
    assert b.of("server") == []

    a.faults.heals()
    await world.settle()
    if trouble.passes:
        assert await _reported(ann, server) == "ACTIVE in a: None"
        assert len(a.marked("server", server)) == 1
    else:
        assert (await ann.server(server))["status"] == "ERROR", (
            "what was refused is not tried again behind one's back"
        )
    await world.assert_no_orphans()
    await _leaves_nothing(world, ann, server)


async def _leaves_nothing(world: World, user: User, server: str) -> None:
    network = await user.own_network()
    await user.deletes_server(server)
    await world.settle()
    assert (await user.get(f"{COMPUTE}/servers/{server}")).status == 404
    await user.deletes_network(network)
    await world.settle()
    await world.assert_nothing_left()


async def test_a_slow_cloud_is_waited_for(world: World) -> None:
    ann = world.user("ann")
    for cloud in world.clouds:
        cloud.faults.slow(8)
    server = await ann.boots_server("vm")
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert sum(len(cloud.of("server")) for cloud in world.clouds) == 1
    await world.assert_no_orphans()


async def test_a_cloud_that_throttles_is_asked_again_later(world: World) -> None:
    ann = world.user("ann")
    world.cloud("a").faults.throttles(7, times=6)
    server = await ann.boots_server("vm", zone="a")
    await world.settle()
    assert await _reported(ann, server) == "ACTIVE in a: None"


@pytest.mark.parametrize("loses", ["loses_reply_once", "loses_request_once"])
@pytest.mark.parametrize("kind", ["server", "port", "network", "subnet", "security_group", "image", "flavor"])
async def test_a_lost_answer_makes_nothing_twice(world: World, loses: str, kind: str) -> None:
    ann = world.user("ann")
    a = world.cloud("a")
    getattr(a.faults, loses)(kind=kind, method="create")
    server = await ann.boots_server("vm", zone="a")
    await world.settle()
    assert await _reported(ann, server) == "ACTIVE in a: None"
    for one in ("server", "port", "network", "subnet", "security_group", "image", "flavor"):
        markers = [thing.marker for thing in a.of(one) if thing.marker]
        assert len(markers) == len(set(markers)), one
    await world.assert_no_orphans()


async def test_no_cloud_will_have_it(world: World) -> None:
    ann = world.user("ann")
    a, b = world.clouds
    a.faults.refuses("No room in a.", kind="server", status=403, elsewhere=True)
    b.faults.refuses("No room in b.", kind="server", status=403, elsewhere=True)
    server = await ann.boots_server("vm")
    await world.settle()
    shown = await ann.server(server)
    assert shown["status"] == "ERROR"
    assert shown["fault"]["message"] == "No valid host was found. a: No room in a.; b: No room in b."
    await world.assert_no_orphans()
    await _leaves_nothing(world, ann, server)


async def test_a_server_whose_port_is_refused_there_goes_elsewhere(world: World) -> None:
    """A user's own port has a presence wherever its server is tried, and stays with the last."""
    ann = world.user("ann")
    a, b = world.clouds
    network = await ann.makes_network("red")
    port = await ann.makes_port(network)
    a.faults.refuses("No ports in a.", kind="port", status=409, elsewhere=True)
    reply = await ann.asks_for_server("vm", networks=[{"port": port["id"]}])
    server = reply.ok()["server"]["id"]
    await world.settle()
    assert await _reported(ann, server) == "ACTIVE in b: None"
    (there,) = b.marked("port", port["id"])
    assert [fixed.ip_address for fixed in there.fixed_ips] == [port["fixed_ips"][0]["ip_address"]]
    assert there.mac_address == port["mac_address"]
    assert a.marked("port", port["id"]) == []
    shown = (await ann.get(f"{NETWORK}/ports/{port['id']}")).ok()["port"]
    assert (shown["status"], shown["device_id"]) == ("ACTIVE", server)
