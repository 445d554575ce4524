"""Lists of ports by what is held for them: an address, a MAC, or a place on a subnet's network.

No index has the addresses of a port, of which there may be several. But every address and MAC of a port is held for it
(`fractus.addressing`), from before it has it until after, so the holders tell which few ports a list is made of. Users
see a port as it is in its cloud: those where somebody changed it there are reported by the findings. The list's own
conditions are looked at all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fractus.addressing.addresses import Addresses
from fractus.addressing.macs import Macs
from fractus.addressing.ranges import Range
from fractus.services.network.dialect.schema import values
from fractus.services.network.ports.queries import devices_of, ports_outside
from fractus.services.network.ports.schema import port_of
from fractus.store import findings
from fractus.store.listing import Filter, Filters, one_of
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

#: An address that more have, each in a subnet of their own, leads nowhere: what a project has is looked through then.
_MOST = 500


class Finding:
    """Finds the few ports that a list may be made of."""

    def __init__(self, resources: Resources, addresses: Addresses, macs: Macs) -> None:
        self._resources = resources
        self._addresses = addresses
        self._macs = macs

    async def conditions(self, reader: Reader, fixed_ips: Sequence[str], macs: Sequence[str]) -> Filters:
        """What follows from a query's addresses (`KEY=VALUE`) and MACs for indexed columns; nothing where that is no
        help.
        """
        found: list[Filter] = []
        asked = values.key_values(fixed_ips)
        if "ip_address" in asked:
            found += await self._held(reader, self._addresses, asked["ip_address"], "fixed_ips")
        if macs:
            canonical = [values.canonical_mac(text) for text in macs]
            found += await self._held(reader, self._macs, canonical, "mac_address")
        if "subnet_id" in asked:
            found += await self._on_networks(reader, asked["subnet_id"])
        return found

    async def servers_at(self, reader: Reader, spans: Iterable[Range], version: int) -> list[str] | None:
        """The servers that may show an address in one of these ranges; None where so many ports have one that they
        had better be looked for in another way.
        """
        ids = set(await findings.differing(reader, "port", "fixed_ips", _MOST + 1))
        left = _MOST + 1 - len(ids)
        holders = await self._addresses.holders_within(reader, spans, version, left) if left > 0 else []
        ids.update(id for id in map(port_of, holders) if id)
        return await devices_of(reader, ids) if len(holders) < left else None

    async def _held(
        self, reader: Reader, book: Addresses | Macs, asked: Iterable[str], field: str
    ) -> list[Filter]:
        ids = set(await findings.differing(reader, "port", field, _MOST + 1))
        left = _MOST + 1 - len(ids)
        for one in asked:
            holders = await book.holders_of(reader, one, left)
            ids.update(id for id in map(port_of, holders) if id)
            ids.update(await ports_outside(reader, holders))
            left -= len(holders)
            if left <= 0:
                return []
        return [one_of("id", ids)]

    async def _on_networks(self, reader: Reader, subnet_ids: Iterable[str]) -> list[Filter]:
        networks: set[str] = set()
        for id in subnet_ids:
            subnet = await self._resources.fetch(reader, "subnet", id)
            if subnet is None:
                return []  # a cloud may have put a port on one that we do not know
            networks.add(subnet.desired["network_id"])
        return [one_of("network_id", networks)]
