"""MAC addresses: one holder each in a network."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select

from fractus.addressing.tables import MAC
from fractus.base.ids import new_mac
from fractus.store.transaction import Query, Reader, Transaction, add_new_row


class MacTaken(Exception):
    """Somebody in this network holds this address."""


_c = MAC.c
_fetch = Query(select(_c.holder).where(_c.network_id == bindparam("n"), _c.mac == bindparam("m")))
_add = add_new_row(MAC, {"network_id": bindparam("n"), "mac": bindparam("m"), "holder": bindparam("h")})
_drop = Query(delete(MAC).where(_c.holder == bindparam("h")))

#: Of 2^24 addresses under one prefix; so many misses in a row mean that the network is full of them.
_TRIES = 64


class Macs:
    """All networks' MAC addresses. `prefix`: three octets, under which new ones are made."""

    def __init__(self, prefix: str = "fa:16:3e") -> None:
        self._prefix = prefix

    async def take(self, tx: Transaction, network_id: str, mac: str, holder: str) -> None:
        """Give `holder` this address (lower case, colons); `MacTaken`."""
        # Not looked for first: two who look where nothing is would keep each other from writing there.
        if not await tx.execute(_add, n=network_id, m=mac, h=holder):
            raise MacTaken(mac)

    async def take_new(self, tx: Transaction, network_id: str, holder: str) -> str:
        """Give `holder` an address that nobody in this network has; `MacTaken` where none was found."""
        for _ in range(_TRIES):
            mac = new_mac(self._prefix)
            if await tx.execute(_add, n=network_id, m=mac, h=holder):
                return mac
        raise MacTaken(f"{self._prefix} in network {network_id}")

    async def release(self, tx: Transaction, holder: str) -> None:
        """Take back all that `holder` has."""
        await tx.execute(_drop, h=holder)

    async def holder_of(self, reader: Reader, network_id: str, mac: str) -> str | None:
        """Who has the address in this network."""
        row = await reader.row(_fetch, n=network_id, m=mac)
        return None if row is None else str(row[0])
