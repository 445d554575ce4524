"""Ports of a child's Neutron.

On a network that is shared with it a project may have ports, but not choose their MACs and addresses: Neutron's policy
leaves that to the network's owner and to administrators. Ours are all chosen, so there the credential's own rights are
used. Whether the user may have the port was decided by the parent; whether the network is shared there, by the child.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Scope
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp, PortSeen, PortWanted


class _FixedIp(Struct):
    subnet_id: str = ""
    ip_address: str = ""


class _Port(
    Document,
    kw_only=True,
    rename={"host": "binding:host_id", "vif_type": "binding:vif_type", "vnic_type": "binding:vnic_type"},
):
    """A port; who may not see its binding is not shown it."""

    status: str = ""
    mac_address: str = ""
    fixed_ips: list[_FixedIp] = []
    security_groups: list[str] = []
    allowed_address_pairs: list[dict[str, str]] = []
    admin_state_up: bool = True
    port_security_enabled: bool = True
    extra_dhcp_opts: list[dict[str, Any]] | None = None
    network_id: str = ""
    device_id: str | None = ""
    device_owner: str | None = ""
    vnic_type: str | None = ""
    host: str | None = ""
    vif_type: str | None = ""


class Ports(NeutronKind[PortWanted, PortSeen, _Port]):
    """The actuator of ports."""

    kind = "port"
    collection = "ports"
    document = _Port
    seen_type = PortSeen

    async def observe(self, scope: Scope, remote_id: str) -> PortSeen:
        """What is there now. Asked with the credential's own rights: only an administrator is told how it is bound.

        Where the credential is no administrator, it is asked for in the project that `scope` means.
        """
        try:
            return await super().observe(HOME, remote_id)
        except Missing:
            if not scope.project_id:
                raise
        return await super().observe(scope, remote_id)

    async def find(self, scope: Scope, wanted: PortWanted) -> PortSeen | None:
        """The port with our marker, or the one with our MAC in our network: no second can be made beside it."""
        marked = await super().find(scope, wanted)
        if marked is not None:
            return marked
        query = {"mac_address": wanted.mac_address, "network_id": wanted.network_id}
        for document in await self._having(scope, query):
            if not marks.from_tag(document.description):
                return self.seen(document)
        return None

    def body(self, wanted: PortWanted, extensions: frozenset[str]) -> dict[str, Any]:
        """What to send. Security groups are always said, even none: left out, Neutron would take the default one."""
        body: dict[str, Any] = {
            "network_id": wanted.network_id,
            "mac_address": wanted.mac_address,
            "fixed_ips": [
                {"subnet_id": fixed.subnet_id, "ip_address": fixed.ip_address} for fixed in wanted.fixed_ips
            ],
            "security_groups": wanted.security_groups,
            "admin_state_up": wanted.admin_state_up,
        }
        if "port-security" in extensions:
            body["port_security_enabled"] = wanted.port_security_enabled
        elif not wanted.port_security_enabled:
            self.need("port-security", extensions, "a port without port security")
        if wanted.allowed_address_pairs:
            self.need("allowed-address-pairs", extensions, "allowed address pairs")
            body["allowed_address_pairs"] = wanted.allowed_address_pairs
        if wanted.extra_dhcp_opts:
            self.need("extra_dhcp_opt", extensions, "extra DHCP options")
            body["extra_dhcp_opts"] = wanted.extra_dhcp_opts
        return body

    async def _make(self, scope: Scope, body: dict[str, Any]) -> _Port:
        try:
            return await super()._make(scope, body)
        except Refused as refusal:
            if not _by_policy(refusal) or not await self._sees_network(scope, body["network_id"]):
                raise
        return await self._make_as_admin(scope, body)

    async def _update(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        try:
            await super()._update(scope, remote_id, changes)
        except Refused as refusal:
            # Others' ports are "not found" to a project: what it is forbidden to change is its own.
            if not _by_policy(refusal):
                raise
            await super()._update(HOME, remote_id, changes)

    async def _sees_network(self, scope: Scope, network_id: str) -> bool:
        """Whether the network is the project's own, or shared with it; an administrator would be let in anywhere."""
        ask = Ask(service="network", path=f"/networks/{segment(network_id)}", query={"fields": "id"})
        try:
            await self._child.send(scope, ask)
        except Missing:
            return False
        return True

    def seen(self, document: _Port) -> PortSeen:
        """What the document says."""
        return PortSeen(
            **document.told(self._child),
            status=document.status,
            mac_address=document.mac_address,
            fixed_ips=[FixedIp(fixed.subnet_id, fixed.ip_address) for fixed in document.fixed_ips],
            security_groups=document.security_groups,
            allowed_address_pairs=document.allowed_address_pairs,
            admin_state_up=document.admin_state_up,
            port_security_enabled=document.port_security_enabled,
            extra_dhcp_opts=document.extra_dhcp_opts,
            network_id=document.network_id,
            device_id=document.device_id or "",
            device_owner=document.device_owner or "",
            vnic_type=document.vnic_type or "",
            host=document.host or "",
            vif_type=document.vif_type or "",
        )


def _by_policy(refusal: Refused) -> bool:
    """Whether it was refused for who asks; a full quota stays full whoever asks."""
    return refusal.status == 403 and not refusal.elsewhere
