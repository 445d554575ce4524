"""No outside change without a story in which the worker is killed before it, after it, and its answer is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.testing.crash import CrashMatrix, Spot, Story
from fractus.testing.user import COMPUTE, NETWORK
from fractus.testing.world import World
from tests.crash import declared
from tests.crash import test_group_members as members
from tests.crash import test_other_stories as other
from tests.crash import test_server_stories as servers
from tests.crash import test_volume_stories as volumes
from tests.crash.verbs import changes, clouds, verbs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def describes_and_labels(world: World) -> AsyncIterator[None]:
    """What a user writes on a server, and what it is built of changes its name and its specs."""
    ann = world.user("ann")
    flavor = await world.admin.makes_flavor("own")
    specs = f"{COMPUTE}/flavors/{flavor}/os-extra_specs"
    (await world.admin.post(specs, {"extra_specs": {"hw:old": "1"}})).ok()
    group = await ann.makes_security_group("web")
    server = await ann.boots_server("vm", zone="a", flavor=flavor, groups=["web"])
    await world.settle()
    yield
    (await ann.put(f"{COMPUTE}/servers/{server}", {"server": {"description": "ours"}}, version="2.90")).ok()
    await world.settle()
    (await ann.put(f"{COMPUTE}/servers/{server}/metadata", {"metadata": {"a": "b"}})).ok()
    await world.settle()
    (await world.admin.post(specs, {"extra_specs": {"hw:new": "2"}})).ok()
    await world.settle()
    (await world.admin.delete(f"{specs}/hw:old")).ok()
    body = {"security_group": {"name": "renamed"}}
    (await ann.put(f"{NETWORK}/security-groups/{group}", body)).ok()
    await world.settle()
    [there] = world.cloud("a").marked("server", server)
    assert (there.description, there.metadata["a"]) == ("ours", "b")
    [carried] = world.cloud("a").marked("flavor", flavor)
    assert carried.extra_specs == {"hw:new": "2"}
    [renamed] = world.cloud("a").marked("security_group", group)
    assert renamed.name == "renamed"


#: All stories that are run with the worker killed at each of their changes.
STORIES: tuple[Story, ...] = (
    describes_and_labels,
    servers.boots,
    servers.deletes_everything,
    servers.stops_starts_renames,
    servers.reboots,
    servers.rests_and_wakes,
    servers.is_rescued,
    servers.is_shelved,
    servers.is_given_things,
    servers.is_resized,
    servers.is_moved,
    servers.is_rebuilt,
    servers.is_plugged,
    servers.gets_a_volume,
    servers.keeps_its_volume,
    servers.is_imaged,
    other.keeps_volumes,
    volumes.gets_other_contents,
    volumes.is_connected_to_a_host,
    volumes.brings_its_type,
    other.changes_types,
    other.backs_up,
    other.finds_no_host,
    other.is_one_of_a_group,
    other.changes_ports,
    other.leaves_images_and_flavors,
    other.changes_what_was_carried,
    other.shares_by_name,
    other.limits_traffic,
    other.routes,
    other.helps_connections,
    other.leads_outside,
    other.forwards_ports,
    other.trunks,
    other.counts_packets,
    members.meet_across_clouds,
    *(declared.story_of(kind) for kind in declared.KINDS),
)


def of_this_story(spot: Spot) -> bool:
    """What other stories tell already."""
    return spot.method not in ("create", "delete")


async def test_a_killed_worker_leaves_no_trace(tmp_path: Path) -> None:
    matrix = CrashMatrix(
        describes_and_labels, lambda directory: World(clouds=1, tmp_path=directory), tmp_path
    )
    wrongs = await matrix.run(at=of_this_story)
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)


async def test_every_change_of_every_kind_has_a_story(tmp_path: Path) -> None:
    """A kind or a verb that joins a driver joins a story, or this fails."""
    reported: set[tuple[str, str]] = set()
    for number, story in enumerate(STORIES):
        matrix = CrashMatrix(
            story, lambda directory: World(clouds=2, tmp_path=directory), tmp_path / str(number)
        )
        plain = await matrix.play(None, "")
        assert not plain.wrongs
        reported |= {(spot.kind, spot.method) for spot in plain.spots}
    for cloud in clouds():
        assert changes(cloud) - reported == set()
        await cloud.close()


def test_verbs_are_read_from_whatever_a_driver_holds_them_against() -> None:
    [simulated, openstack] = [cloud.actuators() for cloud in clouds()]
    assert {"stop", "start", "reboot", "rename"} <= verbs(type(simulated["server"]))
    assert verbs(type(simulated["subnet"])) == verbs(type(openstack["subnet"])) == {"update"}
    shared = {"update", "admit", "expel"}
    assert verbs(type(simulated["network"])) == verbs(type(openstack["network"])) == shared
    assert verbs(type(openstack["image"])) == {"upload", "update", "admit", "expel"}
    assert verbs(type(openstack["keypair"])) == set()
