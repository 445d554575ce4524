"""Many creates at once against one limit: exactly as many as it says, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from fractus.app import wiring
from fractus.notify.node import LocalNotifier
from fractus.operations import cloud_rows
from fractus.quota.recount import recount
from fractus.settings.loading import load
from fractus.testing.asgi import App, HttpReply
from fractus.testing.user import COMPUTE
from fractus.testing.world import World
from tests.api.apart import PROJECT
from tests.api.processes import several
from tests.api.test_processes import by
from tools.lab.quota_burst import Burst, Who
from tools.ports import free_port

ROOT = Path(__file__).parents[2]
LIMIT, CREATES = 50, 200
QUOTA = {"instances": LIMIT, "cores": -1, "ram": -1}


# --- several APIs and workers, and clouds that come and go -------------------------------------------


@pytest.fixture
def apps() -> dict[str, App]:
    return {}


@pytest.fixture
async def apart(tmp_path: Path, apps: dict[str, App]) -> AsyncIterator[World]:
    made = several(apps, workers=2, apis=3)
    async with World(clouds=3, tmp_path=tmp_path, assemble=made, quota=QUOTA) as world:
        yield world


async def test_a_burst_fills_the_quota_to_the_last_while_clouds_go_away(
    apart: World, apps: dict[str, App]
) -> None:
    ann = apart.user("ann")
    body = {
        "name": "vm",
        "flavorRef": await apart.default_flavor(),
        "imageRef": await apart.default_image(),
        "networks": [{"uuid": (await ann.makes_network("big", cidr="10.64.0.0/16")).id}],
    }

    async def creates(number: int, **more: object) -> Counter[int]:
        async def one(which: int) -> HttpReply:
            asked = {"server": {**body, "name": f"vm{which}", **more}}
            return await by(apps[f"api{which % 3}"], ann, "POST", f"{COMPUTE}/servers", asked)

        replies = await asyncio.gather(*(one(which) for which in range(number)))
        refused = {reply.json["forbidden"]["message"] for reply in replies if reply.status == 403}
        assert len(refused) <= 1, "all are refused in the same words, for the same reason"
        return Counter(reply.status for reply in replies)

    first = asyncio.ensure_future(creates(CREATES))
    await apart.work_once()
    apart.cloud("a").faults.unreachable()
    await apart.work_once()
    apart.cloud("b").faults.loses_reply_once(kind="server", method="create")
    assert await first == {202: LIMIT, 403: CREATES - LIMIT}
    assert len(await ann.servers()) == LIMIT
    apart.cloud("a").faults.heals()
    await apart.settle()
    servers = await ann.servers()
    assert Counter(one["status"] for one in servers) == {"ACTIVE": LIMIT}

    for one in servers[:17]:
        await ann.deletes_server(one["id"])
    assert await creates(20) == {403: 20}, "they still take their place in their clouds"
    await apart.settle()
    assert await creates(CREATES) == {202: 17, 403: CREATES - 17}
    await apart.settle()
    absolute = (await ann.get(f"{COMPUTE}/limits")).ok()["limits"]["absolute"]
    assert absolute["totalInstancesUsed"] == len(await ann.servers()) == LIMIT
    await apart.assert_no_orphans()


# --- real processes ----------------------------------------------------------------------------------


class Processes:
    """Three APIs and a worker."""

    def __init__(self, state: Path) -> None:
        self._environ = {**os.environ, "FRACTUS_STATE": str(state)}
        self._environ |= {f"FRACTUS_QUOTA_{name}".upper(): str(limit) for name, limit in QUOTA.items()}
        self.ports = [free_port() for _ in range(3)]
        self.running: dict[str, Process] = {}

    async def start(self, name: str, *arguments: str) -> None:
        self.running[name] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.api.apart", *arguments, cwd=ROOT, env=self._environ
        )

    async def start_all(self) -> None:
        await self.start("work", "work")
        for number, port in enumerate(self.ports):
            await self.start(f"api{number}", "api", str(port))
        for number, port in enumerate(self.ports):
            await self._listens(f"api{number}", port)

    async def _listens(self, name: str, port: int) -> None:
        async with asyncio.timeout(180):
            while self.running[name].returncode is None:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.05)
        raise AssertionError(f"{name} ended at once")

    async def kill(self, name: str) -> None:
        """As by kill -9."""
        self.running[name].send_signal(signal.SIGKILL)
        await self.running[name].wait()

    async def stop(self) -> None:
        for one in self.running.values():
            if one.returncode is None:
                one.kill()
                await one.wait()


async def _cloud(state: Path) -> None:
    core = wiring.core(load(state, environ={}), notifier=LocalNotifier())
    settings = {"path": str(state / "sim.sqlite"), "hosts": 8}
    await cloud_rows.add(
        core.store, core.vault, name="sim", driver="simulated", identity="shared", settings=settings, auth={}
    )
    await core.close()


async def _thing(burst: Burst, path: str, body: dict[str, object], *, admin: bool = True) -> dict[str, str]:
    made: dict[str, str] = next(iter((await burst.well("POST", path, body, admin=admin)).values()))
    return made


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_real_processes_that_are_killed_meanwhile_give_exactly_the_quota(tmp_path: Path) -> None:
    await _cloud(tmp_path)
    processes = Processes(tmp_path)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            await processes.start_all()
            urls = [f"http://127.0.0.1:{port}" for port in processes.ports]
            burst = Burst(session, urls, Who(PROJECT, "anna", "root"))
            flavor = await _thing(
                burst, "/compute/v2.1/flavors", {"flavor": {"name": "f", "vcpus": 1, "ram": 64, "disk": 1}}
            )
            network = await _thing(burst, "/network/v2.0/networks", {"network": {"name": "n"}}, admin=False)
            subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "10.0.0.0/16"}
            await _thing(burst, "/network/v2.0/subnets", {"subnet": subnet}, admin=False)
            image = await burst.well(
                "POST",
                "/image/v2/images",
                {"name": "i", "disk_format": "raw", "container_format": "bare", "visibility": "public"},
                admin=True,
            )
            headers = {"X-Auth-Token": "root", "Content-Type": "application/octet-stream"}
            async with session.put(
                f"{urls[0]}/image/v2/images/{image['id']}/file", data=b"bits", headers=headers
            ) as put:
                assert put.status == 204

            async def halfway() -> None:
                await processes.kill("api1")
                await processes.kill("work")
                await processes.start("work", "work")

            server = {
                "flavorRef": flavor["id"],
                "imageRef": image["id"],
                "networks": [{"uuid": network["id"]}],
            }
            rounds = await burst.whole(server, limit=LIMIT, creates=CREATES, halfway=halfway)
        finally:
            await processes.stop()
    assert [str(one) for one in rounds if not one.well] == []
    assert rounds[1].answers == {202: LIMIT // 3, 403: CREATES - LIMIT // 3}
    core = wiring.core(load(tmp_path, environ={}), notifier=LocalNotifier())
    assert [one async for found in recount(core.store, core.quota, dry_run=True) for one in found] == []
    await core.close()
