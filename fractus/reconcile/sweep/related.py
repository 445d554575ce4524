"""What a full sweep looks for beside what its cloud lists: presences that depend on other rows, and were not woken.

Whoever changed those rows wakes them in the same transaction. An older process does not know of them, and a store that
was restored has lost the work; so all of them are compared here, from the store alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fractus.model.resource import Presence
from fractus.reconcile.kind import FACTS, fingerprint
from fractus.reconcile.machine import Machine
from fractus.reconcile.relations import Key
from fractus.store import presences


async def overlooked(machine: Machine, cloud: str) -> list[Key]:
    """What follows others and is missing in a cloud, or too many there; and what was settled with other facts."""
    relations = machine.relations
    keys: list[Key] = []
    for kind, followed in relations.followers.items():
        keys += [(kind, id, "") for id in await presences.astray(machine.store, cloud, kind, followed)]
    for kind in relations.readers:
        async for one in _all_of(machine, cloud, kind):
            if await _knows_other_facts(machine, one):
                keys.append((kind, one.id, cloud))
    return keys


async def _all_of(machine: Machine, cloud: str, kind: str) -> AsyncIterator[Presence]:
    after = ""
    while page := await presences.in_cloud(machine.store, cloud, kind, after=after):
        for one in page:
            yield one
        after = page[-1].id


async def _knows_other_facts(machine: Machine, presence: Presence) -> bool:
    resource = await machine.resources.fetch(machine.store, presence.kind, presence.id)
    if resource is None or not presence.wanted or not presence.generation:
        return False
    facts = await machine.relations.facts(machine.store, resource, presence)
    settled_with: str = presence.memory.get(FACTS, "")
    return settled_with != fingerprint(facts)
