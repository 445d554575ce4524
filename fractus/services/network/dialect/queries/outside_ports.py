"""Ports that Neutron has for what leads outside: one for each gateway of a router, and one for each floating IP.

Administrators find them in lists of ports. No cloud is sent one, for each makes its own with the gateway or the
floating IP: so a port of these is a row with us alone, its addresses are held by what it stands for, and its MAC is the
cloud's to choose and not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.base.ids import new_id
from fractus.model.resource import Resource
from fractus.services.kind import Summarise
from fractus.services.network.dialect.queries.rows import every
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction


class OutsidePorts:
    """Writes them, in the transaction that writes what they stand for."""

    def __init__(self, resources: Resources, summarise: Summarise) -> None:
        """`summarise`: how users see a port."""
        self._resources, self._summarise = resources, summarise

    async def of(self, reader: Reader, owner: str, device_id: str) -> Sequence[Resource]:
        """Those of a router or of a floating IP, oldest first."""
        is_its = Filter("device_id", "eq", device_id), Filter("device_owner", "eq", owner)
        return await every(reader, self._resources, "port", *is_its)

    async def stand_for(
        self,
        tx: Transaction,
        owner: str,
        device_id: str,
        network: Resource | None = None,
        fixed_ips: Sequence[Sequence[Mapping[str, str]]] = (),
    ) -> None:
        """It has these addresses outside from now on, a port for each list of them; those of before are no more."""
        left = [
            [{name: one[name] for name in ("subnet_id", "ip_address")} for one in some] for some in fixed_ips
        ]
        for port in await self.of(tx, owner, device_id):
            same = network is not None and port.desired["network_id"] == network.id
            if same and port.desired["fixed_ips"] in left:
                left.remove(port.desired["fixed_ips"])
            else:
                await self._resources.drop(tx, "port", port.id)
        for some in left if network is not None else ():
            assert network is not None
            port = _port(network, owner, device_id, some)
            port.created_at = port.updated_at = tx.now()
            await self._resources.add(tx, port, self._summarise(port, []))


def _port(network: Resource, owner: str, device_id: str, fixed_ips: Sequence[Mapping[str, str]]) -> Resource:
    """As Neutron makes it: nobody's, with neither groups nor port security."""
    desired = {
        "name": "",
        "description": "",
        "tags": [],
        "admin_state_up": True,
        "network_id": network.id,
        "network_project_id": network.project_id,
        "mac_address": "",
        "fixed_ips": list(fixed_ips),
        "auto_subnets": [],
        "device_id": device_id,
        "device_owner": owner,
        "owned_by_server": False,
        "place": 0,
        "port_security_enabled": False,
        "security_groups": [],
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "qos_policy_id": None,
        "vnic_type": "normal",
        "numa_affinity_policy": None,
        "device_profile": None,
        "propagate_uplink_status": True,
    }
    return Resource(kind="port", id=new_id(), project_id="", desired=desired)
