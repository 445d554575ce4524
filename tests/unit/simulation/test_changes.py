"""Servers that change by themselves: what the API shows, and what the journal says of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from fractus.base.clock import SystemClock
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.others import Others
from fractus.clouds.simulated.records import ServerRecord
from fractus.clouds.simulated.shape import Shape
from fractus.simulation.archive import KEPT, let_go
from fractus.simulation.changes import Changes
from fractus.simulation.child import Child
from fractus.simulation.node import Node
from fractus.store import presences
from fractus.testing.clock import VirtualClock

SERVERS = 40


def a_cloud(clock: VirtualClock) -> SimulatedBackend:
    """One with servers that run."""
    backend = SimulatedBackend(Shape(hosts=10), clock)
    for number in range(SERVERS):
        backend.records.put(
            ServerRecord(
                id=f"{number * 6:02x}000000-0000-4000-8000-000000000000",
                project_id="p",
                marker=f"ours-{number}",
                vcpus=1,
                ram=1,
                disk=1,
                flavor_id="f",
                vm_state="active",
                task_state=None,
                host="host-1",
            )
        )
    return backend


def fate(seed: str, times: int = 200) -> tuple[list[tuple[str, str]], SimulatedBackend]:
    """What happened to which server."""
    backend = a_cloud(VirtualClock())
    others = Others(backend, seed)
    done = [others.meddle(down=5) for _ in range(times)]
    return [(server.marker, what) for server, what in filter(None, done)], backend


def test_the_same_seed_is_the_same_fate() -> None:
    """And another one is another."""
    assert fate("one")[0] == fate("one")[0]
    assert fate("one")[0] != fate("two")[0]


def test_all_that_can_happen_happens_and_most_servers_run() -> None:
    """What went down comes back, on a host, without its fault."""
    done, backend = fate("some", 1000)
    assert {what for _, what in done} == {"stop", "start", "crash", "move"}
    assert len({marker for marker, _ in done}) == SERVERS
    states = Counter(server.vm_state for server in backend.servers.values())
    assert set(states) <= {"active", "stopped", "error"}
    assert states["active"] > SERVERS / 2
    for server in backend.servers.values():
        assert (server.fault is not None) == (server.vm_state == "error")
        assert server.host
    backend.close()


def test_what_is_busy_is_left_alone() -> None:
    """A server that is being deleted does not start again."""
    backend = a_cloud(VirtualClock())
    for server in backend.servers.values():
        server.task_state = "deleting"
        backend.records.put(server)
    others = Others(backend, "any")
    assert [others.meddle(5) for _ in range(50)] == [None] * 50
    assert {server.vm_state for server in backend.servers.values()} == {"active"}
    backend.close()


async def _filled(tmp_path: Path) -> Child:
    """A cloud of five hosts with twenty servers, at work."""
    from fractus.simulation import model
    from fractus.simulation.fill import Filler
    from fractus.simulation.plan import Plan

    made = await model.make(tmp_path / "model", owned=False)
    Filler(tmp_path, Plan(clouds=1, hosts=5, servers=20), made).fill(1, "secret")
    child = Child(tmp_path / "sim-001", "sim-001", "http://sim", 5, SystemClock())
    await child.start()
    return child


@pytest.mark.timeout(120)
async def test_the_journal_names_what_the_api_shows(tmp_path: Path) -> None:
    """A line stands there only once the cloud's own store has the change."""
    child = await _filled(tmp_path)
    journal = tmp_path / "journal.jsonl"
    changes = Changes([child], 7, journal)
    changes.percent = 10_000.0
    running = asyncio.create_task(changes.run())
    last: dict[str, str] = {}
    while not set(last.values()) & {"stop", "crash"}:
        await asyncio.sleep(0.1)
        last = {line["server"]: line["what"] for line in map(msgspec.json.decode, _lines(journal))}
    changes.percent = 0.0
    while _shown(child) != _reported(journal, _shown(child)):
        child.pulse.changed()
        await asyncio.sleep(0.1)
    running.cancel()
    await asyncio.wait([running])
    await child.close()


@pytest.mark.timeout(120)
async def test_servers_that_were_deleted_long_ago_are_let_go_of(tmp_path: Path) -> None:
    """Those of a moment ago stay, and those of which something is still known."""
    child = await _filled(tmp_path)
    old, young, known, *_ = servers = list(child.inside.backend.servers.values())
    for server, ago in ((old, KEPT + 60), (young, KEPT - 60), (known, KEPT + 60)):
        await _deleted(child, server, child.clock.now() - ago, known=server is known)
    assert await let_go(child) == 1
    assert await let_go(child) == 0
    there = {server.marker for server in child.inside.backend.all(ServerRecord, gone=True).values()}
    assert there == {server.marker for server in servers} - {old.marker}
    assert set(_shown(child)) == there
    await child.close()


async def _deleted(child: Child, server: ServerRecord, at: float, *, known: bool) -> None:
    """As it is long after a deletion; `known`: somebody still has work with it."""
    server.gone, server.vm_state, server.changed_at, server.next = True, "deleted", at, ""
    child.inside.backend.records.put(server)
    machine = child.worker.machine
    async with machine.store.transaction() as tx:
        resource = await machine.resources.fetch(tx, "server", server.marker)
        assert resource is not None
        resource.deleted_at = at
        await machine.resources.save(tx, resource)
        for presence in await presences.of_resource(tx, "server", server.marker):
            await presences.drop(tx, presence)
        if known:
            await machine.wake(tx, "server", server.marker, "nowhere")


_AFTER = {"stop": "SHUTOFF", "start": "ACTIVE", "crash": "ERROR", "move": "ACTIVE"}


def _reported(journal: Path, shown: dict[str, str]) -> dict[str, str]:
    """How servers are by the journal's last word; of whom it says nothing, as they are shown."""
    reported = {line["server"]: _AFTER[line["what"]] for line in map(msgspec.json.decode, _lines(journal))}
    return shown | reported


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def _shown(node: Node) -> dict[str, str]:
    store = node.parts.store
    return dict(store.connection.execute("SELECT id, status FROM server").fetchall())  # type: ignore[attr-defined]
