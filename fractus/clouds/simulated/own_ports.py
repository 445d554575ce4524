"""Ports that a simulated cloud has for itself: it serves DHCP from them, and its routers lead outside by them."""

from __future__ import annotations

import ipaddress

from fractus.addressing.ranges import default_pools, number, ranges_of, text
from fractus.base.ids import new_id, new_mac
from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import PortRecord, SubnetRecord
from fractus.model.network import FixedIp


def own_port(
    network_id: str, project_id: str, fixed: list[FixedIp], *, owner: str, device_id: str, now: float
) -> PortRecord:
    """A new one, with these addresses. `owner`: what it is for, as `device_owner` says it."""
    return PortRecord(
        id=new_id(),
        project_id=project_id,
        created_at=now,
        changed_at=now,
        network_id=network_id,
        mac_address=new_mac(),
        fixed_ips=fixed,
        status="ACTIVE",
        device_id=device_id,
        device_owner=owner,
    )


def free_address(records: Records, subnet: SubnetRecord) -> list[FixedIp]:
    """The first address of a subnet's pools that nobody has; none where there is none."""
    gateway = number(subnet.gateway_ip) if subnet.gateway_ip else None
    for pool in ranges_of(subnet.pools) or default_pools(ipaddress.ip_network(subnet.cidr), gateway):
        for value in range(pool.first, pool.last + 1):
            address = text(value, subnet.ip_version)
            if not records.tied(f"ip/{subnet.id}/{address}"):
                return [FixedIp(subnet.id, address)]
    return []
