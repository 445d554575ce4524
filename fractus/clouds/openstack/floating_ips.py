"""Floating IPs of a child's Neutron, with their port forwardings, which are steps of their own."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import FloatingIpObserved, FloatingIpWanted, PortForwarding

_FORWARDING = "port_forwarding"
_ALIAS = "floating-ip-port-forwarding"


class _Forwarding(Struct):
    """One as Neutron prints it; ranges only where it is asked for itself."""

    id: str
    protocol: str = ""
    internal_port_id: str = ""
    internal_ip_address: str = ""
    internal_port: int | None = None
    external_port: int | None = None
    internal_port_range: str | None = None
    external_port_range: str | None = None
    description: str = ""


class FloatingIps(NeutronKind[FloatingIpWanted, FloatingIpObserved]):
    """The actuator of floating IPs."""

    printed = {"port_forwardings": list[_Forwarding]}

    def fields(self, document: Document) -> dict[str, Any]:
        """A cloud that forwards no ports does not say so."""
        fields = super().fields(document)
        if "port_forwardings" in fields:
            fields["port_forwardings"] = [_read(one) for one in fields["port_forwardings"]]
        return fields

    async def observe(self, scope: Scope, remote_id: str) -> FloatingIpObserved:
        """What is there now. Its document does not say which ranges are forwarded."""
        observed = await super().observe(scope, remote_id)
        if not any(not one.external or not one.internal for one in observed.port_forwardings or ()):
            return observed
        ask = Ask(service="network", path=self._forwardings(remote_id))
        listed = await self._child.item(scope, ask, f"{_FORWARDING}s", list[_Forwarding])
        return msgspec.structs.replace(observed, port_forwardings=[_read(one) for one in listed])

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: update, add_forwarding, delete_forwarding."""
        match step.verb:
            case "add_forwarding":
                extensions = await self._child.services.extensions()
                body = _said(msgspec.convert(step.body, PortForwarding), extensions, self._child.name)
                path = self._forwardings(remote_id)
                await self._child.send(
                    scope, Ask(service="network", method="POST", path=path, body={_FORWARDING: body})
                )
            case "delete_forwarding":
                path = f"{self._forwardings(remote_id)}/{segment(step.body['remote_id'])}"
                try:
                    await self._child.send(scope, Ask(service="network", method="DELETE", path=path))
                except Missing:
                    return  # it is gone already
            case _:
                await super().apply(scope, remote_id, step)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it with its port forwardings, for with them the cloud would refuse to."""
        for one in (await self._observe(scope, remote_id)).port_forwardings or ():
            await self.apply(scope, remote_id, Step("delete_forwarding", {"remote_id": one.remote_id}))
        await super().delete(scope, remote_id)

    def _forwardings(self, remote_id: str) -> str:
        return f"{self.item_path(remote_id)}/{_FORWARDING}s"


def _read(one: _Forwarding) -> PortForwarding:
    return PortForwarding(
        protocol=one.protocol,
        internal_port_id=one.internal_port_id,
        internal_ip_address=one.internal_ip_address,
        internal=_range(one.internal_port_range, one.internal_port),
        external=_range(one.external_port_range, one.external_port),
        description=one.description,
        remote_id=one.id,
    )


def _range(ports: str | None, single: int | None) -> str:
    return ports or ("" if single is None else f"{single}:{single}")


def _said(one: PortForwarding, extensions: frozenset[str], cloud: str) -> dict[str, Any]:
    """What to send to make it. One port is said as such, which needs no extension."""
    body: dict[str, Any] = {
        "protocol": one.protocol,
        "internal_port_id": one.internal_port_id,
        "internal_ip_address": one.internal_ip_address,
    }
    for side, ports in (("internal", one.internal), ("external", one.external)):
        first, _, last = ports.partition(":")
        body |= {f"{side}_port": int(first)} if first == last else {f"{side}_port_range": ports}
    needed = [_ALIAS]
    needed += [f"{_ALIAS}-port-ranges"] if any(name.endswith("_range") for name in body) else []
    for alias in needed:
        if alias not in extensions:
            raise Refused(f"{cloud} cannot forward ports: its network service lacks {alias}", elsewhere=True)
    if one.description and f"{_ALIAS}-description" in extensions:
        body["description"] = one.description
    return body
