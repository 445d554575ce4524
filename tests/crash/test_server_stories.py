"""The worker is killed at every step of these stories, and every answer is lost once: the end is always the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from fractus.testing.crash import AFTER, BEFORE, LOST, CrashMatrix, Spot, Story
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, VOLUME, MadeNetwork, User
from fractus.testing.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ZONE = "a"


async def _network_with_server(ann: User) -> tuple[MadeNetwork, str, str]:
    """A network, a group and a server on them with a key."""
    network = await ann.makes_network("red", cidr="10.1.0.0/24")
    group = await ann.makes_security_group("web")
    await ann.makes_keypair("laptop")
    server = await ann.boots_server("vm", network=network, key="laptop", groups=["web"], zone=ZONE)
    return network, group, server


async def boots(world: World) -> AsyncIterator[None]:
    """A server on a network of its own, with a key and a security group with a rule."""
    ann = world.user("ann")
    yield
    _, _, server = await _network_with_server(ann)
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert len(world.cloud(ZONE).marked("server", server)) == 1


async def deletes_everything(world: World) -> AsyncIterator[None]:
    """First the server, then all that it needed: nothing is left."""
    ann = world.user("ann")
    network, group, server = await _network_with_server(ann)
    yield
    await ann.deletes_server(server)
    await world.settle()
    assert (await ann.get(f"{COMPUTE}/servers/{server}")).status == 404
    assert not world.cloud(ZONE).of("server")
    await ann.deletes_network(network)
    (await ann.delete(f"{NETWORK}/security-groups/{group}")).ok()
    (await ann.delete(f"{COMPUTE}/os-keypairs/laptop")).ok()
    await world.settle()
    await world.assert_nothing_left()


async def stops_starts_renames(world: World) -> AsyncIterator[None]:
    """Changes of what is there: each is sent again until it is seen to be done."""
    ann = world.user("ann")
    _, group, server = await _network_with_server(ann)
    yield
    (await ann.put(f"{COMPUTE}/servers/{server}", {"server": {"name": "renamed"}})).ok()
    (await ann.acts(server, "os-stop")).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "SHUTOFF"
    (await ann.acts(server, "os-start")).ok()
    rule = {"security_group_id": group, "direction": "ingress", "protocol": "icmp"}
    (await ann.post(f"{NETWORK}/security-group-rules", {"security_group_rule": rule})).ok()
    await world.settle()
    shown = await ann.server(server)
    assert (shown["name"], shown["status"]) == ("renamed", "ACTIVE")


async def _asks(world: World, user: User, server: str, action: str, body: object, status: str) -> None:
    """Have a server do something, until it shows a status."""
    (await user.acts(server, action, body)).ok()
    await world.settle()
    assert (await user.server(server))["status"] == status, action


async def rests_and_wakes(world: World) -> AsyncIterator[None]:
    """What a server can be brought to and back from."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone=ZONE)
    yield
    for action, status in (
        ("pause", "PAUSED"),
        ("unpause", "ACTIVE"),
        ("suspend", "SUSPENDED"),
        ("resume", "ACTIVE"),
    ):
        await _asks(world, ann, server, action, None, status)


async def is_rescued(world: World) -> AsyncIterator[None]:
    """With another image, which is brought to its cloud first."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone=ZONE)
    image = await ann.makes_image("mender")
    yield
    await _asks(world, ann, server, "rescue", {"rescue_image_ref": image, "adminPass": "new"}, "RESCUE")
    assert len(world.cloud(ZONE).marked("image", image)) == 1
    await _asks(world, ann, server, "unrescue", None, "ACTIVE")


async def is_shelved(world: World) -> AsyncIterator[None]:
    """Its place is given back; one that its cloud keeps for a while, an administrator has given back at once."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone=ZONE)
    yield
    await _asks(world, ann, server, "shelve", None, "SHELVED_OFFLOADED")
    [there] = world.cloud(ZONE).of("server")
    assert there.host == ""  # type: ignore[attr-defined]
    await _asks(world, ann, server, "unshelve", None, "ACTIVE")
    await _is_there(world, server, "soft-delete")
    await _asks(world, ann, server, "restore", None, "ACTIVE")
    await _is_there(world, server, "shelved")
    await _asks(world, world.admin, server, "shelveOffload", None, "SHELVED_OFFLOADED")


async def _is_there(world: World, server: str, vm_state: str) -> None:
    """Somebody else brought it to a state there."""
    backend = world.cloud(ZONE).backend
    [there] = world.cloud(ZONE).marked("server", server)
    there.vm_state, there.changed_at = vm_state, backend.now()  # type: ignore[attr-defined]
    backend.records.put(there)
    await world.sweep(full=True)
    await world.settle()


async def is_resized(world: World) -> AsyncIterator[None]:
    """To a flavor that is brought to its cloud first: back, and for good."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone=ZONE)
    flavor = await world.admin.makes_flavor("larger", vcpus=2, ram=128, disk=1)
    yield
    await _asks(world, ann, server, "resize", {"flavorRef": flavor}, "VERIFY_RESIZE")
    await _asks(world, ann, server, "revertResize", None, "ACTIVE")
    await _asks(world, ann, server, "resize", {"flavorRef": flavor}, "VERIFY_RESIZE")
    await _asks(world, ann, server, "confirmResize", None, "ACTIVE")
    [there] = world.cloud(ZONE).of("server")
    assert there.vcpus == 2  # type: ignore[attr-defined]


async def is_moved(world: World) -> AsyncIterator[None]:
    """To another host: while it is stopped, while it runs, and because its own is down. It is moved once each time."""
    ann, backend = world.user("ann"), world.cloud(ZONE).backend
    server = await ann.boots_server("vm", zone=ZONE)
    await world.settle()
    yield
    hosts = [_host_of(world)]
    await _asks(world, world.admin, server, "migrate", None, "VERIFY_RESIZE")
    await _asks(world, ann, server, "confirmResize", None, "ACTIVE")
    hosts.append(_host_of(world))
    live = {"host": None, "block_migration": "auto"}
    await _asks(world, world.admin, server, "os-migrateLive", live, "ACTIVE")
    hosts.append(_host_of(world))
    down = backend.host(hosts[-1])
    down.forced_down = True
    backend.records.put(down)
    (await world.admin.acts(server, "evacuate", {}, version="2.95")).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "SHUTOFF"
    hosts.append(_host_of(world))
    assert all(one != other for one, other in pairwise(hosts))


def _host_of(world: World) -> str:
    [there] = world.cloud(ZONE).of("server")
    return str(there.host)  # type: ignore[attr-defined]


async def is_plugged(world: World) -> AsyncIterator[None]:
    """Given a port, and then another; the first is taken away."""
    ann = world.user("ann")
    network, _, server = await _network_with_server(ann)
    await world.settle()
    yield
    at, body = f"{COMPUTE}/servers/{server}/os-interface", {"interfaceAttachment": {"net_id": network.id}}
    first = (await ann.post(at, body)).ok()["interfaceAttachment"]["port_id"]
    second = (await ann.post(at, body)).ok()["interfaceAttachment"]["port_id"]
    await world.settle()
    cloud = world.cloud(ZONE)
    plugged = [cloud.marked("port", id)[0].id for id in (first, second)]
    assert cloud.of("server")[0].port_ids[1:] == plugged  # type: ignore[attr-defined]
    (await ann.delete(f"{at}/{first}")).ok()
    await world.settle()
    assert cloud.of("server")[0].port_ids[1:] == plugged[1:]  # type: ignore[attr-defined]
    assert not cloud.marked("port", first)


async def gets_a_volume(world: World) -> AsyncIterator[None]:
    """A volume is attached, detached, and attached again; it ends with its server."""
    ann = world.user("ann")
    _, _, server = await _network_with_server(ann)
    volume = await ann.makes_volume(zone=ZONE)
    await world.settle()
    at = f"{COMPUTE}/servers/{server}/os-volume_attachments"
    yield
    body = {"volumeAttachment": {"volumeId": volume}}
    (await ann.post(at, body)).ok()
    await world.settle()
    cloud = world.cloud(ZONE)
    (there,) = cloud.of("volume_attachment")
    assert there.server_id == cloud.marked("server", server)[0].id  # type: ignore[attr-defined]
    shown = await ann.volume(volume)
    assert (shown["status"], [one["server_id"] for one in shown["attachments"]]) == ("in-use", [server])
    (await ann.delete(f"{at}/{volume}")).ok()
    await world.settle()
    assert not cloud.of("volume_attachment")
    shown = await ann.volume(volume)
    assert (shown["status"], shown["attachments"]) == ("available", [])
    body["volumeAttachment"]["delete_on_termination"] = True
    (await ann.post(at, body, version="2.79")).ok()
    await world.settle()
    await ann.deletes_server(server)
    await world.settle()
    assert not cloud.of("volume_attachment")
    assert not cloud.of("volume")


async def keeps_its_volume(world: World) -> AsyncIterator[None]:
    """A cloud was asked there to end a volume with its server, and its user says here that it does not."""
    ann = world.user("ann")
    _, _, server = await _network_with_server(ann)
    volume = await ann.makes_volume(zone=ZONE)
    await world.settle()
    at = f"{COMPUTE}/servers/{server}/os-volume_attachments"
    body = {"volumeAttachment": {"volumeId": volume, "delete_on_termination": True}}
    (await ann.post(at, body, version="2.85")).ok()
    await world.settle()
    cloud = world.cloud(ZONE)
    (there,) = cloud.of("volume_attachment")
    there.delete_on_termination = True  # type: ignore[attr-defined]
    cloud.backend.records.put(there)
    yield
    body["volumeAttachment"]["delete_on_termination"] = False
    (await ann.put(f"{at}/{volume}", body, version="2.85")).ok()
    await world.settle()
    (there,) = cloud.of("volume_attachment")
    assert not there.delete_on_termination  # type: ignore[attr-defined]
    await ann.deletes_server(server)
    await world.settle()
    assert not cloud.of("volume_attachment")
    assert (await ann.volume(volume))["status"] == "available"
    assert [one.marker for one in cloud.of("volume")] == [volume]


async def boots_on_volumes(world: World) -> AsyncIterator[None]:
    """Its root is a volume that is made with it, beside one that was there: the first ends with it, the other stays."""
    ann = world.user("ann")
    network, _, _ = await _network_with_server(ann)
    image, other = await ann.makes_image("root"), await ann.makes_volume(zone=ZONE)
    await world.settle()
    yield
    root = {
        "source_type": "image", "destination_type": "volume", "uuid": image, "volume_size": 1, "boot_index": 0,
        "delete_on_termination": True,
    }  # fmt: skip
    more = {"source_type": "volume", "destination_type": "volume", "uuid": other, "boot_index": -1}
    networks = [{"uuid": network.id}]
    asked = {"image": "none", "networks": networks, "imageRef": "", "block_device_mapping_v2": [root, more]}
    server = await ann.boots_server("on-volumes", **asked)
    await world.settle()
    cloud = world.cloud(ZONE)
    shown = await ann.server(server)
    assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", ZONE)
    made, _ = [one["id"] for one in shown["os-extended-volumes:volumes_attached"]]
    assert [(await ann.volume(id))["status"] for id in (made, other)] == ["in-use", "in-use"]
    assert len(cloud.of("volume")) == len(cloud.of("volume_attachment")) == 2
    await ann.deletes_server(server)
    await world.settle()
    assert not cloud.of("volume_attachment")
    assert [one.marker for one in cloud.of("volume")] == [other]
    assert (await ann.volume(other))["status"] == "available"
    (await ann.delete(f"{VOLUME}/volumes/{other}")).ok()
    await world.settle()
    assert not cloud.of("volume")


async def is_rebuilt(world: World) -> AsyncIterator[None]:
    """From another image, and with other texts."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone=ZONE)
    image = await ann.makes_image("other")
    yield
    await _asks(world, ann, server, "rebuild", {"imageRef": image, "name": "renamed"}, "ACTIVE")
    [there] = world.cloud(ZONE).of("server")
    assert there.name == "renamed"
    assert there.image_id == world.cloud(ZONE).marked("image", image)[0].id  # type: ignore[attr-defined]


async def is_given_things(world: World) -> AsyncIterator[None]:
    """What leaves it in the state in which it was."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone=ZONE)
    yield
    await _asks(world, ann, server, "changePassword", {"adminPass": "new"}, "ACTIVE")
    (await ann.post(f"{COMPUTE}/servers/{server}/action", {"trigger_crash_dump": None}, version="2.17")).ok()
    await world.settle()
    await _asks(world, world.admin, server, "injectNetworkInfo", None, "ACTIVE")


async def is_imaged(world: World) -> AsyncIterator[None]:
    """An image of it is made once, and a backup takes the place of the one before."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone=ZONE)
    yield
    (await ann.acts(server, "createImage", {"name": "snap"})).ok()
    await world.settle()
    for number in range(2):
        backup = {"name": f"backup-{number}", "backup_type": "daily", "rotation": 1}
        (await ann.acts(server, "createBackup", backup)).ok()
        await world.settle()
    images = (await ann.get(f"{IMAGE}/images?visibility=private")).ok()["images"]
    assert [(one["name"], one["status"]) for one in images] == [("backup-1", "active"), ("snap", "active")]
    there = world.cloud(ZONE).of("image")
    assert sorted(one.name for one in there if one.marker in {one["id"] for one in images}) == [
        "backup-1",
        "snap",
    ]


@pytest.mark.parametrize(
    "story",
    [
        boots,
        deletes_everything,
        stops_starts_renames,
        rests_and_wakes,
        is_rescued,
        is_shelved,
        is_resized,
        is_moved,
        is_rebuilt,
        is_plugged,
        is_imaged,
        gets_a_volume,
        keeps_its_volume,
        boots_on_volumes,
    ],
)
async def test_a_killed_worker_leaves_no_trace(story: Story, tmp_path: Path) -> None:
    matrix = CrashMatrix(story, lambda directory: World(clouds=2, tmp_path=directory), tmp_path)
    wrongs = await matrix.run()
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)


async def changes_its_mind(world: World) -> AsyncIterator[None]:
    """A server is deleted while it comes into being: how much of it there was depends on where the worker died."""
    ann = world.user("ann")
    yield
    _, _, server = await _network_with_server(ann)
    await world.work_once()
    await world.work_once()
    await ann.deletes_server(server)
    await world.settle()
    assert (await ann.get(f"{COMPUTE}/servers/{server}")).status == 404


async def test_whoever_changes_their_mind_pays_for_nothing(tmp_path: Path) -> None:
    def of_servers(key: str) -> bool:
        return key.startswith(("server in", "port in", "/compute/v2.1/servers", "/network/v2.0/ports"))

    new_world = lambda directory: World(clouds=2, tmp_path=directory)  # noqa: E731
    wrongs = await CrashMatrix(changes_its_mind, new_world, tmp_path, compares=of_servers).run()
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)


async def reboots(world: World) -> AsyncIterator[None]:
    """The one verb that does harm when it is done twice."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone=ZONE)
    yield
    (await ann.acts(server, "reboot", {"type": "HARD"})).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("how", "boots_there"),
    [
        (BEFORE, {1, 2}),
        (LOST, {2}),
        (AFTER, {2}),
    ],
)
async def test_a_reboot_is_never_done_twice(how: str, boots_there: set[int], tmp_path: Path) -> None:
    matrix = CrashMatrix(reboots, lambda directory: World(clouds=1, tmp_path=directory), tmp_path)
    reported = await matrix.play(Spot(ZONE, "server", "apply reboot", 1), how)
    assert not reported.wrongs
    [server] = reported.state[f"server in {ZONE}"]
    assert server["boots"] in boots_there
