"""Clouds that the contract is held against, each with its own way to let time go by and to be cleaned up."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from fractus.base.clock import SystemClock
from fractus.base.ids import new_id, new_request_id
from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.services import Ask
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.cloud import HOME, Cloud, CloudRow, Observed, Scope
from fractus.model.errors import Missing, Refused
from fractus.model.volumes import MAKES_TYPES
from fractus.testing.child import as_child
from fractus.testing.clock import VirtualClock
from fractus.testing.outside import outside
from fractus.testing.world import World

T = TypeVar("T")

#: How long a cloud may take for anything that is waited for here. Seconds of its own time.
PATIENCE = 120.0


class Subject:
    """One cloud under test, and what was made in it so far."""

    def __init__(self, cloud: Cloud, directory: Path, pass_time: Callable[[], Awaitable[float]]) -> None:
        """`pass_time` lets about a second go by, and says how much it was."""
        self.cloud = cloud
        self.directory = directory
        self._pass_time = pass_time
        self._made: list[tuple[str, Scope, str]] = []
        self.ann = Scope(new_id().replace("-", ""), "contract ann")
        self.ben = Scope(new_id().replace("-", ""), "contract ben")

    def __getitem__(self, kind: str) -> Any:
        """The actuator of a kind."""
        return self.cloud.actuators()[kind]

    async def make(self, kind: str, wanted: Any, scope: Scope | None = None) -> Any:
        """Create; it is removed when the test is over."""
        seen = await self[kind].create(scope or self.ann, wanted)
        self._made.append((kind, scope or self.ann, seen.remote_id))
        return seen

    async def bits(self, length: int = 10_000) -> tuple[str, int, str]:
        """A file: its path, length and MD5."""
        content = (new_id() * (length // 36 + 1)).encode()[:length]
        path = self.directory / new_id()
        await asyncio.to_thread(path.write_bytes, content)
        return str(path), length, hashlib.md5(content, usedforsecurity=False).hexdigest()

    async def until(self, look: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
        """What `look` gives as soon as it is `good`; AssertionError with the last look after `PATIENCE`."""
        passed = 0.0
        while not good(value := await look()):
            assert passed < PATIENCE, f"after {passed:.0f} seconds still {value}"
            passed += await self._pass_time()
        return value

    async def observed(
        self, kind: str, remote_id: str, good: Callable[[Any], bool], scope: Scope | None = None
    ) -> Any:
        """The thing as soon as it is `good`."""
        return await self.until(lambda: self[kind].observe(scope or self.ann, remote_id), good)

    async def gone(self, kind: str, remote_id: str, scope: Scope | None = None) -> None:
        """Return when the thing is not there any more."""

        async def missing() -> bool:
            try:
                return bool((await self[kind].observe(scope or self.ann, remote_id)).gone)
            except Missing:
                return True

        await self.until(missing, bool)

    async def listed(self, kind: str, since: str = "") -> dict[str, Observed]:
        """A sweep's listing, by remote id."""
        return {seen.remote_id: seen async for seen in self[kind].list_changed(since)}

    async def clean_up(self) -> None:
        """Remove what was made, the latest first."""
        for kind, scope, remote_id in reversed(self._made):
            await self.until(lambda: self._asked_to_go(kind, scope, remote_id), bool)  # noqa: B023
            await self.gone(kind, remote_id, scope)

    async def _asked_to_go(self, kind: str, scope: Scope, remote_id: str) -> bool:
        """False where it is refused: just after a server's end, Neutron may still be busy with its port."""
        try:
            await self[kind].delete(scope, remote_id)
        except Refused:
            return False
        except Missing:
            return True
        return True


@asynccontextmanager
async def simulated(directory: Path) -> AsyncIterator[Subject]:
    """The simulated driver."""
    clock = VirtualClock()

    async def pass_time() -> float:
        await clock.advance(1.0)
        return 1.0

    settings = {"external": {"public": "203.0.113.0/24"}, MAKES_TYPES: True}
    row = CloudRow(name="sim", driver="simulated", identity="own", settings=settings)
    cloud = SimulatedCloud.connect(row, clock=clock)
    subject = Subject(cloud, directory, pass_time)
    yield subject
    await subject.clean_up()
    await cloud.close()


@asynccontextmanager
async def ourselves(directory: Path) -> AsyncIterator[Subject]:
    """The OpenStack driver, with our own endpoint over simulated clouds as its child."""
    async with World(clouds=2, tmp_path=directory, dns_domain="ourselves.example.org") as world:
        await outside(world)

        async def pass_time() -> float:
            await world.run_for(1.0)
            return 1.0

        cloud = as_child(world, **{MAKES_TYPES: True})
        subject = Subject(cloud, directory, pass_time)
        yield subject
        await subject.clean_up()
        await cloud.close()


@asynccontextmanager
async def real(directory: Path, name: str, entry: dict[str, Any]) -> AsyncIterator[Subject]:
    """The OpenStack driver with a real child; `entry` is an administrator's, from a `clouds.yaml`."""
    row = CloudRow(name=name, driver="openstack", identity="own", auth=entry, settings={MAKES_TYPES: True})
    cloud = OpenStackCloud.connect(row, clock=SystemClock(), request_id=new_request_id)

    async def pass_time() -> float:
        began = time.monotonic()
        await asyncio.sleep(0.5)
        return time.monotonic() - began

    subject = Subject(cloud, directory, pass_time)
    try:
        yield subject
        await subject.clean_up()
    finally:
        for scope in (subject.ann, subject.ben):
            await _remove_project(cloud, scope)
        await cloud.close()


async def _remove_project(cloud: OpenStackCloud, scope: Scope) -> None:
    """The mapped project, with the security group that Neutron made in it by itself."""
    child = cloud._child
    query = {"name": f"fractus-{scope.project_id}"}
    found = await child.read(HOME, Ask(service="identity", path="/projects", query=query), dict[str, Any])
    for project in found["projects"]:
        query = {"project_id": project["id"]}
        ask = Ask(service="network", path="/security-groups", query=query)
        groups = await child.read(HOME, ask, dict[str, Any])
        for group in groups["security_groups"]:
            await child.send(
                HOME, Ask(service="network", method="DELETE", path=f"/security-groups/{group['id']}")
            )
        await child.send(HOME, Ask(service="identity", method="DELETE", path=f"/projects/{project['id']}"))
