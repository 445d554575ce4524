"""A furnished project: one of everything that a tenant can have, and the routes by which it can be reached."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from fractus.app import wiring
from fractus.app.kinds import KINDS
from fractus.base.ids import new_id
from fractus.clouds.simulated.records import VolumeTypeRecord
from fractus.notify.node import LocalNotifier
from fractus.services.compute.removed.policy import REMOVED
from fractus.settings.loading import load
from fractus.testing.outside import outside
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, VOLUME, MadeNetwork, User
from fractus.testing.world import World
from fractus.web.face import Service, ServiceRoutes
from fractus.web.routing import Route
from tests.api.examples import CONNTRACK_HELPER, EXAMPLES, NOBODYS, PORT_FORWARDING, QOS_RULES

#: Stands in every name that ann gives: nobody else may ever read it.
SECRET = "annssecret"
TAG = f"{SECRET}-tag"

_FIELD = re.compile(r"\{(\w+)\}")


@dataclasses.dataclass(frozen=True)
class Served:
    """One route of one service."""

    service: Service
    route: Route

    @property
    def gone(self) -> bool:
        """Whether it is only there to say that Nova has it no longer."""
        return self.route.rule == REMOVED

    def __str__(self) -> str:
        """For the ids of tests and for messages."""
        action = f"#{self.route.action}" if self.route.action else ""
        return f"{self.service.type} {self.route.method} {self.route.path}{action}"


async def services(directory: Path) -> list[ServiceRoutes]:
    """All services as the registry has them."""
    parts = wiring.core(load(directory, environ={}), notifier=LocalNotifier())
    try:
        return parts.kinds.services()
    finally:
        await parts.close()


_known: list[Served] = []


async def served(world: World) -> list[Served]:
    """All routes of all services; their handlers belong to no world."""
    if not _known:
        every = await services(world.tmp_path / "registry")
        _known.extend(Served(one.service, route) for one in every for route in one.routes)
    return _known


#: Names that every Placement has.
_OF_PLACEMENT = {"resource_class": "VCPU", "name": "VCPU"}


@dataclasses.dataclass
class House:
    """What one project has. Built by `furnish`."""

    world: World
    owner: User
    network: MadeNetwork
    group: str = ""
    rule: str = ""
    port: str = ""
    """A port that no server has."""
    parent: str = ""
    """Another, of a trunk."""
    image: str = ""
    flavor: str = ""
    """Not public: for this project alone."""
    key: str = f"{SECRET}-key"
    server_group: str = ""
    server: str = ""
    server_port: str = ""
    volume: str = ""
    snapshot: str = ""
    volume_type: str = ""
    group_type: str = ""
    """Of groups of volumes: everybody's."""
    """Not public: for this project alone."""
    request_id: str = ""
    """Of the server's creation."""
    addresses: tuple[str, ...] = ()
    parts: dict[str, str] = dataclasses.field(default_factory=dict)
    """Name of a collection below a thing (`dscp_marking_rules`) -> the id of one in it."""
    external: str = ""
    """An external network, which is nobody's."""
    declared: dict[str, str] = dataclasses.field(default_factory=dict)
    """Path of the collection of a declared kind -> the id of one."""

    offered: str = ""
    """A volume that is offered to nobody yet."""
    stored: dict[str, str] = dataclasses.field(default_factory=dict)
    """Name of a collection of block storage, of those that call what names one `id` -> the id of one."""

    def ids(self) -> set[str]:
        """Everything by which a stranger could tell that they see what is not theirs."""
        found = {self.network.id, self.network.subnet_id, self.group, self.rule, self.port, self.image}
        found |= {self.flavor, self.server, self.server_port, self.request_id, self.owner.project_id}
        found |= {self.server_group, self.offered, self.volume, self.snapshot, self.volume_type}
        found |= set(self.stored.values()) | set(self.declared.values()) | set(self.parts.values())
        return found | set(self.addresses) | {SECRET, self.owner.principal.user_id}

    def parameters(self, service: str, path: str) -> dict[str, str]:
        """What to put for the parameters of a path."""
        if service == "network":
            return {
                **self._of_network(path),
                "tag": TAG,
                "part": self.parts.get(path.split("/")[-2], self.port),
                "project_id": self.owner.project_id,
                "alias": "port-security",
                "host": "a",
                "agent_id": self.port,
                "network_id": self.network.id,
                "router_id": self.declared.get("routers", self.port),
            }
        if service == "image":
            return {
                "image_id": self.image,
                "tag": TAG,
                "member_id": self.owner.project_id,
                "store_id": "a",
                "task_id": self.port,
                "namespace": f"{SECRET}-space",
                # Types of resources are everybody's to read.
                "name": "OS::House" if "/resource_types/" in path else f"{SECRET}-part",
            }
        if service == "volume":
            return {
                "volume_id": self.volume,
                "snapshot_id": self.snapshot,
                "type_id": self.volume_type,
                "key": f"{SECRET}-spec" if path.startswith(("/types", "/group_types")) else f"{SECRET}-meta",
                "group_type_id": self.port,
                "project_id": self.owner.project_id,
                "name": self.key,
                "alias": "os-quota-sets",
                "id": self.stored.get(path.split("/")[1], self.port),
            }
        if service == "placement":
            return {**_OF_PLACEMENT, "uuid": self.port, "consumer_uuid": self.server}
        return {
            "server_id": self.server,
            "flavor_id": self.flavor,
            "key": f"{SECRET}-spec" if path.startswith("/flavors") else f"{SECRET}-meta",
            "tag": TAG,
            "network": f"{SECRET}-net",
            "port_id": self.server_port,
            "volume_id": self.port,
            "request_id": self.request_id,
            "name": self.key,
            "project_id": self.owner.project_id,
            "alias": "os-keypairs",
            "id": self._of_compute(path.split("/")[1]),
            "domain": SECRET,
            "host": "a",
            "image_id": self.image,
            "token": self.server,
            "before": "2024-03-01%2000:00:00",
        }

    def _of_compute(self, collection: str) -> str:
        things = {
            "os-server-groups": self.server_group,
            "os-aggregates": "7",
            "os-security-groups": self.group,
            "os-security-group-rules": self.rule,
            "os-networks": self.network.id,
            "os-tenant-networks": self.network.id,
            "os-floating-ips": self.declared.get("floatingips", self.port),
            "os-volumes": self.volume,
            "os-snapshots": self.snapshot,
        }
        return things.get(collection, self.port)

    def _of_network(self, path: str) -> dict[str, str]:
        things = {
            "networks": self.network.id,
            "subnets": self.network.subnet_id,
            "ports": self.port,
            "security-groups": self.group,
            "security-group-rules": self.rule,
            **self.declared,
            "ports/{id}/bindings": self.server_port,
            "network-ip-availabilities": self.network.id,
            "qos/rule-types": "dscp_marking",
            "policies": self.declared.get("qos/policies", ""),
            **{f"qos/alias_{name}": id for name, id in self.parts.items()},
        }
        of = [one for one in things if f"{path}/".startswith(f"/{one}/")]
        return {"id": things[max(of, key=len)] if of else self.port}

    def path(self, one: Served) -> str:
        """The whole path of a route, to this house's own thing."""
        given = self.parameters(one.service.type, one.route.path)
        below = _FIELD.sub(lambda found: given[found.group(1)], one.route.path)
        return f"{one.service.prefix}{one.service.mount}{below}"

    def path_to_nothing(self, one: Served) -> str:
        """The same, to things that nobody has: ids and names of the same form."""
        given = self.parameters(one.service.type, one.route.path)
        below = _FIELD.sub(lambda found: _other(given[found.group(1)]), one.route.path)
        return f"{one.service.prefix}{one.service.mount}{below}"


def _other(text: str) -> str:
    """Another word of the same form."""
    if text.startswith("req-"):
        return f"req-{new_id()}"
    if len(text) == 36:
        return new_id()
    if len(text) == 32:
        return new_id().replace("-", "")
    return text.replace(SECRET, "nobodys")


async def furnish(world: World, owner: User, zone: str = "a", cidr: str = "10.7.0.0/24") -> House:
    """One of everything, the server ACTIVE."""
    network = await owner.makes_network(f"{SECRET}-net", cidr=cidr, tags=[TAG], description=SECRET)
    house = House(world, owner, network)
    house.group = await owner.makes_security_group(f"{SECRET}-group")
    rules = await owner.listed(f"{NETWORK}/security-group-rules", security_group_id=house.group)
    house.rule = next(rule["id"] for rule in rules if rule["direction"] == "ingress")
    port = await owner.makes_port(network, f"{SECRET}-port", security_groups=[house.group])
    house.port = port["id"]
    house.parent = (await owner.makes_port(network, f"{SECRET}-parent", security_groups=[house.group]))["id"]
    house.image = await owner.makes_image(f"{SECRET}-image", tags=[TAG], visibility="shared")
    await owner.makes_keypair(house.key)
    group = {"server_group": {"name": f"{SECRET}-apart", "policy": "anti-affinity"}}
    made = (await owner.post(f"{COMPUTE}/os-server-groups", group, version="2.64")).ok()["server_group"]
    house.server_group = made["id"]
    await _make_flavor(world, house)
    await _make_definitions(world, house)
    house.external = await outside(world)
    await _make_declared(house)
    await _tag(house)
    await _make_volume(world, house, zone)
    house.server = await owner.boots_server(
        f"{SECRET}-server",
        zone=zone,
        flavor=house.flavor,
        image=house.image,
        network=network,
        key=house.key,
        groups=[f"{SECRET}-group"],
        metadata={f"{SECRET}-meta": SECRET},
        tags=[TAG],
        description=SECRET,
        user_data="YW5uc3NlY3JldA==",
    )
    await world.settle()
    house.snapshot = await owner.makes_snapshot(
        house.volume, f"{SECRET}-snapshot", metadata={f"{SECRET}-meta": SECRET}
    )
    await world.settle()
    await _make_stored(house, zone)
    await _make_grouped(house)
    await world.settle()
    await _look(house, port)
    return house


async def _make_flavor(world: World, house: House) -> None:
    admin = world.admin
    house.flavor = await admin.makes_flavor(f"{SECRET}-flavor", **{"os-flavor-access:is_public": False})
    flavor = f"{COMPUTE}/flavors/{house.flavor}"
    (await admin.post(f"{flavor}/action", {"addTenantAccess": {"tenant": house.owner.project_id}})).ok()
    (await admin.post(f"{flavor}/os-extra_specs", {"extra_specs": {f"{SECRET}-spec": SECRET}})).ok()


async def _make_definitions(world: World, house: House) -> None:
    """A namespace of the project's, with one of each part."""
    part = f"{SECRET}-part"
    namespace = {
        "namespace": f"{SECRET}-space",
        "owner": house.owner.project_id,
        "properties": {part: {"title": SECRET, "type": "string"}},
        "objects": [{"name": part}],
        "tags": [{"name": TAG}],
        "resource_type_associations": [{"name": "OS::House"}],
    }
    (await world.admin.post(f"{IMAGE}/metadefs/namespaces", namespace)).ok()


async def _make_volume(world: World, house: House, zone: str) -> None:
    """Of a private type, which every cloud has under its default's name."""
    asked = {"name": f"{SECRET}-type", "os-volume-type-access:is_public": False}
    asked["extra_specs"] = {f"{SECRET}-spec": SECRET}
    admin = world.admin
    made = (await admin.post(f"{VOLUME}/types", {"volume_type": asked}, version="3.71")).ok()
    house.volume_type = made["volume_type"]["id"]
    for cloud in world.clouds_by_name.values():
        record = VolumeTypeRecord(id=new_id(), project_id="", name=f"{SECRET}-type")
        cloud.backend.records.put(record)
    at = f"{VOLUME}/types/{house.volume_type}/action"
    (await admin.post(at, {"addProjectAccess": {"project": house.owner.project_id}})).ok()
    house.volume = await house.owner.makes_volume(
        f"{SECRET}-volume", zone=zone, volume_type=house.volume_type, description=SECRET,
        metadata={f"{SECRET}-meta": SECRET},
    )  # fmt: skip


async def _make_stored(house: House, zone: str) -> None:
    """One of each of what block storage makes of the volume."""
    asked = {"volume_id": house.volume, "name": f"{SECRET}-backup", "metadata": {f"{SECRET}-meta": SECRET}}
    made = (await house.owner.post(f"{VOLUME}/backups", {"backup": asked}, version="3.71")).ok()
    house.stored["backups"] = made["backup"]["id"]
    house.offered, given, reserved = [
        await house.owner.makes_volume(f"{SECRET}-offer", zone=zone) for _ in range(3)
    ]
    await house.world.settle()
    asked = {"volume_id": given, "name": f"{SECRET}-transfer"}
    made = (await house.owner.post(f"{VOLUME}/volume-transfers", {"transfer": asked}, version="3.71")).ok()
    house.stored |= dict.fromkeys(("volume-transfers", "os-volume-transfer"), made["transfer"]["id"])
    attached = {"attachment": {"volume_uuid": reserved}}
    made = (await house.owner.post(f"{VOLUME}/attachments", attached, version="3.71")).ok()
    house.stored["attachments"] = made["attachment"]["id"]


async def _make_grouped(house: House) -> None:
    """A group of block storage, with a snapshot of what is in it."""
    asked = {"group_type": {"name": f"{SECRET}-group-type"}}
    made = (await house.world.admin.post(f"{VOLUME}/group_types", asked, version="3.71")).ok()
    house.group_type = made["group_type"]["id"]
    given = {"name": f"{SECRET}-group", "group_type": house.group_type, "volume_types": ["__DEFAULT__"]}
    made = (await house.owner.post(f"{VOLUME}/groups", {"group": given}, version="3.71")).ok()
    house.stored["groups"] = made["group"]["id"]
    await house.owner.makes_volume(f"{SECRET}-grouped", group_id=house.stored["groups"])
    await house.world.settle()
    given = {"name": f"{SECRET}-group-snapshot", "group_id": house.stored["groups"]}
    made = (
        await house.owner.post(f"{VOLUME}/group_snapshots", {"group_snapshot": given}, version="3.71")
    ).ok()
    house.stored["group_snapshots"] = made["group_snapshot"]["id"]


async def _make_declared(house: House) -> None:
    """One of each networking kind that is declared, as its example says; some are there already, or are nobody's."""
    others = ("network", "subnet", "port", "security_group", *NOBODYS)
    for kind in KINDS:
        if kind.service == "network" and kind.name not in others:
            wanted = EXAMPLES[kind.name].create(house)
            reply = await house.owner.post(f"{NETWORK}{kind.root}", {kind.key: wanted})
            if reply.status == 403:
                # It is for administrators to make, for the project.
                wanted["project_id"] = house.owner.project_id
                reply = await house.world.admin.post(f"{NETWORK}{kind.root}", {kind.key: wanted})
            house.declared[kind.root[1:]] = reply.ok()[kind.key]["id"]
    rule = {
        "metering_label_id": house.declared["metering/metering-labels"],
        "direction": "ingress",
        "remote_ip_prefix": "10.202.0.0/16",
    }
    counted = f"{NETWORK}/metering/metering-label-rules"
    made = (await house.world.admin.post(counted, {"metering_label_rule": rule})).ok()
    house.declared["metering/metering-label-rules"] = made["metering_label_rule"]["id"]
    policy = f"{NETWORK}/qos/policies/{house.declared['qos/policies']}"
    for name, values in QOS_RULES.items():
        made = (await house.world.admin.post(f"{policy}/{name}s", {name: dict(values)})).ok()
        house.parts[f"{name}s"] = made[name]["id"]
    await _make_forwarding(house)
    at = f"{NETWORK}/routers/{house.declared['routers']}/conntrack_helpers"
    added = (await house.owner.post(at, {"conntrack_helper": CONNTRACK_HELPER})).ok()["conntrack_helper"]
    house.parts["conntrack_helpers"] = added["id"]


async def _make_forwarding(house: House) -> None:
    """One of the floating IP, on a network of its own, which a router of its own leads out of."""
    owner, outside = house.owner, {"network_id": house.external}
    router = (await owner.post(f"{NETWORK}/routers", {"router": {"external_gateway_info": outside}})).ok()[
        "router"
    ]
    network = await owner.makes_network(f"{SECRET}-forwarded", cidr="10.211.0.0/24")
    added = f"{NETWORK}/routers/{router['id']}/add_router_interface"
    (await owner.put(added, {"subnet_id": network.subnet_id})).ok()
    port = (await owner.post(f"{NETWORK}/ports", {"port": {"network_id": network.id}})).ok()["port"]
    asked = {
        "internal_port_id": port["id"],
        "internal_ip_address": port["fixed_ips"][0]["ip_address"],
        **PORT_FORWARDING,
    }
    at = f"{NETWORK}/floatingips/{house.declared['floatingips']}/port_forwardings"
    made = (await owner.post(at, {"port_forwarding": asked})).ok()["port_forwarding"]
    house.parts["port_forwardings"] = made["id"]


async def _tag(house: House) -> None:
    for path in (
        "subnets/" + house.network.subnet_id,
        f"ports/{house.port}",
        f"security-groups/{house.group}",
        f"routers/{house.declared['routers']}",
        f"subnetpools/{house.declared['subnetpools']}",
        f"trunks/{house.declared['trunks']}",
        f"floatingips/{house.declared['floatingips']}",
    ):
        (await house.owner.put(f"{NETWORK}/{path}/tags/{TAG}")).ok()
    policy = f"{NETWORK}/policies/{house.declared['qos/policies']}"
    (await house.world.admin.put(f"{policy}/tags/{TAG}")).ok()
    members = f"{IMAGE}/images/{house.image}/members"
    (await house.owner.post(members, {"member": house.owner.project_id})).ok()


async def _look(house: House, port: dict[str, object]) -> None:
    """Learn what fractus chose."""
    shown = await house.owner.server(house.server)
    assert shown["status"] == "ACTIVE", shown.get("fault")
    (theirs,) = await house.owner.listed(f"{NETWORK}/ports", device_id=house.server)
    house.server_port = theirs["id"]
    house.addresses = tuple(_addresses(port)) + tuple(_addresses(theirs))
    actions = (await house.owner.get(f"{COMPUTE}/servers/{house.server}/os-instance-actions")).ok()
    house.request_id = actions["instanceActions"][-1]["request_id"]


def _addresses(port: dict[str, object]) -> Iterator[str]:
    yield str(port["mac_address"])
