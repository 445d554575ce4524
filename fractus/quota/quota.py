"""Counts what every resource costs, in its own transaction, and refuses what is too much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Table

from fractus.model.resource import Resource
from fractus.quota import usage
from fractus.quota.costs import UNLIMITED, Costs, Over, Room
from fractus.quota.counting import count_user
from fractus.quota.limits import Bound, Source
from fractus.quota.usage import Owner
from fractus.store.transaction import Reader, Transaction


class Quota:
    """The quotas of all projects. Implements `fractus.store.resources.Accounts`."""

    def __init__(self, costs: Mapping[str, Costs], tables: Mapping[str, Table], limits: Source) -> None:
        """`costs` and `tables` by kind: a kind that declares no costs is not limited."""
        self.costs = dict(costs)
        self.tables = dict(tables)
        self.limits = limits
        self._units = {name: unit for one in costs.values() for name, unit in one.units.items()}

    def names(self, service: str) -> list[str]:
        """The quotas that a service shows, each once, in the order of their kinds."""
        every = [name for one in self.costs.values() if one.service == service for name in one.names]
        return list(dict.fromkeys(every))

    # --- what resources cost --------------------------------------------------------------------

    def counted(self, kind: str) -> bool:
        """Whether resources of this kind cost anything."""
        return kind in self.costs

    async def moved(
        self, tx: Transaction, before: Resource | None, after: Resource | None, within: str | None
    ) -> None:
        """A resource is about to be written: `before` is what is stored of it and `after` what will be, None where it
        is not there or deleted. `within`: the project whose limits must allow for what it costs more; None: it is only
        counted, as for what a cloud has already.
        """
        one = after or before
        if one is None:
            return
        costs = self.costs[one.kind]
        changes: dict[tuple[Owner, str], int] = defaultdict(int)
        for resource, sign in ((before, -1), (after, 1)):
            if resource is not None and (owner := _owner(costs, resource)) is not None:
                for name, amount in costs.of(resource).items():
                    changes[owner, name] += sign * amount
        family = self.limits.family(within) if within is not None else ""
        if family and any(amount > 0 for amount in changes.values()):
            # Those who share a limit queue at one row, so that none of them counts on what another is taking.
            await usage.queue(tx, family)
        # In one order, whatever is written: two that change several of the same never wait for each other.
        for owner in sorted({owner for owner, _ in changes}):
            amounts = {name: amount for (whose, name), amount in changes.items() if whose == owner and amount}
            if amounts:
                await usage.add(tx, owner, amounts)
        if within is None or after is None:
            return
        mine = _owner(costs, after)
        grown = {name: amount for (owner, name), amount in changes.items() if owner == mine and amount > 0}
        if grown:
            overs = await self._overs(tx, costs, within, after.user_id, grown)
            if overs:
                raise costs.refuse(within, overs)

    async def _overs(
        self, tx: Transaction, costs: Costs, project_id: str, user_id: str, grown: Mapping[str, int]
    ) -> list[Over]:
        """The limits that are broken, now that `grown` is counted."""
        found: dict[str, Over] = {}
        for bound in await self.limits.bounds(tx, project_id, user_id, grown):
            used = await self._used(tx, costs, bound, user_id)
            if bound.user and not costs.per_user:
                # Counted from the rows, and this one is not written yet.
                used += grown[bound.name]
            unit = self._units.get(bound.name, 1)
            if used > bound.limit * unit:
                amount = grown[bound.name]
                found.setdefault(
                    bound.name, Over(bound.name, _up(amount, unit), (used - amount) // unit, bound.limit)
                )
        return [found[name] for name in sorted(found)]

    async def _used(self, tx: Transaction, costs: Costs, bound: Bound, user_id: str) -> int:
        """What is used of a bound, in the smallest unit."""
        if costs.per_user:
            return (await usage.now(tx, (usage.USER, user_id))).get(bound.name, 0)
        if bound.user:
            return (await self.used_by_user(tx, bound.projects[0], bound.user)).get(bound.name, 0)
        total = 0
        for project in bound.projects:
            total += (await usage.now(tx, (usage.PROJECT, project))).get(bound.name, 0)
        return total

    # --- what there is room for -----------------------------------------------------------------

    async def room(
        self, tx: Transaction, kind: str, project_id: str, user_id: str, each: Mapping[str, int], most: int
    ) -> Room:
        """For how many, up to `most`, that cost `each`, a project has quota. Until the transaction ends nobody else
        takes it.
        """
        costs = self.costs[kind]
        family = self.limits.family(project_id)
        if family:
            await usage.queue(tx, family)
        allowed = most
        overs: dict[str, Over] = {}
        asked = {name: amount for name, amount in each.items() if amount > 0}
        await usage.add(tx, (usage.PROJECT, project_id), dict.fromkeys(asked, 0))
        for bound in await self.limits.bounds(tx, project_id, user_id, asked):
            used = await self._used(tx, costs, bound, user_id)
            unit, amount = self._units.get(bound.name, 1), asked[bound.name]
            fit = max(0, bound.limit * unit - used) // amount
            if fit < most:
                over = Over(bound.name, _up(amount * most, unit), used // unit, bound.limit)
                overs.setdefault(bound.name, over)
                allowed = min(allowed, fit)
        return Room(allowed, [overs[name] for name in sorted(overs)])

    # --- what is shown --------------------------------------------------------------------------

    async def limit(self, reader: Reader, project_id: str, name: str) -> int:
        """One limit of a project, -1 where there is none."""
        return (await self.limits.shown(reader, project_id)).get(name, UNLIMITED)

    async def used(self, reader: Reader, project_id: str) -> dict[str, int]:
        """What a project uses, in the units of the limits."""
        return self._in_units(await usage.of(reader, (usage.PROJECT, project_id)))

    async def used_by_user(self, reader: Reader, project_id: str, user_id: str) -> dict[str, int]:
        """What one user's resources in a project cost, counted now: only few users have limits of their own."""
        return await count_user(reader, self.costs, self.tables, project_id, user_id)

    async def used_of_own(self, reader: Reader, user_id: str) -> dict[str, int]:
        """What a user uses in whatever project (keys)."""
        return await usage.of(reader, (usage.USER, user_id))

    def _in_units(self, used: Mapping[str, int]) -> dict[str, int]:
        return {name: amount // self._units.get(name, 1) for name, amount in used.items()}


def _owner(costs: Costs, resource: Resource) -> Owner | None:
    id = resource.user_id if costs.per_user else resource.project_id
    return ((usage.USER if costs.per_user else usage.PROJECT), id) if id else None


def _up(amount: int, unit: int) -> int:
    return -(-amount // unit)


def known(names: Collection[str], given: Mapping[str, int]) -> dict[str, int]:
    """Only those limits that are of `names`, all of them; what is not given is unlimited."""
    return {name: given.get(name, UNLIMITED) for name in names}
