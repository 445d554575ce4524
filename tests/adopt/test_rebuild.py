"""The database is lost, and made again from the clouds: what users see is what they saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fractus.model.errors import Conflict
from fractus.operations import cloud_identity
from fractus.reconcile.adopt import adopt as taking
from fractus.reconcile.adopt import rebuild as rebuilding
from fractus.reconcile.adopt.adopt import IdentityMapping, Report
from fractus.testing.crash import LISTINGS
from fractus.testing.natives import Natives
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, PUBLIC_KEY, MadeNetwork
from fractus.testing.world import World
from tests.adopt.takes import P1, changes, reported, take

_OF_NETWORKS = {
    "created_at": "the moment it was made there",
    "updated_at": "the last change there",
    "revision_number": "counted anew",
    "description": "the marker stands there",
    "tags": "ours alone",
}
#: What may differ after a rebuild: by collection and field, with the reason. All else must be as it was.
MAY_DIFFER: dict[str, dict[str, str]] = {
    "servers": {
        "created": "the moment it was made there, not the one it was asked for",
        "updated": "the last change there",
        "tags": "users' tags of servers are ours alone",
        "OS-EXT-SRV-ATTR:reservation_id": "ours alone",
        "pinned_availability_zone": "a request is not distinguished from a choice any more",
    },
    "flavors": {},
    "networks": {**_OF_NETWORKS, "availability_zone_hints": "ours alone"},
    "subnets": _OF_NETWORKS,
    "ports": {
        **_OF_NETWORKS,
        "device_owner": "has the zone as the cloud calls it",
        "fractus:reach": "noted when a server is placed; the zones of its network are shown by the network",
    },
    "security_groups": {**_OF_NETWORKS, "security_group_rules": "compared by itself, without ids and stamps"},
    "images": {
        "created_at": "the moment it was carried",
        "updated_at": "the last change there",
        "stores": "the bits in the store here are not found again",
        **dict.fromkeys(("os_hash_algo", "os_hash_value", "virtual_size"), "not shown by a simulated Glance"),
    },
}


async def rebuild(world: World, **more: Any) -> dict[str, Report]:
    """As the command does, given which fractus it was."""
    marks = await cloud_identity.marks_of(world.core, [cloud.name for cloud in world.clouds])
    if marks:
        (lost,) = marks
        await cloud_identity.become(world.core, lost, dry_run=more.get("dry_run", False))
    found, said = [], {}
    for cloud in world.clouds:
        child = world.core.children.get(cloud.name)
        assert child is not None
        found.append(await taking.survey(child, world.core.adoptions))
        names = await child.projects()
        if cloud.row.identity == "shared":
            said[cloud.name] = IdentityMapping({id: id for id in names}, same_users=True)
        else:
            said[cloud.name] = IdentityMapping(
                {
                    id: name.removeprefix("fractus-")
                    for id, name in names.items()
                    if name.startswith("fractus-")
                }
            )
    return await rebuilding.rebuild(world.core, found, said, **more)


async def seen(world: World) -> dict[str, dict[str, dict[str, Any]]]:
    """All documents that an administrator sees, by collection and id, without what may differ."""
    documents = {}
    for path in LISTINGS:
        body = (await world.admin.get(path, version="2.96" if "compute" in path else "")).ok()
        name = next(
            key for key, value in body.items() if isinstance(value, list) and not key.endswith("_links")
        )
        documents[name] = {one["id"]: _compared(name, one) for one in body[name]}
    return documents


def _compared(name: str, document: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in document.items() if key not in MAY_DIFFER[name]}
    if name == "security_groups":
        own = ("id", "created_at", "updated_at")
        rules = [
            {key: value for key, value in rule.items() if key not in own}
            for rule in document["security_group_rules"]
        ]
        plain["rules"] = sorted(rules, key=str)
    return plain


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Field by field."""
    found = []
    for name in before:
        for id in before[name].keys() | after[name].keys():
            old, new = before[name].get(id, {}), after[name].get(id, {})
            found += [
                f"{name} {old.get('name')} {field}: {old.get(field)!r} became {new.get(field)!r}"
                for field in old.keys() | new.keys()
                if old.get(field) != new.get(field)
            ]
    return sorted(found)


async def _a_life(world: World) -> list[str]:
    """Two users and all that they may have."""
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    big = await world.admin.makes_flavor("m1.big", vcpus=2, **{"id": "m1.big with.dots"})
    body = {"extra_specs": {"hw:cpu_policy": "shared"}}
    (await world.admin.post(f"{COMPUTE}/flavors/{big}/os-extra_specs", body)).ok()
    await ann.makes_keypair("laptop")
    group = await ann.makes_security_group("web")
    rule = {
        "direction": "ingress",
        "remote_group_id": group,
        "security_group_id": group,
        "description": "each other",
    }
    (await ann.post(f"{NETWORK}/security-group-rules", {"security_group_rule": rule})).ok()
    shared = await world.admin.makes_network("shared", shared=True, cidr="172.16.0.0/24")
    pools = {"allocation_pools": [{"start": "10.5.0.50", "end": "10.5.0.99"}], "dns_nameservers": ["9.9.9.9"]}
    net = await ann.makes_network("office", cidr="10.5.0.0/24", subnet=pools)
    image = await ann.makes_image("own", min_disk=1, os_distro="debian")
    servers = [
        await ann.boots_server(
            "web", zone="a", flavor=big, key="laptop", groups=["web", "default"], network=net, image=image,
            metadata={"role": "web"}, user_data="IyE=", config_drive=True, description="the web",
        ),
        await ann.boots_server("db", zone="b", network=net, image=image),
        await ben.boots_server("ben's", zone="b", network=shared),
    ]  # fmt: skip
    await world.settle()
    (await ann.acts(servers[1], "os-stop")).ok()
    await world.settle()
    await world.run_for(10)  # in which a sweep tells that the port of the stopped one is down
    return servers


@pytest.mark.parametrize("identity", ["shared", "own"])
async def test_what_users_see_is_what_they_saw(tmp_path: Path, identity: str) -> None:
    async with World(clouds=2, tmp_path=tmp_path, identity=identity) as world:
        servers = await _a_life(world)
        before = await seen(world)
        made = [len(changes(world, cloud.name)) for cloud in world.clouds]
        keys = (await world.user("ann").get(f"{COMPUTE}/os-keypairs")).ok()
        await world.loses_database()
        assert await world.user("ann").servers() == []
        dry = await rebuild(world, dry_run=True)
        assert await world.user("ann").servers() == []
        reports = await rebuild(world)
        assert [reported(report) for report in reports.values()] == [[], []]
        assert dry["a"].taken == reports["a"].taken
        await world.run_for(10)  # in which a sweep says that the clouds answer
        assert "\n".join(_differences(before, await seen(world))) == ""
        assert (await world.user("ann").get(f"{COMPUTE}/os-keypairs")).ok() == keys
        await world.sweep(full=True)
        await world.settle()
        assert [len(changes(world, cloud.name)) for cloud in world.clouds] == made, "nothing was touched"
        await world.assert_no_orphans()
        # And it goes on as if nothing had happened.
        ann = world.user("ann")
        (await ann.acts(servers[1], "os-start")).ok()
        (office,) = [one for one in await ann.listed(f"{NETWORK}/networks") if one["name"] == "office"]
        (image,) = [one for one in await ann.listed(f"{IMAGE}/images") if one["name"] == "own"]
        more = await ann.boots_server(
            "more", zone="a", key="laptop", flavor="m1.big with.dots", image=image["id"],
            network=MadeNetwork(office["id"], office["subnets"][0]),
        )  # fmt: skip
        await world.settle()
        assert (await ann.server(servers[1]))["status"] == "ACTIVE"
        assert (await ann.server(more))["status"] == "ACTIVE"
        for server in (*servers[:2], more):
            await ann.deletes_server(server)
        await world.settle()
        assert [server["id"] for server in await world.user("ben", project="p2").servers()] == [servers[2]]


async def test_what_had_been_taken_over_comes_back_with_what_uses_it(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    net = natives.network("office")
    vm = natives.server("db", net)
    await take(world)
    ann = world.user("ann")
    ours = await ann.boots_server("app", zone="a", network=MadeNetwork(net.network.id, net.subnet.id))
    await world.settle()
    before = {server["id"]: server["addresses"] for server in await ann.servers()}
    await world.loses_database(bits=False)
    reports = await rebuild(world)
    assert reported(reports["a"]) == []
    assert [server["id"] for server in await ann.servers()] == [ours]
    report = await take(world)
    assert reported(report) == []
    assert {server["id"]: server["addresses"] for server in await ann.servers()} == before
    assert vm.id in before


async def test_a_database_that_is_not_empty_is_left_alone(world: World) -> None:
    await rebuilding.check_empty(world.core)
    await world.user("ann").makes_keypair("k", PUBLIC_KEY)
    with pytest.raises(Conflict, match="not empty"):
        await rebuilding.check_empty(world.core)
