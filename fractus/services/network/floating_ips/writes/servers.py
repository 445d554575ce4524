"""Floating IPs as compute changes them: by their addresses, and in Nova's words (nova.network.neutron)."""

from __future__ import annotations

from fractus.auth.principal import Principal
from fractus.model.errors import ApiError, Conflict, Forbidden, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.network.dialect.queries import rows
from fractus.services.network.dialect.writes.neighbours import PortsOfServers
from fractus.services.network.floating_ips.kind import KIND
from fractus.services.network.floating_ips.writes.writer import FloatingIpWrites
from fractus.store.listing import Filter
from fractus.store.transaction import Reader, Transaction


class ServerFloatingIps:
    """Floating IPs of servers."""

    def __init__(self, writes: FloatingIpWrites, ports: PortsOfServers) -> None:
        self._writes, self._ports = writes, ports

    async def associate(
        self, tx: Transaction, principal: Principal, server_id: str, address: str, fixed_address: str
    ) -> None:
        """A floating IP that the caller may see leads to a server; `fixed_address` empty: to its first of version 4."""
        ports = await self._ports.of_server(tx, server_id)
        if not ports:
            raise Invalid("Instance network is not ready yet")
        every = [(ip, version, port.port_id) for port in ports for ip, version in port.addresses]
        if not every:
            raise Invalid("No fixed IPs associated to instance")
        having = [one for one in every if (one[0] == fixed_address if fixed_address else one[1] == 4)]
        if not having and fixed_address:
            raise Invalid("Specified fixed address not assigned to instance")
        if not having:
            raise Invalid(
                f"Unable to associate floating IP {address} to any fixed IPs for instance {server_id}. Instance has no"
                " fixed IPv4 addresses to associate."
            )
        fixed_ip, _, port_id = having[0]
        found = await self._by_address(tx, principal, address)
        if not found:
            raise NotFound("floating IP not found")
        try:
            floating_ip = _one_of(found, address)
            change = self._writes.associations.change
            await self._writes.update(
                tx, floating_ip, await change(tx, principal, floating_ip, port_id, fixed_ip)
            )
        except Conflict as error:
            if len(found) == 1:
                raise Invalid(error.message) from None
            raise _unable(address, fixed_ip, server_id, error) from None
        except Forbidden:
            raise
        except ApiError as error:
            raise _unable(address, fixed_ip, server_id, error) from None

    async def disassociate(self, tx: Transaction, principal: Principal, server_id: str, address: str) -> None:
        """It leads nowhere; `Conflict` where it does not lead to this server."""
        found = await self._by_address(tx, principal, address)
        if not found:
            raise NotFound(f"Floating IP not found for address {address}.")
        floating_ip = _one_of(found, address)
        port_id = floating_ip.desired["port_id"]
        port = await self._writes.ledger.resources.fetch(tx, "port", port_id) if port_id else None
        if port is None or port.desired["device_id"] != server_id:
            raise Conflict(f"Floating IP {address} is not associated with instance {server_id}.")
        values = await self._writes.associations.change(tx, principal, floating_ip, None, None)
        await self._writes.update(tx, floating_ip, values)

    async def _by_address(self, reader: Reader, principal: Principal, address: str) -> list[Resource]:
        """Those that Neutron shows the caller."""
        own = () if principal.is_admin else (Filter("project_id", "eq", principal.project_id),)
        having = Filter("floating_ip_address", "eq", address)
        return await rows.every(reader, self._writes.ledger.resources, KIND.name, having, *own)


def _one_of(found: list[Resource], address: str) -> Resource:
    if len(found) > 1:
        raise Conflict(f"Multiple floating IPs are found for address {address}.")
    return found[0]


def _unable(address: str, fixed_ip: str, server_id: str, error: ApiError) -> Invalid:
    return Invalid(
        f"Unable to associate floating IP {address} to fixed IP {fixed_ip} for instance {server_id}. Error:"
        f" {error.message}"
    )
