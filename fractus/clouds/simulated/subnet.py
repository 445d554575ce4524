"""Subnets of a simulated cloud, with the DHCP port that Neutron puts on them."""

from __future__ import annotations

import ipaddress

import msgspec

from fractus.addressing.ranges import eui64
from fractus.base.ids import new_mac
from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.records import NetworkRecord, PortRecord, SubnetRecord
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp, SubnetObserved, SubnetWanted

_DHCP = "network:dhcp"


class Subnets(NeutronSimulated[SubnetRecord, SubnetWanted, SubnetObserved]):
    """The actuator of subnets."""

    def complete(self, thing: SubnetRecord) -> None:
        """It lies in a network of its project."""
        network = self.records.get(NetworkRecord, thing.network_id)
        if network is None or network.project_id != thing.project_id:
            raise Missing(f"Network {thing.network_id} could not be found.")

    def begin(self, thing: SubnetRecord) -> None:
        """Write it, with its DHCP port, and with addresses for the ports whose machines give themselves one."""
        self.records.put(thing)
        self._serve_dhcp(thing)
        if not thing.self_addressed:
            return
        for kind, id in self.records.tied(f"network/{thing.network_id}"):
            port = self.records.get(PortRecord, id) if kind == "port" else None
            if port is not None and port.device_owner != _DHCP:
                own = FixedIp(thing.id, eui64(thing.cidr, port.mac_address))
                self.records.put(msgspec.structs.replace(port, fixed_ips=[*port.fixed_ips, own]))

    def touch(self, thing: SubnetRecord) -> None:
        """Write it; its DHCP port comes and goes with `enable_dhcp`."""
        super().touch(thing)
        self._serve_dhcp(thing)

    def check(self, thing: SubnetRecord) -> None:
        """No other subnet of the network is in the way, nor the gateway in a pool."""
        cidr = ipaddress.ip_network(thing.cidr)
        for kind, id in self.records.tied(f"network/{thing.network_id}"):
            other = self.records.get(SubnetRecord, id) if kind == "subnet" and id != thing.id else None
            if other is not None and _overlap(cidr, ipaddress.ip_network(other.cidr)):
                raise Refused(
                    f"Invalid input for operation: Requested subnet with cidr: {thing.cidr} for network:"
                    f" {thing.network_id} overlaps with another subnet.",
                    status=400,
                )
        for pool in thing.pools if thing.gateway_ip else ():
            start, end = ipaddress.ip_address(pool["start"]), ipaddress.ip_address(pool["end"])
            if int(start) <= int(ipaddress.ip_address(thing.gateway_ip or "")) <= int(end):
                raise Refused(
                    f"Gateway ip {thing.gateway_ip} conflicts with allocation pool {start}-{end}.", status=409
                )

    def end(self, thing: SubnetRecord) -> None:
        """Delete it with the cloud's own ports, unless somebody else's ports were given addresses of it."""
        ports = self._ports(thing)
        if thing.self_addressed:
            for port in [one for one in ports if one.device_owner != _DHCP]:
                others = [one for one in port.fixed_ips if one.subnet_id != thing.id]
                self.records.put(msgspec.structs.replace(port, fixed_ips=others))
                ports.remove(port)
        if any(port.device_owner != _DHCP for port in ports):
            raise Refused(
                f"Unable to complete operation on subnet {thing.id}: One or more ports have an IP allocation from"
                " this subnet.",
                status=409,
            )
        for inside in [*ports, thing]:
            self.records.drop(inside)

    def _ports(self, thing: SubnetRecord) -> list[PortRecord]:
        held = (self.records.get(PortRecord, id) for kind, id in self.records.tied(f"subnet/{thing.id}"))
        return [port for port in held if port is not None]

    def _serve_dhcp(self, thing: SubnetRecord) -> None:
        """DHCP needs an address of the pool: the first that is free. Where there is none, there is no DHCP."""
        there = [port for port in self._ports(thing) if port.device_owner == _DHCP]
        if thing.enable_dhcp and not there:
            address = self._free_address(thing)
            if address:
                self.records.put(self._dhcp_port(thing, address))
        elif there and not thing.enable_dhcp:
            for port in there:
                self.records.drop(port)

    def _dhcp_port(self, thing: SubnetRecord, address: str) -> PortRecord:
        return PortRecord(
            id=self.new_id(),
            project_id=thing.project_id,
            created_at=self.now(),
            changed_at=self.now(),
            network_id=thing.network_id,
            mac_address=new_mac(),
            fixed_ips=[FixedIp(thing.id, address)],
            status="ACTIVE",
            device_id=f"dhcp-{thing.id}",
            device_owner=_DHCP,
            host="host-1",
            vif_type="ovs",
        )

    def _free_address(self, thing: SubnetRecord) -> str:
        cidr = ipaddress.ip_network(thing.cidr)
        bounds = thing.pools or [
            {"start": str(cidr[1]), "end": str(cidr[-2] if cidr.num_addresses > 2 else cidr[-1])}
        ]
        for pool in bounds:
            first, last = ipaddress.ip_address(pool["start"]), ipaddress.ip_address(pool["end"])
            for number in range(int(first), int(last) + 1):
                address = str(type(first)(number))
                if address != thing.gateway_ip and not self.records.tied(f"ip/{thing.id}/{address}"):
                    return address
        return ""


def _overlap(
    one: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return one.version == other.version and one.overlaps(other)
