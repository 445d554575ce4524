"""Networks of a child's Neutron. Only administrators may share one: that is said with the credential's own rights."""

from __future__ import annotations

from typing import Any

from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.model.cloud import HOME, Scope
from fractus.model.network import NetworkSeen, NetworkWanted


class _Network(
    Document,
    kw_only=True,
    rename={
        "external": "router:external",
        "network_type": "provider:network_type",
        "physical_network": "provider:physical_network",
        "segmentation_id": "provider:segmentation_id",
    },
):
    """A network; what it is made of is shown to administrators."""

    status: str = ""
    admin_state_up: bool = True
    mtu: int | None = 0
    shared: bool | None = None
    port_security_enabled: bool | None = None
    external: bool | None = None
    network_type: str | None = ""
    physical_network: str | None = ""
    segmentation_id: int | None = None


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
        if wanted.shared:
            body["shared"] = True
        return body

    async def _make(self, scope: Scope, body: dict[str, Any]) -> _Network:
        make = self._make_as_admin if "shared" in body else super()._make
        return await make(scope, body)

    async def _update(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        await super()._update(HOME if "shared" in changes else scope, remote_id, changes)

    def seen(self, document: _Network) -> NetworkSeen:
        """What the document says."""
        return NetworkSeen(
            **document.told(self._child),
            status=document.status,
            admin_state_up=document.admin_state_up,
            mtu=document.mtu or 0,
            shared=document.shared,
            port_security_enabled=document.port_security_enabled,
            external=document.external,
            network_type=document.network_type or "",
            physical_network=document.physical_network or "",
            segmentation_id=document.segmentation_id,
        )
