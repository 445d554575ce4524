"""Members of a security group in two clouds, with the worker killed at each change that is made for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.testing.crash import CrashMatrix, Spot
from fractus.testing.user import NETWORK
from fractus.testing.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def meet_across_clouds(world: World) -> AsyncIterator[None]:
    """A member joins in a second cloud, another after it; one leaves, and all of it goes."""
    ann = world.user("ann")
    net = await ann.makes_network("red")
    group = await ann.makes_security_group("web", ())
    rule = {"security_group_id": group, "direction": "ingress", "protocol": "tcp", "remote_group_id": group}
    (await ann.post(f"{NETWORK}/security-group-rules", {"security_group_rule": rule})).ok()
    yield
    made = []
    for zone in ("a", "b", "a"):
        port = (await ann.makes_port(net, security_groups=[group]))["id"]
        made.append((await ann.boots_server(zone=zone, networks=[{"port": port}]), port))
        await world.settle()
    assert [len(addresses(world, cloud)) for cloud in "ab"] == [1, 2]
    await ann.deletes_server(made[2][0])
    await world.settle()
    (await ann.delete(f"{NETWORK}/ports/{made[2][1]}")).ok()
    await world.settle()
    assert [len(addresses(world, cloud)) for cloud in "ab"] == [1, 1]
    for server, port in made[:2]:
        await ann.deletes_server(server)
        await world.settle()
        (await ann.delete(f"{NETWORK}/ports/{port}")).ok()
    (await ann.delete(f"{NETWORK}/security-groups/{group}")).ok()
    await world.settle()
    assert not [one for cloud in "ab" for one in world.cloud(cloud).of("group_members")]


def addresses(world: World, cloud: str) -> list[str]:
    """Those of the members that are not in a cloud, as it knows them."""
    [there] = world.cloud(cloud).of("group_members")
    return list(there.addresses)  # type: ignore[attr-defined]


def of_this_story(spot: Spot) -> bool:
    """What other stories tell already."""
    return spot.kind == "group_members"


async def test_a_killed_worker_leaves_no_trace(tmp_path: Path) -> None:
    matrix = CrashMatrix(meet_across_clouds, lambda directory: World(clouds=2, tmp_path=directory), tmp_path)
    wrongs = await matrix.run(at=of_this_story)
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)
