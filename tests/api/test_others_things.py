"""Others' things in queries and in bodies: not found, not counted, refused as if they were not there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fractus.base.ids import new_id
from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, PUBLIC_KEY, MadeNetwork, User
from fractus.testing.world import World
from tests.api.house import SECRET, TAG, House, furnish
from tests.api.refusals import faults_of
from tests.api.rows import changes, rows_of


@pytest.fixture
async def house(world: World) -> House:
    return await furnish(world, world.user("ann"))


@pytest.fixture
def bob(world: World) -> User:
    return world.user("bob", "p2")


def _reveals(house: House, reply: HttpReply, asked: str) -> list[str]:
    text = reply.body.decode(errors="replace")
    return [word for word in house.ids() if word in text and word not in asked]


# ---------------------------------------------------------------------- queries

LISTS = (
    f"{COMPUTE}/servers",
    f"{COMPUTE}/servers/detail",
    f"{COMPUTE}/os-keypairs",
    f"{COMPUTE}/flavors/detail",
    f"{NETWORK}/networks",
    f"{NETWORK}/subnets",
    f"{NETWORK}/ports",
    f"{NETWORK}/security-groups",
    f"{NETWORK}/security-group-rules",
    f"{IMAGE}/images",
)


def _questions(house: House) -> list[tuple[str, dict[str, str]]]:
    """Every list asked for somebody else's things, in every way that its service has for that."""
    ann = house.owner
    of_servers = [
        {"all_tenants": "1"}, {"all_tenants": "1", "project_id": ann.project_id}, {"project_id": ann.project_id},
        {"tenant_id": ann.project_id}, {"user_id": ann.principal.user_id}, {"uuid": house.server}, {"name": SECRET},
        {"host": "a"}, {"deleted": "1"}, {"tags": TAG}, {"not-tags": "x"}, {"key_name": house.key},
        {"image": house.image}, {"flavor": house.flavor}, {"ip": "10."}, {"changes-since": "2020-01-01T00:00:00Z"},
        {"reservation_id": "r-"}, {"availability_zone": "a"}, {"sort_key": "uuid"}, {"status": "ACTIVE"},
        {"marker": house.server}, {"limit": "1"}, {"name": "%"}, {"name": ".*"},
    ]  # fmt: skip
    of_network = [
        {"project_id": ann.project_id}, {"tenant_id": ann.project_id}, {"name": f"{SECRET}-net"}, {"tags": TAG},
        {"tags-any": TAG}, {"not-tags": "x"}, {"shared": "False"}, {"id": house.network.id}, {"id": house.port},
        {"network_id": house.network.id}, {"device_id": house.server}, {"security_group_id": house.group},
        {"fixed_ips": f"subnet_id={house.network.subnet_id}"}, {"description": SECRET}, {"fields": "id"},
        {"mac_address": house.addresses[0]}, {"marker": house.port, "limit": "1"}, {"marker": house.network.id},
        {"remote_group_id": house.group}, {"security_groups": house.group}, {"sort_key": "project_id"},
    ]  # fmt: skip
    of_images = [
        {"owner": ann.project_id}, {"visibility": "all"}, {"visibility": "shared"}, {"visibility": "private"},
        {"visibility": "community"}, {"member_status": "all"}, {"member_status": "all", "visibility": "shared"},
        {"id": house.image}, {"name": f"{SECRET}-image"}, {"tag": TAG}, {"os_hidden": "true"},
        {"marker": house.image}, {"status": "in:active,queued"},
    ]  # fmt: skip
    of_compute = [{"user_id": ann.principal.user_id}, {"marker": house.key}, {"is_public": "None"}]
    asked = []
    for path in LISTS:
        if path.startswith(COMPUTE):
            queries = of_servers if "/servers" in path else of_compute
        else:
            queries = of_network if path.startswith(NETWORK) else of_images
        asked += [(path, query) for query in queries]
    return asked


async def test_no_filter_finds_or_counts_what_is_anothers(world: World, house: House, bob: User) -> None:
    own = {}
    for path in LISTS:
        own[path] = len(await bob.listed(path))
    for path, query in _questions(house):
        reply = await bob.call("GET", path, query=query, version="2.104" if path.startswith(COMPUTE) else "")
        assert not faults_of(path.split("/")[1], reply), (path, query, reply.body)
        assert not _reveals(house, reply, repr(query)), (path, query, reply.body)
        if reply.status == 200:
            lists = [found for key, found in reply.json.items() if not key.endswith("_links")]
            counted = [len(found) for found in lists if isinstance(found, list)]
            assert counted[0] <= own[path], (path, query, reply.body)
        else:
            assert reply.status in (400, 403, 404), (path, query)


async def test_a_marker_of_anothers_is_as_unknown_as_one_that_nobody_has(house: House, bob: User) -> None:
    markers = {
        f"{COMPUTE}/servers": house.server, f"{NETWORK}/networks": house.network.id, f"{NETWORK}/ports": house.port,
        f"{NETWORK}/subnets": house.network.subnet_id, f"{NETWORK}/security-groups": house.group,
        f"{NETWORK}/security-group-rules": house.rule, f"{IMAGE}/images": house.image,
        f"{COMPUTE}/flavors": house.flavor,
    }  # fmt: skip
    for path, theirs in markers.items():
        nobodys = new_id()
        one = await bob.get(path, marker=theirs, limit=1)
        other = await bob.get(path, marker=nobodys, limit=1)
        assert one.status == other.status, path
        assert one.body.decode().replace(theirs, nobodys) == other.body.decode()
        assert one.status in (400, 404), path


async def test_use_and_quotas_of_others_are_not_shown(house: House, bob: User) -> None:
    ann = house.owner
    limits = (await bob.get(f"{COMPUTE}/limits")).ok()["limits"]["absolute"]
    assert (limits["totalInstancesUsed"], limits["totalCoresUsed"], limits["totalRAMUsed"]) == (0, 0, 0)
    details = (await bob.get(f"{NETWORK}/quotas/{bob.project_id}/details")).ok()["quota"]
    assert {kind: quota["used"] for kind, quota in details.items() if quota["used"]} == {}
    for path in (
        f"{COMPUTE}/limits?tenant_id={ann.project_id}",
        f"{COMPUTE}/os-quota-sets/{ann.project_id}",
        f"{COMPUTE}/os-quota-sets/{ann.project_id}/detail",
        f"{NETWORK}/quotas/{ann.project_id}",
        f"{NETWORK}/quotas/{ann.project_id}/details",
        f"{NETWORK}/quotas",
        f"{COMPUTE}/servers?all_tenants=1",
        f"{COMPUTE}/os-keypairs?user_id={ann.principal.user_id}",
    ):
        reply = await bob.call("GET", path, version="2.10" if "keypairs" in path else "")
        assert reply.status in (403, 404), path
        assert not faults_of(path.split("/")[1], reply)


# ---------------------------------------------------------------------- bodies


def _references(house: House, own: MadeNetwork, plain: dict[str, str]) -> dict[str, tuple[str, Any, str]]:
    """What bob sends that names a thing of ann's: the path, the body, and what it is that he must not know."""
    net, group, image = house.network.id, house.group, house.image
    ann, subnet = house.owner.project_id, house.network.subnet_id
    servers, ports, called = f"{COMPUTE}/servers", f"{NETWORK}/ports", f"{SECRET}-group"

    def boot(**more: Any) -> dict[str, Any]:
        return {"server": {"name": "x", "networks": [{"uuid": own.id}], **plain, **more}}

    def port(**more: Any) -> dict[str, Any]:
        return {"port": {"network_id": own.id, **more}}

    two_ports = {"ports": [{"network_id": own.id}, {"network_id": own.id, "security_groups": [group]}]}
    new_subnet = {"subnet": {"network_id": net, "ip_version": 4, "cidr": "10.66.0.0/24"}}
    rule = {"security_group_rule": {"direction": "ingress", "security_group_id": group}}
    return {
        "image": (servers, boot(imageRef=image), image),
        "image of several servers": (servers, boot(imageRef=image, min_count=3, max_count=5), image),
        "flavor": (servers, boot(flavorRef=house.flavor), house.flavor),
        "network": (servers, boot(networks=[{"uuid": net}]), net),
        "one network of two": (servers, boot(networks=[{"uuid": own.id}, {"uuid": net}]), net),
        "network with an address": (servers, boot(networks=[{"uuid": net, "fixed_ip": "10.7.0.9"}]), net),
        "free port": (servers, boot(networks=[{"port": house.port}]), house.port),
        "port of a server": (servers, boot(networks=[{"port": house.server_port}]), house.server_port),
        "group by its id": (servers, boot(security_groups=[{"name": group}]), group),
        "group by its name": (servers, boot(security_groups=[{"name": called}]), called),
        "key": (servers, boot(key_name=house.key), house.key),
        "network of a port": (ports, port(network_id=net), net),
        "subnet of a port": (ports, port(fixed_ips=[{"subnet_id": subnet}]), subnet),
        "group of a port": (ports, port(security_groups=[group]), group),
        "group of one port of two": (ports, two_ports, group),
        "network of a subnet": (f"{NETWORK}/subnets", new_subnet, net),
        "group of a rule": (f"{NETWORK}/security-group-rules", rule, group),
        "project of a port": (ports, port(project_id=ann), ann),
        "project of a network": (f"{NETWORK}/networks", {"network": {"name": "x", "project_id": ann}}, ann),
        "project of a group": (f"{NETWORK}/security-groups", {"security_group": {"tenant_id": ann}}, ann),
        "project of an image": (f"{IMAGE}/images", {"name": "x", "owner": ann}, ann),
        "user of a key": (f"{COMPUTE}/os-keypairs", _key(house), house.owner.principal.user_id),
    }


def _key(house: House) -> dict[str, Any]:
    return {"keypair": {"name": "x", "public_key": PUBLIC_KEY, "user_id": house.owner.principal.user_id}}


def _with(body: Any, old: str, new: str) -> Any:
    return msgspec.json.decode(msgspec.json.encode(body).replace(old.encode(), new.encode()))


async def test_a_body_that_names_anothers_thing_is_refused_whole(
    world: World, house: House, bob: User
) -> None:
    own = await bob.makes_network("bobs")
    plain = {"flavorRef": await world.default_flavor(), "imageRef": await world.default_image()}
    before = await rows_of(world)
    wrongs = []
    for what, (path, body, secret) in _references(house, own, plain).items():
        version = "2.90" if path.startswith(COMPUTE) else ""
        reply = await bob.post(path, body, version=version)
        nobodys = new_id() if len(secret) == 36 else "x" * len(secret)
        other = await bob.post(path, _with(body, secret, nobodys), version=version)
        reported = reply.body.decode()
        if reply.status not in (400, 403, 404):
            wrongs.append(f"{what}: {reply.status} {reported}")
        if (other.status, reported.replace(secret, nobodys)) != (reply.status, other.body.decode()):
            wrongs.append(f"{what}: {reported} but of nobody's {other.body.decode()}")
        wrongs += [f"{what}: {fault}" for fault in faults_of(path.split("/")[1], reply)]
        wrongs += [f"{what}: reveals {word}" for word in _reveals(house, reply, repr(body))]
        wrongs += [f"{what}: left {line}" for line in changes(before, await rows_of(world))]
        before = await rows_of(world)
    assert not wrongs, "\n".join(wrongs)


async def test_bobs_own_things_cannot_be_tied_to_anns(house: House, bob: User) -> None:
    own = await bob.makes_network("bobs")
    port = await bob.makes_port(own)
    group = await bob.makes_security_group("bobs")
    image = await bob.makes_image("bobs")
    rule = {"security_group_id": group, "direction": "ingress", "remote_group_id": house.group}
    for method, path, body in (
        ("PUT", f"{NETWORK}/ports/{port['id']}", {"port": {"security_groups": [house.group]}}),
        ("PUT", f"{NETWORK}/ports/{port['id']}", _addresses(house.network.subnet_id)),
        ("POST", f"{NETWORK}/security-group-rules", {"security_group_rule": rule}),
        ("POST", f"{IMAGE}/images/{house.image}/members", {"member": bob.project_id}),
        ("PUT", f"{IMAGE}/images/{house.image}/members/{bob.project_id}", {"status": "accepted"}),
        ("PATCH", f"{IMAGE}/images/{image}", [{"op": "replace", "path": "/owner", "value": "x"}]),
    ):
        headers = (
            {"Content-Type": "application/openstack-images-v2.1-json-patch"} if method == "PATCH" else None
        )
        before = await rows_of(house.world)
        reply = await bob.call(method, path, body, headers=headers)
        assert reply.status in (400, 403, 404), (path, reply.body)
        assert changes(before, await rows_of(house.world)) == []


def _addresses(subnet_id: str) -> dict[str, Any]:
    return {"port": {"fixed_ips": [{"subnet_id": subnet_id}]}}


# ---------------------------------------------------------------------- what is shared


async def test_on_a_shared_network_each_sees_only_their_own(world: World) -> None:
    ann, bob = world.user("ann"), world.user("bob", "p2")
    shared = await world.admin.makes_network("shared", cidr="10.50.0.0/24", shared=True)
    theirs = await ann.boots_server(f"{SECRET}-server", network=shared, zone="a")
    await bob.boots_server("bobs", network=shared, zone="a")
    await world.settle()
    (port,) = await ann.listed(f"{NETWORK}/ports")
    taken = port["fixed_ips"][0]["ip_address"]
    assert [one["device_id"] == theirs for one in await bob.listed(f"{NETWORK}/ports")] == [False]
    assert (await bob.get(f"{NETWORK}/ports/{port['id']}")).status == 404
    # What is taken can be felt on a shared network, but not by whom.
    boot = await bob.asks_for_server("x", networks=[{"uuid": shared.id, "fixed_ip": taken}])
    plug = await bob.post(
        f"{NETWORK}/ports", {"port": {"network_id": shared.id, "fixed_ips": [{"ip_address": taken}]}}
    )
    for reply in (boot, plug):
        assert reply.status in (400, 403, 409)
        for word in (theirs, port["id"], ann.project_id, SECRET, port["mac_address"]):
            assert word not in reply.body.decode(), reply.body


async def test_a_port_that_names_anns_server_as_its_device_gets_nowhere_near_it(
    world: World, house: House
) -> None:
    bob = world.user("bob", "p2")
    own = await bob.makes_network("bobs")
    body = {"port": {"network_id": own.id, "device_id": house.server, "device_owner": "compute:a"}}
    made = await bob.post(f"{NETWORK}/ports", body)
    await world.settle()
    interfaces = (await house.owner.get(f"{COMPUTE}/servers/{house.server}/os-interface")).ok()
    assert [one["port_id"] for one in interfaces["interfaceAttachments"]] == [house.server_port]
    await house.owner.deletes_server(house.server)
    await world.settle()
    if made.status == 201:
        (port,) = await bob.listed(f"{NETWORK}/ports")
        assert port["device_id"] == house.server, "what bob wrote is bob's to change"


async def test_members_of_an_image_do_not_know_of_each_other(world: World, house: House) -> None:
    ann, bob, cat = house.owner, world.user("bob", "p2"), world.user("cat", "p3")
    members = f"{IMAGE}/images/{house.image}/members"
    for user in (bob, cat):
        (await ann.post(members, {"member": user.project_id})).ok()
    (only,) = (await bob.get(members)).ok()["members"]
    assert only["member_id"] == bob.project_id
    assert (await bob.get(f"{members}/{cat.project_id}")).status == 404
    assert cat.project_id not in (await bob.get(f"{IMAGE}/images/{house.image}")).body.decode()
    assert (await bob.put(f"{members}/{cat.project_id}", {"status": "accepted"})).status in (403, 404)
    assert (await bob.delete(f"{members}/{cat.project_id}")).status in (403, 404)
    assert (await bob.delete(f"{IMAGE}/images/{house.image}")).status in (403, 404)
    assert await bob.listed(f"{IMAGE}/images") == [], "nothing is in the list before bob accepts it"
    (await bob.put(f"{members}/{bob.project_id}", {"status": "accepted"})).ok()
    assert [image["id"] for image in await bob.listed(f"{IMAGE}/images")] == [house.image]
    assert await cat.listed(f"{IMAGE}/images") == []


async def test_two_users_of_one_project_do_not_share_keys(world: World, house: House) -> None:
    amy = world.user("amy", "p1")
    assert await amy.listed(f"{COMPUTE}/os-keypairs") == []
    assert (await amy.get(f"{COMPUTE}/os-keypairs/{house.key}")).status == 404
    assert (await amy.delete(f"{COMPUTE}/os-keypairs/{house.key}")).status == 404
    assert (await amy.asks_for_server("x", key=house.key, network=house.network)).status == 400
    assert [key["keypair"]["name"] for key in await house.owner.listed(f"{COMPUTE}/os-keypairs")] == [
        house.key
    ]
