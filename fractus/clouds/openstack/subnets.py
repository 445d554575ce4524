"""Subnets of a child's Neutron."""

from __future__ import annotations

from typing import Any

from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.model.network import SubnetSeen, SubnetWanted


class _Subnet(Document, kw_only=True):
    cidr: str = ""
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    dns_nameservers: list[str] = []
    host_routes: list[dict[str, str]] = []
    network_id: str = ""
    ip_version: int = 4
    allocation_pools: list[dict[str, str]] = []
    ipv6_address_mode: str | None = None
    ipv6_ra_mode: str | None = None


class Subnets(NeutronKind[SubnetWanted, SubnetSeen, _Subnet]):
    """The actuator of subnets."""

    kind = "subnet"
    collection = "subnets"
    document = _Subnet
    seen_type = SubnetSeen

    def searches(self, wanted: SubnetWanted) -> list[dict[str, str]]:
        """By its CIDR, of which a network has one: behind the marker its description has notes."""
        return [{"cidr": wanted.cidr, **({"network_id": wanted.network_id} if wanted.network_id else {})}]

    def body(self, wanted: SubnetWanted, extensions: frozenset[str]) -> dict[str, Any]:
        """What to send. The gateway is always said: left out, Neutron would choose one; null means none."""
        body: dict[str, Any] = {
            "network_id": wanted.network_id,
            "cidr": wanted.cidr,
            "ip_version": wanted.ip_version,
            "gateway_ip": wanted.gateway_ip,
            "enable_dhcp": wanted.enable_dhcp,
        }
        if wanted.dns_nameservers:
            body["dns_nameservers"] = wanted.dns_nameservers
        if wanted.host_routes:
            body["host_routes"] = wanted.host_routes
        if wanted.pools:
            body["allocation_pools"] = wanted.pools
        if wanted.ipv6_address_mode is not None:
            body["ipv6_address_mode"] = wanted.ipv6_address_mode
        if wanted.ipv6_ra_mode is not None:
            body["ipv6_ra_mode"] = wanted.ipv6_ra_mode
        return body

    def seen(self, document: _Subnet) -> SubnetSeen:
        """What the document says."""
        return SubnetSeen(
            **document.told(self._child),
            cidr=document.cidr,
            gateway_ip=document.gateway_ip,
            enable_dhcp=document.enable_dhcp,
            dns_nameservers=document.dns_nameservers,
            host_routes=document.host_routes,
            network_id=document.network_id,
            ip_version=document.ip_version,
            pools=document.allocation_pools,
            ipv6_address_mode=document.ipv6_address_mode,
            ipv6_ra_mode=document.ipv6_ra_mode,
        )
