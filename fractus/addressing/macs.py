"""MAC addresses: one holder each in a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from fractus.addressing.tables import MAC
from fractus.base.ids import new_mac
from fractus.store.transaction import Query, Reader, Transaction, add_new_row


class MacTaken(Exception):
    """Somebody in this network holds this address."""


_c = MAC.c
_fetch = Query(select(_c.holder).where(_c.network_id == bindparam("n"), _c.mac == bindparam("m")))
_everywhere = Query(select(_c.holder).where(_c.mac == bindparam("m")).limit(bindparam("n")))
_row: dict[str, Any] = {"network_id": bindparam("n"), "mac": bindparam("m"), "holder": bindparam("h")}
_insert = Query(insert(MAC).values(_row))
_add = add_new_row(MAC, _row)
_drop = Query(delete(MAC).where(_c.holder == bindparam("h")))

#: So many are looked for together where others will want some too.
_MANY = 32
_known = Query(
    select(_c.mac).where(
        _c.network_id == bindparam("n"),
        _c.mac.in_([bindparam(f"m{number}", type_=_c.mac.type) for number in range(_MANY)]),
    )
)
_TABLE = MAC.name

#: Of 2^24 addresses under one prefix; so many misses in a row mean that the network is full of them.
_TRIES = 64


async def _nothing(tx: Transaction, changes: Sequence[tuple[Any, Any, Any]]) -> None:
    """Addresses that were found free and not taken are written nowhere."""


class Macs:
    """All networks' MAC addresses. `prefix`: three octets, under which new ones are made."""

    def __init__(self, prefix: str = "fa:16:3e") -> None:
        self._prefix = prefix

    async def reserve(self, tx: Transaction, network_id: str, mac: str, holder: str) -> None:
        """Give `holder` this address (lower case, colons); `MacTaken`."""
        # Not looked for first: two who look where nothing is would keep each other from writing there.
        if not await tx.execute(_add, n=network_id, m=mac, h=holder):
            raise MacTaken(mac)

    async def reserve_new(self, tx: Transaction, network_id: str, holder: str) -> str:
        """Give `holder` an address that nobody in this network has; `MacTaken` where none was found."""
        if tx.crowded:
            return await self._reserve_free(tx, network_id, holder)
        for _ in range(_TRIES):
            mac = new_mac(self._prefix)
            if await tx.execute(_add, n=network_id, m=mac, h=holder):
                return mac
        raise MacTaken(f"{self._prefix} in network {network_id}")

    async def _reserve_free(self, tx: Transaction, network_id: str, holder: str) -> str:
        """One of several that were looked for at once: one look does for many ports."""
        free: tuple[str, ...] = tx.held(_TABLE, network_id) or ()
        for _ in range(_TRIES):
            if free:
                break
            some = [new_mac(self._prefix) for _ in range(_MANY)]
            asked = {f"m{number}": mac for number, mac in enumerate(some)}
            taken = {row[0] for row in await tx.rows(_known, n=network_id, **asked)}
            free = tuple(mac for mac in dict.fromkeys(some) if mac not in taken)
            tx.hold(_TABLE, network_id, free, _nothing)
        else:
            raise MacTaken(f"{self._prefix} in network {network_id}")
        tx.change(_TABLE, network_id, free[1:])
        await tx.put(_insert, {"n": network_id, "m": free[0], "h": holder}, holding=True)
        return free[0]

    async def release(self, tx: Transaction, holder: str) -> None:
        """Take back all that `holder` has."""
        await tx.put(_drop, {"h": holder})

    async def holder_of(self, reader: Reader, network_id: str, mac: str) -> str | None:
        """Who has the address in this network."""
        row = await reader.row(_fetch, n=network_id, m=mac)
        return None if row is None else str(row[0])

    async def holders_of(self, reader: Reader, mac: str, most: int) -> list[str]:
        """Who has the address, in whatever network: `most` of them, and in no order."""
        return [holder for (holder,) in await reader.rows(_everywhere, m=mac, n=most)]
