"""Operations that join two things, or change more than a field: volumes at servers, networks at routers, floating IPs
at ports, a volume that grows, is reserved, or is handed over.

What is joined is a thing of its own in the model (`attachment`, `interface`), named by both: `SERVER/VOLUME`,
`ROUTER/SUBNET`. A `reservation` is an attachment that block storage was asked for, which no server has yet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.faults.plan import Op

if TYPE_CHECKING:
    from tests.faults.tenants import Tenant

_SERVERS, _ROUTERS = "/compute/v2.1/servers", "/network/v2.0/routers"
_ATTACHMENTS = "/volume/v3/attachments"


async def attach(tenant: Tenant, op: Op) -> bool:
    """A volume to a server. Where they are in two clouds that is refused."""
    server, volume = tenant.thing("server", op.args["slot"]), tenant.thing("volume", op.args["volume"])
    if server is None or volume is None:
        return False
    key = f"{tenant.name}/attachment/{op.number}"
    tenant.joined["attachment", server.key] = key
    path = f"{_SERVERS}/{server.id}/os-volume_attachments"
    body = {"volumeAttachment": {"volumeId": volume.id}}
    name = f"{server.id}/{volume.id}"
    await tenant.ask("create", key, "POST", path, body, kind="attachment", name=name, parent=server.key)
    return True


async def detach(tenant: Tenant, op: Op) -> bool:
    """What it was given last."""
    server = tenant.thing("server", op.args["slot"])
    there = tenant.known(tenant.joined.get(("attachment", server.key), "")) if server is not None else None
    if there is None:
        return False
    path = f"{_SERVERS}/{server.id}/os-volume_attachments/{there.name.partition('/')[2]}"
    await tenant.ask("delete", there.key, "DELETE", path)
    return True


async def plug(tenant: Tenant, op: Op) -> bool:
    """A router into a subnet."""
    router = tenant.thing("router", op.args["slot"])
    subnet = tenant.subnet_of(tenant.thing("network", op.args["network"]))
    if router is None or subnet is None:
        return False
    key = f"{tenant.name}/interface/{op.number}"
    tenant.joined["interface", router.key] = key
    path, body = f"{_ROUTERS}/{router.id}/add_router_interface", {"subnet_id": subnet.id}
    name = f"{router.id}/{subnet.id}"
    await tenant.ask("create", key, "PUT", path, body, kind="interface", name=name, parent=router.key)
    return True


async def unplug(tenant: Tenant, op: Op) -> bool:
    """Its last interface."""
    router = tenant.thing("router", op.args["slot"])
    there = tenant.known(tenant.joined.get(("interface", router.key), "")) if router is not None else None
    if there is None:
        return False
    body = {"subnet_id": there.name.partition("/")[2]}
    await tenant.ask("delete", there.key, "PUT", f"{_ROUTERS}/{router.id}/remove_router_interface", body)
    return True


async def lead_outside(tenant: Tenant, op: Op) -> bool:
    """A router gets a gateway, or has none any more."""
    router = tenant.thing("router", op.args["slot"])
    if router is None:
        return False
    gateway = {"network_id": tenant.fixtures["external network"]} if op.args["salt"] % 3 else None
    body = {"router": {"external_gateway_info": gateway}}
    await tenant.ask("change", router.key, "PUT", f"{_ROUTERS}/{router.id}", body, fields={})
    return True


async def lead_to_port(tenant: Tenant, op: Op) -> bool:
    """A floating IP leads to a port, or nowhere."""
    floating, port = tenant.thing("floatingip", op.args["slot"]), tenant.thing("port", op.args["port"])
    if floating is None or port is None:
        return False
    body = {"floatingip": {"port_id": port.id if op.args["salt"] % 3 else None}}
    await tenant.ask(
        "change", floating.key, "PUT", f"/network/v2.0/floatingips/{floating.id}", body, fields={}
    )
    return True


async def extend(tenant: Tenant, op: Op) -> bool:
    """A volume grows by a GiB."""
    volume = tenant.thing("volume", op.args["slot"])
    if volume is None:
        return False
    size = max(volume.fields["size"]) + 1
    path, body = f"/volume/v3/volumes/{volume.id}/action", {"os-extend": {"new_size": size}}
    await tenant.ask("change", volume.key, "POST", path, body, fields={"size": size})
    return True


async def reserve(tenant: Tenant, op: Op) -> bool:
    """An attachment of block storage's own: the volume is kept for whoever attaches it."""
    volume = tenant.thing("volume", op.args["slot"])
    if volume is None:
        return False
    key = f"{tenant.name}/reservation/{op.number}"
    tenant.joined["reservation", volume.key] = key
    body = {"attachment": {"volume_uuid": volume.id}}
    await tenant.ask(
        "create", key, "POST", _ATTACHMENTS, body, kind="reservation", name=key, parent=volume.key
    )
    return True


async def release(tenant: Tenant, op: Op) -> bool:
    """Its last reservation."""
    volume = tenant.thing("volume", op.args["slot"])
    there = tenant.known(tenant.joined.get(("reservation", volume.key), "")) if volume is not None else None
    if there is None:
        return False
    await tenant.ask("delete", there.key, "DELETE", f"{_ATTACHMENTS}/{there.id}")
    return True


async def accept(tenant: Tenant, op: Op) -> bool:
    """A volume that was offered is taken, by the project that offered it. The offer is over."""
    offer = tenant.thing("volume_transfer", op.args["slot"])
    if offer is None or offer.key not in tenant.secrets:
        return False
    body = {"accept": {"auth_key": tenant.secrets[offer.key]}}
    await tenant.ask("delete", offer.key, "POST", f"/volume/v3/volume-transfers/{offer.id}/accept", body)
    return True


OPERATIONS: Mapping[str, Callable[[Tenant, Op], Awaitable[Any]]] = {
    "server attach": attach,
    "server detach": detach,
    "router plug": plug,
    "router unplug": unplug,
    "router outside": lead_outside,
    "floatingip join": lead_to_port,
    "volume extend": extend,
    "volume reserve": reserve,
    "volume release": release,
    "volume_transfer accept": accept,
}
