"""What must be in one cloud: an assigned resource, the assigned ones that it needs, and those that need it.

What FOLLOWS several of them ties them too: a volume that is attached to a server must be where that is.

Data is never copied to a second cloud because something needs it there. So what needs a resource that has a home goes
to that home, and resources of which none has a home yet are assigned together. What can be carried confines nothing,
but for what was taken over and is not ours to copy (`choice["only"]`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

from fractus.model.placement import Placement
from fractus.model.resource import IF_PRESENT, Need, Presence, Resource, at_home
from fractus.reconcile.kind import Demand
from fractus.reconcile.machine import Machine
from fractus.store import presences
from fractus.store.transaction import Transaction

Key: TypeAlias = tuple[str, str]


class Confined(Struct, frozen=True):
    """That the whole set can only be in some clouds, and why. `home`: `why` is about the one that has it."""

    clouds: frozenset[str]
    why: str
    home: bool = False

    def against(self, cloud: str) -> str:
        """Why not this cloud; empty where nothing is against it."""
        if cloud in self.clouds:
            return ""
        return f"{self.why}, and cannot be used in {cloud}" if self.home else self.why


class Member(Struct):
    """A resource that gets its cloud with the others. `every`: presences of it that are leaving."""

    resource: Resource
    every: list[Presence]
    demand: Demand

    @property
    def name(self) -> str:
        """As sentences name it."""
        return f"{self.resource.kind} {self.resource.id}"


class Together(Struct):
    """What is assigned in one choice; what is needed stands before what needs it."""

    members: list[Member]
    confined: list[Confined]

    def demand(self) -> Demand:
        """What all of them ask of their cloud; where they ask for different ones, the first."""
        every = [member.demand for member in self.members]
        return Demand(
            cloud=next((one.cloud for one in every if one.cloud), ""),
            kinds=frozenset().union(*(one.kinds for one in every)),
            group=next((one.group for one in every if one.group is not None), None),
            shares=frozenset().union(*(one.shares for one in every)),
        )

    def confined_to(self, clouds: Iterable[str]) -> dict[str, str]:
        """The clouds that are out of the question, and why."""
        zones = [
            Confined(frozenset([one.demand.cloud]), f"{one.name} is asked for in {one.demand.cloud}", True)
            for one in self.members
            if one.demand.cloud and len(self.members) > 1
        ]
        found = {}
        for cloud in clouds:
            for one in (*zones, *self.confined):
                if reason := one.against(cloud):
                    found[cloud] = reason
        return found

    def refused(self) -> dict[str, str]:
        """The clouds that said no to one of them, for good."""
        found: dict[str, str] = {}
        for member in self.members:
            found |= member.resource.choice.get("refused", {})
        return found

    def avoided(self, machine: Machine) -> dict[str, str]:
        """The clouds that are not to be tried just now."""
        found: dict[str, str] = {}
        for member in self.members:
            for name, entry in member.resource.choice.get("avoided", {}).items():
                if 0 < entry["until"] - machine.clock.now() <= machine.pace.avoid:
                    found[name] = entry["reason"]
            found |= {one.cloud: "is still being cleaned up there" for one in member.every}
        return found


async def gather(machine: Machine, tx: Transaction, resource: Resource, every: list[Presence]) -> Together:
    """All that has to go to the cloud of `resource`, which has none; `every`: its presences, all of them leaving."""
    search = _Search(machine, tx)
    await search.join(resource, every)
    return Together(search.in_order(), search.confined)


class _Search:
    """Goes from resource to resource along what they need."""

    def __init__(self, machine: Machine, tx: Transaction) -> None:
        self._machine = machine
        self._tx = tx
        self._members: dict[Key, Member] = {}
        self._needed: dict[Key, list[Key]] = {}
        self._met: set[Key] = set()
        self.confined: list[Confined] = []

    async def join(self, resource: Resource, every: list[Presence]) -> None:
        """It is assigned with the rest, and so is whatever it is tied to."""
        key = resource.kind, resource.id
        self._met.add(key)
        self._members[key] = Member(resource, every, self._machine.lifecycles[resource.kind].demand(resource))
        needs = await self._machine.resources.needs(self._tx, resource.kind, resource.id)
        self._needed[key] = [(need.kind, need.id) for need in needs]
        await self._along(needs)
        if self._machine.colocates:
            for kind, id, mode in await self._machine.resources.users(self._tx, resource.kind, resource.id):
                if mode == IF_PRESENT:
                    continue
                placement = self._machine.traits(kind).placement
                if placement is Placement.ASSIGNED:
                    await self._visit(kind, id)
                elif placement is Placement.FOLLOWS:
                    # It can only be where all are that it waits for.
                    others = await self._machine.resources.needs(self._tx, kind, id)
                    await self._along([need for need in others if need.awaited])

    async def _along(self, needs: Sequence[Need]) -> None:
        for need in needs:
            traits = self._machine.traits(need.kind)
            if traits.assigned and need.mode != IF_PRESENT:
                await self._visit(need.kind, need.id)
            elif traits.placement is Placement.CARRIED:
                await self._only(need)

    async def _only(self, need: Need) -> None:
        only = (await self._machine.resources.choice(self._tx, need.kind, need.id)).get("only")
        if only:
            names = ", ".join(sorted(only))
            self.confined.append(Confined(frozenset(only), f"{need.kind} {need.id} is only in {names}"))

    async def _visit(self, kind: str, id: str) -> None:
        if (kind, id) in self._met:
            return
        self._met.add((kind, id))
        resource = await self._machine.resources.fetch(self._tx, kind, id, to_write=True)
        if resource is None or not resource.wanted:
            # That it is gone is said to whoever needs it when its cloud is to be made use of.
            return
        every = await presences.of_resource(self._tx, kind, id)
        here = at_home(resource.home, every)
        if here is not None and here.wanted:
            self.confined.append(Confined(frozenset([here.cloud]), f"{kind} {id} is in {here.cloud}", True))
        else:
            await self.join(resource, every)

    def in_order(self) -> list[Member]:
        """What is needed first, so that who needs it finds it placed."""
        ordered: dict[Key, Member] = {}

        def add(key: Key) -> None:
            member = self._members.get(key)
            if member is None or key in ordered or key in begun:
                return
            begun.add(key)
            for needed in self._needed[key]:
                add(needed)
            ordered[key] = member

        begun: set[Key] = set()
        for key in self._members:
            add(key)
        return list(ordered.values())
