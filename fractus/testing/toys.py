"""Kinds by the number, in clouds where nothing happens: to see and to measure what looking at them costs.

A toy kind has neither API nor cursor: each listing of it lists everything, as most kinds of most clouds have it. In
each cloud some things of the first kinds are held; the others are there for the inventory alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry

from fractus.base.clock import Clock, iso
from fractus.model.cloud import Actuator, Cloud, Observed, Scope
from fractus.model.errors import CloudError
from fractus.model.placement import carried
from fractus.model.resource import SETTLED, Presence
from fractus.reconcile.kind import Lifecycle, Sweeping
from fractus.reconcile.machine import Machine, Pace, kept
from fractus.reconcile.queue.loop import Worker
from fractus.reconcile.queue.metrics import Metrics
from fractus.store import clouds, presences
from fractus.store.clouds import CloudRecord
from fractus.store.resources import Resources
from fractus.store.schema import METADATA
from fractus.store.sqlite import SqliteStore
from fractus.store.transaction import Store

#: Pages of the store, for each connection. KiB.
_CACHE = 2048


class ToyKind:
    """What sweeps must know of one, where nothing ever changes."""

    observed_type = Observed
    traits = carried()

    def __init__(self, name: str, sweeping: Sweeping) -> None:
        """`sweeping`: how often it is listed at most."""
        self.name = name
        self.sweeping = sweeping


class ToyCloud:
    """A child that only lists, and notes when it was asked for what."""

    def __init__(self, name: str, kinds: Iterable[str], clock: Clock) -> None:
        """Nothing is there yet."""
        self.name = name
        self.clock = clock
        self.things: dict[str, dict[str, Observed]] = {kind: {} for kind in kinds}
        self.listed: list[tuple[float, str]] = []
        """When (by the clock that never jumps) a whole listing began, and of which kind."""
        self.failing: dict[str, CloudError] = {}
        """Kind -> what a listing of it comes to."""
        self._actuators = {kind: _Lists(self, kind) for kind in self.things}

    def put(self, kind: str, id: str) -> Observed:
        """Something of a kind is there."""
        at = iso(self.clock.now())
        observed = Observed(remote_id=f"{self.name}-{id}", marker=id, changed_at=at)
        self.things[kind][id] = observed
        return observed

    def actuators(self) -> Mapping[str, Actuator[Any, Any]]:
        """One for each kind."""
        return cast("Mapping[str, Actuator[Any, Any]]", self._actuators)

    def healthy(self) -> bool:
        """Always."""
        return True


class _Lists:
    """The part of an actuator that sweeps need."""

    def __init__(self, cloud: ToyCloud, kind: str) -> None:
        self._cloud, self._kind = cloud, kind

    async def has_cursor(self) -> bool:
        return False

    async def list_changed(self, _since: str) -> AsyncIterator[Observed]:
        if self._kind in self._cloud.failing:
            raise self._cloud.failing[self._kind]
        self._cloud.listed.append((self._cloud.clock.monotonic(), self._kind))
        for observed in list(self._cloud.things[self._kind].values()):
            yield observed


class ToyClouds:
    """So many toy clouds of so many toy kinds, and the worker that sweeps them."""

    def __init__(
        self, path: Path, clock: Clock, *, kinds: int, clouds: int, pace: Pace, slow: Callable[[int], bool]
    ) -> None:
        """`slow`: whether the kind of that number is one that hardly changes. Nothing is written before `open`."""
        self.clock = clock
        self.store = SqliteStore(path, clock)
        self.store.relax(_CACHE)
        self.kinds = [f"kind{number:02}" for number in range(kinds)]
        self.lifecycles = {
            kind: ToyKind(kind, Sweeping(whole=60.0) if slow(number) else Sweeping())
            for number, kind in enumerate(self.kinds)
        }
        self.clouds = {
            name: ToyCloud(name, self.kinds, clock) for name in (f"cloud{at:03}" for at in range(clouds))
        }
        self.machine = Machine(
            store=self.store,
            resources=Resources({}),
            lifecycles=cast("Mapping[str, Lifecycle]", self.lifecycles),
            children=self,
            clock=clock,
            notifier=self,
            scope_of=_scope,
            pace=pace,
        )
        self.worker = Worker(self.machine, Metrics(CollectorRegistry()), owner="toys")

    async def open(self, held: int, each: int) -> None:
        """Write the clouds, and `each` settled presences of each of the first `held` kinds in each."""
        self.store.create(METADATA)
        for cloud in self.clouds.values():
            async with self.store.transaction() as tx:
                await clouds.add(tx, CloudRecord(name=cloud.name, driver="toy"))
                for kind in self.kinds[:held]:
                    for number in range(each):
                        observed = cloud.put(kind, f"{kind}-{number}")
                        presence = Presence(kind=kind, id=observed.marker, cloud=cloud.name, state=SETTLED)
                        presence.remote_id, presence.observed = observed.remote_id, kept(observed)
                        presence.observed_at = self.clock.now()
                        await presences.add(tx, presence)

    async def close(self) -> None:
        """Release the store."""
        await self.store.close()

    # ------------------------------------------------------------------ the machine's children, and its notifier

    def names(self) -> Iterable[str]:
        """Of all clouds."""
        return list(self.clouds)

    def get(self, name: str) -> Cloud | None:
        """One of them."""
        return cast("Cloud | None", self.clouds.get(name))

    def settings(self, _name: str) -> Mapping[str, Any]:
        """None."""
        return {}

    async def refresh(self, _store: Store) -> None:
        """They stay as they are."""

    def notify(self, _cloud: str) -> None:
        """Nobody listens."""


async def _scope(project_id: str) -> Scope:
    return Scope(project_id)
