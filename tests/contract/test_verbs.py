"""Steps: each verb changes what it says, is seen by sweeps, and is done when it is asked for a second time."""

from __future__ import annotations

import pytest
from msgspec import structs, to_builtins

from fractus.base.ids import new_id
from fractus.model.cloud import HOME, Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import Rule
from tests.contract import things
from tests.contract.subjects import Subject


@pytest.mark.parametrize(
    "kind",
    # A group has a verb of its own; what keeps the name that it was made with (a metering label) has none.
    [kind for kind in things.DECLARED if kind in things.RENAMED and kind != "security_group"],
)
async def test_network_things_take_a_new_name(cloud: Subject, kind: str) -> None:
    """A user renames a thing, and finds it in the cloud's own dashboard under the new name; the marker stays."""
    wanted = await things.WANTED[kind](cloud, cloud.ann)
    made = await cloud.make(kind, wanted)
    await cloud[kind].apply(cloud.ann, made.remote_id, Step("update", {"name": "renamed"}))
    seen = await cloud.observed(kind, made.remote_id, lambda seen: seen.name == "renamed")
    assert seen.marker == wanted.id
    assert (await cloud.listed(kind, seen.changed_at))[made.remote_id].name == "renamed"


async def test_a_network_is_taken_out_of_service(cloud: Subject) -> None:
    """`--disable` is no decoration: traffic stops."""
    made = await cloud.make("network", await things.network(cloud, cloud.ann))
    await cloud["network"].apply(cloud.ann, made.remote_id, Step("update", {"admin_state_up": False}))
    await cloud.observed("network", made.remote_id, lambda seen: seen.admin_state_up is False)


async def test_a_subnet_gets_other_name_servers(cloud: Subject) -> None:
    """What servers learn by DHCP must be what the user set last."""
    made = await cloud.make("subnet", await things.subnet(cloud, cloud.ann))
    step = Step("update", {"dns_nameservers": ["9.9.9.9", "1.1.1.1"]})
    await cloud["subnet"].apply(cloud.ann, made.remote_id, step)
    await cloud.observed(
        "subnet", made.remote_id, lambda seen: seen.dns_nameservers == ["9.9.9.9", "1.1.1.1"]
    )


async def test_what_a_rebuild_must_know_of_a_subnet_is_written_anew(cloud: Subject) -> None:
    """The notes of a subnet stand beside our marker, which must not be lost by them."""
    wanted = await things.subnet(cloud, cloud.ann)
    made = await cloud.make("subnet", wanted)
    notes = {"pools": [{"start": "10.77.0.2", "end": "10.77.0.99"}]}
    step = Step("update", {"name": "noted", "id": wanted.id, "notes": notes})
    await cloud["subnet"].apply(cloud.ann, made.remote_id, step)
    seen = await cloud.observed("subnet", made.remote_id, lambda seen: seen.notes == notes)
    assert (seen.marker, seen.name) == (wanted.id, "noted")


async def test_a_port_gets_another_security_group(cloud: Subject) -> None:
    """Closing a door must close it there."""
    group = await cloud.make("security_group", await things.security_group(cloud, cloud.ann))
    made = await cloud.make("port", await things.port(cloud, cloud.ann))
    assert made.security_groups == [], "none were wanted, and Neutron's default must not slip in"
    step = Step("update", {"security_groups": [group.remote_id]})
    await cloud["port"].apply(cloud.ann, made.remote_id, step)
    await cloud.observed("port", made.remote_id, lambda seen: seen.security_groups == [group.remote_id])
    await cloud["port"].apply(cloud.ann, made.remote_id, Step("update", {"security_groups": []}))
    await cloud.observed("port", made.remote_id, lambda seen: seen.security_groups == [])


async def test_a_security_group_is_renamed(cloud: Subject) -> None:
    """As other things are, by a verb of its own."""
    made = await cloud.make("security_group", await things.security_group(cloud, cloud.ann))
    await cloud["security_group"].apply(cloud.ann, made.remote_id, Step("rename", {"name": "renamed"}))
    await cloud.observed("security_group", made.remote_id, lambda seen: seen.name == "renamed")


@pytest.mark.parametrize(
    "rule",
    [
        Rule(direction="ingress", protocol="tcp", port_range_min=80, port_range_max=81),
        Rule(direction="ingress", ethertype="IPv6", protocol="tcp", port_range_min=22, port_range_max=22),
        Rule(direction="egress", protocol="udp", remote_ip_prefix="192.0.2.0/24"),
        Rule(direction="ingress", remote_group_id="self"),
    ],
    ids=["ports", "ipv6", "prefix", "its own group"],
)
async def test_a_rule_is_added_once_and_taken_away(cloud: Subject, rule: Rule) -> None:
    """Rules come and go one by one; one that is there already, or gone already, is done, or retries would end badly."""
    groups = cloud["security_group"]
    made = await cloud.make("security_group", await things.security_group(cloud, cloud.ann))
    assert {one.direction for one in made.rules} <= {"egress"}, "nobody may come in who was not let in"
    fields = {name: value for name, value in to_builtins(rule).items() if name != "remote_id"}
    for _ in range(2):
        await groups.apply(cloud.ann, made.remote_id, Step("add_rule", fields))
    seen = await cloud.observed(
        "security_group", made.remote_id, lambda seen: len(seen.rules) > len(made.rules)
    )
    added = [one for one in seen.rules if _same(one, rule)]
    assert len(added) == 1
    for _ in range(2):
        await groups.apply(cloud.ann, made.remote_id, Step("delete_rule", {"remote_id": added[0].remote_id}))
    await cloud.observed(
        "security_group", made.remote_id, lambda seen: not any(_same(one, rule) for one in seen.rules)
    )


def _same(one: Rule, other: Rule) -> bool:
    return all(
        getattr(one, name) == getattr(other, name) for name in one.__struct_fields__ if name != "remote_id"
    )


async def test_a_flavor_gets_and_loses_extra_specs(cloud: Subject) -> None:
    """Extra specs decide on which hosts a server may run: neither may one be forgotten nor one linger."""
    made = await cloud.make("flavor", await things.flavor(cloud, cloud.ann), HOME)
    both = {"hw:cpu_policy": "dedicated", "hw:mem_page_size": "large"}
    await cloud["flavor"].apply(HOME, made.remote_id, Step("set_extra_specs", {"extra_specs": both}))
    await cloud.observed("flavor", made.remote_id, lambda seen: seen.extra_specs == both, HOME)
    for _ in range(2):
        await cloud["flavor"].apply(HOME, made.remote_id, Step("unset_extra_spec", {"key": "hw:cpu_policy"}))
    left = {"hw:mem_page_size": "large"}
    await cloud.observed("flavor", made.remote_id, lambda seen: seen.extra_specs == left, HOME)


async def test_a_private_flavor_lets_projects_in_and_out(cloud: Subject) -> None:
    """Whoever uses that cloud directly must not find in it what is not for everybody here."""
    flavors, wanted = cloud["flavor"], await things.flavor(cloud, cloud.ann)
    made = await cloud.make("flavor", structs.replace(wanted, is_public=False), HOME)
    assert made.is_public is False
    for _ in range(2):
        await flavors.apply(HOME, made.remote_id, Step("admit", {"project_id": cloud.ben.project_id}))
    assert len(await access(cloud, made.remote_id)) == 1
    for _ in range(2):
        await flavors.apply(HOME, made.remote_id, Step("expel", {"project_id": cloud.ben.project_id}))
    assert await access(cloud, made.remote_id) == []


async def access(cloud: Subject, remote_id: str) -> list[str]:
    """The child's projects that may use a private flavor."""
    listed = {seen.remote_id: seen async for seen in cloud.cloud.inventory("flavor", ())}
    found: list[str] = listed[remote_id].access  # type: ignore[attr-defined]
    return found


async def test_what_a_rebuild_must_know_of_a_flavor_is_written_anew(cloud: Subject) -> None:
    """The notes of a flavor stand beside our marker, which must not be lost by them."""
    wanted = await things.flavor(cloud, cloud.ann)
    made = await cloud.make("flavor", wanted, HOME)
    notes = {"name": "contract", "access": ["p"]}
    await cloud["flavor"].apply(HOME, made.remote_id, Step("note", {"id": wanted.id, "notes": notes}))
    seen = await cloud.observed("flavor", made.remote_id, lambda seen: seen.notes == notes, HOME)
    assert seen.marker == wanted.id


async def test_bits_arrive_whole(cloud: Subject) -> None:
    """A server must not boot from half an image: it is active with the right checksum, or not active."""
    made = await cloud.make("image", await things.image(cloud, cloud.ann))
    assert made.status == "queued"
    path, size, checksum = await cloud.bits(300_000)
    for _ in range(2):  # whoever is not sure whether an upload went through asks again
        await cloud["image"].apply(cloud.ann, made.remote_id, Step("upload", {"path": path, "size": size}))
    seen = await cloud.observed("image", made.remote_id, lambda seen: seen.status == "active")
    assert (seen.size, seen.checksum) == (size, checksum)


async def test_an_image_is_changed_in_all_that_it_says(cloud: Subject) -> None:
    """What it says decides how servers of it are built; a removed property must not linger. Done twice it is done."""
    wanted = things.image_of(properties={"hw_disk_bus": "virtio", "note": "x"})
    made = await cloud.make("image", wanted)
    changes = {
        "name": "renamed",
        "min_disk": 1,
        "min_ram": 64,
        "properties": {"hw_disk_bus": "scsi"},
        "unset": ["note"],
        "notes": {"tags": ["a"]},
    }
    for _ in range(2):
        await cloud["image"].apply(cloud.ann, made.remote_id, Step("update", changes))
    seen = await cloud.observed("image", made.remote_id, lambda seen: seen.name == "renamed")
    assert (seen.marker, seen.min_disk, seen.min_ram) == (wanted.id, 1, 64)
    assert (seen.properties, seen.notes) == ({"hw_disk_bus": "scsi"}, {"tags": ["a"]})


async def test_an_image_lets_projects_in_and_out_by_name(cloud: Subject) -> None:
    """Exactly those may use it there that may here: neither may one be forgotten nor one linger."""
    images, wanted = cloud["image"], things.image_of()
    made = await cloud.make("image", wanted)
    await images.apply(cloud.ann, made.remote_id, Step("update", {"visibility": "shared"}))
    for _ in range(2):
        await images.apply(cloud.ann, made.remote_id, Step("admit", {"project_id": cloud.ben.project_id}))
    assert len(await members(cloud, made.remote_id)) == 1
    assert (await images.observe(cloud.ben, made.remote_id)).marker == wanted.id
    for _ in range(2):
        await images.apply(cloud.ann, made.remote_id, Step("expel", {"project_id": cloud.ben.project_id}))
    assert await members(cloud, made.remote_id) == {}


async def members(cloud: Subject, remote_id: str) -> dict[str, str]:
    """The child's projects that an image is shared with."""
    listed = {seen.remote_id: seen async for seen in cloud.cloud.inventory("image", ())}
    found: dict[str, str] = listed[remote_id].members  # type: ignore[attr-defined]
    return found


async def test_an_image_is_given_to_another_project(cloud: Subject) -> None:
    """Its new owner changes it from then on, and may remove it."""
    images = cloud["image"]
    made = await cloud.make("image", things.image_of())
    await images.apply(cloud.ben, made.remote_id, Step("update", {"owner": cloud.ben.project_id}))
    seen = await images.observe(cloud.ben, made.remote_id)
    assert seen.project_id not in (made.project_id, "")
    await images.apply(cloud.ben, made.remote_id, Step("update", {"name": "ben's"}))
    await images.delete(cloud.ben, made.remote_id)
    await cloud.gone("image", made.remote_id)


async def test_bits_that_are_not_here_are_not_uploaded(cloud: Subject) -> None:
    """A file that is gone from this node is said to be so; the image stays as it was."""
    made = await cloud.make("image", await things.image(cloud, cloud.ann))
    missing = str(cloud.directory / new_id())
    with pytest.raises(Refused):
        await cloud["image"].apply(cloud.ann, made.remote_id, Step("upload", {"path": missing, "size": 5}))
    assert (await cloud["image"].observe(cloud.ann, made.remote_id)).status == "queued"


async def test_a_change_of_what_is_gone_is_missing(cloud: Subject) -> None:
    """The machine then looks again and learns that it is gone; any other error would have it try for ever."""
    made = await cloud.make("network", await things.network(cloud, cloud.ann))
    await cloud["network"].delete(cloud.ann, made.remote_id)
    await cloud.gone("network", made.remote_id)
    with pytest.raises(Missing):
        await cloud["network"].apply(cloud.ann, made.remote_id, Step("update", {"name": "late"}))
