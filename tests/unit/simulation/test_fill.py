"""Clouds that begin with servers: they are as if the program had made each, and have the names that a parent knows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fractus.base.clock import SystemClock
from fractus.clouds.openstack import marks
from fractus.quota import recount
from fractus.reconcile.sweep.sweep import sweep
from fractus.simulation import INSIDE, ids, model
from fractus.simulation.child import Child
from fractus.simulation.fill import Filler
from fractus.simulation.plan import Plan
from fractus.testing.asgi import HttpReply, call
from tools.ports import free_port

pytestmark = pytest.mark.timeout(300)

CLOUDS, EACH = 2, 60


@pytest.fixture(scope="module", params=[True, False], ids=["owned", "not owned"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of filled clouds; the clouds of `owned` have a parent's markers."""
    path = tmp_path_factory.mktemp("filled")
    plan = Plan(clouds=CLOUDS, hosts=10, servers=EACH, owned=request.param, latency=0.0)
    made = asyncio.run(model.make(path / "model", owned=plan.owned))
    filler = Filler(path, plan, msgspec.json.decode(msgspec.json.encode(made), type=model.Model))
    for cloud in (1, 2):
        filler.fill(cloud, "secret")
    return path


class House:
    """One filled cloud, open."""

    def __init__(self, path: Path, cloud: int) -> None:
        self.owned = (path / "model" / "parent").exists()
        self.cloud = cloud
        name = ids.cloud_name(cloud)
        self.child = Child(path / name, name, f"http://127.0.0.1:{free_port()}", 10, SystemClock())
        self.token = ""

    async def __aenter__(self) -> House:
        await self.child.start()
        identity = self.child.identity
        user = identity.log_in(next(iter(identity.users.values())), "secret")
        self.token, _ = identity.issue(user, identity.projects[user.default_project_id])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.child.close()

    async def call(self, method: str, path: str, body: Any = None) -> HttpReply:
        """By the administrator."""
        headers = {"X-Auth-Token": self.token, "OpenStack-API-Version": "compute 2.90"}
        data = b"" if body is None else msgspec.json.encode(body)
        return await call(self.child, method, f"{self.child.url}{path}", headers=headers, body=data)

    async def listed(self, path: str, key: str) -> list[dict[str, Any]]:
        """All things of a listing."""
        found: list[dict[str, Any]] = (await self.call("GET", path)).ok()[key]
        return found


async def test_servers_have_the_names_that_both_sides_know(filled: Path) -> None:
    """Ids, projects, addresses and markers follow the rules; each is ACTIVE on a host."""
    async with House(filled, 2) as house:
        servers = await house.listed("/compute/v2.1/servers/detail?all_tenants=1", "servers")
        ports = {one["id"]: one for one in await house.listed("/network/v2.0/ports", "ports")}
    by_id = {one["id"]: one for one in servers}
    numbers = list(ids.numbers_in(2, CLOUDS, EACH))
    assert by_id.keys() == {ids.child_id("server", 2, number) for number in numbers}
    for number in numbers:
        server, port = by_id[ids.child_id("server", 2, number)], ports[ids.child_id("port", 2, number)]
        project = ids.project_of(number)
        assert server["status"] == "ACTIVE"
        assert server["name"] == ids.server_name(number)
        assert server["tenant_id"] == port["project_id"] == ids.child_project(project)
        assert server["OS-EXT-SRV-ATTR:host"] == ids.host(number, CLOUDS, 10)
        assert [one["addr"] for one in server["addresses"]["net"]] == [ids.ip(number)]
        assert port["mac_address"] == ids.mac(number)
        assert port["network_id"] == ids.child_id("network", 2, project)
        assert port["device_id"] == server["id"]
        marker = marks.from_tags(server["tags"])
        assert marker == (ids.parent_id("server", number) if house.owned else "")
        assert marks.from_tag(port["description"]) == (ids.parent_id("port", number) if house.owned else "")


async def test_the_cloud_below_says_the_same(filled: Path) -> None:
    """A full sweep finds nothing new, nobody has work, and the quotas add up: as if the program had made them all."""
    async with House(filled, 1) as house:
        parts = house.child.parts
        assert len(house.child.inside.backend.servers) == EACH
        machine = house.child.worker.machine
        assert await sweep(machine, INSIDE, full=True, kinds=tuple(machine.lifecycles)) == 0
        await sweep(
            machine, INSIDE, full=True
        )  # what is mirrored is read from the cloud below, and not filled
        wrong = [
            one async for found in recount.recount(parts.store, parts.quota, dry_run=True) for one in found
        ]
        assert wrong == []
        assert await house.child.worker.run_due() == 0


async def test_they_live_on(filled: Path) -> None:
    """One that was copied is stopped and deleted as any other, and a new one finds an address and a host."""
    async with House(filled, 1) as house:
        number = next(ids.numbers_in(1, CLOUDS, EACH))
        path = f"/compute/v2.1/servers/{ids.child_id('server', 1, number)}"
        (await house.call("POST", f"{path}/action", {"os-stop": None})).ok()
        await _until(house, path, "SHUTOFF")
        (await house.call("DELETE", path)).ok()
        while (await house.call("GET", path)).status != 404:
            await asyncio.sleep(0.1)
        inside = house.child.inside.backend
        assert ids.child_id("server inside", 1, number) not in inside.servers
        flavor = (await house.listed("/compute/v2.1/flavors", "flavors"))[0]["id"]
        project = house.child.identity.projects[ids.child_project(ids.project_of(number))]
        admin = next(iter(house.child.identity.users.values()))
        house.token, _ = house.child.identity.issue(admin, project)
        body = {
            "name": "new",
            "flavorRef": flavor,
            "imageRef": ids.parent_id("image", 1),
            "networks": [{"uuid": ids.child_id("network", 1, ids.project_of(number))}],
        }
        made = (await house.call("POST", "/compute/v2.1/servers", {"server": body})).ok()["server"]["id"]
        await _until(house, f"/compute/v2.1/servers/{made}", "ACTIVE")


async def _until(house: House, path: str, status: str) -> None:
    while (await house.call("GET", path)).ok()["server"]["status"] != status:
        await asyncio.sleep(0.1)
