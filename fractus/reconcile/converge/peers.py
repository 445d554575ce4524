"""Where a resource's peers are: the others that use what it uses, such as servers on one network.

Clouds have no path between them, so peers in different clouds do not reach each other. Where they are is read beside
the transaction that writes a choice. What other items of this process are placing, and have not written, is added from
memory, so two servers of a new network that are asked for at once go to one cloud. Resources without a cloud are placed
by one worker at a time (the lane without a cloud).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fractus.model.resource import APART, Resource
from fractus.reconcile.kind import Shared
from fractus.reconcile.machine import Machine, Placing
from fractus.scheduling.choice import Affinity, Group
from fractus.store import presences
from fractus.store.transaction import Reader, Transaction

#: Of so many users of one thing it is read where they are: more would cost each create more and say the same.
_SAMPLE = 50


async def clouds_of(reader: Reader, shared: Shared) -> set[str]:
    """The clouds in which something uses what is shared."""
    return await presences.clouds_of_users(
        reader, shared.kind, shared.id, shared.by, shared.of, limit=_SAMPLE
    )


async def members(machine: Machine, group: Group | None, kind: str) -> Counter[str]:
    """Cloud -> how many members of a group, all of one kind, are there to stay."""
    if group is None:
        return Counter()
    return Counter(await presences.counts_of_users(machine.store, group.kind, group.id, kind))


async def read(machine: Machine, shares: Iterable[Shared]) -> dict[Shared, set[str]]:
    """The clouds of the users of each thing; nothing where the operator has turned affinity off."""
    if machine.affinity is Affinity.OFF:
        return {}
    return {one: await clouds_of(machine.store, one) for one in shares}


def count(known: Mapping[Shared, set[str]], placing: Iterable[Placing]) -> Counter[str]:
    """Cloud -> how many of the shared things have users there, those that are being placed among them."""
    return Counter(cloud for clouds in _with(known, placing).values() for cloud in clouds)


def elsewhere(
    known: Mapping[Shared, set[str]], placing: Iterable[Placing], chosen: str
) -> dict[str, list[str]]:
    """`kind/id` of each shared thing that has users outside the chosen cloud -> the clouds of those."""
    return {
        f"{shared.kind}/{shared.id}": sorted(clouds - {chosen})
        for shared, clouds in _with(known, placing).items()
        if clouds - {chosen}
    }


async def mark(
    machine: Machine, tx: Transaction, resource: Resource, cloud: str, apart: Mapping[str, Sequence[str]]
) -> None:
    """Keep with what the resource alone uses in its cloud (its ports) that peers are elsewhere, for its document."""
    for need, there in (await presences.of_needs(tx, resource.kind, resource.id, cloud)).items():
        if need.exclusive and there is not None:
            there.memory[APART] = dict(apart)
            await presences.save(tx, there)
            used = await machine.resources.fetch(tx, need.kind, need.id, to_write=True)
            if used is not None:
                await machine.refresh_document(tx, used)


def _with(known: Mapping[Shared, set[str]], placing: Iterable[Placing]) -> dict[Shared, set[str]]:
    every = {shared: set(clouds) for shared, clouds in known.items()}
    for one in placing:
        for shared in one.shares & every.keys():
            every[shared].add(one.cloud)
    return every
