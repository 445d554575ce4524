"""The operator's commands, over a simulated cloud in a file: what they print, and what they leave."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fractus.app.kinds import ENTRIES
from fractus.base.clock import SystemClock
from fractus.base.ids import new_id
from fractus.cli import adopt
from fractus.cli.main import cli
from fractus.cli.parts import with_parts
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.records import ServerGroupRecord
from fractus.clouds.simulated.shape import Shape
from fractus.model.resource import Resource
from fractus.settings.loading import load
from fractus.testing.natives import Natives


class Place:
    """A state directory, and a cloud with a life of its own."""

    def __init__(self, directory: Path) -> None:
        self.state, self.file = directory / "state", directory / "old.sqlite"
        self.backend = SimulatedBackend(Shape(path=str(self.file)), SystemClock())
        natives = Natives(self, "p1", name="research")
        net = natives.network("office")
        home = self.backend.records
        home.put(ServerGroupRecord(id=new_id(), project_id="p1", name="together", policy="affinity"))
        self.servers = [natives.server(f"vm{number}", net, volumes=[f"v{number}"]) for number in range(3)]
        Natives(self, "p2", name="others").server("theirs", natives.network("else", cidr="10.1.0.0/24"))

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--state", str(self.state)], prog_name="fractus")

    def add(self, identity: str = "shared") -> None:
        done = self.run(
            "cloud",
            "add",
            "old",
            "--driver",
            "simulated",
            "--setting",
            f"path={self.file}",
            "--identity",
            identity,
        )
        assert done.exit_code == 0, done.output

    def servers_here(self) -> dict[str, Resource | None]:
        settings = load(str(self.state))

        async def fetch(parts: object) -> dict[str, Resource | None]:
            every = {}
            for one in self.servers:
                every[one.id] = await parts.resources.fetch(parts.store, "server", one.id)  # type: ignore[attr-defined]
            return every

        return with_parts(settings, fetch)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(adopt, "_UNDER_WAY", 0.0)
    monkeypatch.setenv("COLUMNS", "200")
    return Place(tmp_path)


def test_a_cloud_is_taken_over_and_let_go_of(place: Place) -> None:
    place.add()
    dry = place.run("cloud", "adopt", "old", "--project", "research", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "12 things would be taken over in old, 0 conflicts" in dry.output
    assert "left alone: 1 server: its project is none of those that were named" in dry.output
    assert "projects that were not named: others" in dry.output
    assert "left alone, not taken over yet: 1 server_group (simulated): together" in dry.output
    assert set(place.servers_here().values()) == {None}
    few = place.run("cloud", "adopt", "old", "--project", "research", "--at-most", "5")
    assert few.exit_code == 1
    assert "This would take over 12 things" in few.output
    done = place.run("cloud", "adopt", "old", "--project", "research")
    assert done.exit_code == 0, done.output
    assert "12 things taken over in old, 0 conflicts" in done.output
    here = place.servers_here()
    assert [server.status for server in here.values() if server] == ["ACTIVE"] * 3
    asked = place.run("cloud", "remove", "old", "--detach")
    assert asked.exit_code == 1
    assert "Nothing was changed" in asked.output
    gone = place.run("cloud", "remove", "old", "--detach", "--yes")
    assert gone.exit_code == 0, gone.output
    assert "gone from here, and still there: 3 server" in gone.output
    assert len(place.backend.servers) == 4
    assert all(server and server.deleted_at for server in place.servers_here().values())


def test_projects_of_another_keystone_have_to_be_named(place: Place) -> None:
    place.add("own")
    nobody = place.run("cloud", "adopt", "old", "--dry-run")
    assert "left alone: 4 server: its project is none of those that were named" in nobody.output
    wrong = place.run("cloud", "adopt", "old", "--project", "nonsense=0123456789abcdef0123456789abcdef")
    assert wrong.exit_code == 1
    assert "old has no project 'nonsense'. It has: " in wrong.output
    assert (
        "is not of the form CHILD=OURS" in place.run("cloud", "adopt", "old", "--project", "research").output
    )
    mine = "0123456789abcdef0123456789abcdef"
    done = place.run("cloud", "adopt", "old", "--project", f"research={mine}")
    assert done.exit_code == 0, done.output
    assert {server.project_id for server in place.servers_here().values() if server} == {mine}
    twice = place.run("cloud", "adopt", "old", "--project", f"others={mine}")
    assert twice.exit_code == 1
    assert "it cannot be two there" in twice.output
    again = place.run("cloud", "adopt", "old")
    assert "0 things taken over in old" in again.output, "what was said is kept with the cloud"


def test_a_rebuild_needs_clouds_and_an_empty_database(place: Place) -> None:
    assert "There is no cloud to rebuild from" in place.run("rebuild").output
    place.add()
    done = place.run("rebuild", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "without our marker: 4 server" in done.output
    assert "What cannot be read off the clouds:" in done.output
    local = [one.kind.name for one in ENTRIES if one.lifecycle is None and one.kind.parent is None]
    assert local
    assert all(kind in done.output for kind in local)
    place.run("cloud", "adopt", "old", "--project", "research")
    full = place.run("rebuild")
    assert full.exit_code == 1
    assert "The database is not empty" in full.output
    assert place.run("rebuild", "--into-existing").exit_code == 0


def test_a_cloud_that_there_is_not(place: Place) -> None:
    for words in (["cloud", "adopt", "nowhere"], ["cloud", "remove", "nowhere", "--detach"]):
        done = place.run(*words)
        assert (done.exit_code, str(done.exception)) in (
            (1, "1"),
            (1, "There is no cloud named 'nowhere'. There are: none yet."),
        )
