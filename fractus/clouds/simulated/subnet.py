"""Subnets of a simulated cloud, with the DHCP port that Neutron puts on them."""

from __future__ import annotations

import ipaddress

import msgspec

from fractus.addressing.ranges import eui64, number, ranges_of
from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.own_ports import free_address, own_port
from fractus.clouds.simulated.records import DHCP, NetworkRecord, PortRecord, SubnetRecord
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp, SubnetObserved, SubnetWanted


class Subnets(NeutronSimulated[SubnetRecord, SubnetWanted, SubnetObserved]):
    """The actuator of subnets."""

    def complete(self, thing: SubnetRecord) -> None:
        """It lies in a network of its project."""
        network = self.records.get(NetworkRecord, thing.network_id)
        if network is None or network.project_id != thing.project_id:
            raise Missing(f"Network {thing.network_id} could not be found.")

    def check(self, thing: SubnetRecord) -> None:
        """No other subnet of the network is in the way, nor the gateway in a pool."""
        net = ipaddress.ip_network(thing.cidr)
        beside = self.records.holding(SubnetRecord, f"network/{thing.network_id}")
        if any(net.overlaps(ipaddress.ip_network(one.cidr)) for one in beside if one.id != thing.id):
            raise Refused(
                f"Invalid input for operation: Requested subnet with cidr: {thing.cidr} for network:"
                f" {thing.network_id} overlaps with another subnet.",
                status=400,
            )
        for pool, whole in zip(thing.pools, ranges_of(thing.pools), strict=True):
            if thing.gateway_ip and whole.first <= number(thing.gateway_ip) <= whole.last:
                shown = f"{pool['start']}-{pool['end']}"
                raise Refused(
                    f"Gateway ip {thing.gateway_ip} conflicts with allocation pool {shown}.", status=409
                )

    def begin(self, thing: SubnetRecord) -> None:
        """Write it, with its DHCP port, and with addresses for the ports whose machines give themselves one."""
        self.records.put(thing)
        self._serve_dhcp(thing)
        ports = (
            self.records.holding(PortRecord, f"network/{thing.network_id}") if thing.self_addressed else []
        )
        for port in [one for one in ports if not one.serves_dhcp]:
            own = FixedIp(thing.id, eui64(thing.cidr, port.mac_address))
            self.records.put(msgspec.structs.replace(port, fixed_ips=[*port.fixed_ips, own]))

    def touch(self, thing: SubnetRecord) -> None:
        """Write it; its DHCP port comes and goes with `enable_dhcp`."""
        super().touch(thing)
        self._serve_dhcp(thing)

    def end(self, thing: SubnetRecord) -> None:
        """Delete it with the cloud's own ports, unless somebody else's ports were given addresses of it."""
        ports = self._ports(thing)
        given = [one for one in ports if not one.serves_dhcp]
        floating = any(kind == "floatingip" for kind, _ in self.records.tied(f"subnet/{thing.id}"))
        if floating or (given and not thing.self_addressed):
            raise Refused(
                f"Unable to complete operation on subnet {thing.id}: One or more ports have an IP allocation from"
                " this subnet.",
                status=409,
            )
        for port in given:
            others = [one for one in port.fixed_ips if one.subnet_id != thing.id]
            self.records.put(msgspec.structs.replace(port, fixed_ips=others))
        for inside in [*(one for one in ports if one.serves_dhcp), thing]:
            self.records.drop(inside)

    def _ports(self, thing: SubnetRecord) -> list[PortRecord]:
        return self.records.holding(PortRecord, f"subnet/{thing.id}")

    def _serve_dhcp(self, thing: SubnetRecord) -> None:
        """DHCP needs an address of the pool: the first that is free. Where there is none, there is no DHCP."""
        there = [port for port in self._ports(thing) if port.serves_dhcp]
        for port in there if not thing.enable_dhcp else ():
            self.records.drop(port)
        fixed = free_address(self.records, thing) if thing.enable_dhcp and not there else []
        if fixed:
            whose, device = thing.project_id, f"dhcp-{thing.id}"
            port = own_port(thing.network_id, whose, fixed, owner=DHCP, device_id=device, now=self.now())
            port.host, port.vif_type = "host-1", "ovs"
            self.records.put(port)
