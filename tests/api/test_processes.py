"""API and workers as processes of their own over one SQLite file: writes interleave, nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from fractus.testing.asgi import App, HttpReply, call
from fractus.testing.user import COMPUTE, NETWORK, User
from fractus.testing.world import World
from tests.api.processes import several
from tests.api.rows import rows_of


@pytest.fixture
def apps() -> dict[str, App]:
    return {}


@pytest.fixture
async def apart(tmp_path: Path, apps: dict[str, App]) -> AsyncIterator[World]:
    """Two APIs and two workers, four stores on one file."""
    async with World(clouds=2, tmp_path=tmp_path, assemble=several(apps, workers=2, apis=2)) as world:
        yield world


def _doubles(world: World) -> list[str]:
    found = []
    for cloud in world.clouds:
        made = Counter((one.kind, one.id) for one in cloud.faults.calls(method="create"))
        found += [
            f"{kind} {id} was made {count} times in {cloud.name}"
            for (kind, id), count in made.items()
            if count > 1
        ]
    return found


async def by(app: App, user: User, method: str, path: str, body: object = None) -> HttpReply:
    headers = {"X-Auth-Token": user.token, "Content-Type": "application/json"}
    data = b"" if body is None else msgspec.json.encode(body)
    return await call(app, method, path, headers=headers, body=data)


async def test_what_one_api_answered_the_other_tells_at_once(apart: World, apps: dict[str, App]) -> None:
    ann = apart.user("ann")
    for number in range(10):
        one, other = (apps["api0"], apps["api1"])[:: 1 if number % 2 else -1]
        made = await by(one, ann, "POST", f"{NETWORK}/networks", {"network": {"name": f"n{number}"}})
        id = made.ok()["network"]["id"]
        assert (await by(other, ann, "GET", f"{NETWORK}/networks/{id}")).status == 200
        (await by(other, ann, "PUT", f"{NETWORK}/networks/{id}", {"network": {"name": "new"}})).ok()
        assert (await by(one, ann, "GET", f"{NETWORK}/networks/{id}")).ok()["network"]["name"] == "new"
        if number % 3 == 0:
            (await by(one, ann, "DELETE", f"{NETWORK}/networks/{id}")).ok()
            assert (await by(other, ann, "GET", f"{NETWORK}/networks/{id}")).status == 404


async def test_users_write_while_workers_work(apart: World) -> None:
    """Boots, stops, renames and deletes come in at every moment of the machine's work."""
    ann = apart.user("ann")
    network = await ann.makes_network("busy", cidr="10.40.0.0/22")
    await apart.default_flavor(), await apart.default_image()
    servers: list[str] = []
    for round in range(12):
        writes = [ann.boots_server(f"vm{round}-{number}", network=network) for number in range(2)]
        made, *_ = await asyncio.gather(
            asyncio.gather(*writes), apart.work_once(), apart.work_once(), _disturb(ann, servers, round)
        )
        servers += made
        await apart.clock.advance(0.7)
    await apart.settle()
    shown = {server["id"]: server for server in await ann.servers()}
    gone = {id for number, id in enumerate(servers) if number % 5 == 4}
    assert set(shown) == set(servers) - gone
    assert {server["status"] for server in shown.values()} <= {"ACTIVE", "SHUTOFF"}
    assert _doubles(apart) == []
    await apart.assert_no_orphans()
    for id in shown:
        await ann.deletes_server(id)
    await apart.settle()
    await ann.deletes_network(network)
    await apart.settle()
    await apart.assert_nothing_left()


async def _disturb(ann: User, servers: list[str], round: int) -> None:
    """Things that are done to servers in whatever state they are; a 409 is an answer too."""
    for number, id in enumerate(servers):
        path = f"{COMPUTE}/servers/{id}"
        if number % 5 == 4 and number // 2 + 2 == round:
            assert (await ann.delete(path)).status == 204
        elif number % 5 == round % 5:
            assert (await ann.acts(id, "os-stop")).status in (202, 404, 409)
        elif number % 5 == (round + 1) % 5:
            reply = await ann.put(path, {"server": {"name": f"renamed{round}"}})
            assert reply.status in (200, 404), reply.body


async def test_two_workers_share_the_work_and_do_nothing_twice(apart: World) -> None:
    ann = apart.user("ann")
    for zone in ("a", "b"):
        (await ann.asks_for_server("vm", zone=zone, min_count=10)).ok()
    await apart.settle()
    servers = await ann.servers()
    assert Counter(server["status"] for server in servers) == {"ACTIVE": 20}
    assert Counter(server["OS-EXT-AZ:availability_zone"] for server in servers) == {"a": 10, "b": 10}
    assert _doubles(apart) == []
    await apart.assert_no_orphans()


async def test_two_apis_give_no_address_twice(apart: World, apps: dict[str, App]) -> None:
    ann = apart.user("ann")
    network = await ann.makes_network("tight", cidr="10.41.0.0/27")
    body = {"port": {"network_id": network.id}}
    replies = await asyncio.gather(
        *(by(apps[f"api{number % 2}"], ann, "POST", f"{NETWORK}/ports", body) for number in range(40))
    )
    assert Counter(reply.status for reply in replies) == {201: 29, 409: 11}
    ports = [reply.json["port"] for reply in replies if reply.status == 201]
    assert len({port["fixed_ips"][0]["ip_address"] for port in ports}) == 29
    assert len({port["mac_address"] for port in ports}) == 29


async def test_a_name_that_must_be_the_only_one_is_given_once(apart: World, apps: dict[str, App]) -> None:
    ann = apart.user("ann")
    from_admin = {"flavor": {"name": "one", "vcpus": 1, "ram": 64, "disk": 1}}
    key = {
        "keypair": {
            "name": "one",
            "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHs0v9GLLbl3GXzP7G0nG0q4NvyjcJbhyXyD2F1Vh0zm x",
        }
    }
    for user, path, body, good in (
        (apart.admin, f"{COMPUTE}/flavors", from_admin, 200),
        (ann, f"{COMPUTE}/os-keypairs", key, 200),
        (ann, f"{NETWORK}/security-groups", None, 200),
    ):
        method = "POST" if body else "GET"
        replies = await asyncio.gather(*(by(apps[f"api{n % 2}"], user, method, path, body) for n in range(8)))
        statuses = Counter(reply.status for reply in replies)
        assert statuses == ({good: 1, 409: 7} if body else {200: 8}), path
    rows = await rows_of(apart)
    assert len([row for row in rows["security_group"] if "default" in row]) == 1


async def test_a_worker_that_dies_leaves_its_work_to_the_other(apart: World) -> None:
    """Leases of a dead worker run out; nothing of what it had begun is begun a second time."""
    ann = apart.user("ann")
    server = await ann.boots_server("vm", zone="a")
    dying, living = apart.parts.worker.workers  # type: ignore[attr-defined]
    await dying.run_due()
    claimed = await dying._claim("a", 100)
    assert claimed, "it has taken work, and dies with it"
    apart.parts.worker.workers = [living]  # type: ignore[attr-defined]
    await apart.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert apart.clock.monotonic() > 60, "its lease had to run out"
    assert _doubles(apart) == []
    await apart.assert_no_orphans()
