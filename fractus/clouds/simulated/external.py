"""External networks of a simulated cloud, as its operator has made them before anybody came."""

from __future__ import annotations

import ipaddress
import uuid

from fractus.base.ids import new_id
from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import NetworkRecord, SubnetRecord
from fractus.clouds.simulated.shape import Shape


def make_external(records: Records, shape: Shape, now: float) -> None:
    """Make those that are missing. The first address of each subnet is the way out.

    Of a cloud that is kept in a file they always have the same ids: several processes may open it at once.
    """
    there = {one.name for one in records.every(NetworkRecord) if one.external}
    for name, cidr in shape.external.items():
        if name in there:
            continue
        network = NetworkRecord(
            id=_id(shape, name), project_id="", name=name, created_at=now, changed_at=now,
            mtu=shape.mtu, external=True, network_type="flat",
        )  # fmt: skip
        net = ipaddress.ip_network(cidr)
        subnet = SubnetRecord(
            id=_id(shape, f"{name}-subnet"), project_id="", name=f"{name}-subnet", created_at=now, changed_at=now,
            network_id=network.id, cidr=cidr, ip_version=net.version, gateway_ip=str(net[1]), enable_dhcp=False,
            pools=[{"start": str(net[2]), "end": str(net[-2])}],
        )  # fmt: skip
        records.put(network)
        records.put(subnet)


def _id(shape: Shape, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{shape.path}/{name}")) if shape.path else new_id()
