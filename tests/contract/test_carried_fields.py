"""Every field that is declared as carried is changed after the carry, seen in the cloud, withdrawn, and seen to go.

What the machine does is done here by hand: a lifecycle says the next step from what was seen, and the driver takes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest
from msgspec import UNSET, Struct

from fractus.app.registry import CARRIED_FIELDS
from fractus.base.ids import new_id
from fractus.model.carried import CARRIED
from fractus.model.cloud import HOME, Scope
from fractus.model.images import OPEN
from fractus.model.resource import PENDING, SETTLED, Presence, Resource
from fractus.model.routers import RouterInterfaceWanted
from fractus.reconcile import drift
from fractus.reconcile.kind import ADMITTED, USERS, Apply, Done, Item, Lifecycle
from fractus.services.compute.flavors.lifecycle import FlavorLifecycle
from fractus.services.image.images import schema as image_schema
from fractus.services.image.images.lifecycle import ImageLifecycle
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.metering_labels.lifecycle import MeteringLabelLifecycle
from fractus.services.network.networks.lifecycle import NetworkLifecycle
from fractus.services.network.ports.lifecycle import PortLifecycle
from fractus.services.network.qos_policies.lifecycle import QosPolicyLifecycle
from fractus.services.network.router_interfaces.lifecycle import RouterInterfaceLifecycle
from fractus.services.network.routers.lifecycle import RouterLifecycle
from fractus.services.network.security_groups.lifecycle import SecurityGroupLifecycle
from fractus.services.network.subnets.lifecycle import SubnetLifecycle
from fractus.services.network.trunks.lifecycle import TrunkLifecycle
from fractus.services.volume.backups.lifecycle import BackupLifecycle
from fractus.services.volume.snapshots.lifecycle import SnapshotLifecycle
from fractus.services.volume.volume_types.lifecycle import VolumeTypeLifecycle
from fractus.services.volume.volumes.lifecycle import VolumeLifecycle
from tests.contract import things
from tests.contract.subjects import Subject

_UNUSED = cast("Any", None)

#: Kinds with hooks of their own; all others have the life that their vocabulary says.
LIVES: Mapping[str, Lifecycle] = {
    **{kind: CrudLifecycle(one, _UNUSED) for kind, one in things.DECLARED.items()},
    "image": ImageLifecycle(_UNUSED),
    "flavor": FlavorLifecycle(),
    "network": NetworkLifecycle(),
    "qos_policy": QosPolicyLifecycle(),
    "subnet": SubnetLifecycle(_UNUSED),
    "port": PortLifecycle(_UNUSED, _UNUSED, _UNUSED, _UNUSED),
    "security_group": SecurityGroupLifecycle(_UNUSED, _UNUSED),
    "router": RouterLifecycle(_UNUSED, _UNUSED, _UNUSED),
    "router_interface": RouterInterfaceLifecycle(),
    "trunk": TrunkLifecycle(),
    "metering_label": MeteringLabelLifecycle(),
    "volume_type": VolumeTypeLifecycle(),
    "volume": VolumeLifecycle(_UNUSED, _UNUSED, _UNUSED, _UNUSED, _UNUSED, _UNUSED),
    "snapshot": SnapshotLifecycle(_UNUSED, _UNUSED),
    "backup": BackupLifecycle(_UNUSED, _UNUSED),
}


class Made(Struct):
    """A thing that was carried, and what is known of it here."""

    cloud: Subject
    item: Item
    scope: Scope
    ben: str = ""
    """The cloud's own id of the project of `cloud.ben`."""

    async def seen(self) -> Any:
        """All that the cloud says of it, with what only an inventory is sent."""
        kind, remote_id = self.item.resource.kind, self.item.presence.remote_id or ""
        return {seen.remote_id: seen async for seen in self.cloud.cloud.inventory(kind, ())}[remote_id]

    async def arrive(self) -> None:
        """Take steps until nothing is left to do."""
        resource, presence = self.item.resource, self.item.presence
        life, actuator = LIVES[resource.kind], self.cloud[resource.kind]
        remote_id = presence.remote_id or ""
        for _ in range(30):
            seen = await actuator.observe(self.scope, remote_id)
            judged = drift.judge(life, self.item, seen)
            assert not judged.drift, "what was changed here is no drift"
            plan = life.plan(self.item, judged.observed)
            if isinstance(plan, Done):
                drift.settle(life, self.item, plan)
                return
            if isinstance(plan, Apply):
                await actuator.apply(self.scope, remote_id, plan.step)
                presence.memory.update(plan.memory)
                presence.state = PENDING
            else:
                await self.cloud.until(self._moved(seen), bool)
        raise AssertionError(f"it does not come to rest: {seen}")

    def _moved(self, before: Any) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            there = await self.cloud[self.item.resource.kind].observe(self.scope, before.remote_id)
            return bool(there != before)

        return look

    async def change(self, desired: Mapping[str, Any]) -> None:
        """What its user wants from now on, and all that follows from it."""
        resource = self.item.resource
        resource.generation += 1
        for name, value in desired.items():
            if name == "owner":
                resource.project_id = value
                self.scope = Scope(value)
            else:
                resource.desired[name] = value
        resource.name = str(resource.desired.get("name", ""))
        await self.arrive()


class Change(Struct, frozen=True):
    """A field is given one value and then another, each seen by `look`."""

    given: Callable[[Made], Mapping[str, Any]]
    withdrawn: Callable[[Made], Mapping[str, Any]]
    look: Callable[[Made, Any], Any]
    seen: Callable[[Made], Any]
    after: Callable[[Made], Any]


def plain(name: str, given: Any, withdrawn: Any) -> Change:
    """A field that has the same name and values on both sides."""
    return Change(
        lambda _: {name: given},
        lambda _: {name: withdrawn},
        lambda _, seen: getattr(seen, name),
        lambda _: given,
        lambda _: withdrawn,
    )


def _rule(port: int) -> dict[str, Any]:
    return {
        "id": f"rule-{port}",
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": "tcp",
        "port_range_min": port,
        "port_range_max": port,
        "remote_ip_prefix": "192.0.2.0/24",
        "remote_group_id": None,
    }


def _limit(kbps: int) -> dict[str, Any]:
    return {
        "id": "l",
        "type": "bandwidth_limit",
        "max_kbps": kbps,
        "max_burst_kbps": 0,
        "direction": "egress",
    }


def _guarantee(kbps: int) -> dict[str, Any]:
    return {"id": "g", "type": "minimum_bandwidth", "min_kbps": kbps, "direction": "egress"}


_MAC, _OTHER_MAC = "fa:16:3e:00:77:01", "fa:16:3e:00:77:02"
_FIRST = {"subnet_id": "s", "ip_address": "10.77.0.50"}
_SECOND = {"subnet_id": "s", "ip_address": "10.77.0.51"}
_ROUTE = {"destination": "192.0.2.0/24", "nexthop": "10.77.0.9"}
_PAIR = {"ip_address": "10.77.0.99", "mac_address": "fa:16:3e:00:77:09"}
_OPTION = {"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}


def _declared_changes() -> dict[tuple[str, str], Change]:
    """Of a declared kind: its name, where it ever changes, and each field of yes or no. Others have a row of their
    own.
    """
    found = {}
    for kind, vocabulary in things.DECLARED.items():
        if not CARRIED_FIELDS.get(kind):
            # Nobody changes one (an interface of a router): it comes, and it goes.
            continue
        if kind in things.RENAMED:
            found[kind, "name"] = plain("name", "new", "old")
        for one in vocabulary.compared:
            if isinstance(one.default, bool) and one.name == one.wire:
                found[kind, one.name] = plain(one.name, not one.default, one.default)
    return found


CHANGES: Mapping[tuple[str, str], Change] = {
    **_declared_changes(),
    **{
        (kind, name): plain(name, given, withdrawn)
        for kind in ("volume", "snapshot", "backup")
        for name, given, withdrawn in (
            ("name", "new", "old"),
            ("description", "new", "old"),
            ("metadata", {"a": "b", "c": "d"}, {"c": "e"}),
        )
    },
    ("volume_type", "name"): plain("name", "contract-new", "contract-old"),
    ("volume_type", "description"): plain("description", "new", "old"),
    ("volume_type", "is_public"): plain("is_public", False, True),
    ("volume_type", "extra_specs"): plain("extra_specs", {"a": "b", "c:d": "e"}, {"c:d": "f"}),
    # It only grows.
    ("volume", "size"): plain("size", 2, 3),
    ("volume", "bootable"): plain("bootable", True, False),
    ("volume", "readonly"): plain("readonly", True, False),
    ("volume", "image_metadata"): Change(
        lambda _: {"image_metadata": {"os": "new"}},
        lambda _: {"image_metadata": {"os": None}},
        lambda _, seen: seen.image_metadata,
        lambda _: {"os": "new"},
        lambda _: {},
    ),
    ("image", "name"): plain("name", "new", "old"),
    ("image", "min_disk"): plain("min_disk", 2, 0),
    ("image", "min_ram"): plain("min_ram", 64, 0),
    ("image", "properties"): plain("properties", {"hw_disk_bus": "scsi", "b": "c"}, {"hw_disk_bus": "ide"}),
    ("image", "visibility"): Change(
        lambda _: {"visibility": "public"},
        lambda _: {"visibility": "private"},
        lambda _, seen: seen.visibility in OPEN,
        lambda _: True,
        lambda _: False,
    ),
    ("image", "members"): Change(
        lambda made: {"visibility": "shared", "members": {made.cloud.ben.project_id: "pending"}},
        lambda _: {"members": {}},
        lambda _, seen: set(seen.members),
        lambda made: {made.ben},
        lambda _: set(),
    ),
    ("image", "owner"): Change(
        lambda made: {"owner": made.cloud.ben.project_id},
        lambda made: {"owner": made.cloud.ann.project_id},
        lambda made, seen: seen.project_id == made.ben,
        lambda _: True,
        lambda _: False,
    ),
    ("flavor", "extra_specs"): plain(
        "extra_specs", {"hw:cpu_policy": "dedicated", "hw:numa_nodes": "1"}, {"hw:cpu_policy": "shared"}
    ),
    ("flavor", "access"): Change(
        lambda made: {"access": [made.cloud.ben.project_id]},
        lambda _: {"access": []},
        lambda _, seen: set(seen.access),
        lambda made: {made.ben},
        lambda _: set(),
    ),
    ("network", "mtu"): plain("mtu", 1400, 1300),
    ("network", "router:external"): Change(
        lambda _: {"router:external": True, "made_here": True},
        lambda _: {"router:external": False, "made_here": False},
        lambda _, seen: seen.external,
        lambda _: True,
        lambda _: False,
    ),
    ("network", "RBAC policies"): Change(
        lambda made: {"shared_with": [made.cloud.ben.project_id]},
        lambda _: {"shared_with": []},
        lambda made, _: made.item.presence.memory.get(ADMITTED, []),
        lambda made: [made.cloud.ben.project_id],
        lambda _: [],
    ),
    ("network", "qos_policy_id"): Change(
        lambda _: {"qos_policy_id": None},
        lambda _: {"qos_policy_id": "q"},
        lambda _, seen: seen.qos_policy_id,
        lambda _: None,
        lambda made: made.item.remote["qos_policy", "q"],
    ),
    ("qos_policy", "rules"): Change(
        lambda _: {
            "rules": [_limit(2000), _guarantee(1000), {"id": "d", "type": "dscp_marking", "dscp_mark": 10}]
        },
        # Neither can be changed before the other: a guarantee is never above its limit.
        lambda _: {"rules": [_limit(9000), _guarantee(8000)]},
        lambda _, seen: {one.type: one.said.get("max_kbps", one.said.get("min_kbps")) for one in seen.rules},
        lambda _: {"bandwidth_limit": 2000, "minimum_bandwidth": 1000, "dscp_marking": None},
        lambda _: {"bandwidth_limit": 9000, "minimum_bandwidth": 8000},
    ),
    ("qos_policy", "RBAC policies"): Change(
        lambda made: {"shared_with": [made.cloud.ben.project_id]},
        lambda _: {"shared_with": []},
        lambda made, _: made.item.presence.memory.get(ADMITTED, []),
        lambda made: [made.cloud.ben.project_id],
        lambda _: [],
    ),
    ("subnet", "gateway_ip"): plain("gateway_ip", "10.77.0.254", None),
    ("subnet", "dns_nameservers"): plain("dns_nameservers", ["192.0.2.1", "192.0.2.2"], []),
    ("subnet", "host_routes"): plain("host_routes", [_ROUTE], []),
    ("port", "mac_address"): plain("mac_address", _OTHER_MAC, _MAC),
    ("port", "fixed_ips"): Change(
        lambda _: {"fixed_ips": [_FIRST, _SECOND]},
        lambda _: {"fixed_ips": [_SECOND]},
        lambda _, seen: {one.ip_address for one in seen.fixed_ips},
        lambda _: {"10.77.0.50", "10.77.0.51"},
        lambda _: {"10.77.0.51"},
    ),
    ("port", "security_groups"): Change(
        lambda _: {"security_groups": ["g"]},
        lambda _: {"security_groups": []},
        lambda _, seen: seen.security_groups,
        lambda made: [made.item.remote["security_group", "g"]],
        lambda _: [],
    ),
    ("port", "qos_policy_id"): Change(
        lambda _: {"qos_policy_id": "q"},
        lambda _: {"qos_policy_id": None},
        lambda _, seen: seen.qos_policy_id,
        lambda made: made.item.remote["qos_policy", "q"],
        lambda _: None,
    ),
    ("port", "allowed_address_pairs"): plain("allowed_address_pairs", [_PAIR], []),
    ("port", "extra_dhcp_opts"): Change(
        lambda _: {"extra_dhcp_opts": [_OPTION]},
        lambda _: {"extra_dhcp_opts": []},
        lambda _, seen: [(one["opt_name"], one["opt_value"]) for one in seen.extra_dhcp_opts],
        lambda _: [("mtu", "1400")],
        lambda _: [],
    ),
    ("port", "numa_affinity_policy"): plain("numa_affinity_policy", "required", None),
    ("port", "binding:vnic_type"): plain("vnic_type", "direct", "normal"),
    ("port", "binding:host_id"): plain("host", "host-1", ""),
    ("port", "binding:profile"): plain("profile", {"local_link_information": []}, {}),
    ("network", "dns_domain"): plain("dns_domain", "example.org.", ""),
    ("port", "dns_name"): Change(
        lambda _: {"dns_name": "web.example.org.", "dns_domain": "example.org."},
        lambda _: {"dns_name": "", "dns_domain": "example.org."},
        lambda _, seen: seen.dns_name,
        lambda _: "web",
        lambda _: "",
    ),
    ("router", "distributed"): plain("distributed", True, False),
    ("router", "ha"): plain("ha", True, False),
    ("trunk", "sub_ports"): Change(
        lambda _: {"sub_ports": [{"port_id": "sub", "segmentation_type": "vlan", "segmentation_id": 5}]},
        lambda _: {"sub_ports": []},
        lambda _, seen: [one.segmentation_id for one in seen.sub_ports],
        lambda _: [5],
        lambda _: [],
    ),
    ("metering_label", "rules"): Change(
        lambda _: {"rules": [_counted("10.1.0.0/16"), _counted("10.2.0.0/16")]},
        lambda _: {"rules": [_counted("10.2.0.0/16")]},
        lambda _, seen: {one.remote_ip_prefix for one in seen.rules},
        lambda _: {"10.1.0.0/16", "10.2.0.0/16"},
        lambda _: {"10.2.0.0/16"},
    ),
    ("router", "routes"): plain("routes", [_ROUTE], []),
    ("router", "conntrack_helpers"): Change(
        lambda _: {"conntrack_helpers": [_helper(21, "ftp"), _helper(6667, "irc")]},
        lambda _: {"conntrack_helpers": [_helper(6667, "irc")]},
        lambda _, seen: {one.port for one in seen.conntrack_helpers},
        lambda _: {21, 6667},
        lambda _: {6667},
    ),
    ("security_group", "rules"): Change(
        lambda _: {"rules": [_rule(22), _rule(80)]},
        lambda _: {"rules": [_rule(80)]},
        lambda _, seen: {one.port_range_min for one in seen.rules},
        lambda _: {22, 80},
        lambda _: {80},
    ),
}


def _helper(port: int, name: str) -> dict[str, Any]:
    return {"id": name, "protocol": "tcp", "port": port, "helper": name}


def _counted(prefix: str) -> dict[str, Any]:
    others = {"excluded": False, "source_ip_prefix": None, "destination_ip_prefix": None}
    return {"id": prefix, "direction": "ingress", "remote_ip_prefix": prefix, **others}


async def _image(cloud: Subject) -> dict[str, Any]:
    path, size, checksum = await cloud.bits()
    given = {"name": "contract", "disk_format": "raw", "container_format": "bare", "visibility": "private"}
    return {**image_schema.wanted(given), "path": path, "size": size, "checksum": checksum}


async def _flavor(cloud: Subject) -> dict[str, Any]:
    sizes = {"vcpus": 1, "ram": 64, "disk": 1, "ephemeral": 0, "swap": 0}
    return {
        "name": "contract",
        "description": None,
        **sizes,
        "extra_specs": {},
        "is_public": False,
        "access": [],
    }


async def _port(cloud: Subject) -> dict[str, Any]:
    return {
        "name": "contract",
        "network_id": "n",
        "mac_address": _MAC,
        "fixed_ips": [_FIRST],
        "auto_subnets": [],
        "security_groups": [],
        "allowed_address_pairs": [],
        "admin_state_up": True,
        "port_security_enabled": True,
        "extra_dhcp_opts": [],
        "qos_policy_id": None,
        "device_id": "",
        "device_owner": "",
    }


async def _router(cloud: Subject) -> dict[str, Any]:
    return {
        "name": "contract",
        "admin_state_up": True,
        "external_gateway_info": None,
        "routes": [],
        "subnets": ["s"],
        "distributed": None,
        "ha": None,
        "conntrack_helpers": [],
    }


async def _volume(cloud: Subject) -> dict[str, Any]:
    texts = {"name": "contract", "description": None, "metadata": {}}
    sources = dict.fromkeys(("image_id", "snapshot_id", "source_id"), "")
    return {
        **texts,
        **sources,
        "size": 1,
        "type_id": "t",
        "bootable": None,
        "readonly": None,
        "image_metadata": {},
    }


async def _volume_type(cloud: Subject) -> dict[str, Any]:
    return {
        "name": "contract",
        "description": None,
        "is_public": True,
        "extra_specs": {},
        "mapped": {},
        "access": [],
    }


async def _snapshot(cloud: Subject) -> dict[str, Any]:
    return {"name": "contract", "description": None, "metadata": {}, "volume_id": "v", "size": 1}


async def _backup(cloud: Subject) -> dict[str, Any]:
    apart = {"snapshot_id": "", "parent_id": "", "container": ""}
    return {**await _snapshot(cloud), **apart}


def _declared(kind: str) -> Callable[[Subject], Awaitable[dict[str, Any]]]:
    """Defaults, and what the example says; what it refers to is called by the first letter of its kind."""

    async def desired(cloud: Subject) -> dict[str, Any]:
        said, example = things.DECLARED[kind].said, things.EXAMPLES.get(kind, {})
        return {"name": "contract"} | {
            one.wire if one.rules.per_cloud else one.name: one.rules.refers[:1]
            or (one.default if one.rules.per_cloud else example.get(one.name, one.default))
            for one in said
        }

    return desired


DESIRED: Mapping[str, Callable[[Subject], Awaitable[dict[str, Any]]]] = {
    "image": _image,
    "flavor": _flavor,
    **{kind: _declared(kind) for kind in things.DECLARED},
    "port": _port,
    "router": _router,
    "volume_type": _volume_type,
    "volume": _volume,
    "snapshot": _snapshot,
    "backup": _backup,
}


async def carry(cloud: Subject, kind: str) -> Made:
    """A thing of that kind in the cloud, of `cloud.ann`, with all that it needs there, and used by both projects."""
    desired, remote = await DESIRED[kind](cloud), {}
    for one in things.DECLARED[kind].said if kind in things.DECLARED and kind != "port" else ():
        if refers := one.rules.refers:
            there = await cloud.make(refers, await things.WANTED[refers](cloud, cloud.ann), cloud.ann)
            remote[refers, refers[:1]] = there.remote_id
    if kind == "port":
        net = await things.net(cloud, cloud.ann)
        group = await cloud.make("security_group", await things.security_group(cloud, cloud.ann))
        policy = await cloud.make("qos_policy", await things.qos_policy(cloud, cloud.ann))
        remote = {
            ("network", "n"): net.network_id,
            ("subnet", "s"): net.subnet_id,
            ("security_group", "g"): group.remote_id,
            ("qos_policy", "q"): policy.remote_id,
        }
    if kind == "trunk":
        sub_port = await cloud.make("port", await things.port(cloud, cloud.ann), cloud.ann)
        remote["port", "sub"] = sub_port.remote_id
    if kind == "volume":
        remote["volume_type", "t"] = await things.volume_type(cloud)
    if kind in ("snapshot", "backup"):
        remote["volume", "v"] = await things.available_volume(cloud, cloud.ann)
    scope = HOME if kind in ("flavor", "volume_type") else cloud.ann
    resource = Resource(kind=kind, id=new_id(), project_id=scope.project_id, name="contract", desired=desired)
    presence = Presence(kind=kind, id=resource.id, cloud="cloud")
    if kind == "subnet":
        presence.memory["pools"] = [{"start": "10.77.0.2", "end": "10.77.0.9"}]
    if kind in ("image", "flavor", "network", "qos_policy"):
        # Noted before the last change: only those that may use it are let in.
        presence.memory[USERS] = {cloud.ann.project_id: 0, cloud.ben.project_id: 0}
    facts = {"connected": ["10.77.0.0/24"]} if kind == "router" else {}
    made = Made(cloud, Item(resource, presence, remote, facts=facts), scope)
    seen = await cloud.make(kind, LIVES[kind].wanted(made.item), scope)
    presence.remote_id = seen.remote_id
    if kind == "router":
        await _connect(cloud, seen.remote_id)
    await made.arrive()
    assert presence.state == SETTLED
    if kind in ("image", "flavor"):
        made.ben = (await cloud.make("image", things.image_of(), cloud.ben)).project_id
    return made


async def _connect(cloud: Subject, router_id: str) -> None:
    """Give a router an interface, on a network that its routes lead to."""
    port = await things.port(cloud, cloud.ann)
    there = await cloud.make("port", port, cloud.ann)
    wanted = RouterInterfaceWanted(id=port.id, router_id=router_id, port_id=there.remote_id)
    await cloud.make("router_interface", wanted, cloud.ann)


#: What leads to a network that is the cloud's own, which no actuator makes: walked with routers and floating IPs
#: (tests/unit/services/network/test_routers.py, test_floating_ips.py, test_port_forwardings.py, test_service_types.py).
OUTSIDE = {
    ("router", "external_gateway_info"),
    ("floatingip", "port_id"),
    ("floatingip", "fixed_ip_address"),
    ("floatingip", "qos_policy_id"),
    ("floatingip", "port_forwardings"),
}

EVERY = [
    (kind, field.name) for kind, fields in CARRIED_FIELDS.items() for field in fields if field.how == CARRIED
]
EVERY = [one for one in EVERY if one not in OUTSIDE]


def test_every_carried_field_is_walked() -> None:
    assert set(CHANGES) == set(EVERY)


@pytest.mark.parametrize(("kind", "field"), EVERY)
async def test_a_carried_field_arrives_and_leaves(cloud: Subject, kind: str, field: str) -> None:
    """A value that does not arrive makes two servers of one thing differ; one that lingers lets in who may not."""
    change, made = CHANGES[kind, field], await carry(cloud, kind)
    before = change.look(made, await made.seen())
    if before is UNSET:
        pytest.skip("its network service has it not enabled, and does not show it")
    assert before != change.seen(made), "the test can tell"
    await made.change(change.given(made))
    assert change.look(made, await made.seen()) == change.seen(made)
    await made.change(change.withdrawn(made))
    assert change.look(made, await made.seen()) == change.after(made)
    assert (await made.seen()).marker == made.item.resource.id
