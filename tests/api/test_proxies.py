"""Nova's proxies of other services, up to the microversions that have them: the same things, in Nova's words."""

from __future__ import annotations

from typing import Any

from fractus.testing.outside import outside
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, User
from fractus.testing.world import World

V = "2.35"


async def ask(who: User, method: str, path: str, body: Any = None) -> Any:
    if method in ("get", "delete"):
        return await getattr(who, method)(f"{COMPUTE}{path}", version=V)
    return await getattr(who, method)(f"{COMPUTE}{path}", body, version=V)


def said(reply: Any) -> tuple[int, str]:
    (fault,) = reply.json.values()
    return reply.status, fault["message"]


async def test_security_groups_and_their_rules(world: World) -> None:
    ann = world.user("ann")
    root, rules = "/os-security-groups", "/os-security-group-rules"
    body = {"security_group": {"name": "web", "description": "d"}}
    made = (await ask(ann, "post", root, body)).ok()["security_group"]
    assert made == {
        "id": made["id"], "name": "web", "description": "d", "tenant_id": ann.project_id, "rules": [],
    }  # fmt: skip
    listed = (await ask(ann, "get", root)).ok()["security_groups"]
    assert [one["name"] for one in listed] == ["default", "web"]
    (of_default,) = {str(one["group"]) for one in listed[0]["rules"]}
    assert of_default == str({"name": "default", "tenant_id": ann.project_id})
    rule = {"parent_group_id": made["id"], "ip_protocol": "tcp", "from_port": 22, "to_port": "80"}
    one = (await ask(ann, "post", rules, {"security_group_rule": rule})).ok()["security_group_rule"]
    assert one == {
        "id": one["id"], "parent_group_id": made["id"], "ip_protocol": "tcp", "from_port": 22, "to_port": 80,
        "group": {}, "ip_range": {"cidr": "0.0.0.0/0"},
    }  # fmt: skip
    again = await ask(ann, "post", rules, {"security_group_rule": rule})
    assert said(again) == (400, f"This rule already exists in group {made['id']}")
    of_group = {"parent_group_id": made["id"], "ip_protocol": "udp", "group_id": listed[0]["id"]}
    other = (await ask(ann, "post", rules, {"security_group_rule": of_group})).ok()["security_group_rule"]
    assert (other["from_port"], other["to_port"]) == (1, 65535)
    assert (other["group"]["name"], other["ip_range"]) == ("default", {})
    new = {"security_group": {"name": "new", "description": ""}}
    changed = (await ask(ann, "put", f"{root}/{made['id']}", new)).ok()["security_group"]
    assert changed == (await ask(ann, "get", f"{root}/{made['id']}")).ok()["security_group"]
    assert {part["id"] for part in changed["rules"]} == {one["id"], other["id"]}
    assert (await ask(ann, "delete", f"{rules}/{one['id']}")).status == 202
    assert (await ask(ann, "delete", f"{root}/{made['id']}")).status == 202
    assert (await ask(ann, "get", f"{root}/{made['id']}")).status == 404
    assert (await ann.get(f"{COMPUTE}{root}", version="2.36")).status == 404
    assert said(await ask(ann, "get", f"{root}/x")) == (400, "Security group id should be uuid")


#: What a rule says, and why it is refused.
WRONG_RULES: list[tuple[dict[str, Any], str]] = [
    ({"ip_protocol": "tcp"}, "Not enough parameters to build a valid rule."),
    ({"ip_protocol": "x", "from_port": 1, "to_port": 2}, "Invalid IP protocol x"),
    ({"ip_protocol": "tcp", "from_port": "a", "to_port": 2},
     "Invalid input received: To and From ports must be integers"),
    ({"ip_protocol": "tcp", "from_port": 3, "to_port": 2},
     "Invalid port range 3:2. Former value cannot be greater than the later"),
    ({"ip_protocol": "udp", "from_port": 0, "to_port": 2},
     "Invalid port range 0:2. Valid UDP ports should be between 1-65535"),
    ({"ip_protocol": "icmp", "from_port": 256, "to_port": 2},
     "Invalid port range 256:2. For ICMP, the type:code must be valid"),
    ({"ip_protocol": "tcp", "from_port": 1, "to_port": 2, "cidr": "1.2.3.4"},
     "1.2.3.4 is not a valid IP network."),
    ({"ip_protocol": "tcp", "from_port": 1, "to_port": 2, "cidr": "1.2.3.4/0"},
     "Bad prefix for network in cidr 1.2.3.4/0"),
]  # fmt: skip


async def test_rules_that_are_wrong_are_refused_as_nova_does(world: World) -> None:
    ann = world.user("ann")
    group = await ann.makes_security_group()
    for rule, sentence in WRONG_RULES:
        body = {"security_group_rule": {"parent_group_id": group, **rule}}
        assert said(await ask(ann, "post", "/os-security-group-rules", body)) == (400, sentence)


async def test_networks_and_floating_ips(world: World) -> None:
    ann = world.user("ann")
    external = await outside(world)
    network = await ann.own_network()
    labels = {one["id"]: one["label"] for one in (await ask(ann, "get", "/os-networks")).ok()["networks"]}
    assert {network.id, external} <= set(labels)
    shown = (await ask(ann, "get", f"/os-networks/{network.id}")).ok()["network"]
    assert len(shown) == 11
    assert len((await ask(world.admin, "get", f"/os-networks/{network.id}")).ok()["network"]) == 32
    tenant = (await ask(ann, "get", f"/os-tenant-networks/{network.id}")).ok()["network"]
    assert tenant == {"id": network.id, "cidr": "None", "label": labels[network.id]}
    gone = await ask(ann, "get", "/os-tenant-networks/0a0a0a0a-0000-4000-8000-000000000000")
    assert said(gone) == (404, "Network not found")
    pool = labels[external]
    assert (await ask(ann, "get", "/os-floating-ip-pools")).ok() == {"floating_ip_pools": [{"name": pool}]}
    assert said(await ask(ann, "post", "/os-floating-ips", {})) == (404, "Floating IP pool not found.")
    made = (await ask(ann, "post", "/os-floating-ips", {"pool": pool})).ok()["floating_ip"]
    assert made == {"id": made["id"], "ip": made["ip"], "pool": pool, "fixed_ip": None, "instance_id": None}
    assert (await ask(ann, "get", "/os-floating-ips")).ok() == {"floating_ips": [made]}
    url = f"/os-floating-ips/{made['id']}"
    assert (await ask(ann, "get", url)).ok() == {"floating_ip": made}
    assert (await ask(world.user("bob", "p2"), "get", url)).status == 404
    assert (await ask(ann, "delete", url)).status == 202
    assert said(await ask(ann, "get", url)) == (404, f"Floating IP not found for ID {made['id']}")


async def test_images_and_their_metadata(world: World) -> None:
    ann = world.user("ann")
    image = await ann.makes_image("one")
    await world.run_for(1)
    second = await ann.makes_image("two")
    names = [one["name"] for one in (await ask(ann, "get", "/images?limit=1")).ok()["images"]]
    assert names == ["two"], "the newest is the first"
    (link,) = (await ask(ann, "get", "/images?limit=1")).ok()["images_links"]
    assert f"marker={second}" in link["href"]
    (shown,) = (await ask(ann, "get", "/images/detail?name=one&status=ACTIVE")).ok()["images"]
    assert (shown["id"], shown["status"], shown["progress"]) == (image, "ACTIVE", 100)
    assert shown == (await ask(ann, "get", f"/images/{image}")).ok()["image"]
    assert [one["rel"] for one in shown["links"]] == ["self", "bookmark", "alternate"]
    meta = f"/images/{image}/metadata"
    assert (await ask(ann, "get", meta)).ok() == {"metadata": {}}
    assert (await ask(ann, "put", meta, {"metadata": {"a": "1", "b": "2"}})).status == 200
    added = (await ask(ann, "post", meta, {"metadata": {"b": "3", "c/d": "4"}})).json
    assert added["badRequest"]["message"].startswith("Invalid input for field/attribute metadata.")
    added = (await ask(ann, "post", meta, {"metadata": {"b": "3", "c": "4"}})).ok()
    assert added == {"metadata": {"a": "1", "b": "3", "c": "4"}}
    assert (await ask(ann, "put", f"{meta}/a", {"meta": {"a": "5"}})).ok() == {"meta": {"a": "5"}}
    assert said(await ask(ann, "put", f"{meta}/a", {"meta": {"b": "5"}})) == (
        400,
        "Request body and URI mismatch",
    )
    assert (await ask(ann, "get", f"{meta}/a")).ok() == {"meta": {"a": "5"}}
    assert (await ask(ann, "delete", f"{meta}/c")).status == 204
    assert said(await ask(ann, "delete", f"{meta}/c")) == (404, "Invalid metadata key")
    assert (await ask(ann, "get", meta)).ok() == {"metadata": {"a": "5", "b": "3"}}
    assert (await ann.get(f"{IMAGE}/images/{image}")).ok()["a"] == "5"
    bob = world.user("bob", "p2")
    assert said(await ask(bob, "get", f"/images/{image}")) == (404, "Image not found.")
    assert (await ann.get(f"{COMPUTE}{meta}", version="2.38")).status == 200
    assert (await ann.get(f"{COMPUTE}{meta}", version="2.39")).status == 404
    assert (await ask(ann, "delete", f"/images/{image}")).status == 204
    assert said(await ask(ann, "delete", f"/images/{image}")) == (404, "Image not found.")


async def test_volumes_and_snapshots(world: World) -> None:
    ann = world.user("ann")
    body = {"volume": {"size": 1, "display_name": "v", "metadata": {"a": "1"}, "availability_zone": "a"}}
    made = (await ask(ann, "post", "/os-volumes", body)).ok()["volume"]
    assert (made["displayName"], made["availabilityZone"], made["attachments"]) == ("v", "a", [{}])
    await world.settle()
    shown = (await ask(ann, "get", f"/os-volumes/{made['id']}")).ok()["volume"]
    assert shown == {**made, "status": "available"}
    assert (await ask(ann, "get", "/os-volumes/detail")).ok() == {"volumes": [shown]}
    assert (await ask(ann, "get", "/os-volumes?offset=1")).ok() == {"volumes": []}
    asked = {"snapshot": {"volume_id": made["id"], "display_name": "s"}}
    snapshot = (await ask(ann, "post", "/os-snapshots", asked)).ok()["snapshot"]
    assert (snapshot["volumeId"], snapshot["displayName"]) == (made["id"], "s")
    await world.settle()
    (one,) = (await ask(ann, "get", "/os-snapshots")).ok()["snapshots"]
    assert one == (await ask(ann, "get", f"/os-snapshots/{snapshot['id']}")).ok()["snapshot"]
    for path, id in (("os-snapshots", snapshot["id"]), ("os-volumes", made["id"])):
        assert (await ask(ann, "delete", f"/{path}/{id}")).status == 202
        await world.settle()
        assert (await ask(ann, "get", f"/{path}/{id}")).status == 404
    noun = "0a0a0a0a-0000-4000-8000-000000000000"
    assert said(await ask(ann, "get", f"/os-volumes/{noun}")) == (404, f"Volume {noun} could not be found.")
    anywhere = (await ask(ann, "post", "/os-volumes", {"volume": {"size": 1}})).ok()["volume"]
    assert anywhere["availabilityZone"] == ""
    wrong = await ask(ann, "post", "/os-volumes", {"volume": {"size": 0}})
    assert said(wrong)[0] == 400


async def test_what_the_other_service_forbids_is_forbidden(world: World) -> None:
    reader = world.user("rea", roles=("reader",))
    body = {"security_group": {"name": "web", "description": "d"}}
    assert (await ask(reader, "post", "/os-security-groups", body)).status == 403
    assert (await reader.get(f"{NETWORK}/security-groups")).status == 200


async def test_servers_with_networks_auto_are_put_into_a_topology_that_is_allocated_for_their_project(
    world: World,
) -> None:
    ann, root = world.user("ann"), world.admin
    asked = {"name": "s", "networks": "auto", "imageRef": await world.default_image(), "min_count": 2}
    body = {"server": {**asked, "flavorRef": await world.default_flavor()}}
    refused = await ann.post(f"{COMPUTE}/servers", body, version="2.37")
    why = f"Unable to automatically allocate a network for project {ann.project_id}"
    assert said(refused) == (400, why)
    external = await outside(world)
    default = {"network": {"is_default": True}}
    (await root.put(f"{NETWORK}/networks/{external}", default)).ok()
    pool = {
        "name": "p",
        "prefixes": ["10.9.0.0/16"],
        "default_prefixlen": 24,
        "is_default": True,
        "shared": True,
    }
    (await root.post(f"{NETWORK}/subnetpools", {"subnetpool": pool})).ok()
    (await ann.post(f"{COMPUTE}/servers", body, version="2.37")).ok()
    await world.settle()
    nets = {name for one in await ann.servers() for name in one["addresses"]}
    assert nets == {"auto_allocated_network"}
    assert [one["status"] for one in await ann.servers()] == ["ACTIVE"] * 2
