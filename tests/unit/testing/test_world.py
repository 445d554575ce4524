"""`World` itself: time, accidents, and that what must hold is really looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fractus.base.ids import new_id
from fractus.clouds.simulated.actuator import Simulated
from fractus.model.cloud import Scope
from fractus.model.network import NetworkWanted
from fractus.testing.crash import AFTER, BEFORE, LOST, CrashMatrix, Spot, differences
from fractus.testing.world import Killed, NotSettled, World
from tests.crash.test_server_stories import boots


async def test_a_story(tmp_path: Path) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        ann, ben = world.user("ann"), world.user("ben", project="p2")
        server = await ann.boots_server(zone="b")
        assert (await ann.server(server))["status"] == "BUILD"
        await world.settle()
        shown = await ann.server(server)
        assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "b")
        assert await ben.servers() == []
        assert len(world.cloud("b").of("server", ann.project_id)) == 1
        assert not world.cloud("a").of("server")
        await world.assert_no_orphans()
        with pytest.raises(AssertionError, match=r"server vm .* in b"):
            await world.assert_nothing_left()
        await ann.deletes_server(server)
        await world.settle()
        await ann.deletes_network(await ann.own_network())
        await world.settle()
        await world.assert_nothing_left()


async def test_time_goes_by_with_the_worker_at_work(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path, shape={"boot_seconds": 100}) as world:
        ann = world.user("ann")
        server = await ann.boots_server()
        began = world.clock.monotonic()
        await world.run_for(60)
        assert world.clock.monotonic() - began == pytest.approx(60, abs=0.01)
        assert (await ann.server(server))["status"] == "BUILD"
        await world.run_for(60)
        assert (await ann.server(server))["status"] == "ACTIVE"


async def test_what_does_not_settle_is_named(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        server = await ann.boots_server(zone="a")
        world.cloud("a").faults.unreachable()
        with pytest.raises(NotSettled, match=f"(?s)server {server} in a.*connection refused"):
            await world.settle(within=120)
        world.cloud("a").faults.heals()
        await world.settle()
        assert (await ann.server(server))["status"] == "ACTIVE"


async def test_a_hanging_cloud_does_not_stop_the_story(tmp_path: Path) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        world.cloud("a").faults.hangs(timeout=20.0)
        slow = await ann.boots_server("slow", zone="a")
        quick = await ann.boots_server("quick", zone="b")
        # World's rounds wait for the slowest call of each; the worker itself keeps clouds apart (tests/unit/reconcile).
        await world.run_for(240)
        assert (await ann.server(quick))["status"] == "ACTIVE"
        assert (await ann.server(slow))["status"] != "ACTIVE"
        world.cloud("a").faults.resumes()
        await world.settle()
        assert (await ann.server(slow))["status"] == "ACTIVE"
        assert len(world.cloud("a").marked("server", slow)) == 1
        await world.assert_no_orphans()


async def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        server = await ann.boots_server()

        def die(call: object) -> None:
            world.cloud("a").faults.after_change = None
            raise Killed

        world.cloud("a").faults.after_change = die
        await world.settle()
        assert world.deaths == 1
        assert (await ann.server(server))["status"] == "ACTIVE"
        await world.assert_no_orphans()


async def test_an_orphan_is_seen(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        driver = world.cloud("a").connect(world)
        await driver.actuators()["network"].create(Scope("p"), NetworkWanted(id=new_id()))
        with pytest.raises(AssertionError, match="only clouds know of"):
            await world.assert_no_orphans()


@pytest.mark.parametrize("how", [AFTER, LOST])
async def test_the_crash_matrix_finds_a_double(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that never finds what it made: the very fault that the matrix is there for."""

    async def blind(self: object, scope: Scope, wanted: object) -> None:
        return None

    monkeypatch.setattr(Simulated, "find", blind)
    matrix = CrashMatrix(boots, lambda directory: World(clouds=1, tmp_path=directory), tmp_path)
    reported = await matrix.play(Spot("a", "security_group", "create", 1), how)
    assert any("was twice in a" in wrong for wrong in reported.wrongs)


async def test_the_crash_matrix_says_when_it_did_not_strike(tmp_path: Path) -> None:
    matrix = CrashMatrix(boots, lambda directory: World(clouds=1, tmp_path=directory), tmp_path)
    reported = await matrix.play(Spot("a", "server", "create", 7), BEFORE)
    assert reported.wrongs == ["was never met: the story is not the same every time"]


def test_differences_are_shown_line_by_line() -> None:
    one = {"same": [1], "servers": [{"name": "vm", "status": "ACTIVE"}]}
    other = {"same": [1], "servers": [{"name": "vm", "status": "ERROR"}]}
    assert differences(one, one) == []
    [paragraph] = differences(one, other)
    assert '-     "status": "ACTIVE"' in paragraph
    assert '+     "status": "ERROR"' in paragraph


_TEST_FILE = """
import asyncio

async def test_tidy():
    await asyncio.create_task(asyncio.sleep(0))

async def test_leaves_a_task():
    leave.append(asyncio.create_task(asyncio.sleep(60), name="left-over"))

leave = []
"""


@pytest.mark.slow
def test_a_task_that_outlives_its_test_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "test_tasks.py").write_text(_TEST_FILE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "fractus.testing.plugin",
        "-o",
        "asyncio_mode=auto",
    ]
    run = subprocess.run(
        [*command, "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "2 passed" in run.stdout, run.stdout + run.stderr
    assert "1 error" in run.stdout, "the tidy test passes, the other one too, and then its task is found"
    assert "tasks were left running" in run.stdout
    assert "left-over" in run.stdout
