"""Ports of servers: made for them, or taken by them, in compute's own transaction and in Nova's own words.

This is what compute is given of networking. Errors are those that Nova has for a create, so all that is wrong with
the request itself is a 400, whatever Neutron would call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fractus.addressing.ranges import Range
from fractus.auth.principal import Principal
from fractus.base.ids import is_uuid
from fractus.base.log import request_id
from fractus.model.errors import ApiError, Conflict, Invalid, QuotaExceeded
from fractus.model.network import NicRequest, ServerPort
from fractus.model.resource import Resource
from fractus.services.network.dialect.view import is_shared_with
from fractus.services.network.dialect.writes.neighbours import Groups
from fractus.services.network.ports import schema
from fractus.services.network.ports.queries import networks_usable
from fractus.services.network.ports.schema import holder
from fractus.services.network.ports.writes import PortWrites, ServerPorts
from fractus.store.transaction import Reader, Transaction

_DEFAULT = "default"
_COMPUTE = "compute:"


class PortAllocator(ServerPorts):
    """Gives servers their ports and takes them back."""

    def __init__(self, writes: PortWrites, groups: Groups) -> None:
        super().__init__(writes)
        self._groups = groups

    async def for_server(
        self,
        tx: Transaction,
        principal: Principal,
        server_id: str,
        zone: str,
        nics: Sequence[NicRequest],
        security_groups: Sequence[str] | None,
        *,
        hostname: str = "",
    ) -> list[ServerPort]:
        """The ports of a new server, one for each of `nics`, in their order. `hostname`: their name in the DNS.

        `zone`: the availability zone asked for, or empty. `security_groups`: names or ids for ports that are made
        here; None or `["default"]`: the project's default group. `Invalid` (400) or `Conflict` (409) as Nova.
        """
        owner = f"{_COMPUTE}{zone or 'nova'}"
        networks = await self._all_networks(tx, principal, nics)
        chosen = await self._chosen_groups(tx, principal, security_groups)
        groups = None if chosen is None else [one.id for one in chosen]
        names = {one.id: one.name for one in (*networks.values(), *(chosen or ()))}
        ports = []
        for place, nic in enumerate(nics):
            device: dict[str, Any] = {"device_id": server_id, "device_owner": owner, "place": place}
            device |= self._writes.named(hostname) if hostname else {}
            if nic.port_id:
                port = await self._accept(tx, principal, nic, device)
            else:
                port = await self._make(tx, principal, networks[nic.network_id], nic, device, groups)
            ports.append(await self._as_server_port(tx, port, names))
        return ports

    async def networks_for(self, reader: Reader, principal: Principal) -> list[Resource]:
        """Networks to choose from where a request names none: the project's own, then shared ones."""
        return await networks_usable(reader, self._resources, principal.project_id)

    async def servers_at(self, reader: Reader, spans: Sequence[Range], version: int) -> list[str] | None:
        """The servers that may show an address in one of these ranges; None where they are too many to tell."""
        return await self._writes.finding().servers_at(reader, spans, version)

    # --- ports that are there --------------------------------------------------------------------

    async def _accept(
        self, tx: Transaction, principal: Principal, nic: NicRequest, device: dict[str, Any]
    ) -> Resource:
        port = await self._resources.fetch(tx, "port", nic.port_id)
        unknown = Invalid(f"Port id {nic.port_id} could not be found.")
        if port is None or port.deleted_at is not None:
            raise unknown
        mine = port.project_id == principal.project_id
        if not mine and not principal.is_admin:
            raise unknown
        if not mine:
            raise Invalid(f"Port {port.id} not usable for instance {device['device_id']}.")
        if port.desired["device_id"]:
            raise Conflict(f"Port {port.id} is still in use.")
        if not port.desired["fixed_ips"]:
            raise Invalid(f"Port {port.id} requires a FixedIP in order to be used.")
        if port.desired.get("dns_name"):
            device.pop("dns_name", None)  # where it is not the server's, the Nova of its cloud says so
        await self._writes.update(tx, port, {**device})
        return port

    # --- new ports -------------------------------------------------------------------------------

    async def _all_networks(
        self, reader: Reader, principal: Principal, nics: Sequence[NicRequest]
    ) -> dict[str, Resource]:
        """The networks that are named, by id; Nova complains about all that are missing at once."""
        found: dict[str, Resource] = {}
        missing = []
        for nic in nics:
            if nic.port_id or nic.network_id in found:
                continue
            network = await self._resources.fetch(reader, "network", nic.network_id)
            if network is None or network.deleted_at is not None or not _visible(network, principal):
                missing.append(nic.network_id)
            else:
                found[network.id] = network
        for network in found.values():
            if not network.desired["subnets"]:
                raise Invalid(f"Network {network.id} requires a subnet in order to boot instances on.")
        if missing:
            raise Invalid(f"Network {', '.join(dict.fromkeys(missing))} could not be found.")
        return found

    async def _make(
        self,
        tx: Transaction,
        principal: Principal,
        network: Resource,
        nic: NicRequest,
        device: dict[str, Any],
        groups: list[str] | None,
    ) -> Resource:
        secure = network.desired["port_security_enabled"]
        if groups and not secure:
            raise Invalid(
                "Network requires port_security_enabled and subnet associated in order to apply security groups."
            )
        values: dict[str, Any] = {
            "name": "",
            "description": "",
            "tags": [],
            "admin_state_up": True,
            "device_id": device["device_id"],
            "device_owner": device["device_owner"],
            "dns_name": device.get("dns_name"),
            "project_id": principal.project_id,
            "fixed_ips": [{"ip_address": nic.fixed_ip}] if nic.fixed_ip else None,
            "security_groups": groups if secure else [],
        }
        if nic.fixed_ip:
            await self._check_free(tx, principal, network, nic.fixed_ip)
        try:
            return await self._writes.add(
                tx, network, values,
                user_id=principal.user_id, request_id=request_id.get(), owned=True, place=device["place"],
            )  # fmt: skip
        except ApiError as error:
            raise _in_novas_words(error, network.id) from error

    async def _check_free(self, tx: Transaction, principal: Principal, network: Resource, ip: str) -> None:
        """Name the server that has the address, where the caller may know of its port (Nova asks as the caller)."""
        for subnet in await self._writes.facts_of(tx, network):
            if not schema.fits(subnet, ip, _COMPUTE):
                continue
            held_by = await self._writes.holder_of(tx, subnet, ip)
            port_id = held_by.partition("/")[2] if held_by else ""
            port = await self._resources.fetch(tx, "port", port_id) if port_id else None
            projects = () if port is None else (port.project_id, network.project_id)
            known = principal.is_admin or principal.project_id in projects
            if port is not None and held_by == holder(port.id) and known:
                raise Invalid(
                    f"Fixed IP address {ip} is already in use on instance {port.desired['device_id']}."
                )

    async def _chosen_groups(
        self, tx: Transaction, principal: Principal, asked: Sequence[str] | None
    ) -> list[Resource] | None:
        """The groups of names and ids; None for the default group alone, which a port gets by itself."""
        names = list(dict.fromkeys(asked or []))
        if not names or names == [_DEFAULT]:
            return None
        groups = [await self._group(tx, principal.project_id, name) for name in names]
        try:
            self._groups.check_together(groups)
        except Conflict as error:
            raise Invalid(error.message) from error
        return groups

    async def _group(self, tx: Transaction, project_id: str, name: str) -> Resource:
        ids = [name] if is_uuid(name) else []
        if name == _DEFAULT:
            ids = [await self._groups.ensure_default(tx, project_id)]
        if ids and (group := await self._groups.usable(tx, ids[0], project_id)) is not None:
            return group
        ids = await self._groups.named(tx, project_id, name)
        if len(ids) > 1:
            raise Conflict(
                f"Multiple security groups found matching '{name}'. Use an ID to be more specific."
            )
        if not ids or (group := await self._groups.usable(tx, ids[0], project_id)) is None:
            raise Invalid(f"Security group {name} not found for project {project_id}.")
        return group


def _visible(network: Resource, principal: Principal) -> bool:
    mine = network.project_id == principal.project_id
    return principal.is_admin or mine or is_shared_with(network.desired, principal.project_id)


def _in_novas_words(error: ApiError, network_id: str) -> ApiError:
    if isinstance(error, QuotaExceeded):
        return QuotaExceeded("Maximum number of ports exceeded")
    if error.type == "IpAddressGenerationFailure":
        return Invalid(f"No fixed IP addresses available for network: {network_id}")
    return Invalid(error.message)
