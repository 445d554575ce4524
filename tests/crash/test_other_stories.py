"""More stories in which the worker is killed at every step: servers that move on, ports and groups that change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import msgspec
import pytest

from fractus.base.ids import new_id
from fractus.clouds.simulated.records import RouterRecord, VolumeTypeRecord
from fractus.testing.crash import CrashMatrix, Story
from fractus.testing.outside import outside
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, VOLUME, User
from fractus.testing.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def finds_no_host(world: World) -> AsyncIterator[None]:
    """The first cloud accepts the server and then has no room: it is removed there before it counts as moved."""
    ann = world.user("ann")
    first = world.cloud("a").backend
    first.shape = msgspec.structs.replace(first.shape, hosts=0)
    yield
    server = await ann.boots_server("vm")
    await world.settle()
    shown = await ann.server(server)
    assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "b"), shown
    assert not world.cloud("a").of("server")


async def is_one_of_a_group(world: World) -> AsyncIterator[None]:
    """A server's group comes to its cloud before it, and leaves with it."""
    ann = world.user("ann")
    network = await ann.makes_network()
    flavor, image = await world.default_flavor(), await world.default_image()
    groups = f"{COMPUTE}/os-server-groups"
    await world.settle()
    yield
    asked = {"name": "apart", "policy": "anti-affinity"}
    group = (await ann.post(groups, {"server_group": asked}, version="2.64")).ok()["server_group"]["id"]
    body = {
        "server": {"name": "vm", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network.id}]},
        "os:scheduler_hints": {"group": group},
    }
    server = (await ann.post(f"{COMPUTE}/servers", body, version="2.90")).ok()["server"]["id"]
    await world.settle()
    [there] = [found for cloud in world.clouds for found in cloud.marked("server", server)]
    [its] = [found for cloud in world.clouds for found in cloud.marked("server_group", group)]
    assert there.hints == {"group": its.id}  # type: ignore[attr-defined]
    await ann.deletes_server(server)
    (await ann.delete(f"{groups}/{group}")).ok()
    await world.settle()
    assert not any(cloud.of("server_group") for cloud in world.clouds)


async def changes_ports(world: World) -> AsyncIterator[None]:
    """A port that a server has gets other groups and another address; its group gets and loses a rule."""
    ann = world.user("ann")
    network = await ann.makes_network("red", cidr="10.1.0.0/24")
    group = await ann.makes_security_group("web")
    port = (await ann.makes_port(network))["id"]
    (await ann.asks_for_server("vm", networks=[{"port": port}], zone="a")).ok()
    await world.settle()
    yield
    (await ann.put(f"{NETWORK}/ports/{port}", {"port": {"security_groups": [group], "name": "new"}})).ok()
    await world.settle()
    [rule] = [
        one
        for one in await ann.listed(f"{NETWORK}/security-group-rules", security_group_id=group)
        if one["direction"] == "ingress"
    ]
    (await ann.delete(f"{NETWORK}/security-group-rules/{rule['id']}")).ok()
    (await ann.put(f"{NETWORK}/subnets/{network.subnet_id}", {"subnet": {"name": "renamed"}})).ok()
    (await ann.put(f"{NETWORK}/networks/{network.id}", {"network": {"admin_state_up": False}})).ok()
    await world.settle()
    [there] = world.cloud("a").marked("port", port)
    assert there.name == "new"
    assert len(there.security_groups) == 1


async def leaves_images_and_flavors(world: World) -> AsyncIterator[None]:
    """What a server needed outlives nothing: its image, flavor and key go when the server has gone."""
    ann = world.user("ann")
    image = await ann.makes_image("own")
    flavor = await world.admin.makes_flavor("own")
    await ann.makes_keypair("laptop")
    server = await ann.boots_server("vm", zone="a", image=image, flavor=flavor, key="laptop")
    await world.settle()
    yield
    await ann.deletes_server(server)
    (await ann.delete(f"{IMAGE}/images/{image}")).ok()
    (await world.admin.delete(f"{COMPUTE}/flavors/{flavor}")).ok()
    (await ann.delete(f"{COMPUTE}/os-keypairs/laptop")).ok()
    await world.settle()
    for kind in ("server", "image", "flavor", "keypair"):
        assert not [thing for thing in world.cloud("a").of(kind) if thing.marker], kind


async def changes_what_was_carried(world: World) -> AsyncIterator[None]:
    """What a server was built of changes under it: who may use it, what it says. The server gets another host name."""
    ann, ben, admin = world.user("ann"), world.user("ben", project="p2"), world.admin
    image = await ann.makes_image("own", visibility="shared")
    flavor = await admin.makes_flavor("own", **{"os-flavor-access:is_public": False})
    access = f"{COMPUTE}/flavors/{flavor}/action"
    for user in (ann, ben):
        (await admin.post(access, {"addTenantAccess": {"tenant": user.project_id}})).ok()
    (await ann.post(f"{IMAGE}/images/{image}/members", {"member": ben.project_id})).ok()
    member = f"{IMAGE}/images/{image}/members/{ben.project_id}"
    (await ben.put(member, {"status": "accepted"})).ok()
    group = await ann.makes_security_group("web")
    server = await ann.boots_server("vm", zone="a", image=image, flavor=flavor, groups=["web"])
    await world.settle()
    yield
    changes = [_change("replace", "name", "new"), _change("add", "hw_disk_bus", "scsi")]
    (await ann.patch(f"{IMAGE}/images/{image}", changes, headers=_PATCH)).ok()
    await world.settle()
    theirs = await ben.boots_server("theirs", zone="a", image=image, flavor=flavor)
    await world.settle()
    assert (await ben.server(theirs))["status"] == "ACTIVE"
    (await ann.delete(member)).ok()
    (await admin.post(access, {"removeTenantAccess": {"tenant": ben.project_id}})).ok()
    described = {"flavor": {"description": "small"}}
    (await admin.put(f"{COMPUTE}/flavors/{flavor}", described, version="2.55")).ok()
    renamed = {"server": {"hostname": "other"}}
    (await ann.put(f"{COMPUTE}/servers/{server}", renamed, version="2.90")).ok()
    rule = {"direction": "ingress", "protocol": "udp", "security_group_id": group}
    (await ann.post(f"{NETWORK}/security-group-rules", {"security_group_rule": rule})).ok()
    await world.settle()
    [there] = world.cloud("a").marked("image", image)
    assert (there.name, there.properties["hw_disk_bus"]) == ("new", "scsi")


async def shares_by_name(world: World) -> AsyncIterator[None]:
    """A network and a group are shared with another project, which uses both, and then no longer."""
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    network = await ann.makes_network("red", cidr="10.1.0.0/24")
    group = await ann.makes_security_group("web")
    await ann.boots_server("vm", zone="a", network=network, groups=["web"])
    await world.settle()
    yield
    policies = [await _shares(ann, kind, id, ben) for kind, id in _both(network.id, group)]
    port = (await ben.makes_port(network, security_groups=[group]))["id"]
    theirs = await ben.boots_server("theirs", zone="a", networks=[{"port": port}])
    await world.settle()
    assert (await ben.server(theirs))["status"] == "ACTIVE"
    for kind, id in _both(network.id, group):
        [there] = world.cloud("a").marked(kind, id)
        assert len(there.shared_with) == 1
    await ben.deletes_server(theirs)
    await world.settle()
    (await ben.delete(f"{NETWORK}/ports/{port}")).ok()
    await world.settle()
    for policy in policies:
        (await ann.delete(f"{NETWORK}/rbac-policies/{policy}")).ok()
    await world.settle()
    for kind, id in _both(network.id, group):
        [there] = world.cloud("a").marked(kind, id)
        assert there.shared_with == []


async def limits_traffic(world: World) -> AsyncIterator[None]:
    """A network's QoS policy gets rules, which change and go; it is shared with another project, and then no longer."""
    ann, ben = world.user("ann", roles=("manager", "member", "reader")), world.user("ben", project="p2")
    made = await ann.post(f"{NETWORK}/qos/policies", {"policy": {"name": "gold"}})
    id = made.ok()["policy"]["id"]
    network = await ann.makes_network("red", cidr="10.1.0.0/24", qos_policy_id=id)
    await ann.boots_server("vm", zone="a", network=network)
    await world.settle()
    yield
    rules = f"{NETWORK}/qos/policies/{id}/bandwidth_limit_rules"
    body = {"bandwidth_limit_rule": {"max_kbps": 1000}}
    rule = (await ann.post(rules, body)).ok()["bandwidth_limit_rule"]["id"]
    await world.settle()
    (await ann.put(f"{rules}/{rule}", {"bandwidth_limit_rule": {"max_kbps": 2000}})).ok()
    await world.settle()
    [there] = world.cloud("a").marked("qos_policy", id)
    assert [one.said["max_kbps"] for one in there.rules] == [2000]
    shared = await _shares(ann, "qos_policy", id, ben)
    theirs = await ben.makes_network("blue", cidr="10.2.0.0/24", qos_policy_id=id)
    server = await ben.boots_server("theirs", zone="a", network=theirs)
    await world.settle()
    assert (await ben.server(server))["status"] == "ACTIVE"
    (await ben.put(f"{NETWORK}/networks/{theirs.id}", {"network": {"qos_policy_id": None}})).ok()
    await world.settle()
    (await ann.delete(f"{NETWORK}/rbac-policies/{shared}")).ok()
    (await ann.delete(f"{rules}/{rule}")).ok()
    await world.settle()
    [there] = world.cloud("a").marked("qos_policy", id)
    assert (there.rules, there.shared_with) == ([], [])


async def routes(world: World) -> AsyncIterator[None]:
    """A router gets interfaces on two networks, one of them with two prefixes of IPv6, and a route; then it leaves."""
    ann = world.user("ann")
    red = await ann.makes_network("red", cidr="10.1.0.0/24")
    blue = await ann.makes_network("blue", cidr="fd00:1::/64", subnet={"ip_version": 6})
    body = {"network_id": blue.id, "cidr": "fd00:2::/64", "ip_version": 6}
    second = (await ann.post(f"{NETWORK}/subnets", {"subnet": body})).ok()["subnet"]["id"]
    await ann.boots_server("vm", zone="a", networks=[{"uuid": red.id}, {"uuid": blue.id}])
    await world.settle()
    yield
    router = (await ann.post(f"{NETWORK}/routers", {"router": {"name": "r"}})).ok()["router"]["id"]
    path = f"{NETWORK}/routers/{router}"
    ports = []
    for subnet in (red.subnet_id, blue.subnet_id):
        reported = await ann.put(f"{path}/add_router_interface", {"subnet_id": subnet})
        ports.append(reported.ok()["port_id"])
    await world.settle()
    (await ann.put(f"{path}/add_router_interface", {"subnet_id": second})).ok()
    route = {"destination": "192.0.2.0/24", "nexthop": "10.1.0.9"}
    (await ann.put(path, {"router": {"name": "renamed", "routes": [route]}})).ok()
    await world.settle()
    [there] = world.cloud("a").marked("router", router)
    assert (there.name, there.routes) == ("renamed", [route])
    for number, port in enumerate(ports):
        [interface] = world.cloud("a").marked("router_interface", port)
        assert len(interface.subnets) == 1 + number
    (await ann.put(f"{path}/remove_router_interface", {"subnet_id": second})).ok()
    (await ann.put(path, {"router": {"routes": []}})).ok()
    await world.settle()
    for port in ports:
        (await ann.put(f"{path}/remove_router_interface", {"port_id": port})).ok()
    (await ann.delete(path)).ok()
    await world.settle()
    assert not world.cloud("a").of("router")
    assert not [one for port in ports for one in world.cloud("a").marked("port", port)]


async def leads_outside(world: World) -> AsyncIterator[None]:
    """A floating IP leads to a port through a gateway, then nowhere, and all of it leaves."""
    ann = world.user("ann")
    public = await outside(world, {"a": "203.0.113.0/24"})
    red = await ann.makes_network("red", cidr="10.1.0.0/24")
    port = (await ann.makes_port(red))["id"]
    (await ann.asks_for_server("vm", networks=[{"port": port}], zone="a")).ok()
    await world.settle()
    yield
    body = {"router": {"name": "r", "external_gateway_info": {"network_id": public}}}
    router = (await ann.post(f"{NETWORK}/routers", body)).ok()["router"]["id"]
    path = f"{NETWORK}/routers/{router}"
    (await ann.put(f"{path}/add_router_interface", {"subnet_id": red.subnet_id})).ok()
    asked = {"floatingip": {"floating_network_id": public, "port_id": port}}
    made = (await ann.post(f"{NETWORK}/floatingips", asked)).ok()["floatingip"]
    floating = f"{NETWORK}/floatingips/{made['id']}"
    await world.settle()
    [there] = world.cloud("a").marked("floatingip", made["id"])
    assert (there.floating_ip_address, there.fixed_ip_address) == (
        made["floating_ip_address"], made["fixed_ip_address"],
    )  # fmt: skip
    (await ann.put(floating, {"floatingip": {"port_id": None}})).ok()
    await world.settle()
    [there] = world.cloud("a").marked("floatingip", made["id"])
    assert not there.port_id
    (await ann.delete(floating)).ok()
    (await ann.put(f"{path}/remove_router_interface", {"subnet_id": red.subnet_id})).ok()
    (await ann.delete(path)).ok()
    await world.settle()
    assert not world.cloud("a").of("floatingip")
    assert not world.cloud("a").of("router")


async def forwards_ports(world: World) -> AsyncIterator[None]:
    """A floating IP forwards to a port, by two rules; one of them changes and goes, then the other, and all leaves."""
    ann = world.user("ann")
    public = await outside(world, {"a": "203.0.113.0/24"})
    red = await ann.makes_network("red", cidr="10.1.0.0/24")
    port = await ann.makes_port(red)
    (await ann.asks_for_server("vm", networks=[{"port": port["id"]}], zone="a")).ok()
    body = {"router": {"name": "r", "external_gateway_info": {"network_id": public}}}
    router = f"{NETWORK}/routers/{(await ann.post(f'{NETWORK}/routers', body)).ok()['router']['id']}"
    await world.settle()
    yield
    (await ann.put(f"{router}/add_router_interface", {"subnet_id": red.subnet_id})).ok()
    asked = {"floatingip": {"floating_network_id": public}}
    id = (await ann.post(f"{NETWORK}/floatingips", asked)).ok()["floatingip"]["id"]
    floating = f"{NETWORK}/floatingips/{id}"
    rules = f"{floating}/port_forwardings"
    ends = {"internal_port_id": port["id"], "internal_ip_address": port["fixed_ips"][0]["ip_address"]}
    made = []
    for protocol, outer, inner in (("tcp", 8080, 80), ("udp", 5353, 53)):
        rule = {**ends, "protocol": protocol, "external_port": outer, "internal_port": inner}
        made.append((await ann.post(rules, {"port_forwarding": rule})).ok()["port_forwarding"]["id"])
    await world.settle()
    assert _forwarded(world, id) == {("tcp", "8080:8080", "80:80"), ("udp", "5353:5353", "53:53")}
    # Neutron has no change of one: what was is taken away, and the other is made.
    (await ann.put(f"{rules}/{made[0]}", {"port_forwarding": {"external_port": 8088}})).ok()
    await world.settle()
    assert _forwarded(world, id) == {("tcp", "8088:8088", "80:80"), ("udp", "5353:5353", "53:53")}
    (await ann.delete(f"{rules}/{made[0]}")).ok()
    await world.settle()
    assert _forwarded(world, id) == {("udp", "5353:5353", "53:53")}
    (await ann.delete(f"{rules}/{made[1]}")).ok()
    await world.settle()
    assert _forwarded(world, id) == set()
    (await ann.delete(floating)).ok()
    (await ann.put(f"{router}/remove_router_interface", {"subnet_id": red.subnet_id})).ok()
    (await ann.delete(router)).ok()
    await world.settle()
    assert not world.cloud("a").of("floatingip")
    assert not world.cloud("a").of("router")


def _forwarded(world: World, id: str) -> set[tuple[str, str, str]]:
    [there] = world.cloud("a").marked("floatingip", id)
    return {(one.protocol, one.external, one.internal) for one in there.port_forwardings}  # type: ignore[attr-defined]


async def trunks(world: World) -> AsyncIterator[None]:
    """A server's port is a trunk's parent; its sub-ports change, and all of it leaves."""
    ann = world.user("ann")
    red, blue = [
        await ann.makes_network(name, cidr=f"10.{n}.0.0/24") for n, name in ((1, "red"), (2, "blue"))
    ]
    parent, one, two = [(await ann.makes_port(net))["id"] for net in (red, blue, blue)]
    first, second = [
        {"port_id": id, "segmentation_type": "vlan", "segmentation_id": n} for n, id in ((10, one), (20, two))
    ]
    yield
    body = {"trunk": {"port_id": parent, "sub_ports": [first]}}
    trunk = (await ann.post(f"{NETWORK}/trunks", body)).ok()["trunk"]["id"]
    path = f"{NETWORK}/trunks/{trunk}"
    server = await ann.boots_server("vm", zone="a", networks=[{"port": parent}])
    await world.settle()
    (await ann.put(f"{path}/add_subports", {"sub_ports": [second]})).ok()
    (await ann.put(f"{path}/remove_subports", {"sub_ports": [{"port_id": one}]})).ok()
    (await ann.put(path, {"trunk": {"admin_state_up": False, "name": "renamed"}})).ok()
    await world.settle()
    [there] = world.cloud("a").marked("trunk", trunk)
    assert ([one.segmentation_id for one in there.sub_ports], there.admin_state_up) == ([20], False)
    await ann.deletes_server(server)
    await world.settle()
    (await ann.put(path, {"trunk": {"admin_state_up": True}})).ok()
    (await ann.delete(path)).ok()
    await world.settle()
    assert not world.cloud("a").of("trunk")
    assert not world.cloud("a").marked("port", two)


async def counts_packets(world: World) -> AsyncIterator[None]:
    """A label comes with the first router of its project, its rules change, and it leaves with the last."""
    ann = world.user("ann")
    net = await ann.makes_network("red")
    await ann.boots_server("vm", zone="a", networks=[{"uuid": net.id}])
    await world.settle()
    yield
    path, rules = f"{NETWORK}/metering/metering-labels", f"{NETWORK}/metering/metering-label-rules"
    body = {"metering_label": {"name": "count", "project_id": ann.project_id}}
    label = (await world.admin.post(path, body)).ok()["metering_label"]["id"]
    router = (await ann.post(f"{NETWORK}/routers", {"router": {"name": "r"}})).ok()["router"]["id"]
    asked = {"subnet_id": net.subnet_id}
    (await ann.put(f"{NETWORK}/routers/{router}/add_router_interface", asked)).ok()
    rule = {"metering_label_id": label, "direction": "ingress", "remote_ip_prefix": "10.0.0.0/8"}
    first = (await world.admin.post(rules, {"metering_label_rule": rule})).ok()["metering_label_rule"]["id"]
    await world.settle()
    [there] = world.cloud("a").marked("metering_label", label)
    assert [one.remote_ip_prefix for one in there.rules] == ["10.0.0.0/8"]
    assert not world.cloud("b").of("metering_label")
    (await world.admin.delete(f"{rules}/{first}")).ok()
    rule |= {"remote_ip_prefix": "10.0.0.0/16"}
    (await world.admin.post(rules, {"metering_label_rule": rule})).ok()
    await world.settle()
    [there] = world.cloud("a").marked("metering_label", label)
    assert [one.remote_ip_prefix for one in there.rules] == ["10.0.0.0/16"]
    (await ann.put(f"{NETWORK}/routers/{router}/remove_router_interface", asked)).ok()
    (await ann.delete(f"{NETWORK}/routers/{router}")).ok()
    await world.settle()
    assert not world.cloud("a").of("metering_label")
    (await world.admin.delete(f"{path}/{label}")).ok()


def _both(network: str, group: str) -> list[tuple[str, str]]:
    return [("network", network), ("security_group", group)]


async def _shares(owner: User, kind: str, id: str, target: User) -> str:
    body = {
        "object_type": kind,
        "object_id": id,
        "action": "access_as_shared",
        "target_tenant": target.project_id,
    }
    made = (await owner.post(f"{NETWORK}/rbac-policies", {"rbac_policy": body})).ok()
    return str(made["rbac_policy"]["id"])


_PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


def _change(op: str, name: str, value: str) -> dict[str, str]:
    return {"op": op, "path": f"/{name}", "value": value}


async def keeps_volumes(world: World) -> AsyncIterator[None]:
    """A volume and its snapshot are made, changed in every way and deleted. Their type stays in the cloud."""
    ann = world.user("ann")
    world.cloud("a").backend.records.put(VolumeTypeRecord(id=new_id(), project_id="", name="fast"))
    kind = {"volume_type": {"name": "fast"}}
    fast = (await world.admin.post(f"{VOLUME}/types", kind, version="3.71")).ok()["volume_type"]["id"]
    yield
    volume = await ann.makes_volume(zone="a", volume_type=fast)
    await world.settle()
    at = f"{VOLUME}/volumes/{volume}"
    (await ann.put(at, {"volume": {"name": "renamed", "metadata": {"k": "v"}}}, version="3.71")).ok()
    await world.settle()
    for body in (
        {"os-extend": {"new_size": 2}},
        {"os-set_bootable": {"bootable": True}},
        {"os-update_readonly_flag": {"readonly": True}},
        {"os-set_image_metadata": {"metadata": {"a": "1"}}},
        {"os-unset_image_metadata": {"key": "a"}},
    ):
        (await ann.post(f"{at}/action", body, version="3.71")).ok()
        await world.settle()
    snapshot = await ann.makes_snapshot(volume)
    await world.settle()
    below = f"{VOLUME}/snapshots/{snapshot}"
    changed = {"snapshot": {"name": "renamed"}}
    (await ann.put(below, changed, version="3.71")).ok()
    (await ann.put(f"{below}/metadata", {"metadata": {"k": "w"}}, version="3.71")).ok()
    await world.settle()
    for thing in (below, at):
        action = {"os-reset_status": {"status": "error"}}
        (await world.admin.post(f"{thing}/action", action, version="3.71")).ok()
        await world.settle()
    [there] = world.cloud("a").marked("volume", volume)
    assert there.name == "renamed"
    for thing in (below, at):
        (await ann.delete(thing, version="3.71")).ok()
        await world.settle()
    assert not world.cloud("a").of("volume")
    assert not world.cloud("a").of("snapshot")
    (await world.admin.delete(f"{VOLUME}/types/{fast}", version="3.71")).ok()
    await world.settle()
    assert "fast" in {one.name for one in world.cloud("a").of("volume_type")}


async def helps_connections(world: World) -> AsyncIterator[None]:
    """A router tracks a protocol's connections, then another port of it, then none."""
    ann = world.user("ann")
    red = await ann.makes_network("red", cidr="10.1.0.0/24")
    router = (await ann.post(f"{NETWORK}/routers", {"router": {"name": "r"}})).ok()["router"]["id"]
    at = f"{NETWORK}/routers/{router}"
    (await ann.put(f"{at}/add_router_interface", {"subnet_id": red.subnet_id})).ok()
    await ann.boots_server("vm", zone="a", network=red)
    await world.settle()
    yield
    asked = {"protocol": "tcp", "port": 21, "helper": "ftp"}
    body = {"conntrack_helper": asked}
    helper = (await ann.post(f"{at}/conntrack_helpers", body)).ok()["conntrack_helper"]["id"]
    await world.settle()
    (await ann.put(f"{at}/conntrack_helpers/{helper}", {"conntrack_helper": {"port": 2121}})).ok()
    await world.settle()
    [there] = cast("list[RouterRecord]", world.cloud("a").marked("router", router))
    assert [(one.protocol, one.port, one.helper) for one in there.conntrack_helpers] == [("tcp", 2121, "ftp")]
    (await ann.delete(f"{at}/conntrack_helpers/{helper}")).ok()
    await world.settle()
    [there] = cast("list[RouterRecord]", world.cloud("a").marked("router", router))
    assert not there.conntrack_helpers


async def changes_types(world: World) -> AsyncIterator[None]:
    """A volume gets another type and then its old one again. Its cloud is asked each time, and once."""
    ann = world.user("ann")
    world.cloud("a").backend.records.put(VolumeTypeRecord(id=new_id(), project_id="", name="gold"))
    kind = {"volume_type": {"name": "gold"}}
    gold = (await world.admin.post(f"{VOLUME}/types", kind, version="3.71")).ok()["volume_type"]["id"]
    volume = await ann.makes_volume(zone="a")
    await world.settle()
    first = (await ann.volume(volume))["volume_type"]
    yield
    at = f"{VOLUME}/volumes/{volume}"
    for asked, name in ((gold, "gold"), (first, first)):
        body = {"os-retype": {"new_type": asked, "migration_policy": "on-demand"}}
        (await ann.post(f"{at}/action", body, version="3.71")).ok()
        await world.settle()
        shown = await ann.volume(volume)
        assert (shown["status"], shown["volume_type"]) == ("available", name)
        [there] = world.cloud("a").marked("volume", volume)
        assert there.type_name == name  # type: ignore[attr-defined]
    (await ann.delete(at, version="3.71")).ok()
    await world.settle()
    assert not world.cloud("a").of("volume")


async def backs_up(world: World) -> AsyncIterator[None]:
    """A volume is backed up, the backup changed and written back; the volume goes to another project, and all ends."""
    ann, bob = world.user("ann"), world.user("bob", project="p2")
    volume = await ann.makes_volume(zone="a")
    await world.settle()
    yield
    asked = {"backup": {"volume_id": volume, "metadata": {"k": "v"}}}
    backup = (await ann.post(f"{VOLUME}/backups", asked, version="3.71")).ok()["backup"]["id"]
    await world.settle()
    at = f"{VOLUME}/backups/{backup}"
    (await ann.put(at, {"backup": {"name": "renamed"}}, version="3.71")).ok()
    await world.settle()
    (await ann.post(f"{at}/restore", {"restore": {"volume_id": volume}}, version="3.71")).ok()
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"
    assert (await ann.get(at, version="3.71")).ok()["backup"]["status"] == "available"
    offer = {"transfer": {"volume_id": volume}}
    made = (await ann.post(f"{VOLUME}/volume-transfers", offer, version="3.71")).ok()["transfer"]
    key = {"accept": {"auth_key": made["auth_key"]}}
    (await bob.post(f"{VOLUME}/volume-transfers/{made['id']}/accept", key, version="3.71")).ok()
    await world.settle()
    assert (await bob.volume(volume))["status"] == "available"
    [there] = world.cloud("a").marked("volume", volume)
    assert there.project_id == bob.project_id
    [kept] = world.cloud("a").marked("backup", backup)
    assert kept.name == "renamed"
    (await ann.delete(at, version="3.71")).ok()
    (await bob.delete(f"{VOLUME}/volumes/{volume}", version="3.71")).ok()
    await world.settle()
    assert not world.cloud("a").of("backup")
    assert not world.cloud("a").of("volume")


@pytest.mark.parametrize(
    "story",
    [
        finds_no_host,
        is_one_of_a_group,
        changes_ports,
        leaves_images_and_flavors,
        changes_what_was_carried,
        shares_by_name,
        limits_traffic,
        routes,
        helps_connections,
        leads_outside,
        forwards_ports,
        trunks,
        counts_packets,
        keeps_volumes,
        changes_types,
        backs_up,
    ],
)
async def test_a_killed_worker_leaves_no_trace(story: Story, tmp_path: Path) -> None:
    matrix = CrashMatrix(story, lambda directory: World(clouds=2, tmp_path=directory), tmp_path)
    wrongs = await matrix.run()
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)


async def boots(world: World) -> AsyncIterator[None]:
    """A server, where projects of the cloud are its own."""
    ann = world.user("ann")
    yield
    server = await ann.boots_server("vm", zone="a")
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"


async def test_the_same_where_a_cloud_has_its_own_projects(tmp_path: Path) -> None:
    def own(directory: Path) -> World:
        return World(clouds=1, tmp_path=directory, identity="own")

    wrongs = await CrashMatrix(boots, own, tmp_path).run()
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)
