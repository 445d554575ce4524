"""What a cloud's own users made in it, before fractus came or beside it: written into the cloud, with no call of ours.

natives = Natives(world.cloud("a"), project_id_of("p1"))
net = natives.network("office", cidr="192.168.7.0/24")
vm = natives.server("db", net)
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from fractus.base.ids import new_id, new_mac
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.records import (
    FlavorRecord,
    GroupMembersRecord,
    ImageRecord,
    KeypairRecord,
    NetworkRecord,
    PortRecord,
    Record,
    SecurityGroupRecord,
    ServerRecord,
    SubnetRecord,
)
from fractus.model.network import FixedIp, Rule

R = TypeVar("R", bound=Record)

_RUNNING, _SHUTDOWN = 1, 4


class HasBackend(Protocol):
    """A cloud of a world."""

    @property
    def backend(self) -> SimulatedBackend:
        """Its state."""
        ...


class Net(Struct, frozen=True):
    """A network and its subnet."""

    network: NetworkRecord
    subnet: SubnetRecord


class Natives:
    """One project of one cloud, with things that nobody made through fractus."""

    def __init__(
        self, cloud: HasBackend, project_id: str, *, name: str = "natives", user_id: str = "u-native"
    ) -> None:
        """`project_id`: the cloud's own id of the project."""
        self.backend = cloud.backend
        self.project_id = project_id
        self.user_id = user_id
        self._records = cloud.backend.records
        self._records.add_project(project_id, name)
        self._number = 10

    def _put(self, thing: R) -> R:
        thing.created_at = thing.changed_at = self.backend.now()
        self._records.put(thing)
        return thing

    def flavor(self, name: str = "m1.own", *, id: str = "", **more: Any) -> FlavorRecord:
        """A flavor of the cloud's operator."""
        sizes = {"vcpus": 1, "ram": 512, "disk": 1, **more}
        return self._put(FlavorRecord(id=id or new_id(), project_id="", name=name, **sizes))

    def image(self, name: str = "own-image", *, id: str = "", **more: Any) -> ImageRecord:
        """An image with bits."""
        bits = name.encode()
        about: dict[str, Any] = {
            "disk_format": "raw",
            "container_format": "bare",
            "visibility": "private",
            "status": "active",
            "size": len(bits),
            "checksum": hashlib.md5(bits, usedforsecurity=False).hexdigest(),
            **more,
        }
        return self._put(ImageRecord(id=id or new_id(), project_id=self.project_id, name=name, **about))

    def keypair(self, name: str = "own-key", public_key: str = "ssh-ed25519 AAAA own") -> KeypairRecord:
        """A key of a user."""
        return self._put(
            KeypairRecord(
                id=f"{self.user_id}/{name}",
                project_id="",
                user_id=self.user_id,
                name=name,
                public_key=public_key,
                fingerprint=hashlib.md5(public_key.encode(), usedforsecurity=False).hexdigest(),
            )
        )

    def group(self, name: str = "own-group", rules: Sequence[Rule] = (), **more: Any) -> SecurityGroupRecord:
        """A security group; without rules those that Neutron gives to any, and to a default group."""
        out = [Rule(direction="egress", ethertype=one, remote_id=new_id()) for one in ("IPv4", "IPv6")]
        if name == "default":
            out += [
                Rule(direction="ingress", ethertype=one, remote_group_id="self", remote_id=new_id())
                for one in ("IPv4", "IPv6")
            ]
        every = [*out, *rules]
        return self._put(
            SecurityGroupRecord(id=new_id(), project_id=self.project_id, name=name, rules=every, **more)
        )

    def address_group(
        self, name: str = "own-addresses", addresses: Sequence[str] = ("192.0.2.0/24",), **more: Any
    ) -> GroupMembersRecord:
        """An address group, for rules to name."""
        return self._put(
            GroupMembersRecord(
                id=new_id(), project_id=self.project_id, name=name, addresses=list(addresses), **more
            )
        )

    def network(self, name: str = "own-net", *, cidr: str = "192.168.50.0/24", **more: Any) -> Net:
        """A network with a subnet, and the port of its DHCP server."""
        network = self._put(
            NetworkRecord(id=more.pop("id", "") or new_id(), project_id=self.project_id, name=name, **more)
        )
        net = ipaddress.ip_network(cidr)
        subnet = self._put(
            SubnetRecord(
                id=new_id(),
                project_id=self.project_id,
                name=f"{name}-subnet",
                network_id=network.id,
                cidr=cidr,
                gateway_ip=str(net[1]),
                pools=[{"start": str(net[2]), "end": str(net[-2])}],
            )
        )
        made = Net(network, subnet)
        self.port(made, "", ip=str(net[2]), device_owner="network:dhcp", device_id="dhcp", status="ACTIVE")
        return made

    def port(self, net: Net, name: str = "own-port", *, ip: str = "", **more: Any) -> PortRecord:
        """A port with an address of its own."""
        if not ip:
            self._number += 1
            ip = str(ipaddress.ip_network(net.subnet.cidr)[self._number])
        about: dict[str, Any] = {"mac_address": new_mac(), "fixed_ips": [FixedIp(net.subnet.id, ip)], **more}
        return self._put(
            PortRecord(id=new_id(), project_id=self.project_id, name=name, network_id=net.network.id, **about)
        )

    def server(
        self,
        name: str,
        net: Net | None = None,
        *,
        flavor: FlavorRecord | None = None,
        image: ImageRecord | None = None,
        groups: Sequence[SecurityGroupRecord] = (),
        running: bool = True,
        port: PortRecord | None = None,
        **more: Any,
    ) -> ServerRecord:
        """A server that runs, or is shut off, with one port: made for it by Nova, or `port`, which was there before."""
        flavor = flavor or self.backend.flavors.get("own") or self.flavor(id="own")
        id, host = new_id(), "host-1"
        if port is None and net is not None:
            port = self.port(net, "", of_nova=True, security_groups=[group.id for group in groups])
        if port is not None:
            port.device_id, port.device_owner, port.host, port.vif_type = id, "compute:nova", host, "ovs"
            port.status = "ACTIVE" if running else "DOWN"
            self._put(port)
        now = self.backend.now()
        return self._put(
            ServerRecord(
                id=id,
                project_id=self.project_id,
                user_id=self.user_id,
                name=name,
                vcpus=flavor.vcpus,
                ram=flavor.ram,
                disk=flavor.disk,
                flavor_id=flavor.id,
                image_id=image.id if image else "",
                port_ids=[port.id] if port else [],
                hostname=name,
                vm_state="active" if running else "stopped",
                task_state=None,
                power_state=_RUNNING if running else _SHUTDOWN,
                host=host,
                launched_at=now,
                boots=[now],
                number=self._records.number("instance"),
                **more,
            )
        )
