"""State in a file: shared by processes, kept over restarts, snapshots."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.clouds.simulated.shape import Shape
from fractus.model.cloud import CloudRow
from fractus.model.errors import Refused
from fractus.testing.clock import VirtualClock
from tests.unit.clouds_simulated.conftest import ANN, Place

_OTHER_PROCESS = """
import asyncio, sys
from fractus.base.clock import SystemClock
from fractus.base.ids import new_id
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.cloud import CloudRow, Scope
from fractus.model.network import NetworkWanted

async def main():
    row = CloudRow(name="sim", driver="simulated", settings={"path": sys.argv[1]})
    cloud = SimulatedCloud.connect(row, clock=SystemClock())
    for _ in range(int(sys.argv[2])):
        await cloud.actuators()["network"].create(Scope("p"), NetworkWanted(id=new_id()))
    await cloud.close()

asyncio.run(main())
"""


def test_two_processes_write_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "cloud.sqlite"
    command = [sys.executable, "-c", _OTHER_PROCESS, str(path), "100"]
    others = [subprocess.Popen(command) for _ in range(2)]
    assert [other.wait(60) for other in others] == [0, 0]
    backend = SimulatedBackend(Shape(path=str(path)), VirtualClock())
    assert len(backend.networks) == 200
    backend.close()


async def test_state_in_a_file_survives(tmp_path: Path) -> None:
    clock = VirtualClock()
    row = CloudRow(name="sim", driver="simulated", settings={"weight": 2.0})
    place = Place(clock, tmp_path, path=str(tmp_path / "sim.sqlite"))
    made = await place.server()
    await place.cloud.close()
    await clock.advance(10)
    again = SimulatedCloud.connect(row, clock=clock, directory=tmp_path)
    assert (await again.actuators()["server"].observe(ANN, made.remote_id)).status == "ACTIVE"
    await again.close()


async def test_two_drivers_move_one_server_on_once(tmp_path: Path) -> None:
    clock = VirtualClock()
    one = Place(clock, tmp_path, path=str(tmp_path / "sim.sqlite"))
    other = Place(clock, tmp_path, path=str(tmp_path / "sim.sqlite"))
    made = await one.server()
    await clock.advance(10)
    assert (await one.now(made)) == (await other.now(made))
    assert len(other.backend.servers[made.remote_id].boots) == 1
    await one.cloud.close()
    await other.cloud.close()


async def test_a_snapshot_is_a_cloud(place: Place, tmp_path: Path, clock: VirtualClock) -> None:
    made = await place.server()
    place.backend.save_to(tmp_path / "snapshot.sqlite")
    await place["server"].delete(ANN, made.remote_id)
    copy = SimulatedBackend(Shape(path=str(tmp_path / "snapshot.sqlite")), clock)
    assert copy.servers[made.remote_id].task_state == "scheduling"
    copy.close()


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.sqlite") as old:
        old.execute("PRAGMA user_version=99")
    old.close()
    with pytest.raises(ValueError, match="another version"):
        SimulatedBackend(Shape(path=str(tmp_path / "old.sqlite")), VirtualClock())


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="hosts"):
        Shape.of({"hosts": "many"})


@pytest.mark.parametrize("identity", ["shared", "own"])
async def test_projects_are_mapped_where_the_cloud_has_its_own(identity: str) -> None:
    row = CloudRow(name="sim", driver="simulated", identity=identity)
    cloud = SimulatedCloud.connect(row, clock=VirtualClock())
    id, name = cloud.project_of(ANN)
    assert (id == ANN.project_id) == (identity == "shared")
    # As the real driver names what it makes: a project that is ours can be distinguished from the cloud's own.
    assert name == ("ann's" if identity == "shared" else "fractus-p-ann")
    await cloud.close()
