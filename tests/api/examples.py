"""One row for each declared kind: what a create and a change of one say, for the suites that walk all kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fractus.app.kinds import KINDS

if TYPE_CHECKING:
    from tests.api.house import House


#: Kinds that belong to no project: an administrator makes them, and everybody sees them.
NOBODYS = ("default_security_group_rule", "network_flavor", "service_profile")


class Example(NamedTuple):
    """`create`: about the things of a furnished project."""

    create: Callable[[House], dict[str, Any]]
    update: dict[str, Any]


def _port(house: House) -> dict[str, Any]:
    return {
        "network_id": house.network.id,
        "name": "new",
        "description": "new",
        "admin_state_up": True,
        "fixed_ips": [{"subnet_id": house.network.subnet_id, "ip_address": "10.7.0.77"}],
        "security_groups": [house.group],
        "mac_address": "fa:16:3e:00:00:77",
        "device_id": "",
        "device_owner": "",
        "allowed_address_pairs": [{"ip_address": "10.7.0.78"}],
        "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}],
        "port_security_enabled": True,
    }


EXAMPLES: Mapping[str, Example] = {
    "network": Example(
        lambda _: {"name": "new", "description": "new", "admin_state_up": True, "mtu": 1400, "tags": ["new"]},
        {"name": "new", "admin_state_up": False},
    ),
    "subnet": Example(
        lambda house: {
            "network_id": house.network.id,
            "ip_version": 4,
            "cidr": "10.250.0.0/24",
            "name": "new",
            "description": "new",
            "enable_dhcp": True,
            "gateway_ip": "10.250.0.1",
            "allocation_pools": [{"start": "10.250.0.10", "end": "10.250.0.20"}],
            "dns_nameservers": ["10.250.0.2"],
            "host_routes": [{"destination": "10.251.0.0/24", "nexthop": "10.250.0.9"}],
        },
        {"name": "new", "dns_nameservers": ["10.7.0.3"]},
    ),
    "security_group": Example(
        lambda _: {"name": "new", "description": "new"}, {"name": "newer", "description": "new"}
    ),
    "default_security_group_rule": Example(
        lambda _: {"direction": "ingress", "used_in_default_sg": True, "used_in_non_default_sg": True},
        {},  # nothing of one is ever changed
    ),
    "address_scope": Example(lambda _: {"name": "new", "ip_version": 4}, {"name": "new"}),
    "address_group": Example(lambda _: {"name": "new", "addresses": ["10.202.0.0/16"]}, {"name": "new"}),
    "qos_policy": Example(lambda _: {"name": "new", "shared": False}, {"name": "newer", "is_default": True}),
    "subnetpool": Example(
        lambda _: {"name": "new", "prefixes": ["10.200.0.0/16"]}, {"name": "new", "default_quota": 300}
    ),
    "port": Example(_port, {"name": "new", "admin_state_up": False}),
    "router": Example(
        lambda _: {"name": "new", "admin_state_up": True, "availability_zone_hints": ["a"]}, {"name": "new"}
    ),
    "floatingip": Example(lambda house: {"floating_network_id": house.external}, {"description": "new"}),
    "network_flavor": Example(lambda _: {"name": "new", "service_type": "L3_ROUTER_NAT"}, {"name": "newer"}),
    "service_profile": Example(lambda _: {"metainfo": "new"}, {"description": "newer"}),
    "metering_label": Example(lambda _: {"name": "new", "description": "new"}, {}),
    "trunk": Example(lambda house: {"port_id": house.parent, "name": "new"}, {"name": "newer"}),
    "rbac_policy": Example(
        lambda house: {
            "object_type": "security_group",
            "object_id": house.group,
            "action": "access_as_shared",
            "target_tenant": "f" * 32,
        },
        {"target_tenant": "e" * 32},
    ),
}

#: Of block storage: its clouds have what the suites of networking kinds do not look for.
VOLUME_EXAMPLES: Mapping[str, Example] = {
    "volume_type": Example(lambda _: {"name": "new", "description": "new"}, {"description": "new"}),
    "group_type": Example(
        lambda _: {"name": "new", "group_specs": {"colour": "blue"}}, {"description": "new"}
    ),
    "qos_spec": Example(lambda _: {"name": "new", "total_iops_sec": "10"}, {"total_iops_sec": "20"}),
    "volume": Example(
        lambda house: {
            "name": "new",
            "size": 1,
            "volume_type": house.volume_type,
            "metadata": {"colour": "blue"},
        },
        {"name": "new", "description": "new"},
    ),
    "snapshot": Example(
        lambda house: {"name": "new", "volume_id": house.volume, "metadata": {"colour": "blue"}},
        {"name": "new"},
    ),
    "volume_attachment": Example(
        lambda house: {"volume_uuid": house.volume}, {"connector": {"host": "h1", "initiator": "iqn.1"}}
    ),
    "volume_group": Example(
        lambda house: {"name": "new", "group_type": house.group_type, "volume_types": ["__DEFAULT__"]},
        {"description": "new"},
    ),
    "group_snapshot": Example(lambda house: {"name": "new", "group_id": house.stored["groups"]}, {}),
    "volume_transfer": Example(lambda house: {"name": "new", "volume_id": house.offered}, {}),
    "backup": Example(
        lambda house: {"name": "new", "volume_id": house.volume, "metadata": {"colour": "blue"}},
        {"name": "new"},
    ),
}

#: A rule of each type of a QoS policy.
QOS_RULES: Mapping[str, dict[str, int]] = {
    "bandwidth_limit_rule": {"max_kbps": 2000},
    "dscp_marking_rule": {"dscp_mark": 10},
    "minimum_bandwidth_rule": {"min_kbps": 10},
    "minimum_packet_rate_rule": {"min_kpps": 10},
    "packet_rate_limit_rule": {"max_kpps": 100},
}


#: Kinds that nobody makes or changes by a request.
_NOT_MADE = ("volume_message",)

#: Kinds of block storage of which nothing is ever changed.
_NOT_CHANGED = ("volume_transfer", "group_snapshot")

#: What names one in paths of block storage.
_BY = {
    "volume_type": "type_id",
    "volume": "volume_id",
    "snapshot": "snapshot_id",
    "group_type": "group_type_id",
}


def bodies(service: str) -> dict[str, Callable[[House], Any]]:
    """The bodies of the routes that make and change one, by method and path. KeyError for a kind without an example."""
    found: dict[str, Callable[[House], Any]] = {}
    for kind in KINDS:
        if kind.service == service and kind.name not in _NOT_MADE:
            example = EXAMPLES[kind.name] if service == "network" else VOLUME_EXAMPLES[kind.name]
            by = "id" if service == "network" else _BY.get(kind.name, "id")
            found[f"POST {kind.root}"] = lambda house, kind=kind, one=example: {kind.key: one.create(house)}
            if kind.name == "volume_transfer":
                found["POST /os-volume-transfer"] = found[f"POST {kind.root}"]
            if kind.name in _NOT_CHANGED:
                continue
            found[f"PUT {kind.root}/{{{by}}}"] = lambda _, kind=kind, one=example: {kind.key: one.update}
    return found


CONNTRACK_HELPER: Mapping[str, Any] = {"protocol": "tcp", "port": 21, "helper": "ftp"}
#: What a port forwarding says besides its port.
PORT_FORWARDING: Mapping[str, Any] = {"protocol": "tcp", "internal_port": 80, "external_port": 8080}
