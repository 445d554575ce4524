"""Quotas over the whole endpoint: every kind, whatever becomes of it, and what users are shown."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fractus.app import registry
from fractus.cli.main import cli
from fractus.quota import counting, usage
from fractus.quota.limits import StoredLimits
from fractus.quota.quota import Quota
from fractus.quota.recount import recount
from fractus.testing.asgi import HttpReply, call
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, User
from fractus.testing.world import World

MIB = 1 << 20
QUOTA = {
    "instances": 4,
    "cores": 6,
    "ram": 4096,
    "key_pairs": 2,
    "metadata_items": 3,
    "network": 4,
    "port": 5,
    "image_count_total": 3,
    "image_size_total": 2,
    "image_stage_total": 1,
    "image_count_uploading": 1,
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path, quota=QUOTA) as made:
        yield made


@pytest.fixture
async def ann(world: World) -> User:
    user = world.user("ann")
    await world.default_flavor()
    await world.default_image()
    await user.own_network()
    return user


def reported(reply: HttpReply) -> tuple[int, str]:
    (inner,) = reply.json.values()
    return reply.status, inner["message"]


async def check(world: World) -> None:
    """What is written down is what there is."""
    quota = Quota(registry.COSTS, registry.TABLES, StoredLimits({}))
    store = world.parts.store
    assert [one async for found in recount(store, quota, dry_run=True) for one in found] == []


# --- servers -----------------------------------------------------------------------------------------


async def test_nova_says_which_limit_it_was(world: World, ann: User) -> None:
    small = await world.admin.makes_flavor("small", vcpus=1, ram=512)
    large = await world.admin.makes_flavor("large", vcpus=4, ram=2048)
    await ann.boots_server("a", flavor=large)
    assert reported(await ann.asks_for_server("b", flavor=large)) == (
        403,
        "Quota exceeded for cores: Requested 4, but already used 4 of 6 cores",
    )
    assert reported(await ann.asks_for_server("b", flavor=large, min_count=2, max_count=5)) == (
        403,
        "Quota exceeded for cores, instances, ram: Requested 20, 2-5, 10240, but already used 4, 1, 2048 of 6, 4, 4096"
        " cores, instances, ram",
    )
    (await ann.asks_for_server("c", flavor=small, min_count=1, max_count=9)).ok()
    assert len(await ann.servers()) == 3, "as many as there are cores for"
    await world.settle()
    await check(world)


async def test_ports_are_limited_too_and_fewer_servers_are_made_for_it(world: World, ann: User) -> None:
    net = await ann.own_network()
    for number in range(3):
        await ann.makes_port(net, f"p{number}")
    (await ann.asks_for_server("a", min_count=1, max_count=4)).ok()
    assert len(await ann.servers()) == 2
    assert reported(await ann.asks_for_server("b")) == (403, "Maximum number of ports exceeded")
    await check(world)


async def test_a_server_takes_its_place_until_no_cloud_has_it(world: World, ann: User) -> None:
    servers = [await ann.boots_server(f"s{number}", zone="a") for number in range(4)]
    await world.settle()
    world.cloud("a").faults.unreachable()
    await ann.deletes_server(servers[0])
    await world.run_for(60)
    assert (await ann.asks_for_server("more")).status == 403, "it may still run there"
    world.cloud("a").faults.heals()
    await world.settle()
    assert (await ann.asks_for_server("more")).status == 202
    await check(world)


async def test_a_server_that_no_cloud_takes_is_counted_until_it_is_deleted(world: World, ann: User) -> None:
    for cloud in world.clouds:
        cloud.faults.refuses("Quota exceeded for instances", kind="server", method="create", elsewhere=True)
    server = await ann.boots_server("s")
    await world.settle()
    assert (await ann.server(server))["status"] == "ERROR"
    path = f"{COMPUTE}/limits"
    assert (await ann.get(path)).ok()["limits"]["absolute"]["totalInstancesUsed"] == 1
    await ann.deletes_server(server)
    await world.settle()
    assert (await ann.get(path)).ok()["limits"]["absolute"]["totalInstancesUsed"] == 0


async def test_a_childs_own_quota_sends_a_server_elsewhere(world: World, ann: User) -> None:
    for kind in ("network", "port", "server"):
        world.cloud("a").faults.refuses("Quota exceeded", kind=kind, method="create", elsewhere=True)
        server = await ann.boots_server(kind)
        await world.settle()
        shown = await ann.server(server)
        assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "b"), kind
        world.cloud("a").faults.heals()
        await ann.deletes_server(server)
        await world.settle()


async def test_what_one_server_may_have_is_a_quota_too(world: World, ann: User) -> None:
    metadata = {f"k{number}": "v" for number in range(4)}
    said = (403, "Maximum number of metadata items exceeds 3")
    assert reported(await ann.asks_for_server(metadata=metadata)) == said
    server = await ann.boots_server(metadata={"k0": "v"})
    await world.settle()
    path = f"{COMPUTE}/servers/{server}/metadata"
    assert reported(await ann.post(path, {"metadata": metadata})) == said
    quotas = {"quota_set": {"metadata_items": 5}}
    (await world.admin.put(f"{COMPUTE}/os-quota-sets/{ann.project_id}", quotas)).ok()
    (await ann.post(path, {"metadata": metadata})).ok()


async def test_keys_are_counted_for_their_user(world: World, ann: User) -> None:
    other = world.user("ann", project="p2")
    await ann.makes_keypair("one")
    await other.makes_keypair("two")
    body = {"keypair": {"name": "three"}}
    said = (403, "Quota exceeded, too many key pairs.")
    assert reported(await ann.post(f"{COMPUTE}/os-keypairs", body)) == said
    quotas = {"quota_set": {"key_pairs": 3}}
    (await world.admin.put(f"{COMPUTE}/os-quota-sets/{other.project_id}", quotas)).ok()
    assert reported(await ann.post(f"{COMPUTE}/os-keypairs", body)) == said
    (await other.post(f"{COMPUTE}/os-keypairs", body)).ok()
    (await ann.delete(f"{COMPUTE}/os-keypairs/one")).ok()
    await check(world)


# --- images ------------------------------------------------------------------------------------------

BITS = {"Content-Type": "application/octet-stream"}
RECORD = {"disk_format": "raw", "container_format": "bare"}


async def _record(user: User, name: str) -> str:
    return str((await user.post(f"{IMAGE}/images", {"name": name, **RECORD})).ok()["id"])


async def _put(user: User, image: str, size: int, part: str = "file", **headers: str) -> HttpReply:
    path = f"{IMAGE}/images/{image}/{part}"
    return await user.call("PUT", path, body=b"x" * size, headers={**BITS, **headers})


async def test_images_are_limited_in_number_and_in_size(world: World) -> None:
    bob = world.user("bob", "p7")
    ids = [await _record(bob, f"i{number}") for number in range(3)]
    refused = await bob.post(f"{IMAGE}/images", {"name": "i3", **RECORD})
    assert (refused.status, refused.json["title"]) == (413, "Request Entity Too Large")
    assert "Resource image_count_total is over limit of 3 due to current usage 3 and delta 1" in str(
        refused.json
    )
    assert (await _put(bob, ids[0], MIB + 1)).status == 204
    refused = await _put(bob, ids[1], MIB)
    assert refused.status == 413
    assert "Resource image_size_total is over limit of 2 due to current usage 1 and delta 1" in str(
        refused.json
    )
    assert (await bob.get(f"{IMAGE}/images/{ids[1]}")).ok()["status"] == "queued"
    assert (await _put(bob, ids[1], MIB - 1)).status == 204
    await check(world)
    (await bob.delete(f"{IMAGE}/images/{ids[0]}")).ok()
    assert (await _put(bob, ids[2], MIB + 1)).status == 204
    await check(world)


async def test_staged_bits_have_a_limit_of_their_own(world: World) -> None:
    bob = world.user("bob", "p7")
    one, other = await _record(bob, "one"), await _record(bob, "other")
    assert (await _put(bob, one, MIB + 1, "stage")).status == 413
    assert (await _put(bob, one, MIB, "stage")).status == 204
    refused = await _put(bob, other, 1)
    assert refused.status == 413
    assert "image_count_uploading" in str(refused.json), "one is on its way until it is imported"
    await check(world)
    (await bob.post(f"{IMAGE}/images/{one}/import", {"method": {"name": "glance-direct"}})).ok()
    assert (await _put(bob, other, 1)).status == 204
    await check(world)


async def _unannounced(size: int) -> AsyncIterator[bytes]:
    yield b"x" * size


async def test_an_upload_that_does_not_say_its_size_is_refused_at_its_end(world: World) -> None:
    bob = world.user("bob", "p7")
    image = await _record(bob, "big")
    path = f"{IMAGE}/images/{image}/file"
    headers = {"X-Auth-Token": bob.token, **BITS}
    reply = await call(world.app, "PUT", path, headers=headers, body=_unannounced(2 * MIB + 1))
    assert reply.status == 413
    assert (await bob.get(f"{IMAGE}/images/{image}")).ok()["status"] == "queued"
    assert (await bob.get(path)).status == 204, "nothing of it is kept"
    await check(world)
    assert (await _put(bob, image, 2 * MIB)).status == 204
    await check(world)


# --- whatever happens --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_life_usage_is_what_a_recount_finds(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    async with World(clouds=2, tmp_path=tmp_path, quota={**QUOTA, "port": 9}) as world:
        people = [world.user("ann"), world.user("bob"), world.user("eve", "p2")]
        for _ in range(60):
            await _something(world, dice, dice.choice(people))
            if dice.random() < 0.2:
                await world.work_once()
            if dice.random() < 0.1:
                await check(world)
        for cloud in world.clouds:
            cloud.faults.heals()
        await world.settle()
        await check(world)
        for user in people[1:]:
            absolute = (await user.get(f"{COMPUTE}/limits")).ok()["limits"]["absolute"]
            assert absolute["totalInstancesUsed"] == len(await user.servers()) <= QUOTA["instances"]


async def _something(world: World, dice: random.Random, user: User) -> None:
    """One thing that a user does, whatever comes of it."""
    verb = dice.choice(("boot", "delete", "port", "unport", "group", "rule", "image", "fault", "network"))
    if verb == "boot":
        reply = await user.asks_for_server(min_count=1, max_count=dice.randint(1, 3))
        assert reply.status in (202, 403, 400)
    elif verb == "delete":
        await _delete_one(dice, user, f"{COMPUTE}/servers")
    elif verb in ("unport", "network"):
        await _delete_one(dice, user, f"{NETWORK}/{'ports' if verb == 'unport' else 'networks'}")
    elif verb == "port":
        nets = [net["id"] for net in await user.listed(f"{NETWORK}/networks") if net["subnets"]]
        if nets:
            await user.post(f"{NETWORK}/ports", {"port": {"network_id": dice.choice(nets)}})
    elif verb == "group":
        await user.post(f"{NETWORK}/security-groups", {"security_group": {"name": f"g{dice.random()}"}})
    elif verb == "rule":
        group = dice.choice(await user.listed(f"{NETWORK}/security-groups"))["id"]
        port = dice.randint(1, 9)
        rule = {"security_group_id": group, "direction": "ingress", "protocol": "tcp"}
        rule |= {"port_range_min": port, "port_range_max": port}
        await user.post(f"{NETWORK}/security-group-rules", {"security_group_rule": rule})
        await _delete_one(dice, user, f"{NETWORK}/security-groups")
    elif verb == "image":
        reply = await user.post(f"{IMAGE}/images", {"name": "i", **RECORD})
        if reply.status == 201:
            await _put(user, reply.json["id"], dice.choice((1, MIB, 3 * MIB)))
        else:
            await _delete_one(dice, user, f"{IMAGE}/images")
    else:
        faults = dice.choice(world.clouds).faults
        dice.choice((faults.unreachable, faults.heals, faults.loses_reply_once, faults.refuses_once))()


async def _delete_one(dice: random.Random, user: User, path: str) -> None:
    things: list[dict[str, Any]] = await user.listed(path)
    if things:
        await user.delete(f"{path}/{dice.choice(things)['id']}")


# --- the operator ------------------------------------------------------------------------------------


async def test_the_operator_sees_and_mends_it(world: World, ann: User) -> None:
    await ann.boots_server("s")
    async with world.parts.store.transaction() as tx:
        await usage.add(tx, (usage.PROJECT, ann.project_id), {"instances": 2})
    state = str(world.tmp_path / "state")

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["quota", *arguments, "--state", state])
        return done.exit_code, done.output

    code, text = await asyncio.to_thread(run, "show", ann.project_id, "--format", "json")
    assert code == 0, text
    assert json.loads(text)["instances"] == {"limit": 10, "used": 3}
    code, text = await asyncio.to_thread(run, "recount", "--dry-run", "--project", ann.project_id)
    assert code == 1, text
    assert f"project {ann.project_id}: instances was 3, and there are 1" in text
    code, text = await asyncio.to_thread(run, "recount")
    assert code == 0, text
    assert "1 differences: it is right now" in text
    await check(world)
    costs, tables = registry.COSTS, registry.TABLES
    counted = await counting.count_owner(world.parts.store, costs, tables, ("project", ann.project_id))
    assert counted["instances"] == 1
