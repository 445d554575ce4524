"""Ports of a simulated cloud: addresses and MACs are given by the caller, and are unique where Neutron's are."""

from __future__ import annotations

import ipaddress
from typing import Any

from fractus.addressing.ranges import eui64
from fractus.clouds.simulated.life import release_port
from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.records import (
    NetworkRecord,
    PortRecord,
    RouterRecord,
    SubnetRecord,
)
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp, PortObserved, PortWanted
from fractus.model.routers import INTERFACE


class Ports(NeutronSimulated[PortRecord, PortWanted, PortObserved]):
    """The actuator of ports."""

    def complete(self, thing: PortRecord) -> None:
        """It is on a network that its project may use, and has the addresses that its machine gives itself."""
        network = self.records.get(NetworkRecord, thing.network_id)
        if network is None or not (
            network.project_id == thing.project_id
            or network.shared
            or thing.project_id in network.shared_with
        ):
            raise Missing(f"Network {thing.network_id} could not be found.")
        thing.fixed_ips = self._with_own(thing)
        thing.dns_name = thing.dns_name or ""
        thing.vif_type = "ovs" if thing.host else "unbound"

    def updated(self, thing: PortRecord, wanted: dict[str, Any]) -> PortRecord:
        """Whatever addresses are asked for, those that the machine gives itself stay; those of a router's interface are
        not to be changed at all. DHCP options are added and replaced; one without a value is removed.
        """
        if "fixed_ips" in wanted and thing.device_owner == INTERFACE:
            raise Refused(f"Bad ports request: IP updates for port {thing.id} are not allowed.", status=400)
        if "extra_dhcp_opts" in wanted:
            named = {(one["opt_name"], one.get("ip_version", 4)): one for one in thing.extra_dhcp_opts}
            named |= {(one["opt_name"], one.get("ip_version", 4)): one for one in wanted["extra_dhcp_opts"]}
            left = [one for one in named.values() if one["opt_value"] is not None]
            wanted = {**wanted, "extra_dhcp_opts": left}
        changed = super().updated(thing, wanted)
        changed.fixed_ips = self._with_own(changed)
        if "host" in wanted:
            changed.vif_type = "ovs" if changed.host else "unbound"
        return changed

    def _with_own(self, thing: PortRecord) -> list[FixedIp]:
        """Its addresses, and the one that its machine gives itself in each subnet where machines do so."""
        own = [
            FixedIp(subnet.id, eui64(subnet.cidr, thing.mac_address))
            for subnet in self.records.holding(SubnetRecord, f"network/{thing.network_id}")
            if subnet.self_addressed
        ]
        return list(dict.fromkeys([*thing.fixed_ips, *own]))

    def check(self, thing: PortRecord) -> None:
        """Its addresses are of its network's subnets, and nobody else has them or its MAC."""
        super().check(thing)
        if self._taken(f"mac/{thing.network_id}/{thing.mac_address.lower()}", thing):
            raise Refused(
                f"Unable to complete operation for network {thing.network_id}. The mac address"
                f" {thing.mac_address} is in use.",
                status=409,
            )
        for fixed in thing.fixed_ips:
            subnet = self.records.get(SubnetRecord, fixed.subnet_id)
            if subnet is None or subnet.network_id != thing.network_id:
                raise Missing(f"Subnet {fixed.subnet_id} could not be found.")
            if not inside(fixed.ip_address, subnet.cidr):
                raise Refused(
                    f"IP address {fixed.ip_address} is not a valid IP for the specified subnet.", status=400
                )
            if self._taken(f"ip/{subnet.id}/{fixed.ip_address}", thing):
                raise Refused(
                    f"IP address {fixed.ip_address} already allocated in subnet {subnet.id}", status=409
                )

    def end(self, thing: PortRecord) -> None:
        """Delete it, also from under a server; from a router only by the router."""
        if self.records.get(RouterRecord, thing.device_id) is not None:
            raise Refused(
                f"Port {thing.id} cannot be deleted directly via the port API: has device owner"
                f" {thing.device_owner}.",
                status=409,
            )
        self.records.drop(thing)
        release_port(self.records, thing.id, self.now())

    def _taken(self, key: str, thing: PortRecord) -> bool:
        return any(id != thing.id for _, id in self.records.tied(key))


def inside(address: str, cidr: str) -> bool:
    """An address of the subnet that a port may have: not the network's own, nor the broadcast address."""
    try:
        ip, network = ipaddress.ip_address(address), ipaddress.ip_network(cidr)
    except ValueError:
        return False
    if network.version == 4 and network.prefixlen < 31 and ip in (network[0], network[-1]):
        return False
    return ip in network
