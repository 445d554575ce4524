"""One valid thing of every kind, with all that it needs made beforehand."""

from __future__ import annotations

import base64
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from fractus.app.registry import CARRIED_FIELDS
from fractus.base.ids import new_id, new_mac
from fractus.model.carried import CARRIED
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.compute import FlavorWanted, KeypairWanted, ServerGroupWanted
from fractus.model.images import ImageWanted
from fractus.model.network import VOCABULARIES, FixedIp, FloatingIpWanted, PortWanted, SubnetWanted
from fractus.model.routers import RouterInterfaceWanted
from fractus.model.servers import ServerWanted
from fractus.model.volumes import DEFAULT_TYPE, VolumeTypeWanted, VolumeWanted
from tests.contract.subjects import Subject


class Net(Struct, frozen=True):
    """A network with a subnet, by remote ids."""

    network_id: str
    subnet_id: str


async def flavor(cloud: Subject, scope: Scope) -> FlavorWanted:
    return FlavorWanted(id=new_id(), name="contract", vcpus=1, ram=64, disk=1)


async def keypair(cloud: Subject, scope: Scope) -> KeypairWanted:
    blob = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00 " + secrets.token_bytes(32)
    key = f"ssh-ed25519 {base64.b64encode(blob).decode()} contract"
    return KeypairWanted(id=new_id(), name="contract", public_key=key)


async def server_group(cloud: Subject, scope: Scope) -> ServerGroupWanted:
    return ServerGroupWanted(id=new_id(), name="contract", policy="anti-affinity")


async def image(cloud: Subject, scope: Scope) -> ImageWanted:
    return image_of()


def image_of(**more: Any) -> ImageWanted:
    return ImageWanted(id=new_id(), name="contract", disk_format="raw", container_format="bare", **more)


#: What is said of a declared kind beside its defaults; what it refers to is made beforehand.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "subnet": {
        "cidr": "10.77.0.0/24",
        "gateway_ip": "10.77.0.1",
        "pools": [{"start": "10.77.0.2", "end": "10.77.0.9"}],
    },
}

DECLARED = {one.kind: one for one in VOCABULARIES}

#: Kinds of which a new name comes to the clouds.
RENAMED = frozenset(
    kind
    for kind, fields in CARRIED_FIELDS.items()
    if any(field.name == "name" and field.how == CARRIED for field in fields)
)


async def declared(kind: str, cloud: Subject, scope: Scope) -> Any:
    """One as its vocabulary and its example say."""
    referred = {
        one.name: (
            await cloud.make(one.rules.refers, await WANTED[one.rules.refers](cloud, scope), scope)
        ).remote_id
        for one in DECLARED[kind].said
        if one.rules.refers and one.default is None
    }
    fields = {**EXAMPLES.get(kind, {}), **referred}
    return DECLARED[kind].wanted(id=new_id(), name="contract", **fields)


network, subnet, security_group, qos_policy = (
    partial(declared, kind) for kind in ("network", "subnet", "security_group", "qos_policy")
)


def subnet_of(network_id: str) -> SubnetWanted:
    return SubnetWanted(id=new_id(), name="contract", network_id=network_id, **EXAMPLES["subnet"])


async def net(cloud: Subject, scope: Scope) -> Net:
    wanted = await subnet(cloud, scope)
    made = await cloud.make("subnet", wanted, scope)
    return Net(wanted.network_id, made.remote_id)


def port_of(on: Net, ip: str = "10.77.0.50", **more: Any) -> PortWanted:
    return PortWanted(
        id=new_id(),
        name="contract",
        network_id=on.network_id,
        mac_address=new_mac(),
        fixed_ips=[FixedIp(on.subnet_id, ip)],
        **more,
    )


async def port(cloud: Subject, scope: Scope) -> PortWanted:
    return port_of(await net(cloud, scope))


async def router_interface(cloud: Subject, scope: Scope) -> RouterInterfaceWanted:
    """An interface is known by its port, and has its id."""
    of = await port(cloud, scope)
    made = await cloud.make("port", of, scope)
    router = await cloud.make("router", await declared("router", cloud, scope), scope)
    return RouterInterfaceWanted(id=of.id, router_id=router.remote_id, port_id=made.remote_id)


async def floating_ip(cloud: Subject, scope: Scope) -> FloatingIpWanted:
    """Of an external network that the cloud has: such ones are never made by us."""
    external = [one for one in (await cloud.listed("network")).values() if one.external]
    subnets = (await cloud.listed("subnet")).values()
    subnet = next(one for one in subnets if one.network_id == external[0].remote_id)
    (pool, *_) = subnet.pools
    first, last = ipaddress.ip_address(pool["start"]), ipaddress.ip_address(pool["end"])
    ip = first + secrets.randbelow(int(last) - int(first))
    return FloatingIpWanted(
        id=new_id(),
        floating_network_id=subnet.network_id,
        subnet_id=subnet.remote_id,
        floating_ip_address=str(ip),
    )


async def active_image(cloud: Subject, scope: Scope) -> str:
    """Its remote id."""
    made = await cloud.make("image", await image(cloud, scope), scope)
    path, size, _ = await cloud.bits()
    await cloud["image"].apply(scope, made.remote_id, Step("upload", {"path": path, "size": size}))
    await cloud.observed("image", made.remote_id, lambda seen: seen.status == "active", scope)
    return str(made.remote_id)


async def volume_type(cloud: Subject) -> str:
    """The remote id of the cloud's default type, which is never made."""
    wanted = VolumeTypeWanted(id=new_id(), name=DEFAULT_TYPE, is_default=True)
    return str((await cloud["volume_type"].create(HOME, wanted)).remote_id)


async def volume(cloud: Subject, scope: Scope) -> VolumeWanted:
    return VolumeWanted(id=new_id(), name="contract", size=1, type_id=await volume_type(cloud))


async def available_volume(cloud: Subject, scope: Scope) -> str:
    """Its remote id."""
    made = await cloud.make("volume", await volume(cloud, scope), scope)
    await cloud.observed("volume", made.remote_id, lambda seen: seen.status == "available", scope)
    return str(made.remote_id)


async def server(cloud: Subject, scope: Scope) -> ServerWanted:
    its_flavor = await cloud.make("flavor", await flavor(cloud, scope), HOME)
    its_port = await cloud.make("port", await port(cloud, scope), scope)
    return ServerWanted(
        id=new_id(),
        name="contract",
        flavor_id=its_flavor.remote_id,
        image_id=await active_image(cloud, scope),
        port_ids=[its_port.remote_id],
        metadata={"purpose": "contract"},
    )


WANTED: dict[str, Callable[[Subject, Scope], Awaitable[Any]]] = {
    "flavor": flavor,
    "keypair": keypair,
    "server_group": server_group,
    "image": image,
    **{kind: partial(declared, kind) for kind in DECLARED},
    "port": port,
    "router_interface": router_interface,
    "floatingip": floating_ip,
    "server": server,
}

KINDS = tuple(WANTED)

#: What its service says no time of, in any release: after a rebuild it is as old as that.
WITHOUT_TIMES = frozenset(("server_group", "metering_label"))

#: What belongs to a project; flavors are everybody's, keys are our user's.
OF_PROJECTS = tuple(kind for kind in KINDS if kind not in ("flavor", "keypair"))
