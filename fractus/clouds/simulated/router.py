"""Routers of a simulated cloud. A gateway has a port of the cloud's own, on an external network."""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec

from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.own_ports import free_address, own_port
from fractus.clouds.simulated.records import NetworkRecord, PortRecord, RouterRecord, SubnetRecord
from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp
from fractus.model.routers import GATEWAY, ConntrackHelper, RouterObserved, RouterWanted


class Routers(NeutronSimulated[RouterRecord, RouterWanted, RouterObserved]):
    """The actuator of routers."""

    def complete(self, thing: RouterRecord) -> None:
        """It is neither distributed nor highly available, unless that was asked for."""
        thing.distributed, thing.ha = bool(thing.distributed), bool(thing.ha)

    def check(self, thing: RouterRecord) -> None:
        """Its next hops are on something that it is connected to, and not its own addresses."""
        if not thing.routes:
            return
        ports = self._ports(thing)
        subnets = {one.subnet_id for port in ports for one in port.fixed_ips}
        found = [self.records.get(SubnetRecord, id) for id in subnets]
        nets = [ipaddress.ip_network(one.cidr) for one in found if one is not None]
        own = {one.ip_address for port in ports for one in port.fixed_ips}
        for route in thing.routes:
            hop = ipaddress.ip_address(route["nexthop"])
            connected = any(hop in net for net in nets if net.version == hop.version)
            if not connected or route["nexthop"] in own:
                why = "is used by router" if connected else "is not connected with router"
                raise Refused(f"Invalid format for routes: {thing.routes}, the nexthop {why}", status=400)

    def begin(self, thing: RouterRecord) -> None:
        """Write it, with its gateway."""
        self._lead_out(thing, thing.gateway)
        super().begin(thing)

    def updated(self, thing: RouterRecord, wanted: dict[str, Any]) -> RouterRecord:
        """Another gateway, and all else that is wanted."""
        changed = super().updated(thing, wanted)
        if "gateway" in wanted:
            self._lead_out(changed, wanted["gateway"])
        return changed

    def change(self, thing: RouterRecord, step: Step) -> None:
        """Verbs: update, add_conntrack_helper, delete_conntrack_helper."""
        match step.verb:
            case "add_conntrack_helper":
                new = msgspec.convert(step.body, ConntrackHelper)
                if new in thing.conntrack_helpers:
                    raise Refused(
                        "Bad conntrack_helper request: A duplicate conntrack helper entry with same attributes already"
                        f" exists, conflicting values are {msgspec.to_builtins(new)}.",
                        status=400,
                    )
                thing.conntrack_helpers = [*thing.conntrack_helpers, new]
            case "delete_conntrack_helper":
                gone = msgspec.convert(step.body, ConntrackHelper)
                thing.conntrack_helpers = [one for one in thing.conntrack_helpers if one != gone]
            case _:
                return super().change(thing, step)
        return self.touch(thing)

    def end(self, thing: RouterRecord) -> None:
        """Delete it with its gateway, unless it has interfaces."""
        super().end(thing)
        self._lead_out(thing, None)

    def _ports(self, thing: RouterRecord) -> list[PortRecord]:
        held = (self.records.get(PortRecord, id) for _, id in self.records.tied(f"device/{thing.id}"))
        return [port for port in held if port is not None]

    def _lead_out(self, thing: RouterRecord, asked: dict[str, Any] | None) -> None:
        """Its gateway becomes what is asked for; the addresses that are not asked for stay, or are chosen."""
        here = [port for port in self._ports(thing) if port.device_owner == GATEWAY]
        thing.gateway = None
        if asked:
            network = self.records.get(NetworkRecord, asked["network_id"])
            if network is None:
                raise Missing(f"Network {asked['network_id']} could not be found.")
            if not network.external:
                raise Refused(
                    f"Bad router request: Network {network.id} is not an external network.", status=400
                )
            fixed = self._addresses(network, asked, here)
            thing.gateway = {
                "network_id": network.id,
                "external_fixed_ips": [
                    {"subnet_id": one.subnet_id, "ip_address": one.ip_address} for one in fixed
                ],
                "enable_snat": asked.get("enable_snat", True),
            }
            port = own_port(network.id, "", fixed, owner=GATEWAY, device_id=thing.id, now=self.now())
            port.port_security_enabled = False
            self.records.put(port)
        for port in here:
            self.records.drop(port)

    def _addresses(
        self, network: NetworkRecord, asked: dict[str, Any], here: list[PortRecord]
    ) -> list[FixedIp]:
        given = asked.get("external_fixed_ips")
        kept = [one for port in here if port.network_id == network.id for one in port.fixed_ips]
        if not given:
            return kept or self._chosen(network)
        fixed = [FixedIp(one.get("subnet_id", ""), one["ip_address"]) for one in given]
        for one in fixed:
            if one not in kept and self.records.tied(f"ip/{one.subnet_id}/{one.ip_address}"):
                raise Refused(
                    f"IP address {one.ip_address} already allocated in subnet {one.subnet_id}", status=409
                )
        return fixed

    def _chosen(self, network: NetworkRecord) -> list[FixedIp]:
        """The first free address of each of its subnets."""
        found: list[FixedIp] = []
        for kind, id in self.records.tied(f"network/{network.id}"):
            subnet = self.records.get(SubnetRecord, id) if kind == "subnet" else None
            found += [] if subnet is None else free_address(self.records, subnet)
        if not found:
            raise Refused(f"No more IP addresses available on network {network.id}.", status=409)
        return found
