"""A parent's store over clouds that begin with servers: what it holds is what it sees there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
import yaml

from bench.freshness import Watch
from bench.owned import own
from fractus.base.clock import SystemClock
from fractus.local import clouds_yaml
from fractus.quota.recount import recount
from fractus.reconcile.machine import Pace
from fractus.reconcile.sweep.sweep import sweep
from fractus.simulation import IDENTITY, ids, model, plan
from fractus.simulation.changes import Changes
from fractus.simulation.child import Child
from fractus.simulation.credentials import entry
from fractus.simulation.fill import Filler
from fractus.simulation.listen import Door
from fractus.simulation.node import NEVER, Node
from fractus.simulation.plan import Plan
from fractus.simulation.prepare import MODEL
from fractus.store.sqlite import SqliteStore
from tools.ports import free_port

pytestmark = pytest.mark.timeout(300)

CLOUDS, EACH = 2, 25
NAMES = [ids.cloud_name(cloud) for cloud in range(1, CLOUDS + 1)]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of filled clouds."""
    path = tmp_path_factory.mktemp("simulated")
    made = Plan(clouds=CLOUDS, hosts=10, servers=EACH, owned=True, latency=0.0)
    plan.write(path, made)
    (path / MODEL).mkdir()
    small = asyncio.run(model.make(path / MODEL, owned=True))
    data = msgspec.json.encode(small)
    (path / MODEL / "model.json").write_bytes(data)
    filler = Filler(path, made, msgspec.json.decode(data, type=model.Model))
    entries = {}
    for cloud, name in enumerate(NAMES, 1):
        filler.fill(cloud, "secret")
        entries[name] = entry(f"http://127.0.0.1:{free_port()}", name, "secret")
    clouds_yaml.write_own(path / "clouds.yaml", entries)
    return path


async def test_a_first_inventory_finds_nothing_new_and_then_what_changed(
    simulated: Path, tmp_path: Path
) -> None:
    clock = SystemClock()
    assert await own(tmp_path / "parent", simulated) == CLOUDS * EACH
    parent = Node(tmp_path / "parent", "parent", "http://parent", clock)
    parent.identity.found("secret")
    parent.open()
    store = parent.parts.store
    assert isinstance(store, SqliteStore)
    children = [await _child(simulated, name, clock) for name in NAMES]
    doors = [Door(child, "127.0.0.1", int(child.url.rpartition(":")[2])) for child in children]
    try:
        for door in doors:
            await door.open()
        await parent.parts.children.refresh(store)
        parent.work(Pace(sweep=NEVER, inventory=NEVER, poll=NEVER, drain=1.0))
        machine = parent.worker.machine
        for name in NAMES:
            assert await sweep(machine, name, full=True) == 0
        found = store.connection.execute("SELECT DISTINCT kind, what FROM finding").fetchall()
        assert found == [("security_group", "foreign")], "a project's default group there is nobody's"
        assert store.connection.execute("SELECT * FROM work").fetchall() == []
        wrong = [one async for some in recount(store, parent.parts.quota, dry_run=True) for one in some]
        assert wrong == []

        watch = await _changed(children, simulated)
        assert watch.waiting, "nobody has looked yet"
        while watch.waiting:
            # Until what lies within the overlap of two sweeps has been taken in, too.
            for name in NAMES:
                await sweep(machine, name, full=False)
            watch.look(store.connection)
        assert len(watch.delays) > 3
        assert watch.lost == 0
    finally:
        await parent.close()
        for door in doors:
            door.shut()
        await asyncio.gather(*(child.close() for child in children))


async def _child(simulated: Path, name: str, clock: SystemClock) -> Child:
    url = yaml.safe_load((simulated / "clouds.yaml").read_text())["clouds"][name]["auth"]["auth_url"]
    child = Child(simulated / name, name, url.removesuffix(f"{IDENTITY}/v3"), 10, clock)
    await child.start()
    return child


async def _changed(children: list[Child], simulated: Path) -> Watch:
    """Some servers change; what their journal says that nobody has seen yet."""
    changes = Changes(children, 7, simulated / "journal-1.jsonl")
    watch = Watch(simulated)
    changes.percent = 2_000.0
    running = asyncio.create_task(changes.run())
    while len(watch.waiting) < 10:
        await asyncio.sleep(0.1)
        watch.read()
    changes.percent = 0.0
    for child in children:
        shown = asyncio.Event()
        child.pulse.changed(shown.set)
        await shown.wait()
    running.cancel()
    await asyncio.wait([running])
    watch.read()
    return watch
