"""The code of the last release runs on the schema of this one, which may so be changed while old processes run."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from fractus.store import migrate
from fractus.testing.user import COMPUTE
from fractus.testing.world import World

ROOT = Path(migrate.__file__).parents[2]
VERSIONS = "fractus/store/migrations/versions"

#: A whole life, for the old code. How old code gets past the door of a newer database is tested elsewhere
#: (`test_migrate`), and what was released before that door stood open would not; its statements are what matters here.
STORY = """
import asyncio, sys
from pathlib import Path
import fractus
from fractus.app import wiring
from fractus.testing.world import World

wiring.upgrade = lambda *_, **__: None

assert Path(fractus.__file__).is_relative_to(sys.argv[2]), fractus.__file__

async def main():
    async with World(clouds=1, tmp_path=Path(sys.argv[1])) as world:
        ann = world.user("ann")
        server = await ann.boots_server("vm")
        await world.settle()
        assert (await ann.server(server))["status"] == "ACTIVE"
        await ann.deletes_server(server)
        await world.settle()
        assert server not in [one["id"] for one in await ann.servers()]
    print("lived")

asyncio.run(main())
"""


#: What a worker and an API process of the old code make of a server that the new code was asked to stop.
BESIDE = """
import asyncio, sys
from pathlib import Path
import fractus
from fractus.app import wiring
from fractus.reconcile.kind import Item
from fractus.store import presences
from fractus.testing.user import COMPUTE
from fractus.testing.world import World

wiring.upgrade = lambda *_, **__: None

assert Path(fractus.__file__).is_relative_to(sys.argv[2]), fractus.__file__

async def main():
    async with World(clouds=0, tmp_path=Path(sys.argv[1])) as world:
        ann, id = world.user("ann"), sys.argv[3]
        machine = world.parts.worker.machine
        server = await machine.resources.fetch(machine.store, "server", id)
        (here,) = await presences.of_resource(machine.store, "server", id)
        plan = machine.lifecycles["server"].plan(Item(server, here, {}), machine.observation_of(here))
        print("plan", plan.step.verb, plan.once)
        shown = (await ann.get(f"{COMPUTE}/servers/{id}")).ok()["server"]
        print("task", shown["OS-EXT-STS:task_state"])
        (await ann.acts(id, "lock")).ok()
        listed = (await ann.get(f"{COMPUTE}/servers/{id}/os-instance-actions")).ok()["instanceActions"]
        print("listed", *[one["action"] for one in listed])

asyncio.run(main())
"""


def git(*words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True)
    if done.returncode:
        raise LookupError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def last_release() -> str:
    """The newest release; before the first one, the commit that had the schema before this one. LookupError if neither
    is in this clone's history.
    """
    tags = git("tag", "--list", "v[0-9]*", "--sort=-version:refname", "--merged", "HEAD").decode().split()
    if tags:
        return tags[0]
    path = f"{VERSIONS}/{migrate.known()[-2]}_*.py"
    commit = git("log", "-1", "--diff-filter=A", "--format=%H", "--", path).decode().strip()
    if not commit:
        raise LookupError(f"no commit of this clone made {path}: its history is cut off")
    there = git("ls-tree", "--name-only", commit, f"{VERSIONS}/").decode()
    if f"/{migrate.known()[-1]}_" in there:
        # Where history is cut off, its first commit seems to have made everything.
        raise LookupError(f"this clone's history begins with {commit[:10]}, which has the schema of today")
    return commit


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        commit = last_release()
        archive = git("archive", "--format=tar", commit, "fractus")
    except (LookupError, FileNotFoundError) as error:
        pytest.skip(f"the last release is not to be had from git: {error}")
    directory = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(directory, filter="data")
    return directory


def run(code: Path, story: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Tell the old code a story: the first argument is its directory, the second where its code is."""
    first, *rest = map(str, arguments)
    return subprocess.run(
        [sys.executable, "-c", story, first, str(code), *rest],
        cwd=code,
        env={**os.environ, "PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_the_last_release_boots_a_server_on_this_schema(old_code: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    migrate.upgrade(state / "fractus.db")
    known_there = sorted(path.name for path in (old_code / VERSIONS).glob("[0-9]*.py"))
    assert known_there, "it has migrations of its own"
    done = run(old_code, STORY, tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.strip().endswith("lived")
    assert migrate.revision(state / "fractus.db") == migrate.known()[-1]


async def test_the_last_release_does_and_adds_to_what_was_asked_of_this_one(
    old_code: Path, tmp_path: Path
) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        server = await ann.boots_server("vm")
        await world.settle()
        (await ann.acts(server, "os-stop")).ok()
        done = await asyncio.to_thread(run, old_code, BESIDE, tmp_path, server)
        assert done.returncode == 0, done.stderr[-4000:]
        reported = [
            line for line in done.stdout.splitlines() if line.startswith(("plan ", "task ", "listed "))
        ]
        assert reported == [
            "plan stop stop:2",
            "task powering-off",
            "listed lock stop create",
        ]
        await world.settle()
        shown = await ann.server(server)
        assert (shown["status"], shown["locked"]) == ("SHUTOFF", True)
        at = f"{COMPUTE}/servers/{server}/os-instance-actions"
        listed = (await ann.get(at)).ok()["instanceActions"]
        assert [one["action"] for one in listed] == ["lock", "stop", "create"]
