"""What a cloud says of a thing is enough to make the resource of it again, in a listing as in a look at it alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fractus.base.clock import parse_iso
from fractus.base.ids import new_id
from fractus.model.cloud import Step
from fractus.model.compute import FlavorWanted
from fractus.model.images import ImageWanted
from fractus.model.network import FixedIp, PortWanted, Rule, SubnetWanted
from tests.contract import things
from tests.contract.subjects import Subject
from tests.contract.things import KINDS, OF_PROJECTS, WANTED, WITHOUT_TIMES

#: A listing is an administrator's; a look may be the project's own.
_SHOWN_TO_ADMINS = {
    "server": ("task_state",),
    "port": ("host", "vif_type"),
    "network": ("network_type", "physical_network", "segmentation_id"),
}


async def _both(cloud: Subject, kind: str, remote_id: str) -> Any:
    """The thing as it is listed; it is the same looked at alone, but for what goes on by itself."""
    listed = (await cloud.listed(kind))[remote_id]
    alone = await cloud[kind].observe(cloud.ann, remote_id)
    left_out = {"changed_at", *_SHOWN_TO_ADMINS.get(kind, ())}
    one, other = ({**msgspec.to_builtins(seen), **dict.fromkeys(left_out)} for seen in (listed, alone))
    assert one == other
    return listed


@pytest.mark.parametrize("kind", KINDS)
async def test_a_listing_tells_as_much_as_a_look(cloud: Subject, kind: str) -> None:
    """Taking over a cloud lists it page by page: what only a look at each thing showed would cost a call for each."""
    made = await cloud.make(kind, await WANTED[kind](cloud, cloud.ann))
    if kind == "server":
        await cloud.observed(kind, made.remote_id, lambda seen: seen.status == "ACTIVE")
    await _both(cloud, kind, made.remote_id)


@pytest.mark.parametrize("kind", OF_PROJECTS)
async def test_it_tells_whose_it_is_and_since_when(cloud: Subject, kind: str) -> None:
    """Without its project a thing is nobody's after a rebuild; without its stamp it is born again."""
    mine = await cloud.make(kind, await WANTED[kind](cloud, cloud.ann))
    theirs = await cloud.make(kind, await WANTED[kind](cloud, cloud.ben), cloud.ben)
    listed = await cloud.listed(kind)
    projects = {listed[one.remote_id].project_id for one in (mine, theirs)}
    assert len(projects) == 2
    if not _nests(cloud):  # which has no Keystone
        assert projects <= set(await cloud.cloud.projects())
    if kind in WITHOUT_TIMES:
        assert (listed[mine.remote_id].created_at, listed[mine.remote_id].changed_at) == ("", "")
        assert not await cloud[kind].has_cursor()
    else:
        assert parse_iso(listed[mine.remote_id].created_at) > 0


async def test_a_network_and_what_is_on_it(cloud: Subject) -> None:
    net = await things.net(cloud, cloud.ann)
    group = await cloud.make("security_group", await things.security_group(cloud, cloud.ann))
    made = await cloud.make(
        "port",
        things.port_of(
            net,
            security_groups=[group.remote_id],
            extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}],
        ),
    )
    network = await _both(cloud, "network", net.network_id)
    assert (network.shared, network.external, network.admin_state_up, network.port_security_enabled) == (
        False, False, True, True,
    )  # fmt: skip
    assert network.description in (None, ""), "our marker is not shown as the users' description"
    subnet = await _both(cloud, "subnet", net.subnet_id)
    assert (subnet.network_id, subnet.ip_version, subnet.cidr) == (net.network_id, 4, "10.77.0.0/24")
    assert subnet.pools == [{"start": "10.77.0.2", "end": "10.77.0.9"}] or _nests(cloud)
    port = await _both(cloud, "port", made.remote_id)
    assert (port.network_id, port.device_owner, port.security_groups) == (
        net.network_id,
        "",
        [group.remote_id],
    )
    assert port.extra_dhcp_opts == [{"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}]


def _nests(cloud: Subject) -> bool:
    return cloud.cloud.name == "fractus"


@pytest.mark.parametrize("mode", ["slaac", "dhcpv6-stateless"])
async def test_a_port_has_the_address_that_its_machine_gives_itself(cloud: Subject, mode: str) -> None:
    """Though it is asked for without any address: the same that follows from its MAC, also after an update."""
    on = await cloud.make("network", await things.network(cloud, cloud.ann))
    subnet = SubnetWanted(
        id=new_id(),
        name="contract",
        network_id=on.remote_id,
        ip_version=6,
        cidr="fd00:77::/64",
        gateway_ip="fd00:77::1",
        ipv6_address_mode=mode,
        ipv6_ra_mode=mode,
    )
    inside = await cloud.make("subnet", subnet)
    wanted = PortWanted(
        id=new_id(), name="contract", network_id=on.remote_id, mac_address="fa:16:3e:01:02:03", fixed_ips=[]
    )
    made = await cloud.make("port", wanted)
    own = [FixedIp(inside.remote_id, "fd00:77::f816:3eff:fe01:203")]
    assert (await cloud["port"].observe(cloud.ann, made.remote_id)).fixed_ips == own
    await cloud["port"].apply(cloud.ann, made.remote_id, Step("update", {"name": "other"}))
    assert (await cloud["port"].observe(cloud.ann, made.remote_id)).fixed_ips == own


async def test_a_rule_keeps_its_description(cloud: Subject) -> None:
    made = await cloud.make("security_group", await things.security_group(cloud, cloud.ann))
    rule = Rule(
        direction="ingress", protocol="tcp", port_range_min=22, port_range_max=22, description="for us"
    )
    body = {name: value for name, value in msgspec.to_builtins(rule).items() if name != "remote_id"}
    await cloud["security_group"].apply(cloud.ann, made.remote_id, Step("add_rule", body))
    group = await _both(cloud, "security_group", made.remote_id)
    (found,) = [one for one in group.rules if one.direction == "ingress"]
    assert msgspec.structs.replace(found, remote_id="") == rule
    assert found.remote_id


async def test_a_flavor(cloud: Subject) -> None:
    wanted = FlavorWanted(id=new_id(), name="observed", vcpus=2, ram=128, disk=3, ephemeral=1, swap=64)
    made = await cloud.make("flavor", wanted)
    seen = await _both(cloud, "flavor", made.remote_id)
    assert (seen.vcpus, seen.ram, seen.disk, seen.ephemeral, seen.swap) == (2, 128, 3, 1, 64)
    assert (seen.is_public, seen.disabled) == (True, False)


async def test_a_key(cloud: Subject) -> None:
    wanted = await things.keypair(cloud, cloud.ann)
    made = await cloud.make("keypair", wanted)
    seen = await _both(cloud, "keypair", made.remote_id)
    assert seen.public_key.split() == wanted.public_key.split()
    assert seen.fingerprint
    assert seen.type == "ssh"


async def test_an_image(cloud: Subject) -> None:
    wanted = ImageWanted(
        id=new_id(), name="observed", disk_format="raw", container_format="bare", min_disk=1, min_ram=64,
        properties={"os_distro": "observed", "mine": "yes"},
    )  # fmt: skip
    made = await cloud.make("image", wanted)
    path, size, md5 = await cloud.bits()
    await cloud["image"].apply(cloud.ann, made.remote_id, Step("upload", {"path": path, "size": size}))
    await cloud.observed("image", made.remote_id, lambda seen: seen.status == "active")
    seen = await _both(cloud, "image", made.remote_id)
    assert (seen.disk_format, seen.container_format, seen.min_disk, seen.min_ram) == ("raw", "bare", 1, 64)
    assert (seen.size, seen.checksum, seen.visibility, seen.protected) == (size, md5, "private", False)
    assert {"os_distro": "observed", "mine": "yes"}.items() <= seen.properties.items()
    assert "fractus_id" not in seen.properties


async def test_a_server(cloud: Subject) -> None:
    key = await cloud.make("keypair", await things.keypair(cloud, cloud.ann))
    wanted = msgspec.structs.replace(
        await things.server(cloud, cloud.ann),
        key_name=key.remote_id,
        user_data="IyE=",
        description="observed",
    )
    made = await cloud.make("server", wanted)
    await cloud.observed("server", made.remote_id, lambda seen: seen.status == "ACTIVE")
    seen = await _both(cloud, "server", made.remote_id)
    flavor = await cloud["flavor"].observe(cloud.ann, wanted.flavor_id)
    if seen.flavor_id:
        assert seen.flavor_id == wanted.flavor_id
    else:
        assert seen.flavor["original_name"] == flavor.name
        assert (seen.flavor["vcpus"], seen.flavor["ram"]) == (flavor.vcpus, flavor.ram)
    assert (seen.image_id, seen.key_name, seen.description) == (wanted.image_id, key.remote_id, "observed")
    assert seen.metadata == {"purpose": "contract"}
    assert seen.tags == [], "our marker is not shown as a user's tag"
    assert seen.volumes == []
    assert seen.user_data == "IyE=" or _nests(cloud)
    (entries,) = seen.addresses.values()
    assert [one["addr"] for one in entries] == ["10.77.0.50"]
    port = await cloud["port"].observe(cloud.ann, wanted.port_ids[0])
    assert (port.device_id, port.device_owner.partition(":")[0]) == (made.remote_id, "compute")
