"""Ports of servers that are there: as compute knows them, and how they are freed when their server is gone."""

from __future__ import annotations

from fractus.model.network import FLOATING, ServerPort
from fractus.model.resource import Presence, Resource, as_found
from fractus.model.trunks import PARENT_OF
from fractus.services.network.ports.queries import ports_of_device
from fractus.services.network.ports.view import in_order
from fractus.services.network.ports.writes.writer import PortWrites
from fractus.store import presences
from fractus.store.transaction import Reader, Transaction


class ServerPorts:
    """The ports that servers have."""

    def __init__(self, writes: PortWrites) -> None:
        self._writes = writes
        self._resources = writes.ledger.resources

    async def release(self, tx: Transaction, server_id: str) -> None:
        """The server is gone: ports that were made for it leave, those that it took are free again.

        Only its own: anybody may have written its id into a port of theirs. Of ports that were taken over with their
        server only its cloud knows which they are: freed here, they end if the cloud took them away.
        """
        for port in await self._own(tx, server_id):
            if port.desired["owned_by_server"]:
                await self._writes.remove(tx, port)
            else:
                await self._writes.update(tx, port, self._writes.freed(port))

    async def of_server(self, reader: Reader, server_id: str) -> list[ServerPort]:
        """The ports that a server has, in the order in which they were asked for."""
        ports = await self._own(reader, server_id)
        ports.sort(key=lambda port: int(port.desired.get("place", 0)))
        shown = []
        names: dict[str, str] = {}
        for port in ports:
            there = await presences.of_resource(reader, "port", port.id)
            if not any(one.wanted and _removed_there(one) for one in there):
                shown.append(await self._as_server_port(reader, as_found(port, there), names))
        return shown

    async def _own(self, reader: Reader, server_id: str) -> list[Resource]:
        """Ports that have the server as their device and that it needs itself."""
        needs = await self._resources.needs(reader, "server", server_id)
        own = {need.id for need in needs if need.kind == "port"}
        ports = await ports_of_device(reader, self._resources, server_id)
        return [port for port in ports if port.id in own]

    async def _as_server_port(self, reader: Reader, port: Resource, names: dict[str, str]) -> ServerPort:
        """`names`: id -> name of the networks and groups that were read already; what is read here is added."""
        desired = {**port.desired, **in_order(port.desired)}
        network_id, groups = desired["network_id"], desired["security_groups"]
        for kind, id in (("network", network_id), *(("security_group", one) for one in groups)):
            if id not in names and (found := await self._resources.fetch(reader, kind, id)) is not None:
                names[id] = found.name
        return ServerPort(
            port_id=port.id,
            network_id=network_id,
            network_name=names.get(network_id, ""),
            mac_address=desired["mac_address"],
            addresses=[
                (one["ip_address"], 6 if ":" in one["ip_address"] else 4) for one in desired["fixed_ips"]
            ],
            floating=list(port.choice.get(FLOATING, {}).values()),
            security_groups=[names[id] for id in groups if id in names],
            owned=desired["owned_by_server"],
            trunk_id=(desired.get(PARENT_OF) or {}).get("trunk_id", ""),
        )


def _removed_there(there: Presence) -> bool:
    """Whether somebody deleted the port in its cloud, or took it from its server."""
    return bool(there.memory.get("missing")) or "device_id" in there.memory.get("drift", {})
