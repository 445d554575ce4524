"""What changes of the ports of a server that is there: their security groups and addresses, and that one leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.base.ids import is_uuid
from fractus.model.errors import ApiError, Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.network.dialect.schema.attributes import stated
from fractus.services.network.dialect.writes.neighbours import Groups
from fractus.services.network.ports.writes.writer import PortWrites
from fractus.store.transaction import Reader, Transaction

_MOST = stated("fixed_ips")

_UNFIT = "Network requires port_security_enabled and subnet associated in order to apply security groups."


class Plugging:
    """Changes the ports of servers. What is said here of a group is a 404, where a create says 400."""

    def __init__(self, writes: PortWrites, groups: Groups) -> None:
        self._writes = writes
        self._groups = groups

    async def add_group(self, tx: Transaction, project_id: str, server_id: str, name: str) -> None:
        """Put every port of a server into a group of the project, by name or id."""
        group = await self._group(tx, project_id, name)
        for port in await self._ports(tx, server_id):
            if not (port.desired["fixed_ips"] and port.desired["port_security_enabled"]):
                raise Invalid(_UNFIT)
            groups = port.desired["security_groups"]
            if group in groups:
                continue
            found = [
                await self._writes.ledger.resources.fetch(tx, "security_group", id) for id in [*groups, group]
            ]
            self._groups.check_together([one for one in found if one is not None])
            await self._writes.update(tx, port, {"security_groups": [*groups, group]})

    async def remove_group(self, tx: Transaction, project_id: str, server_id: str, name: str) -> None:
        """Take every port of a server out of a group."""
        group = await self._group(tx, project_id, name)
        having = [
            port for port in await self._ports(tx, server_id) if group in port.desired["security_groups"]
        ]
        if not having:
            raise NotFound(f"Security group {name} not associated with the instance {server_id}")
        for port in having:
            left = [one for one in port.desired["security_groups"] if one != group]
            await self._writes.update(tx, port, {"security_groups": left})

    async def unplug(self, tx: Transaction, server_id: str, port_id: str) -> None:
        """A server has a port no longer: one that was made for it leaves, another is free again."""
        for port in await self._writes.of_device(tx, server_id):
            if port.id != port_id:
                continue
            if port.desired["owned_by_server"]:
                await self._writes.remove(tx, port)
            else:
                await self._writes.update(tx, port, self._writes.freed(port))

    async def add_address(self, tx: Transaction, server_id: str, network_id: str) -> None:
        """Give a server one address more on a network that it is on, on the first subnet that has one."""
        missing: ApiError = NotFound(f"Network could not be found for instance {server_id}.")
        for port in await self._writes.of_device(tx, server_id):
            subnets = (
                await self._writes.facts(tx, network_id) if port.desired["network_id"] == network_id else ()
            )
            for subnet in subnets:
                try:
                    await self._readdress(tx, port, [*port.desired["fixed_ips"], {"subnet_id": subnet.id}])
                except ApiError:
                    missing = Invalid(f"No fixed IP addresses available for network: {network_id}")
                else:
                    return
        raise missing

    async def remove_address(self, tx: Transaction, server_id: str, address: str) -> None:
        """Take an address from a server."""
        for port in await self._writes.of_device(tx, server_id):
            fixed = port.desired["fixed_ips"]
            left = [one for one in fixed if one["ip_address"] != address]
            if len(left) < len(fixed):
                return await self._readdress(tx, port, left)
        raise Invalid(f"Instance {server_id} does not have fixed IP '{address}'.")

    async def _readdress(self, tx: Transaction, port: Resource, asked: Sequence[Mapping[str, str]]) -> None:
        ends = port.desired["mac_address"], port.desired["device_owner"]
        _MOST.check(asked, port.id)
        await self._writes.update(tx, port, await self._writes.readdress(tx, port, asked, *ends))

    async def _ports(self, reader: Reader, server_id: str) -> list[Resource]:
        ports = await self._writes.of_device(reader, server_id)
        if not ports:
            raise NotFound(f"instance_id {server_id} could not be found as device id on any ports")
        return ports

    async def _group(self, tx: Transaction, project_id: str, name: str) -> str:
        if is_uuid(name) and await self._groups.usable(tx, name, project_id) is not None:
            return name
        found = await self._groups.named(tx, project_id, name)
        if not found and name == "default":
            return await self._groups.ensure_default(tx, project_id)
        if not found:
            raise NotFound(f"Security group {name} is not found for project {project_id}")
        if len(found) > 1:
            raise Conflict(
                f"Multiple security_group matches found for name '{name}', use an ID to be more specific."
            )
        return found[0]
