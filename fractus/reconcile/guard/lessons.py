"""What listings of a kind say of the cloud itself: bounds that its own things show, kept with the cloud's cursors.

A cloud is asked nothing for it. Before the first listing that shows a bound nothing is known, and nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from fractus.model.cloud import Observed
from fractus.model.resource import Resource
from fractus.reconcile.kind import Shared
from fractus.reconcile.machine import Machine
from fractus.store import clouds
from fractus.store.resources import Resources
from fractus.store.transaction import Reader


class Lesson(Protocol):
    """One listing, as far as the cloud itself shows in it."""

    def learn(self, observed: Iterable[Observed]) -> None:
        """Look at some things of the listing."""
        ...

    async def learnt(
        self, reader: Reader, resources: Resources, *, whole: bool, before: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What it said; empty where it said nothing. `whole`: everything was listed, not what changed alone; `before`:
        what the latest listing that said anything came to.
        """
        ...


@runtime_checkable
class Learns(Protocol):
    """Part of a lifecycle whose listings say something of their cloud."""

    def lesson(self) -> Lesson:
        """For one listing."""
        ...

    def asks(self, resource: Resource) -> bool:
        """Whether the thing asks for something that not every cloud may have: else nothing is read of clouds."""
        ...

    def unfit(self, resource: Resource, learnt: Mapping[str, Any]) -> str:
        """Why a cloud of which that is known cannot have the thing; empty where nothing is against it."""
        ...


async def unfit(machine: Machine, reader: Reader, shares: Iterable[Shared]) -> dict[str, str]:
    """Cloud -> why it cannot have what is shared (a server's networks)."""
    found: dict[str, str] = {}
    for shared in shares:
        life: object = machine.lifecycles.get(shared.kind)
        if not isinstance(life, Learns):
            continue
        resource = await machine.resources.fetch(reader, shared.kind, shared.id)
        if resource is None or not life.asks(resource):
            continue
        for cloud, learnt in (await clouds.learnt(reader, shared.kind)).items():
            reason = life.unfit(resource, learnt)
            if reason:
                found[cloud] = reason
    return found
