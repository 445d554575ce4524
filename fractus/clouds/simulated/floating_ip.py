"""Floating IPs of a simulated cloud: addresses are given by the caller, and nobody has one twice."""

from __future__ import annotations

import msgspec

from fractus.base.ids import new_id
from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.records import FloatingIpRecord, NetworkRecord, PortRecord, SubnetRecord
from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import FloatingIpObserved, FloatingIpWanted, PortForwarding


class FloatingIps(NeutronSimulated[FloatingIpRecord, FloatingIpWanted, FloatingIpObserved]):
    """The actuator of floating IPs."""

    def complete(self, thing: FloatingIpRecord) -> None:
        """It is of an external network of the cloud, and of a subnet of that."""
        network = self.records.get(NetworkRecord, thing.floating_network_id)
        if network is None:
            raise Missing(f"Network {thing.floating_network_id} could not be found.")
        if not network.external:
            raise Refused(
                f"Bad floatingip request: Network {network.id} is not a valid external network.", status=400
            )
        subnet = self.records.get(SubnetRecord, thing.subnet_id)
        if subnet is None or subnet.network_id != network.id:
            raise Missing(f"Subnet {thing.subnet_id} could not be found.")

    def check(self, thing: FloatingIpRecord) -> None:
        """Nobody else has its address, and no other of its network leads to the same address of a port."""
        if self._others(f"ip/{thing.subnet_id}/{thing.floating_ip_address}", thing):
            raise Refused(
                f"IP address {thing.floating_ip_address} already allocated in subnet {thing.subnet_id}",
                status=409,
            )
        port = self.records.get(PortRecord, thing.port_id) if thing.port_id else None
        if thing.port_id and (port is None or port.project_id != thing.project_id):
            raise Missing(f"Port {thing.port_id} could not be found.")
        if port is not None:
            thing.fixed_ip_address = thing.fixed_ip_address or next(
                (one.ip_address for one in port.fixed_ips if ":" not in one.ip_address), None
            )
            self._check_port(thing, port)
        else:
            thing.fixed_ip_address = None
        thing.status = "ACTIVE" if thing.port_id else "DOWN"

    def change(self, thing: FloatingIpRecord, step: Step) -> None:
        """Verbs: update, add_forwarding, delete_forwarding."""
        match step.verb:
            case "add_forwarding":
                new = msgspec.structs.replace(msgspec.convert(step.body, PortForwarding), remote_id=new_id())
                self._check_forwarding(thing, new)
                thing.port_forwardings = [*thing.port_forwardings, new]
            case "delete_forwarding":
                left = [one for one in thing.port_forwardings if one.remote_id != step.body["remote_id"]]
                thing.port_forwardings = left
            case _:
                return super().change(thing, step)
        return self.touch(thing)

    def _check_forwarding(self, thing: FloatingIpRecord, new: PortForwarding) -> None:
        port = self.records.get(PortRecord, new.internal_port_id)
        if port is None or port.project_id != thing.project_id:
            raise Missing(f"Port {new.internal_port_id} could not be found.")
        if thing.port_id or new.internal_ip_address not in {one.ip_address for one in port.fixed_ips}:
            raise Refused(f"Floating IP {thing.id} cannot forward to port {port.id}.", status=400)
        for one in thing.port_forwardings:
            if (one.protocol, one.external) == (new.protocol, new.external):
                raise Refused(
                    "Bad port_forwarding request: There is a port collision with the external_port_range. The following"
                    f" ranges collide: {one.external} and {new.external}.",
                    status=400,
                )

    def _check_port(self, thing: FloatingIpRecord, port: PortRecord) -> None:
        if thing.fixed_ip_address not in {one.ip_address for one in port.fixed_ips}:
            raise Refused(
                f"Bad floatingip request: Port {port.id} does not have fixed ip {thing.fixed_ip_address}.",
                status=400,
            )
        for other in self._others(f"port/{port.id}", thing):
            if (
                isinstance(other, FloatingIpRecord)
                and other.fixed_ip_address == thing.fixed_ip_address
                and other.floating_network_id == thing.floating_network_id
            ):
                raise Refused(
                    f"Cannot associate floating IP {thing.floating_ip_address} ({thing.id}) with port {port.id} using"
                    f" fixed IP {thing.fixed_ip_address}, as that fixed IP already has a floating IP on external"
                    f" network {thing.floating_network_id}.",
                    status=409,
                )

    def _others(self, key: str, thing: FloatingIpRecord) -> list[FloatingIpRecord | PortRecord]:
        found: list[FloatingIpRecord | PortRecord | None] = []
        for kind, id in self.records.tied(key):
            if kind == "port":
                found.append(self.records.get(PortRecord, id))
            elif kind == "floatingip" and id != thing.id:
                found.append(self.records.get(FloatingIpRecord, id))
        return [one for one in found if one is not None]
