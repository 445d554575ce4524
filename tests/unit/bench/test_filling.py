"""The store that is measured is like one that the program has written itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.creates import server_body
from bench.filling import Filled, Plan, fill, keep, port_id, server_id
from bench.load import Figures, Processor, measure
from bench.table import table
from fractus.app import wiring
from fractus.auth.principal import Principal
from fractus.base.clock import SystemClock
from fractus.notify.node import LocalNotifier
from fractus.quota.recount import recount
from fractus.services.compute.servers.table import SERVER
from fractus.settings.loading import load
from fractus.simulation import ids
from fractus.store import presences
from fractus.store.listing import page
from fractus.testing.asgi import App, HttpReply, call
from fractus.testing.tokens import StaticTokens

SERVERS = 30
PROJECT = "b" * 32


class Api:
    """The API over the filled store."""

    def __init__(self, app: App, token: str, filled: Filled) -> None:
        self._app, self._token, self.filled = app, token, filled

    async def ask(self, method: str, path: str, body: Any = None) -> HttpReply:
        headers = {
            "X-Auth-Token": self._token,
            "OpenStack-API-Version": "compute 2.104",
            "Content-Type": "application/json",
        }
        sent = b"" if body is None else msgspec.json.encode(body)
        return await call(self._app, method, path, headers=headers, body=sent)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Filled]:
    directory = tmp_path_factory.mktemp("filled")
    return directory / "state", asyncio.run(fill(directory, SERVERS, PROJECT))


@pytest.fixture
async def api(made: tuple[Path, Filled], tmp_path: Path) -> AsyncIterator[Api]:
    state, filled = made
    shutil.copytree(state, tmp_path / "state")
    clock = SystemClock()
    settings = load(tmp_path / "state", environ={}, overrides={"quota": {"unlimited": True}})
    core = wiring.core(settings, notifier=LocalNotifier(), clock=clock)
    tokens = StaticTokens(clock)
    principal = Principal(
        user_id="u",
        user_name="bench",
        project_id=PROJECT,
        roles=frozenset({"member", "reader"}),
        is_admin=False,
    )
    yield Api(wiring.api(core, tokens, tokens), tokens.issue(principal), filled)
    await core.close()


async def test_every_server_is_whole_and_its_own(api: Api) -> None:
    servers = (await api.ask("GET", "/compute/v2.1/servers/detail")).ok()["servers"]
    assert len(servers) == SERVERS
    numbers = range(SERVERS, 0, -1)
    assert [server["name"] for server in servers] == [ids.server_name(n) for n in numbers]
    assert [server["id"] for server in servers] == [server_id(n) for n in numbers]
    assert {"ACTIVE"} <= {server["status"] for server in servers} <= {"ACTIVE", "SHUTOFF", "ERROR"}
    addresses = {server["addresses"]["net"][0]["addr"] for server in servers}
    assert len(addresses) == SERVERS
    assert {server["OS-EXT-AZ:availability_zone"] for server in servers} == {"sim-001", "sim-002"}


async def test_every_server_has_its_port(api: Api) -> None:
    ports = (await api.ask("GET", "/network/v2.0/ports")).ok()["ports"]
    servers = (await api.ask("GET", "/compute/v2.1/servers/detail")).ok()["servers"]
    assert {port["device_id"] for port in ports} == {server["id"] for server in servers}
    assert {port["mac_address"] for port in ports} == {
        server["addresses"]["net"][0]["OS-EXT-IPS-MAC:mac_addr"] for server in servers
    }
    one = (await api.ask("GET", f"/network/v2.0/ports/{port_id(7)}")).ok()["port"]
    assert one["device_id"] == server_id(7)


async def test_nothing_is_said_to_be_stale(api: Api) -> None:
    reply = await api.ask("GET", "/compute/v2.1/servers/detail")
    assert reply.status == 200
    assert "fractus-stale" not in reply.headers


async def test_more_servers_can_be_made(api: Api) -> None:
    filled = api.filled
    body = server_body("another", filled.flavor_id, filled.image_id, filled.network_id)
    reply = await api.ask("POST", "/compute/v2.1/servers", body)
    assert reply.status == 202
    ports = (await api.ask("GET", f"/network/v2.0/ports?device_id={reply.ok()['server']['id']}")).ok()[
        "ports"
    ]
    assert ports[0]["fixed_ips"][0]["ip_address"].startswith("10.255.")


async def test_many_projects_and_what_each_of_them_uses(tmp_path: Path) -> None:
    plan = Plan(servers=300, clouds=7, hosts=5, tail=2, projects={1: PROJECT})
    await keep(tmp_path, plan)
    file = tmp_path / "state" / "fractus.db"
    before = file.stat().st_mtime_ns
    await keep(tmp_path, plan)
    assert file.stat().st_mtime_ns == before, "the same plan is not written again"

    core = wiring.core(load(tmp_path / "state", environ={}), notifier=LocalNotifier())
    try:
        rows = await page(core.store, SERVER, [], columns=("id", "project_id", "cloud", "status"), limit=1000)
        assert len(rows) == plan.total == 340
        held = {row[0]: row[1:] for row in rows}
        for number in range(1, plan.total + 1):
            project, cloud, _status = held[server_id(number)]
            assert project == plan.project_id(plan.project_of(number))
            assert cloud in ("", ids.cloud_name(ids.cloud_of(number, 7)))
        assert {row[3] for row in rows} == {"ACTIVE", "SHUTOFF", "ERROR"}
        owners = [
            PROJECT,
            plan.project_id(ids.PROJECTS + 1),
            plan.project_id(ids.PROJECTS + 2),
        ]
        used = [await core.quota.used(core.store, owner) for owner in owners]
        assert [one["instances"] for one in used[1:]] == [20, 20]
        assert used[0]["instances"] == sum(row[1] == PROJECT for row in rows)
        async for differences in recount(core.store, core.quota, dry_run=True):
            assert differences == []
        there = await presences.fetch(core.store, "server", server_id(7), "sim-007")
        assert there is not None
        assert there.remote_id == ids.child_id("server", 7, 7)
    finally:
        await core.close()


async def test_calls_are_counted_and_timed() -> None:
    numbers = []

    async def job(number: int) -> None:
        numbers.append(number)

    figures = await measure(job, Processor([]), seconds=60.0, at_once=3, most=10)
    assert numbers[0] == -1, "one call comes before the counting"
    assert sorted(numbers[1:]) == list(range(10))
    assert figures.calls == 10
    assert figures.cpu is None
    assert 0 <= figures.p50 <= figures.p99


def test_the_table_has_ratios_where_both_were_asked() -> None:
    ours = {"A": Figures(20, 2.0, 4.0, 8.0, 100.0), "B": Figures(20, 1.0, 1.0, 1.0, 1.0)}
    lines = table(ours, {"A": Figures(5, 100.0, 40.0, 50.0, 3.0)}).splitlines()
    assert lines[2] == "| A | 2.00 | 4.00 | 8.00 | 100 | 100 | 40.0 |  | 50 x | 10 x |", "5 calls have no p99"
    assert lines[3] == "| B | 1.00 | 1.00 | 1.00 | 1.00 |  |  |  |  |  |"
