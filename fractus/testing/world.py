"""The whole of fractus in-process over simulated clouds, with a clock that a test moves: a test reads as a story.

async with World(clouds=2, tmp_path=tmp_path) as world:
    ann = world.user("ann", project="p1")
    server = await ann.boots_server(zone="a")
    world.cloud("a").faults.loses_reply_once(kind="server", method="create")
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert len(world.cloud("a").servers) == 1
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import select

from fractus.app import wiring
from fractus.app.children import Connect
from fractus.auth.principal import Principal
from fractus.base.ids import new_id
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.clouds.simulated.faults import Faults
from fractus.clouds.simulated.records import MarkRecord, Record
from fractus.clouds.simulated.shape import Shape
from fractus.model.cloud import HOME, CloudRow, Scope
from fractus.notify.node import LocalNotifier
from fractus.operations import cloud_rows
from fractus.reconcile.queue.loop import Worker
from fractus.settings.loading import Settings, load
from fractus.store.schema import PRESENCE, WORK
from fractus.store.transaction import Query, Store
from fractus.testing import stores
from fractus.testing.asgi import App
from fractus.testing.clock import VirtualClock
from fractus.testing.tokens import StaticTokens
from fractus.testing.user import User, project_id_of, user_id_of

T = TypeVar("T")

#: Kinds that belong to tenants: when all tenants have deleted everything, nothing of these may be left in any cloud.
TENANT_KINDS = (
    "server",
    "server_group",
    "trunk",
    "router_interface",
    "router",
    "port",
    "subnet",
    "network",
    "security_group",
    "keypair",
)

#: Work that is not due for so long, and has not failed, waits for something that time alone does not bring. Seconds;
#: longer than any pause between two looks at something that changes by itself.
_QUIET = 50.0

#: Real seconds that one round of work may take before it counts as stuck.
_STUCK = 60.0

#: Rounds of work at one moment of the virtual clock: more is a circle.
_ROUNDS = 500

#: The least step of the clock where something is due "now": beyond the rounding of a stamp.
_TICK = 0.001


class WorkerLike(Protocol):
    """What the world needs of the worker."""

    async def run_due(self) -> int:
        """Handle everything that is due now, once; how many items that were."""
        ...


@dataclasses.dataclass
class Parts:
    """The built program. `restart` gives a new worker that knows nothing of the old one, as after kill -9."""

    app: App
    store: Store
    worker: WorkerLike
    restart: Callable[[], WorkerLike]
    sweep_all: Callable[[bool], Awaitable[None]]
    """Sweep every cloud; True: in full."""
    close: Callable[[], Awaitable[None]]
    core: wiring.Core | None = None
    """What the operator's commands work with, where the program is built by wiring."""


Assemble = Callable[["World"], Awaitable[Parts]]


class Killed(BaseException):
    """Raised by a hook of `Faults`: kill -9 of the worker, at this very place. No handler of errors sees it."""


class NotSettled(AssertionError):
    """Time went by, and work was left."""


@dataclasses.dataclass(frozen=True)
class WorldCloud:
    """One simulated cloud of a world."""

    row: CloudRow
    backend: SimulatedBackend
    faults: Faults

    @property
    def name(self) -> str:
        """Its name, which is also its availability zone."""
        return self.row.name

    def of(self, kind: str, project_id: str = "") -> list[Record]:
        """What is there now of a kind, of one project of its own or of all."""
        every = self.backend.things()[kind]
        return [thing for thing in every if project_id in ("", thing.project_id)]

    def marked(self, kind: str, id: str) -> list[Record]:
        """What is there now of our resource `id`: never more than one."""
        return [thing for thing in self.of(kind) if thing.marker == id]

    def carries_mark_of(self, installation: str) -> None:
        """Have it marked, as a cloud is when it is added."""
        there = self.backend.records.every(MarkRecord)
        if not any((one.installation, one.cloud) == (installation, self.name) for one in there):
            mark = MarkRecord(id=new_id(), project_id="", installation=installation, cloud=self.name)
            self.backend.records.put(mark)

    def connect(self, world: World, row: CloudRow | None = None) -> SimulatedCloud:
        """A driver that speaks to it; `row`: as the program has it."""
        return SimulatedCloud.connect(
            row or self.row, clock=world.clock, backend=self.backend, faults=self.faults
        )


_work = Query(
    select(
        WORK.c.kind,
        WORK.c.id,
        WORK.c.cloud,
        WORK.c.due_at,
        WORK.c.attempts,
        WORK.c.claimed_by,
        WORK.c.claimed_until,
        WORK.c.waits_on,
        WORK.c.reason,
    )
)
_presences = Query(select(PRESENCE.c.kind, PRESENCE.c.id, PRESENCE.c.cloud, PRESENCE.c.remote_id))
_memories = Query(
    select(PRESENCE.c.kind, PRESENCE.c.id, PRESENCE.c.cloud, PRESENCE.c.remote_id, PRESENCE.c.memory)
)


class World:
    """See the module. Clouds are named a, b, c ... unless names are given."""

    def __init__(
        self,
        clouds: int | Sequence[str] = 2,
        *,
        tmp_path: Path,
        identity: str = "shared",
        shape: Mapping[str, Any] | None = None,
        assemble: Assemble | None = None,
        quota: Mapping[str, Any] | None = None,
        clock: VirtualClock | None = None,
        network_affinity: str = "prefer",
        dns_domain: str = "openstacklocal",
        images: Mapping[str, Any] | None = None,
    ) -> None:
        """`shape`: settings of every simulated cloud; `identity`: whether their projects are ours (`shared`, `own`);
        `quota`: settings of that section, where projects are to be limited; `clock`: another one that a test owns;
        `network_affinity`, `dns_domain`: the settings of those names; `images`: settings of that section.
        """
        names = [chr(ord("a") + number) for number in range(clouds)] if isinstance(clouds, int) else clouds
        self.tmp_path = tmp_path
        self.clock = clock or VirtualClock()
        self.tokens = StaticTokens(self.clock)
        self.clouds_by_name: dict[str, WorldCloud] = {}
        for name in names:
            row = CloudRow(name=name, driver="simulated", identity=identity, settings=dict(shape or {}))
            backend = SimulatedBackend(Shape.of(row.settings), self.clock)
            self.clouds_by_name[name] = WorldCloud(row, backend, Faults(remember=None))
        self.parts: Parts
        self._url = "sqlite:///{state}/fractus.db"
        self._network_affinity, self._dns_domain = network_affinity, dns_domain
        self._images = dict(images or {})
        self._held = contextlib.AsyncExitStack()
        self._assemble = assemble or _assemble
        self._quota = {"unlimited": True} if quota is None else dict(quota)
        self._users: dict[tuple[str, str, frozenset[str]], User] = {}
        self._flavor = ""
        self._image = ""
        self._swept_at = float("-inf")
        self.deaths = 0
        """How many workers were killed so far."""

    async def __aenter__(self) -> World:
        """Build everything."""
        self.parts = await self._assemble(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release everything."""
        await self.parts.close()
        await self._held.aclose()
        for cloud in self.clouds_by_name.values():
            cloud.backend.close()

    # ------------------------------------------------------------------ who and where

    def settings(self) -> Settings:
        """What the program is given."""
        given = {
            "quota": self._quota,
            "store": {"url": self._url},
            "scheduling": {"network_affinity": self._network_affinity},
            "network": {"dns_domain": self._dns_domain},
            # How full the disk of a test is says nothing about what is tested.
            "images": {"reserve_percent": 0.0, "reserve_least": 0, **self._images},
        }
        return load(self.tmp_path / "state", environ={}, overrides=given)

    async def opens_a_database(self) -> None:
        """Where everything will be stored: a file, or what `fractus.testing.stores` says."""
        file = self.tmp_path / "state" / "fractus.db"
        self._url = await self._held.enter_async_context(stores.database(file))

    @property
    def app(self) -> App:
        """The API."""
        return self.parts.app

    @property
    def core(self) -> wiring.Core:
        """What the operator's commands work with."""
        assert self.parts.core is not None, "this world is not built by wiring"
        return self.parts.core

    def cloud(self, name: str) -> WorldCloud:
        """One cloud."""
        return self.clouds_by_name[name]

    @property
    def clouds(self) -> list[WorldCloud]:
        """All clouds, by name."""
        return [self.clouds_by_name[name] for name in sorted(self.clouds_by_name)]

    def user(
        self,
        name: str,
        project: str = "p1",
        roles: Collection[str] = ("member", "reader"),
        *,
        project_id: str = "",
        domain: str = "default",
    ) -> User:
        """Somebody with a token; the same for the same arguments. Ids follow from names where they are not given."""
        key = (name, project_id or project, frozenset(roles))
        if key not in self._users:
            principal = Principal(
                user_id=user_id_of(name),
                user_name=name,
                user_domain_id=domain,
                user_domain_name=domain.capitalize(),
                project_id=project_id or project_id_of(project),
                project_name=project_id or project,
                project_domain_id=domain,
                project_domain_name=domain.capitalize(),
                roles=frozenset(roles),
                is_admin="admin" in roles,
            )
            self._users[key] = User(self, principal, self.tokens.issue(principal))
        return self._users[key]

    def project_name(self, project_id: str) -> str:
        """The name of a project that some user works in."""
        for user in self._users.values():
            if user.project_id == project_id:
                return user.principal.project_name
        return ""

    @property
    def admin(self) -> User:
        """An administrator."""
        return self.user("admin", "admin", ("admin", "manager", "member", "reader"))

    async def default_flavor(self) -> str:
        """A small flavor that everybody may use."""
        if not self._flavor:
            self._flavor = await self.admin.makes_flavor("default")
        return self._flavor

    async def default_image(self) -> str:
        """An image that everybody may use."""
        if not self._image:
            self._image = await self.admin.makes_image("default", visibility="public")
        return self._image

    # ------------------------------------------------------------------ time

    async def settle(self, within: float = 900.0) -> None:
        """Let time go by until nothing is left to do; `NotSettled` after `within` seconds of the virtual clock.

        What waits on something that time alone does not bring (an operator, a user) counts as settled.
        """
        await self._go_on(self.clock.now() + within, until_quiet=True)

    async def run_for(self, seconds: float) -> None:
        """Let so much time go by, with the worker at work."""
        await self._go_on(self.clock.now() + seconds, until_quiet=False)

    async def work_once(self) -> int:
        """What is due now, once; how many items that were. A worker that is `Killed` meanwhile is replaced."""
        try:
            return await self._drive(self.parts.worker.run_due())
        except BaseException as error:
            if not _is_kill(error):
                raise
            self.restart_worker()
            return 1

    async def sweep(self, *, full: bool = False) -> None:
        """List every cloud and compare, now."""
        await self._drive(self.parts.sweep_all(full))
        self._swept_at = self.clock.now()

    async def _go_on(self, end: float, *, until_quiet: bool) -> None:
        rounds = 0
        while True:
            rounds += 1
            if rounds > _ROUNDS:
                raise NotSettled(f"going round in circles: {await self._pending()}")
            if await self.work_once():
                continue
            if self._swept_at < self.clock.now():
                await self.sweep()
                continue
            moment = await self._next_moment(include_quiet=not until_quiet)
            if moment is None and until_quiet:
                return
            if until_quiet and moment is not None and moment > end:
                raise NotSettled(f"after {end - self.clock.now():.0f} s more: {await self._pending()}")
            if not until_quiet and self.clock.now() >= end:
                return
            later = min(end, moment if moment is not None else end, self.clock.now() + 5.0)
            await self.clock.advance(max(later - self.clock.now(), _TICK))
            rounds = 0

    async def _next_moment(self, *, include_quiet: bool) -> float | None:
        """When something happens next: work is due, a lease runs out, or a cloud moves on."""
        now = self.clock.now()
        moments = [now + quiet for cloud in self.clouds if (quiet := cloud.backend.quiet_for()) is not None]
        for (
            _kind,
            _id,
            _cloud,
            due_at,
            attempts,
            claimed_by,
            until,
            _on,
            _reason,
        ) in await self.parts.store.rows(_work):
            moment = max(due_at, until + _TICK) if claimed_by else due_at
            if include_quiet or attempts or claimed_by or moment <= now + _QUIET:
                moments.append(moment)
        return min(moments, default=None)

    async def _pending(self) -> str:
        rows = await self.parts.store.rows(_work)
        now = self.clock.now()
        lines = [
            f"{kind} {id} in {cloud or '(whole)'}: due in {due - now:.1f} s, {attempts} failures,"
            f" held by {by or 'nobody'}, waits on {on or 'nothing'}: {reason}"
            for kind, id, cloud, due, attempts, by, _until, on, reason in rows
        ]
        return "\n".join(lines) or "no work is left, but a cloud does not come to rest"

    async def _drive(self, work: Awaitable[T]) -> T:
        """Wait for `work`, moving the clock on whenever all it waits for is the clock."""
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(_STUCK):
                while not task.done():
                    await asyncio.wait({task}, timeout=0.01)
                    alarm = self.clock.next_alarm()
                    if not task.done() and alarm is not None:
                        await self.clock.advance(alarm - self.clock.now())
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return task.result()

    # ------------------------------------------------------------------ accidents

    def restart_worker(self) -> None:
        """A new worker in the place of one that was killed: it finds what that wrote, and the leases that it held."""
        self.deaths += 1
        self.parts.worker = self.parts.restart()

    async def loses_database(self, *, bits: bool = True) -> None:
        """The database is gone, and a new, empty one in its place; with `bits`, so are the images' files.

        The clouds are as they were, and added again by their names.
        """
        await self.parts.close()
        await asyncio.to_thread(_remove_state, self.tmp_path / "state", bits)
        self.parts = await self._assemble(self)

    # ------------------------------------------------------------------ what must hold

    async def assert_nothing_left(self, kinds: Collection[str] = TENANT_KINDS) -> None:
        """Of these kinds nothing of ours is in any cloud, we hold no presence of one, and no work is pending.

        A project's default security group, which its users cannot delete, may stay where it was once used; so may what
        was taken over.
        """
        adopted = {(kind, id, cloud) for kind, id, cloud, _ in await self._adopted()}
        things = [(cloud, thing) for cloud in self.clouds for kind in kinds for thing in cloud.of(kind)]
        may_stay = {thing.marker for _, thing in things if _is_default_group(thing)}
        left = [
            f"{thing.KIND} {thing.name or thing.id} ({thing.marker}) in {cloud.name}"
            for cloud, thing in things
            if thing.marker and thing.marker not in may_stay
        ]
        left += [
            f"presence of {kind} {id} in {cloud}"
            for kind, id, cloud, _ in await self.parts.store.rows(_presences)
            if kind in kinds and id not in may_stay and (kind, id, cloud) not in adopted
        ]
        left += [
            f"work: {kind} {id}"
            for kind, id, *_ in await self.parts.store.rows(_work)
            if kind in kinds and id not in may_stay
        ]
        assert not left, "left behind:\n" + "\n".join(left)

    async def _adopted(self) -> set[tuple[str, str, str, str]]:
        """Presences of what was taken over, or is used because it is the same: kind, id, cloud and id there."""
        return {
            (kind, id, cloud, remote)
            for kind, id, cloud, remote, memory in await self.parts.store.rows(_memories)
            if json.loads(memory).get("adopted") or json.loads(memory).get("borrowed")
        }

    async def assert_no_orphans(self) -> None:
        """What we hold and what the clouds hold of ours is the same, thing by thing, and nothing is there twice.

        What was taken over, or is used because it is the same, has no marker there: it is known by its id.
        """
        adopted = await self._adopted()
        held = {
            (kind, id, cloud, remote)
            for kind, id, cloud, remote in await self.parts.store.rows(_presences)
            if remote is not None
        }
        things = [
            (kind, thing.marker, cloud.name, thing.id)
            for cloud in self.clouds
            for kind, things in cloud.backend.things().items()
            for thing in things
        ]
        unmarked = {(kind, cloud, id) for kind, marker, cloud, id in things if not marker}
        there = {one for one in things if one[1]}
        there |= {one for one in adopted if (one[0], *one[2:]) in unmarked}
        assert held == there, (
            f"only we know of: {sorted(held - there)}\nonly clouds know of: {sorted(there - held)}"
        )


def _remove_state(directory: Path, bits: bool) -> None:
    for file in directory.glob("fractus.db*"):
        file.unlink()
    if bits:
        shutil.rmtree(directory / "images", ignore_errors=True)


def _is_default_group(thing: Record) -> bool:
    return thing.KIND == "security_group" and thing.name in ("default", "fractus-default")


def _is_kill(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(Killed) is not None
    return isinstance(error, Killed)


async def _assemble(world: World) -> Parts:
    """Build the whole program over the world's clouds, clock and tokens."""
    notifier = LocalNotifier()
    await world.opens_a_database()
    core = wiring.core(world.settings(), notifier=notifier, clock=world.clock, crowded=True)
    # The driver of simulated clouds gets the world's backends and faults, where it else opens files.
    drivers = cast("dict[str, Connect]", core.drivers)
    drivers["simulated"] = lambda row: world.cloud(row.name).connect(world, row)
    for cloud in world.clouds:
        await cloud_rows.add(
            core.store,
            core.vault,
            name=cloud.name,
            driver=cloud.row.driver,
            identity=cloud.row.identity,
            settings=cloud.row.settings,
            auth={},
        )
    await core.children.refresh(core.store)
    for cloud in world.clouds:
        cloud.carries_mark_of(core.children.installation or "")
    numbers = itertools.count(1)

    async def scope_of(project_id: str) -> Scope:
        return Scope(project_id, world.project_name(project_id)) if project_id else HOME

    # Only the first is built by wiring: a second in one process would register its metrics a second time.
    first = wiring.worker(core, notifier, scope_of)

    def new_worker() -> Worker:
        # Each is its own holder of leases, as after kill -9; they run out, or are found to be a dead one's.
        worker = Worker(first.machine, first.metrics, owner=f"world:{next(numbers)}")
        notifier.listen(worker.notify)
        return worker

    async def sweep_all(full: bool) -> None:
        for cloud in world.clouds:
            await cast("Worker", world.parts.worker).sweep_once(cloud.name, full=full)

    return Parts(
        app=wiring.api(core, world.tokens, world.tokens),
        store=core.store,
        worker=new_worker(),
        restart=new_worker,
        sweep_all=sweep_all,
        close=core.close,
        core=core,
    )
