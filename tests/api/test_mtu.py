"""An MTU above what clouds carry is refused at once; one that only some carry is a matter of choosing the cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from fractus.testing.user import NETWORK, User
from fractus.testing.world import World

LARGE, SMALL = 8950, 1450
_WHOLE = 3 * 3600.0


async def _shown(world: World, ann: User, zones: tuple[str, ...]) -> None:
    """Have each cloud show a network of ours: servers bring one there, and a full sweep lists it."""
    for zone in zones:
        await ann.boots_server(f"in-{zone}", zone=zone, network=await ann.makes_network(f"of-{zone}"))
    await world.settle(_WHOLE)


async def _asked(ann: User, mtu: int) -> tuple[int, str]:
    reply = await ann.post(f"{NETWORK}/networks", {"network": {"name": "big", "mtu": mtu}})
    return reply.status, "" if reply.status == 201 else reply.json["NeutronError"]["message"]


@pytest.fixture
def sentence() -> str:
    return "Invalid input for operation: Requested MTU is too big, maximum is {}."


async def test_more_than_any_cloud_carries_is_refused_at_once(tmp_path: Path, sentence: str) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        assert await _asked(ann, SMALL + 1) == (201, ""), "no cloud has shown anything yet"
        await _shown(world, ann, ("a", "b"))
        assert await _asked(ann, SMALL + 1) == (400, sentence.format(SMALL))
        assert await _asked(ann, SMALL) == (201, "")
        net = (await ann.listed(f"{NETWORK}/networks", name="of-a"))[0]["id"]
        reply = await ann.put(f"{NETWORK}/networks/{net}", {"network": {"mtu": SMALL + 1}})
        assert (reply.status, reply.json["NeutronError"]["message"]) == (400, sentence.format(SMALL))


async def test_what_only_some_carry_chooses_the_cloud(tmp_path: Path, sentence: str) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        ann, backend = world.user("ann"), world.cloud("b").backend
        backend.shape = structs.replace(backend.shape, mtu=LARGE)
        await _shown(world, ann, ("a", "b"))
        assert await _asked(ann, LARGE + 1) == (400, sentence.format(LARGE))
        big = await ann.makes_network("big", cidr="10.40.0.0/24", mtu=LARGE)
        ids = [await ann.boots_server(f"big-{number}", network=big) for number in range(2)]
        await world.settle()
        shown = [await ann.server(id) for id in ids]
        assert [(one["status"], one["OS-EXT-AZ:availability_zone"]) for one in shown] == [("ACTIVE", "b")] * 2
        refused = await ann.boots_server("small", network=big, zone="a")
        await world.settle()
        assert "carries an MTU of 1450 at most" in (await ann.server(refused))["fault"]["message"]
        # In b it may have all that b carries; a network that is in a may not.
        body = {"network": {"mtu": LARGE}}
        of_a, of_b = [(await ann.listed(f"{NETWORK}/networks", name=f"of-{zone}"))[0]["id"] for zone in "ab"]
        assert (await ann.put(f"{NETWORK}/networks/{of_b}", body)).status == 200
        assert (await ann.put(f"{NETWORK}/networks/{of_a}", body)).status == 400


async def test_what_a_network_of_ours_asked_for_is_no_bound(tmp_path: Path) -> None:
    """A cloud whose only network was asked to be small carries more than that."""
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        small = await ann.makes_network("small", mtu=1400)
        await ann.boots_server("vm", network=small)
        await world.settle(_WHOLE)
        assert await _asked(ann, SMALL) == (201, "")
        big = await ann.makes_network("big", cidr="10.40.0.0/24", mtu=SMALL)
        server = await ann.boots_server("on-big", network=big)
        await world.settle()
        assert (await ann.server(server))["status"] == "ACTIVE"


async def test_a_cloud_that_carries_more_by_now_is_believed(tmp_path: Path) -> None:
    """Networks that are there keep the MTU that they were born with; the next one shows what the cloud carries."""
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann, backend = world.user("ann"), world.cloud("a").backend
        for number in range(3):
            await ann.boots_server(f"old-{number}", network=await ann.makes_network(f"old-{number}"))
        await world.settle(_WHOLE)
        assert (await _asked(ann, LARGE))[0] == 400
        backend.shape = structs.replace(backend.shape, mtu=LARGE)
        for number in range(3):
            await ann.boots_server(f"new-{number}", network=await ann.makes_network(f"new-{number}"))
        await world.settle(_WHOLE)
        assert await _asked(ann, LARGE) == (201, "")
