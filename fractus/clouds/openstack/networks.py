"""Networks of a child's Neutron."""

from __future__ import annotations

from typing import Any

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.model.network import NetworkSeen, NetworkWanted


class _Network(Document, kw_only=True):
    status: str = ""
    admin_state_up: bool = True
    mtu: int | None = 0


class Networks(NeutronKind[NetworkWanted, NetworkSeen, _Network]):
    """The actuator of networks."""

    kind = "network"
    collection = "networks"
    document = _Network
    seen_type = NetworkSeen

    def body(self, wanted: NetworkWanted, extensions: frozenset[str]) -> dict[str, Any]:
        """What to send. What is Neutron's own default is not said, so that it needs no extension."""
        body: dict[str, Any] = {"admin_state_up": wanted.admin_state_up}
        if wanted.mtu:
            self.need("net-mtu-writable", extensions, "an MTU of one's own")
            body["mtu"] = wanted.mtu
        if not wanted.port_security_enabled:
            self.need("port-security", extensions, "a network without port security")
            body["port_security_enabled"] = False
        return body

    def seen(self, document: _Network) -> NetworkSeen:
        """What the document says."""
        return NetworkSeen(
            remote_id=document.id,
            marker=marks.from_tag(document.description),
            name=document.name,
            changed_at=document.updated_at or "",
            status=document.status,
            admin_state_up=document.admin_state_up,
            mtu=document.mtu or 0,
        )
