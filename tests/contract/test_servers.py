"""The life of a server."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import structs

from fractus.base.ids import new_id
from fractus.model.cloud import Step
from fractus.model.errors import Missing
from fractus.model.images import ImageWanted
from fractus.model.server_verbs import CLOUD_VERBS
from fractus.model.servers import ServerDisk
from fractus.model.volumes import VolumeAttachmentWanted
from fractus.testing.live import console_of
from tests.contract import things
from tests.contract.subjects import Subject


def _is(status: str) -> Any:
    return lambda seen: seen.status == status and seen.task_state is None


async def _active(cloud: Subject) -> tuple[Any, str]:
    wanted = await things.server(cloud, cloud.ann)
    made = await cloud.make("server", wanted)
    await cloud.observed("server", made.remote_id, _is("ACTIVE"))
    return wanted, made.remote_id


async def test_it_is_built_stopped_started_and_rebooted(cloud: Subject) -> None:
    """The states that users see are the cloud's own, each reached by one verb; asked for twice, it is done once."""
    wanted = await things.server(cloud, cloud.ann)
    made = await cloud.make("server", wanted)
    assert made.status == "BUILD", "a create never waits for the server"
    seen = await cloud.observed("server", made.remote_id, _is("ACTIVE"))
    assert (seen.vm_state, seen.power_state) == ("active", 1)
    assert seen.launched_at is not None
    assert seen.metadata == {"purpose": "contract"}, "our marker is not shown as the user's metadata"
    for verb, status in (("stop", "SHUTOFF"), ("start", "ACTIVE")):
        await cloud["server"].apply(cloud.ann, made.remote_id, Step(verb))
        await cloud.observed("server", made.remote_id, _is(status))
        await cloud["server"].apply(cloud.ann, made.remote_id, Step(verb))
    for sort in ("SOFT", "HARD"):
        await cloud["server"].apply(cloud.ann, made.remote_id, Step("reboot", {"type": sort}))
        await cloud.observed("server", made.remote_id, _is("ACTIVE"))


async def test_it_rests_is_rescued_and_shelved(cloud: Subject) -> None:
    """Each verb ends in the state that its row says; asked for twice, it is done once."""
    _, remote_id = await _active(cloud)
    servers = cloud["server"]
    for verb, status in (
        ("pause", "PAUSED"),
        ("unpause", "ACTIVE"),
        ("suspend", "SUSPENDED"),
        ("resume", "ACTIVE"),
        ("rescue", "RESCUE"),
        ("unrescue", "ACTIVE"),
        ("shelve", "SHELVED_OFFLOADED"),
        ("unshelve", "ACTIVE"),
    ):
        await servers.apply(cloud.ann, remote_id, Step(verb))
        seen = await cloud.observed("server", remote_id, _is(status))
        assert CLOUD_VERBS[verb].is_at(seen.vm_state)
        await servers.apply(cloud.ann, remote_id, Step(verb))
    await servers.apply(cloud.ann, remote_id, Step("changePassword", {"adminPass": "new"}))
    await cloud.observed("server", remote_id, _is("ACTIVE"))


async def test_a_shelved_server_has_an_image_until_it_is_unshelved(cloud: Subject) -> None:
    """It is known by the server that it names, for it carries no marker of ours; what is for us alone is not sent."""
    _, remote_id = await _active(cloud)
    servers, images, id = cloud["server"], cloud["image"], new_id()
    wanted = ImageWanted(
        id=id, name="", disk_format="", container_format="", made_there=True, shelved=remote_id
    )
    assert await images.find(cloud.ann, wanted) is None
    await servers.apply(cloud.ann, remote_id, Step("shelve", {"image_id": id}))
    found = await images.find(cloud.ann, wanted)
    assert found is not None
    assert (found.marker, found.properties["instance_uuid"]) == ("", remote_id)
    await cloud.observed("server", remote_id, _is("SHELVED_OFFLOADED"))
    await cloud.observed("image", found.remote_id, lambda seen: seen.status == "active")
    await servers.apply(cloud.ann, remote_id, Step("unshelve"))
    await cloud.observed("server", remote_id, _is("ACTIVE"))
    assert await images.find(cloud.ann, wanted) is None


@pytest.mark.parametrize(
    ("verb", "more"), [("createImage", {}), ("createBackup", {"backup_type": "daily", "rotation": 0})]
)
async def test_an_image_of_it_is_made_once_and_carries_our_marker(
    cloud: Subject, verb: str, more: dict[str, Any]
) -> None:
    """Asked for again, as after a lost answer, there is no second. None of them is rotated away by its cloud."""
    _, remote_id = await _active(cloud)
    image_id = new_id()
    body = {"image_id": image_id, "name": "snap", "metadata": {"colour": "blue"}, **more}
    await cloud["server"].apply(cloud.ann, remote_id, Step(verb, body))
    wanted = ImageWanted(id=image_id, name="", disk_format="", container_format="", made_there=True)
    found = await cloud["image"].find(cloud.ann, wanted)
    assert found is not None
    await cloud["server"].apply(cloud.ann, remote_id, Step(verb, body))
    seen = await cloud.observed("image", found.remote_id, lambda seen: seen.status == "active")
    assert (seen.marker, seen.name, seen.properties["colour"]) == (image_id, "snap", "blue")
    await cloud.observed("server", remote_id, lambda seen: seen.task_state is None)
    again = await cloud["image"].find(cloud.ann, wanted)
    assert again is not None
    assert again.remote_id == found.remote_id
    await cloud["image"].delete(cloud.ann, found.remote_id)
    assert await cloud["image"].find(cloud.ann, wanted) is None, "there was no second"


async def test_it_is_on_another_project_s_shared_network(cloud: Subject) -> None:
    """The port is its own project's, with the address that we chose and that project's groups; the network is not."""
    wanted = await things.server(cloud, cloud.ben)
    net = await things.net(cloud, cloud.ann)
    group = await cloud.make("security_group", await things.security_group(cloud, cloud.ben), cloud.ben)
    await cloud["network"].apply(cloud.ann, net.network_id, Step("update", {"shared": True}))
    port = await cloud.make("port", things.port_of(net, security_groups=[group.remote_id]), cloud.ben)
    wanted = msgspec.structs.replace(wanted, port_ids=[port.remote_id, *wanted.port_ids])
    made = await cloud.make("server", wanted, cloud.ben)
    await cloud.observed("server", made.remote_id, _is("ACTIVE"), cloud.ben)
    seen = await cloud.observed(
        "port", port.remote_id, lambda seen: seen.device_id == made.remote_id, cloud.ben
    )
    assert (seen.mac_address, seen.fixed_ips) == (port.mac_address, port.fixed_ips)
    assert seen.security_groups == [group.remote_id]


async def test_its_texts_are_changed(cloud: Subject) -> None:
    """Name, description and metadata are the user's; the marker outlives a change of the whole metadata."""
    wanted, remote_id = await _active(cloud)
    servers = cloud["server"]
    await servers.apply(cloud.ann, remote_id, Step("rename", {"name": "renamed"}))
    await servers.apply(cloud.ann, remote_id, Step("describe", {"description": "described"}))
    await servers.apply(cloud.ann, remote_id, Step("set_hostname", {"hostname": "called"}))
    await servers.apply(cloud.ann, remote_id, Step("set_metadata", {"metadata": {"a": "1", "b": "2"}}))
    seen = await cloud.observed("server", remote_id, lambda seen: seen.metadata == {"a": "1", "b": "2"})
    assert seen.name == "renamed"
    assert seen.marker == wanted.id
    found = await servers.find(cloud.ann, wanted)
    assert found is not None
    assert found.remote_id == remote_id


async def test_sweeps_see_it_change_and_go(cloud: Subject) -> None:
    """Changes that we did not make, and ends that we did not see, are learnt from listings since a cursor."""
    _, remote_id = await _active(cloud)
    cursor = (await cloud["server"].observe(cloud.ann, remote_id)).changed_at
    await cloud["server"].apply(cloud.ann, remote_id, Step("stop"))
    await cloud.observed("server", remote_id, _is("SHUTOFF"))
    assert (await cloud.listed("server", cursor))[remote_id].status == "SHUTOFF"  # type: ignore[attr-defined]
    await cloud["server"].delete(cloud.ann, remote_id)
    await cloud.gone("server", remote_id)

    async def listed_as_gone() -> bool:
        seen = (await cloud.listed("server", cursor)).get(remote_id)
        return seen is not None and seen.gone

    await cloud.until(listed_as_gone, bool)


async def test_its_port_is_free_again_after_its_end(cloud: Subject) -> None:
    """Ports are ours, not the server's: they are removed by us, or serve the next one."""
    wanted, remote_id = await _active(cloud)
    port = await cloud["port"].observe(cloud.ann, wanted.port_ids[0])
    assert port.device_id == remote_id
    await cloud["server"].delete(cloud.ann, remote_id)
    await cloud.gone("server", remote_id)
    await cloud.observed("port", wanted.port_ids[0], lambda seen: seen.device_id == "")


async def test_its_console_is_read(cloud: Subject) -> None:
    """The one live read of a server; `lines` bounds it."""
    _, remote_id = await _active(cloud)
    whole = await console_of(cloud.cloud, cloud.ann, remote_id, None, 20.0)
    assert whole
    last = await console_of(cloud.cloud, cloud.ann, remote_id, 1, 20.0)
    assert len(last.splitlines()) <= 1 < len(whole.splitlines())
    with pytest.raises(Missing):
        await console_of(cloud.cloud, cloud.ann, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", None, 20.0)


async def test_a_server_without_network(cloud: Subject) -> None:
    """No ports means none: a cloud that put it on some network by itself would let it out."""
    wanted = await things.server(cloud, cloud.ann)
    alone = type(wanted)(
        id=wanted.id, name="alone", flavor_id=wanted.flavor_id, image_id=wanted.image_id, port_ids=[]
    )
    made = await cloud.make("server", alone)
    await cloud.observed("server", made.remote_id, _is("ACTIVE"))
    ports = [seen async for seen in cloud["port"].list_changed("")]
    assert not [port for port in ports if port.device_id == made.remote_id]


async def test_the_cloud_answers_to_a_check(cloud: Subject) -> None:
    """`fractus cloud check` is the first thing that an operator sees of a child."""
    report = await cloud.cloud.check()
    assert report.reachable
    assert {"compute", "network", "image"} <= report.services.keys()
    assert all(finding.text for finding in report.findings)
    assert cloud.cloud.healthy()


async def test_it_is_built_with_a_volume_that_outlives_it(cloud: Subject) -> None:
    """Its root is one that was there: the cloud attaches it, and gives it back when the server ends."""
    wanted, attachments = await things.server(cloud, cloud.ann), cloud["volume_attachment"]
    volume_id = await things.available_volume(cloud, cloud.ann)
    await cloud["volume"].apply(cloud.ann, volume_id, Step("set_bootable", {"bootable": True}))
    root = ServerDisk(source="volume", id=volume_id, boot_index=0)
    made = await cloud.make("server", structs.replace(wanted, image_id="", disks=[root]))
    seen = await cloud.observed("server", made.remote_id, _is("ACTIVE"))
    assert seen.image_id == ""
    volume = await cloud.observed("volume", volume_id, lambda seen: seen.status == "in-use", cloud.ann)
    assert [one["server_id"] for one in volume.attachments] == [made.remote_id]
    asked = VolumeAttachmentWanted(id=new_id(), name="", server_id=made.remote_id, volume_id=volume_id)
    found = await attachments.find(cloud.ann, asked)
    assert found is not None, "nobody asked for it, and it is there all the same"
    assert (found.marker, found.status) == (asked.id, "attached")
    await cloud["server"].delete(cloud.ann, made.remote_id)
    await cloud.observed("volume", volume_id, lambda seen: seen.status == "available", cloud.ann)
