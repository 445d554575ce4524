"""The code of the last release runs on the schema of this one, which may so be changed while old processes run."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from fractus.store import migrate

ROOT = Path(migrate.__file__).parents[2]
VERSIONS = "fractus/store/migrations/versions"

#: A whole life, told to the old code. How old code gets past the door of a newer database is tested elsewhere
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


def test_the_last_release_boots_a_server_on_this_schema(old_code: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    migrate.upgrade(state / "fractus.db")
    known_there = sorted(path.name for path in (old_code / VERSIONS).glob("[0-9]*.py"))
    assert known_there, "it has migrations of its own"
    done = subprocess.run(
        [sys.executable, "-c", STORY, str(tmp_path), str(old_code)],
        cwd=old_code,
        env={**os.environ, "PYTHONPATH": str(old_code), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.strip().endswith("lived")
    assert migrate.revision(state / "fractus.db") == migrate.known()[-1]
