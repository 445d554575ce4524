"""The API of ports, as far as it is particular: networks, addresses, MACs, groups, and who has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from fractus.model.network import FLOATING, FORWARDED, HOSTED
from fractus.model.resource import Resource
from fractus.model.routers import INTERFACES
from fractus.services.network.dialect.api.access import authorise, fetch_visible, refuse_foreign
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.lists import escape
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema import dns, values
from fractus.services.network.dialect.schema.attributes import Item, Request
from fractus.services.network.dialect.schema.errors import (
    conflict,
    invalid,
    malformed,
    not_carried,
    not_found,
)
from fractus.services.network.ports import schema
from fractus.services.network.ports.api.bindings import BindingApi
from fractus.services.network.ports.kind import BINDING, FIELDS, KIND
from fractus.services.network.ports.view import NAMED_HOST, bound
from fractus.services.network.ports.writes.writer import PortWrites
from fractus.store import presences
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call, Route


def _by_fixed_ips(given: list[str]) -> Filters:
    """`fixed_ips=ip_address=...`, `subnet_id=...`, `ip_address_substr=...`; others mean nothing, as in Neutron."""
    found: list[Any] = []
    for key, wanted in values.key_values(given).items():
        if key in ("ip_address", "subnet_id"):
            patterns = [f"%|{key}={escape(value)}|%" for value in wanted]
        elif key == "ip_address_substr":
            patterns = [f"%|ip_address=%{escape(value)}%" for value in wanted]
        else:
            continue
        found.append([Filter("fixed_ips", "like", pattern) for pattern in patterns])
    return found


class PortApi(CollectionApi):
    """Handlers of ports."""

    kind = KIND
    admin_rule = BINDING
    on_network = True
    special = {"fixed_ips": _by_fixed_ips}

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._ports, self._groups = at.own(PortWrites), at.groups
        self._finding = self._ports.finding()

    def routes(self) -> list[Route]:
        """Those of every kind, and of how ports are bound."""
        return [*super().routes(), *BindingApi(self._store, self.permitted).routes()]

    async def conditions(self, call: Call) -> Filters:
        """Which few ports have an address, a MAC or a subnet that the list is asked for."""
        asked = call.query
        return await self._finding.conditions(self._store, asked.all("fixed_ips"), asked.all("mac_address"))

    def _read(self, call: Call, id: str = "") -> Request:
        """A name must fit into the domain of all ports."""
        request = super()._read(call, id)
        for item in request.items:
            name = item.values.get("dns_name")
            wrong = dns.within(self._ports.dns_domain)(name) if name and self._ports.named(name) else None
            if wrong:
                raise malformed(f"Invalid input for dns_name. Reason: {wrong}.")
        return request

    # --- create ----------------------------------------------------------------------------------

    async def add(self, tx: Transaction, call: Call, item: Item) -> Resource:
        """A new port, on a network that the caller may use."""
        id = item.values["network_id"]
        network = await fetch_visible(tx, self._resources, call, "network", id, _network_target)
        about = {**_network_target(network), **item.values, "shared": network.desired["shared"]}
        authorise(call, "create_port", FIELDS, item, about, create=True)
        refuse_foreign(FIELDS, item)
        given: dict[str, Any] = {
            name: None if value is UNSET else value for name, value in item.values.items()
        }
        _check_security(given, network)
        await self._ports.check_subnets(tx, network.id, call.principal.project_id, given["fixed_ips"] or [])
        if given["security_groups"] and not schema.trusted(given["device_owner"]):
            await self._check_groups(tx, given["security_groups"], given["project_id"])
        await self.check_referred(tx, call, item)
        await self._check_device(tx, call, given["device_owner"], given["device_id"], given["project_id"])
        given["binding"] = binding = await self._binding(tx, given, network)
        given[HOSTED] = binding.pop(HOSTED, "")
        return await self._ports.add(
            tx, network, given, user_id=call.principal.user_id, request_id=call.request_id
        )

    async def _check_groups(self, reader: Reader, ids: list[str], project_id: str) -> None:
        """All of them are of the port's project: in a cloud no other project's groups can be put on it."""
        groups = {id: await self._groups.usable(reader, id, project_id) for id in ids}
        unknown = [id for id, group in groups.items() if group is None]
        if unknown:
            raise not_found("security_group", ", ".join(unknown))
        self._groups.check_together([group for group in groups.values() if group is not None])

    async def _check_device(
        self, reader: Reader, call: Call, owner: str, device_id: str, project_id: str
    ) -> None:
        """Who says that a port is a router's names a router of the port's project."""
        if owner not in INTERFACES or not device_id or call.principal.is_admin:
            return
        router = await self._resources.fetch(reader, "router", device_id)
        if router is not None and router.deleted_at is None and router.project_id != project_id:
            raise conflict(
                f"The following device_id {device_id} is not owned by your project or matches another project router.",
                "DeviceIDNotOwnedByTenant",
            )

    # --- update ----------------------------------------------------------------------------------

    def about(self, resource: Resource, item: Item) -> Mapping[str, Any]:
        """As what it is used from now on."""
        owner = {name: item.values[name] for name in ("device_owner",) if name in item.values}
        return {**KIND.target(resource), **owner}

    async def before_update(
        self, tx: Transaction, call: Call, resource: Resource, item: Item
    ) -> Mapping[str, Any]:
        """Its addresses follow from its MAC, and its needs from both. What other kinds forbid is refused."""
        given, desired = item.values, resource.desired
        await self._ports.check_update(tx, resource, given)
        if "device_owner" in given or "device_id" in given:
            used, device = (given.get(name) or desired[name] for name in ("device_owner", "device_id"))
            await self._check_device(tx, call, used, device, resource.project_id)
        if given.get("binding:vnic_type", desired.get("vnic_type", "normal")) != desired.get(
            "vnic_type", "normal"
        ):
            await self._check_unplugged(tx, resource)
        more: dict[str, Any] = self._ports.named(given.pop("dns_name")) if "dns_name" in given else {}
        if given.keys() & {"binding:host_id", "binding:profile"}:
            network = await self._resources.fetch(tx, "network", desired["network_id"])
            more |= await self._binding(tx, given, network, resource)
        mac = desired["mac_address"]
        if "mac_address" in given:
            await self._check_unbound(tx, resource, given["mac_address"])
            mac = more["mac_address"] = await self._ports.change_mac(tx, resource, given["mac_address"])
        owner = str(given.get("device_owner", desired["device_owner"]))
        if "fixed_ips" in given or mac != desired["mac_address"]:
            asked = given.get("fixed_ips", desired["fixed_ips"])
            await self._ports.check_subnets(tx, desired["network_id"], call.principal.project_id, asked)
            more.update(await self._ports.readdress(tx, resource, asked, mac, owner))
        if "security_groups" in given:
            await self._check_groups(tx, given["security_groups"], resource.project_id)
        if "allowed_address_pairs" in given:
            more["allowed_address_pairs"] = schema.pairs(given["allowed_address_pairs"], mac)
        if "extra_dhcp_opts" in given:
            more["extra_dhcp_opts"] = schema.options(desired["extra_dhcp_opts"], given["extra_dhcp_opts"])
        _check_insecure(given, {**desired, **given, **more})
        return more

    async def _binding(
        self,
        tx: Transaction,
        given: Mapping[str, Any],
        network: Resource | None,
        port: Resource | None = None,
    ) -> dict[str, Any]:
        """What an administrator says of a binding, as it is kept: the host by its name in its cloud, and that cloud. A
        host that no cloud lists is any cloud's: Neutron takes every name, too.
        """
        kept: dict[str, Any] = {}
        if given.get("binding:profile") or (port is not None and "binding:profile" in given):
            kept["profile"] = given["binding:profile"] or {}
            schema.check_profile(kept["profile"])
        name = given.get("binding:host_id")
        if name is None or (not name and port is None):
            return kept
        place = await self._at.hosts.place(name) if name else None
        cloud = place.cloud if place is not None else ""
        if cloud:
            only = () if network is None else network.choice.get("only", ())
            if only and cloud not in only:
                raise not_carried(
                    "binding:host_id", f"its host is in {cloud}, and its network in {', '.join(only)}"
                )
            if port is not None:
                await self._check_elsewhere(tx, port, cloud)
        return {**kept, "host": place.name if place is not None else name, NAMED_HOST: name, HOSTED: cloud}

    async def _check_elsewhere(self, tx: Transaction, port: Resource, cloud: str) -> None:
        """What uses it is in the cloud of its new host, or nowhere yet."""
        led = port.choice.get(FLOATING) or port.choice.get(FORWARDED)
        if not led and not port.desired["device_id"]:
            return
        there = [one.cloud for one in await presences.of_resource(tx, "port", port.id) if one.wanted]
        if not {*there, *port.choice.get("only", ())} <= {cloud}:
            raise _in_use(port)

    async def _check_unbound(self, tx: Transaction, port: Resource, mac: str | None) -> None:
        old = port.desired["mac_address"]
        vif_type = bound(await presences.of_resource(tx, "port", port.id))
        if vif_type and mac != old:
            raise conflict(
                f"Unable to complete operation on port {port.id}, port is already bound, port type: {vif_type}, "
                f"old_mac {old}, new_mac {mac}.",
                "PortBound",
            )

    async def _check_unplugged(self, tx: Transaction, port: Resource) -> None:
        """Where it is bound its type is what it was bound as."""
        if bound(await presences.of_resource(tx, "port", port.id)):
            raise _in_use(port)

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """What other kinds need is not deleted."""
        await self._ports.check_delete(tx, resource)


def _in_use(port: Resource) -> Exception:
    return conflict(
        f"Unable to complete operation on port {port.id} for network {port.desired['network_id']}. Port "
        f"already has an attached device {port.desired['device_id']}.",
        "PortInUse",
    )


def _pairs_need_security() -> Exception:
    return conflict(
        "Port Security must be enabled in order to have allowed address pairs on a port.",
        "AddressPairAndPortSecurityRequired",
    )


def _groups_need_security() -> Exception:
    return invalid(
        "Port security must be enabled and port must have an IP address in order to use security groups.",
        "PortSecurityAndIPRequiredForSecurityGroups",
    )


def _check_security(given: Mapping[str, Any], network: Resource) -> None:
    """A new port without port security has neither address pairs nor security groups."""
    secure = given["port_security_enabled"]
    if secure is None:
        secure = network.desired["port_security_enabled"]
    if secure and not schema.trusted(given["device_owner"]):
        return
    if given["allowed_address_pairs"]:
        raise _pairs_need_security()
    if given["security_groups"]:
        raise _groups_need_security()


def _check_insecure(given: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """The same of a port that was changed, distinguished by what the request names."""
    if after["port_security_enabled"]:
        return
    if after["allowed_address_pairs"]:
        raise _pairs_need_security()
    if given.get("security_groups"):
        raise _groups_need_security()
    if after["security_groups"]:
        raise conflict(
            "Port has security group associated. Cannot disable port security or IP address until security group "
            "is removed.",
            "PortSecurityPortHasSecurityGroup",
        )


def _network_target(network: Resource) -> dict[str, Any]:
    return {
        "project_id": network.project_id,
        "tenant_id": network.project_id,
        "shared": network.desired["shared"],
        "shared_with": network.desired.get("shared_with"),
        "network:project_id": network.project_id,
    }
