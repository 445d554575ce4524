"""A toy cloud in memory: things of any kind, its own clock, and faults as a test tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from fractus.base.clock import iso
from fractus.model.cloud import Actuator, Observed, Report, Scope, Step, Wanted
from fractus.model.errors import CloudError, Missing, OutcomeUnknown, Refused, Unreachable

Gate = Callable[[str], Awaitable[None]]


async def nothing(_place: str) -> None:
    """A gate that lets everything through."""


class HandClock:
    """Time that only a test moves."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.ahead = 0.0
        """Of the wall clock."""

    def now(self) -> float:
        return self.time + self.ahead

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        """For sweepers, which live in real time in the few tests that run them."""
        await asyncio.sleep(min(seconds, 0.01))


class BoxWanted(Wanted, frozen=True, kw_only=True):
    size: int = 0
    parts: dict[str, str] = {}


class BoxObserved(Observed, frozen=True, kw_only=True):
    size: int = 0
    status: str = "ready"
    kicks: int = 0
    owner: str = ""
    parts: dict[str, str] = {}


class Thing(msgspec.Struct):
    """What is in a toy cloud."""

    kind: str
    remote_id: str
    marker: str
    name: str
    owner: str
    size: int
    parts: dict[str, str]
    ready_at: float
    changed_at: float
    kicks: int = 0
    broken: str = ""
    gone: bool = False


class ToyCloud:
    """A child: it keeps things, by its own clock, and fails as it is asked to."""

    def __init__(self, name: str, clock: HandClock, kinds: Iterable[str]) -> None:
        self.name = name
        self.clock = clock
        self.kinds = tuple(kinds)
        self.things: dict[str, Thing] = {}
        self.made: list[tuple[str, str]] = []
        self.calls: list[str] = []
        self.skew = 0.0
        self.cursors = True
        self.building = 0.0
        self.down = False
        self.faults: dict[str, list[CloudError]] = {}
        self.lost: dict[str, int] = {}
        self.gate: Gate = nothing
        self._count = 0

    # ------------------------------------------------------------------ what tests say and ask

    def fail(self, verb: str, *errors: CloudError) -> None:
        """The next calls of `verb` fail so, and do nothing."""
        self.faults.setdefault(verb, []).extend(errors)

    def lose(self, verb: str, times: int = 1) -> None:
        """The next calls of `verb` are done, and their answers lost."""
        self.lost[verb] = self.lost.get(verb, 0) + times

    def here(self, kind: str = "box") -> list[Thing]:
        """What is there of a kind."""
        return [thing for thing in self.things.values() if thing.kind == kind and not thing.gone]

    def put(self, kind: str, name: str, marker: str = "") -> Thing:
        """Something that we did not make (or, with a marker, made and know no more)."""
        self._count += 1
        now = self.clock.now() + self.skew
        made = Thing(kind, f"{self.name}-{self._count}", marker, name, "", 1, {}, now, now)
        self.things[made.remote_id] = made
        return made

    def change(self, remote_id: str, **values: Any) -> None:
        """Somebody else changes it there."""
        thing = self.things[remote_id]
        for name, value in values.items():
            setattr(thing, name, value)
        thing.changed_at = self.clock.now() + self.skew

    # ------------------------------------------------------------------ Cloud

    def actuators(self) -> Mapping[str, Actuator[Any, Any]]:
        return {kind: ToyActuator(self, kind) for kind in self.kinds}

    def healthy(self) -> bool:
        return not self.down

    async def check(self) -> Report:
        return Report(reachable=not self.down)

    async def close(self) -> None:
        return None

    # ------------------------------------------------------------------ how calls go

    async def call(self, verb: str, act: Callable[[], Any]) -> Any:
        self.calls.append(verb)
        await self.gate(f"before {verb}")
        if self.down:
            raise Unreachable(f"{self.name} is down")
        if self.faults.get(verb):
            raise self.faults[verb].pop(0)
        done = act()
        await self.gate(f"after {verb}")
        if self.lost.get(verb):
            self.lost[verb] -= 1
            raise OutcomeUnknown(f"{self.name}: no answer to {verb}")
        return done

    def seen(self, thing: Thing) -> BoxObserved:
        building = self.clock.now() + self.skew < thing.ready_at
        return BoxObserved(
            remote_id=thing.remote_id,
            marker=thing.marker,
            name=thing.name,
            changed_at=iso(max(thing.changed_at, thing.changed_at if building else thing.ready_at)),
            gone=thing.gone,
            size=thing.size,
            status="broken" if thing.broken else "building" if building else "ready",
            kicks=thing.kicks,
            owner=thing.owner,
            parts=thing.parts,
        )

    def make(self, kind: str, wanted: BoxWanted, owner: str) -> Thing:
        for remote_id in wanted.parts.values():
            if remote_id not in self.things or self.things[remote_id].gone:
                raise Refused(f"{remote_id} is not there", status=404)
        self._count += 1
        now = self.clock.now() + self.skew
        made = Thing(
            kind,
            f"{self.name}-{self._count}",
            wanted.id,
            wanted.name,
            owner,
            wanted.size,
            wanted.parts,
            now + (self.building if kind == "box" else 0.0),
            now,
        )
        self.things[made.remote_id] = made
        self.made.append((kind, wanted.id))
        return made

    def get(self, kind: str, remote_id: str) -> Thing:
        thing = self.things.get(remote_id)
        if thing is None or thing.gone or thing.kind != kind:
            raise Missing(f"{remote_id} is not there")
        return thing

    def end(self, kind: str, remote_id: str) -> None:
        self.get(kind, remote_id)
        users = [
            one.remote_id for one in self.things.values() if remote_id in one.parts.values() and not one.gone
        ]
        if users:
            raise Refused(f"{remote_id} is in use by {users[0]}", status=409)
        self.change(remote_id, gone=True)


class ToyActuator:
    """One kind of thing in a toy cloud."""

    def __init__(self, cloud: ToyCloud, kind: str) -> None:
        self.cloud = cloud
        self.kind = kind

    async def observe(self, scope: Scope, remote_id: str) -> BoxObserved:
        cloud = self.cloud
        seen: BoxObserved = await cloud.call("observe", lambda: cloud.seen(cloud.get(self.kind, remote_id)))
        return seen

    async def find(self, scope: Scope, wanted: BoxWanted) -> BoxObserved | None:
        def look() -> BoxObserved | None:
            found = [thing for thing in self.cloud.here(self.kind) if thing.marker == wanted.id]
            return self.cloud.seen(found[0]) if found else None

        seen: BoxObserved | None = await self.cloud.call("find", look)
        return seen

    async def create(self, scope: Scope, wanted: BoxWanted) -> BoxObserved:
        cloud = self.cloud
        seen: BoxObserved = await cloud.call(
            "create", lambda: cloud.seen(cloud.make(self.kind, wanted, scope.project_id))
        )
        return seen

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        def act() -> None:
            thing = self.cloud.get(self.kind, remote_id)
            if step.verb == "kick":
                self.cloud.change(remote_id, kicks=thing.kicks + 1)
            elif step.verb == "plug":
                self.cloud.change(remote_id, parts=step.body["parts"])
            else:
                self.cloud.change(remote_id, size=step.body["size"])

        await self.cloud.call(step.verb, act)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        await self.cloud.call("delete", lambda: self.cloud.end(self.kind, remote_id))

    async def has_cursor(self) -> bool:
        return self.cloud.cursors

    async def list_changed(self, since: str) -> AsyncIterator[BoxObserved]:
        def listed() -> list[BoxObserved]:
            every = [self.cloud.seen(one) for one in self.cloud.things.values() if one.kind == self.kind]
            return [one for one in every if (one.changed_at >= since if since else not one.gone)]

        for seen in await self.cloud.call("list", listed):
            yield seen
