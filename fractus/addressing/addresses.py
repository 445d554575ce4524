"""IP addresses of subnets: who holds which, and the next free one.

Everything happens inside the caller's transaction. Two transactions that want the same address collide on the primary
key of `address`, or on the range that both would shorten: every change of a range says what it was before, and is
repeated when that is no longer so. The range that the next addresses come from is locked, shortened here, and written
once, however many are taken from it. A holder is a text that the caller chooses (`port/<id>`, `cloud/<name>`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, update

from fractus.addressing.ranges import (
    Range,
    cloud_share,
    join,
    key,
    number,
    number_of_key,
    text,
    version_of_key,
    without,
)
from fractus.addressing.tables import ADDRESS, FREE_RANGE
from fractus.store.transaction import Query, Reader, Transaction


class AddressTaken(Exception):
    """Somebody holds this address. `holder` says who."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


def cloud_holder(cloud: str) -> str:
    """Who holds the addresses that a cloud may give to ports of its own (DHCP, metadata)."""
    return f"cloud/{cloud}"


_a, _f = ADDRESS.c, FREE_RANGE.c

_holder = Query(select(_a.holder).where(_a.subnet_id == bindparam("s"), _a.position == bindparam("p")))
_held = Query(
    select(_a.subnet_id, _a.position, _a.pooled).where(_a.holder == bindparam("h")).order_by(_a.position)
)
_held_by_kind = Query(
    select(_a.position, _a.holder).where(_a.subnet_id == bindparam("s"), _a.holder.like(bindparam("h")))
)
_everywhere = Query(select(_a.holder).where(_a.position == bindparam("p")).limit(bindparam("n")))
_between = Query(
    select(_a.holder)
    .where(_a.position >= bindparam("a"), _a.position <= bindparam("z"))
    .limit(bindparam("n"))
)
_count = Query(select(_a.pooled, func.count()).where(_a.subnet_id == bindparam("s")).group_by(_a.pooled))
_positions = Query(select(_a.position, _a.pooled).where(_a.subnet_id == bindparam("s")))
_add = Query(
    insert(ADDRESS).values(
        subnet_id=bindparam("s"), position=bindparam("p"), holder=bindparam("h"), pooled=bindparam("f")
    )
)
_mark = Query(
    update(ADDRESS)
    .where(_a.subnet_id == bindparam("s"), _a.position == bindparam("p"))
    .values(pooled=bindparam("f"))
)
_drop = Query(delete(ADDRESS).where(_a.subnet_id == bindparam("s"), _a.position == bindparam("p")))
_drop_all = Query(delete(ADDRESS).where(_a.subnet_id == bindparam("s")))

_of_subnet = _f.subnet_id == bindparam("s")
#: What is read of ranges is changed at once: others of the same subnet wait, and do not collide.
_ranges = select(_f.first, _f.last).where(_of_subnet).with_for_update()
_lowest = Query(_ranges.order_by(_f.first).limit(1))
_highest = Query(_ranges.order_by(_f.first.desc()).limit(1))
_around = Query(_ranges.where(_f.first <= bindparam("p")).order_by(_f.first.desc()).limit(1))
_from = Query(_ranges.where(_f.first == bindparam("p")))
_free_add = Query(
    insert(FREE_RANGE).values(subnet_id=bindparam("s"), first=bindparam("a"), last=bindparam("z"))
)
_free_drop = Query(
    delete(FREE_RANGE).where(_of_subnet, _f.first == bindparam("a"), _f.last == bindparam("z"))
)
_free_shorten = Query(
    update(FREE_RANGE)
    .where(_of_subnet, _f.first == bindparam("a"), _f.last == bindparam("z"))
    .values(first=bindparam("b"))
)
_free_drop_all = Query(delete(FREE_RANGE).where(_of_subnet))
_free_all = Query(select(_f.first, _f.last).where(_of_subnet).order_by(_f.first))


_FREE = FREE_RANGE.name


class _Lowest(NamedTuple):
    """The lowest range of a subnet, less what was taken from it meanwhile."""

    first: int
    last: int
    version: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


async def _settle(tx: Transaction, changes: Sequence[tuple[Any, Any, Any]]) -> None:
    for subnet_id, stored, now in sorted(changes, key=lambda one: str(one[0])):
        was = {"s": subnet_id, "a": key(stored.first, stored.version), "z": key(stored.last, stored.version)}
        if now.size:
            first = {"b": key(now.first, now.version)}
            await tx.put(_free_shorten, {**was, **first}, holding=True, one=True)
        else:
            await tx.put(_free_drop, was, holding=True, one=True)


class Addresses:
    """All subnets' addresses."""

    async def open(self, tx: Transaction, subnet_id: str, pools: Sequence[Range], version: int) -> None:
        """A new subnet: everything in its pools is free."""
        for pool in pools:
            await self._put(tx, subnet_id, pool, version)

    async def reshape(self, tx: Transaction, subnet_id: str, pools: Sequence[Range], version: int) -> None:
        """Other pools from now on. What is held stays held, inside of them or not."""
        held = {number_of_key(p): bool(f) for p, f in await tx.rows(_positions, s=subnet_id)}
        # Pools have no address in common: the last that begins before one is the only one that can hold it.
        order = sorted(pools)
        firsts = [pool.first for pool in order]
        for value, was_pooled in held.items():
            place = bisect_right(firsts, value) - 1
            is_pooled = place >= 0 and value <= order[place].last
            if is_pooled != was_pooled:
                await tx.execute(_mark, s=subnet_id, p=key(value, version), f=is_pooled)
        await tx.execute(_free_drop_all, s=subnet_id)
        for left in without(pools, held):
            await self._put(tx, subnet_id, left, version)

    async def close(self, tx: Transaction, subnet_id: str) -> None:
        """The subnet is gone, and with it all that was known of it."""
        await tx.execute(_drop_all, s=subnet_id)
        await tx.execute(_free_drop_all, s=subnet_id)

    async def reserve(self, tx: Transaction, subnet_id: str, ip: str, holder: str, version: int) -> None:
        """Give `holder` this address, in the pools or not; `AddressTaken`."""
        position = key(number(ip), version)
        row = await tx.row(_holder, s=subnet_id, p=position)
        if row is not None:
            raise AddressTaken(row[0])
        pooled = await self._split(tx, subnet_id, position)
        await tx.execute(_add, s=subnet_id, p=position, h=holder, f=pooled)

    async def reserve_next(self, tx: Transaction, subnet_id: str, holder: str) -> str | None:
        """Give `holder` the lowest free address of the pools, or None where none is left."""
        whole: _Lowest | None = tx.held(_FREE, subnet_id)
        if whole is None or not whole.size:
            whole = await self._hold_lowest(tx, subnet_id)
            if whole is None:
                return None
        tx.change(_FREE, subnet_id, whole._replace(first=whole.first + 1))
        position = key(whole.first, whole.version)
        await tx.put(_add, {"s": subnet_id, "p": position, "h": holder, "f": True})
        return text(whole.first, whole.version)

    async def _hold_lowest(self, tx: Transaction, subnet_id: str) -> _Lowest | None:
        """Lock the lowest range of a subnet, after what was taken of it is written."""
        row = await tx.row(_lowest, s=subnet_id)
        if row is None:
            return None
        found = _Lowest(number_of_key(row[0]), number_of_key(row[1]), version_of_key(row[0]))
        tx.hold(_FREE, subnet_id, found, _settle)
        return found

    async def reserve_last(self, tx: Transaction, subnet_id: str, count: int, holder: str) -> list[Range]:
        """Give `holder` up to `count` addresses from the end of the pools; fewer where fewer are free."""
        taken = []
        for _ in range(count):
            found = await self._shorten(tx, subnet_id, _highest)
            if found is None:
                break
            await tx.execute(_add, s=subnet_id, p=found, h=holder, f=True)
            taken.append(number_of_key(found))
        return join(taken)

    async def set_aside(
        self, tx: Transaction, subnet_id: str, cloud: str, pools: Iterable[Range]
    ) -> list[Range]:
        """Give a cloud its share of a subnet with these pools, so that it never takes an address of ours; fewer where
        fewer are free.
        """
        return await self.reserve_last(tx, subnet_id, cloud_share(pools), cloud_holder(cloud))

    async def set_aside_as_found(
        self, tx: Transaction, subnet_id: str, cloud: str, pools: Iterable[Range], version: int
    ) -> None:
        """Give a cloud the share that it has there already. What somebody else holds of it stays theirs."""
        for one in pools:
            for value in range(one.first, one.last + 1):
                try:
                    await self.reserve(tx, subnet_id, text(value, version), cloud_holder(cloud), version)
                except AddressTaken:
                    continue

    async def release(
        self, tx: Transaction, holder: str, *, subnet_id: str = "", ips: Iterable[str] = ()
    ) -> int:
        """Take back what `holder` has: all, or in one subnet, or there only `ips`; how many that were."""
        only = {number(ip) for ip in ips}
        count = 0
        for subnet, position, pooled in await tx.rows(_held, h=holder):
            if subnet_id and subnet != subnet_id:
                continue
            if only and number_of_key(position) not in only:
                continue
            await tx.execute(_drop, s=subnet, p=position)
            if pooled:
                await self._give_back(tx, subnet, position)
            count += 1
        return count

    async def held_by(self, reader: Reader, holder: str) -> list[tuple[str, str]]:
        """(subnet id, address) of all that `holder` has."""
        rows = await reader.rows(_held, h=holder)
        return [(subnet, text(number_of_key(p), version_of_key(p))) for subnet, p, _ in rows]

    async def held_by_kind(self, reader: Reader, subnet_id: str, kind: str) -> list[tuple[str, str]]:
        """(address, holder) of all that one sort of holders (`kind` of `kind/<id>`) has in a subnet."""
        rows = await reader.rows(_held_by_kind, s=subnet_id, h=f"{kind}/%")
        return [(text(number_of_key(p), version_of_key(p)), holder) for p, holder in rows]

    async def holder_of(self, reader: Reader, subnet_id: str, ip: str, version: int) -> str | None:
        """Who has the address."""
        row = await reader.row(_holder, s=subnet_id, p=key(number(ip), version))
        return None if row is None else str(row[0])

    async def holders_of(self, reader: Reader, ip: str, most: int) -> list[str]:
        """Who has the address, in whatever subnet: `most` of them, and in no order. Nobody has what is no address."""
        try:
            position = key(number(ip), 6 if ":" in ip else 4)
        except ValueError:
            return []
        return [holder for (holder,) in await reader.rows(_everywhere, p=position, n=most)]

    async def holders_within(
        self, reader: Reader, spans: Iterable[Range], version: int, most: int
    ) -> list[str]:
        """Who has an address in one of these ranges, in whatever subnet: `most` of them, and in no order."""
        found: list[str] = []
        for one in spans:
            asked = {"a": key(one.first, version), "z": key(one.last, version), "n": most - len(found)}
            found += [holder for (holder,) in await reader.rows(_between, **asked)]
            if len(found) >= most:
                break
        return found

    async def count(self, reader: Reader, subnet_id: str) -> tuple[int, int]:
        """How many addresses of a subnet are held, and how many of those came out of its pools."""
        found = {bool(pooled): int(held) for pooled, held in await reader.rows(_count, s=subnet_id)}
        return sum(found.values()), found.get(True, 0)

    async def free(self, reader: Reader, subnet_id: str) -> list[Range]:
        """What is free in the pools, in order."""
        rows = await reader.rows(_free_all, s=subnet_id)
        return [Range(number_of_key(first), number_of_key(last)) for first, last in rows]

    # --- ranges ----------------------------------------------------------------------------------

    async def _put(self, tx: Transaction, subnet_id: str, one: Range, version: int) -> None:
        await tx.execute(_free_add, s=subnet_id, a=key(one.first, version), z=key(one.last, version))

    async def _replace(
        self, tx: Transaction, subnet_id: str, row: Sequence[Any], parts: Iterable[Range]
    ) -> bool:
        """Put `parts` in the place of a range; False where it is not there any more."""
        first, last = row
        if not await tx.execute(_free_drop, s=subnet_id, a=first, z=last):
            return False
        for part in parts:
            await self._put(tx, subnet_id, part, version_of_key(first))
        return True

    async def _shorten(self, tx: Transaction, subnet_id: str, end: Query) -> str | None:
        """Take one address off the lowest or the highest range."""
        while True:
            row = await tx.row(end, s=subnet_id)
            if row is None:
                return None
            whole = Range(number_of_key(row[0]), number_of_key(row[1]))
            value = whole.first if end is _lowest else whole.last
            if await self._replace(tx, subnet_id, row, without([whole], [value])):
                return key(value, version_of_key(row[0]))

    async def _split(self, tx: Transaction, subnet_id: str, position: str) -> bool:
        """Take one address out of the range around it; False where it is in no range, that is outside the pools."""
        while True:
            row = await tx.row(_around, s=subnet_id, p=position)
            if row is None or row[1] < position:
                return False
            whole = Range(number_of_key(row[0]), number_of_key(row[1]))
            if await self._replace(tx, subnet_id, row, without([whole], [number_of_key(position)])):
                return True

    async def _give_back(self, tx: Transaction, subnet_id: str, position: str) -> None:
        """Make one address free again, joined with its free neighbours."""
        value, version = number_of_key(position), version_of_key(position)
        first, last = value, value
        right = await tx.row(_from, s=subnet_id, p=key(value + 1, version))
        if right is not None and await tx.execute(_free_drop, s=subnet_id, a=right[0], z=right[1]):
            last = number_of_key(right[1])
        left = await tx.row(_around, s=subnet_id, p=position)
        adjacent = left is not None and number_of_key(left[1]) == value - 1
        if left is not None and adjacent and await tx.execute(_free_drop, s=subnet_id, a=left[0], z=left[1]):
            first = number_of_key(left[0])
        await self._put(tx, subnet_id, Range(first, last), version)
