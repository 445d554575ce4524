"""Cases made from Neutron's attribute maps: each attribute in turn, with right values and wrong ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.differential.compare import Case, Step

FACTS: dict[str, dict[str, dict[str, Any]]] = json.loads(
    Path(__file__).with_name("attributes.json").read_text()
)

#: Tried for every attribute.
GENERIC: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    "",
    " ",
    "x",
    "x" * 255,
    "x" * 256,
    "a\nb",
    "é",
    [],
    {},
    [None],
    [{}],
    ["x", "x"],
    {"a": 1},
    "true",
    "0",
    "1",
    7,
)
#: The few of them that the short form tries.
FEW: tuple[Any, ...] = (None, -1, "", "x" * 256, [], {"a": 1})

_UNKNOWN = "0e9dc9ae-3b0c-4ee5-8a1c-5d7dfa6f1f10"

#: Tried for attributes with this validator, or of this name, beside the generic ones.
SPECIAL: dict[str, tuple[Any, ...]] = {
    "type:uuid": (_UNKNOWN, _UNKNOWN.upper(), _UNKNOWN.replace("-", ""), f" {_UNKNOWN}"),
    "type:uuid_list": (
        [_UNKNOWN],
        ["{group}"],
        ["{group}", "{group}"],
        ["{foreign}"],
        ["{group}", "{second}"],
        "{group}",
        ["x"],
        {"a": "{group}"},
        [["{group}"]],
    ),
    "type:name_string": (" a", "a ", "a\tb", "\u200b", "default", "a" * 254 + "é"),
    "type:name_not_default": ("default", "DEFAULT", " default", " a", "a ", "defaults"),
    "convert_to_boolean": ("yes", "off", "no", "TRUE", "False", 1, 2, 1.0, "2"),
    "type:non_negative": ("5", "-5", "1e3", 67, 68, 1279, 1280, 1450, 1500, 2**31 - 1, 2**40, "9" * 30),
    "mtu": (1450, 1451, 1500, 1501, 9000, 65535, 70000),
    "type:subnet_or_none": (
        "10.0.0.0/24",
        "10.60.0.0/24",
        "10.60.0.7/24",
        "10.60.0.0",
        "10.60.0.0/33",
        "10.60.0/24",
        "0.0.0.0/0",
        "10.60.0.0/31",
        "10.60.0.0/32",
        "10.60.0.0/30",
        "224.0.0.0/24",
        "127.0.0.0/24",
        "0.0.0.0/24",
        "fd00::/64",
        "fd00::1/64",
        "255.255.255.0/24",
        "169.254.0.0/16",
        "10.060.0.0/24",
        "10.60.0.0/255.255.255.0",
        " 10.60.0.0/24",
        "10.60.0.0/24 ",
        "240.0.0.0/8",
        "10.60.0.0/ 24",
        "10.60.0.0/1",
        "10.60.0.0/024",
    ),
    "type:ip_address_or_none": (
        "10.50.0.1",
        "10.50.0.0",
        "10.50.0.255",
        "10.50.0.254",
        "10.50.0.50",
        "10.99.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "127.0.0.1",
        "fd00::1",
        "::",
        "10.50.0.01",
        "10.50.0.1/24",
        "fe80::1%eth0",
        "10.50.0",
        "::ffff:10.0.0.1",
    ),
    "type:ip_pools": (
        [{"start": "10.50.0.10", "end": "10.50.0.20"}],
        [{"start": "10.50.0.20", "end": "10.50.0.10"}],
        [{"start": "10.50.0.10", "end": "10.50.0.10"}],
        [{"start": "10.50.0.1", "end": "10.50.0.20"}],
        [{"start": "10.50.0.0", "end": "10.50.0.20"}],
        [{"start": "10.50.0.10", "end": "10.50.0.255"}],
        [{"start": "10.50.0.10", "end": "10.50.1.20"}],
        [{"start": "10.49.0.10", "end": "10.50.0.20"}],
        [{"start": "10.50.0.10", "end": "10.50.0.20"}, {"start": "10.50.0.15", "end": "10.50.0.30"}],
        [{"start": "10.50.0.40", "end": "10.50.0.50"}, {"start": "10.50.0.10", "end": "10.50.0.20"}],
        [{"start": "10.50.0.10", "end": "10.50.0.20"}, {"start": "10.50.0.21", "end": "10.50.0.30"}],
        [{"start": "10.50.0.10", "end": "10.50.0.20"}] * 2,
        [{"start": "10.50.0.10"}],
        [{"start": "10.50.0.10", "end": "10.50.0.20", "x": 1}],
        [{"start": "10.50.0.10", "end": None}],
        [{"start": "fd00::1", "end": "fd00::9"}],
        [{"start": "10.50.0.10", "end": "fd00::9"}],
        [{"start": "10.50.0.010", "end": "10.50.0.20"}],
        {"start": "10.50.0.10", "end": "10.50.0.20"},
        "10.50.0.10-10.50.0.20",
        [["10.50.0.10", "10.50.0.20"]],
        [{"start": "0.0.0.1", "end": "255.255.255.254"}],
    ),
    "type:nameservers": (
        ["10.0.0.1"],
        ["10.0.0.2", "10.0.0.1"],
        ["10.0.0.1", "10.0.0.1"],
        ["fd00::1"],
        ["ns.example.org"],
        "10.0.0.1",
        [f"10.0.0.{n}" for n in range(5)],
        [f"10.0.0.{n}" for n in range(6)],
        ["10.0.0.01"],
        ["0.0.0.0"],
        ["10.0.0.1", 5],
        ["fd00::0:1", "fd00::1"],
    ),
    "type:hostroutes": (
        [{"destination": "10.0.0.0/24", "nexthop": "10.50.0.9"}],
        [
            {"destination": "10.2.0.0/24", "nexthop": "10.50.0.9"},
            {"destination": "10.1.0.0/24", "nexthop": "10.50.0.8"},
        ],
        [{"destination": "10.0.0.0/24", "nexthop": "10.50.0.9"}] * 2,
        [
            {"destination": "10.0.0.0/24", "nexthop": "10.50.0.9"},
            {"destination": "10.0.0.0/24", "nexthop": "10.50.0.8"},
        ],
        [{"destination": "10.0.0.1/24", "nexthop": "10.50.0.9"}],
        [{"destination": "10.0.0.0", "nexthop": "10.50.0.9"}],
        [{"destination": "10.0.0.0/24"}],
        [{"destination": "10.0.0.0/24", "nexthop": "fd00::1"}],
        [{"destination": "fd00::/64", "nexthop": "fd00::1"}],
        [{"destination": "0.0.0.0/0", "nexthop": "10.50.0.9"}],
        [{"destination": "127.0.0.0/8", "nexthop": "10.50.0.9"}],
        [{"destination": "224.0.0.0/4", "nexthop": "10.50.0.9"}],
        [{"destination": "10.0.0.0/24", "nexthop": "10.50.0.9", "x": 1}],
        [{"destination": f"10.{n}.0.0/24", "nexthop": "10.50.0.9"} for n in range(20)],
        [{"destination": f"10.{n}.0.0/24", "nexthop": "10.50.0.9"} for n in range(21)],
        [{"destination": "10.0.0.0/24", "nexthop": "x"}],
        [{"nexthop": "10.50.0.9", "destination": None}],
        [{"destination": "169.254.169.254/32", "nexthop": "10.50.0.9"}],
        [{"destination": "10.0.0.0/24", "nexthop": "0.0.0.0"}],
    ),
    "type:values": (
        4,
        6,
        "4",
        "6",
        5,
        "slaac",
        "dhcpv6-stateful",
        "SLAAC",
        "normal",
        "direct",
        "ingress",
        "egress",
        "INGRESS",
    ),
    "type:mac_address": (
        "fa:16:3e:00:00:01",
        "FA:16:3E:00:00:02",
        "fa-16-3e-00-00-03",
        "fa163e000004",
        "fa16.3e00.0005",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "01:00:5e:00:00:01",
        "fa:16:3e:00:00",
        "fa:16:3e:00:00:0g",
        "fa:16:3e:0:0:6",
        "{port.mac_address}",
    ),
    "type:fixed_ips": (
        [{"subnet_id": "{subnet}"}],
        [{"ip_address": "10.50.0.77"}],
        [{"subnet_id": "{subnet}", "ip_address": "10.50.0.78"}],
        [{"ip_address": "10.50.0.77"}, {"ip_address": "10.50.0.77"}],
        [{"subnet_id": "{subnet}"}] * 2,
        [{"ip_address": "{port.fixed_ips.0.ip_address}"}],
        [{"ip_address": "10.50.0.1"}],
        [{"ip_address": "10.50.0.0"}],
        [{"ip_address": "10.50.0.255"}],
        [{"ip_address": "10.99.0.7"}],
        [{"subnet_id": "{subnet}", "ip_address": "10.99.0.7"}],
        [{"subnet_id": _UNKNOWN}],
        [{"subnet_id": "{elsewhere}"}],
        [{"subnet_id": "x"}],
        [{"ip_address": "x"}],
        [{"ip_address": None}],
        [{"subnet_id": None}],
        [{"subnet_id": "{subnet}", "x": 1}],
        [{"x": 1}],
        ["10.50.0.77"],
        {"subnet_id": "{subnet}"},
        "10.50.0.77",
        [{"ip_address": "fd00::7"}],
        [{"ip_address": "10.50.0.077"}],
        [{"subnet_id": "{subnet}", "ip_address": "10.50.0.7" + str(n)} for n in range(6)],
        [{"ip_address": "10.50.0.20"}, {"ip_address": "10.50.0.10"}],
    ),
    "type:allowed_address_pairs": (
        [{"ip_address": "10.0.0.1"}],
        [{"ip_address": "10.0.0.2"}, {"ip_address": "10.0.0.1"}],
        [{"ip_address": "10.0.0.0/24"}],
        [{"ip_address": "10.0.0.1", "mac_address": "fa:16:3e:00:00:09"}],
        [{"mac_address": "fa:16:3e:00:00:09"}],
        [{"ip_address": "10.0.0.1"}, {"ip_address": "10.0.0.1"}],
        [{"ip_address": "x"}],
        [{"ip_address": None}],
        [{"ip_address": "10.0.0.1", "mac_address": "x"}],
        [{"ip_address": "10.0.0.1", "x": 1}],
        {"ip_address": "10.0.0.1"},
        [{"ip_address": f"10.0.0.{n}"} for n in range(10)],
        [{"ip_address": f"10.0.0.{n}"} for n in range(11)],
        [{"ip_address": "0.0.0.0/0"}],
        [{"ip_address": "0.0.0.0/0"}, {"ip_address": "::/0"}],
        [{"ip_address": "224.0.0.1"}],
        [{"ip_address": "224.0.0.0/4"}],
        [{"ip_address": "ff02::1"}],
        [{"ip_address": "10.0.0.7/24"}],
        [{"ip_address": "10.0.0.1"}, {"ip_address": "10.0.0.1/32"}],
        [{"ip_address": "fd00:0::1"}],
        [{"ip_address": "127.0.0.1"}],
        [{"ip_address": "10.0.0.1", "mac_address": "FA:16:3E:00:00:09"}],
        [{"ip_address": "10.0.0.01"}],
        ["10.0.0.1"],
        [{"ip_address": "10.0.0.1", "mac_address": "{port.mac_address}"}, {"ip_address": "10.0.0.1"}],
        [{"ip_address": "10.0.0.1", "mac_address": None}],
        [{"ip_address": "{port.fixed_ips.0.ip_address}"}],
        [{"ip_address": "255.255.255.255"}],
        [{"ip_address": "0.0.0.0"}],
        [{"ip_address": ""}],
    ),
    "type:list_of_any_key_specs_or_none": (
        [{"opt_name": "mtu", "opt_value": "1400"}],
        [
            {"opt_name": "tftp-server", "opt_value": "10.0.0.1"},
            {"opt_name": "bootfile-name", "opt_value": "x"},
        ],
        [{"opt_name": "mtu", "opt_value": None}],
        [{"opt_name": "mtu", "opt_value": ""}],
        [{"opt_name": "router", "opt_value": ""}],
        [{"opt_name": "router", "opt_value": None}],
        [{"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}],
        [{"opt_name": "mtu", "opt_value": "1400", "ip_version": "6"}],
        [{"opt_name": "mtu", "opt_value": "1400", "ip_version": 5}],
        [{"opt_name": "mtu", "opt_value": "1400"}] * 2,
        [{"opt_name": "mtu", "opt_value": "1400"}, {"opt_name": "mtu", "opt_value": "1500"}],
        [{"opt_name": "mtu"}],
        [{"opt_value": "1400"}],
        [{"opt_name": "", "opt_value": "1"}],
        [{"opt_name": "x" * 65, "opt_value": "1"}],
        [{"opt_name": "mtu", "opt_value": "x" * 256}],
        [{"opt_name": "mtu", "opt_value": "a\nb"}],
        [{"opt_name": "a\nb", "opt_value": "1"}],
        [{"opt_name": "mtu", "opt_value": 1400}],
        [{"opt_name": "mtu", "opt_value": "1400", "x": 1}],
        {"opt_name": "mtu", "opt_value": "1400"},
        [{"opt_name": "mtu", "opt_value": "1400", "ip_version": None}],
        [{"opt_name": "mtu", "opt_value": "1", "ip_version": True}],
    ),
    "type:list_of_unique_strings": (
        ["a", "b"],
        ["b", "a"],
        ["a", "a"],
        ["x" * 255],
        ["x" * 256],
        ["x" * 61],
        [5],
        "a",
        ["a,b"],
        [""],
    ),
    "type:availability_zone_hint_list": (["nowhere"], ["x" * 255], ["x", "y"], "nowhere", [5]),
    "convert_protocol": (
        "tcp",
        "TCP",
        "udp",
        "icmp",
        "icmpv6",
        "ipv6-icmp",
        "any",
        "6",
        6,
        "17",
        58,
        "0",
        255,
        256,
        "256",
        "-1",
        "esp",
        "gre",
        "igmp",
        "sctp",
        "dccp",
        "udplite",
        "vrrp",
        "ipip",
        "ip",
        "hopopt",
        "ospf",
        "foo",
        "006",
        "ipv6-nonxt",
        1.0,
        "6.0",
        " tcp",
    ),
    "convert_validate_port_value": ("80", 80, 0, 65535, 65536, "080", "x", 80.0, " 80", "-1", True),
    "convert_ethertype_to_case_insensitive": ("IPv4", "ipv4", "IPv6", "IPV6", "ip", 4),
    "convert_ip_prefix_to_cidr": (
        "10.0.0.0/8",
        "10.0.0.1",
        "10.0.0.1/8",
        "0.0.0.0/0",
        "::/0",
        "fd00::/8",
        "10.0.0.0/33",
        "x",
        "10.0.0/8",
        "10.0.0.0/255.0.0.0",
        "010.0.0.0/8",
        " 10.0.0.0/8",
        "fd00:0::1",
        "0.0.0.0",
        "::",
        "10",
    ),
    "remote_group_id": ("{group}", "{second}", "{foreign}", _UNKNOWN),
    "security_group_id": ("{group}", "{foreign}", _UNKNOWN, "x" * 36, "x" * 37),
    "project_id": ("{project:owner}", "{project:other}", "nobody"),
    "tenant_id": ("{project:owner}", "{project:other}", "nobody"),
    "device_owner": (
        "compute:nova",
        "compute:",
        "network:dhcp",
        "network:router_interface",
        "network:floatingip",
        "baremetal:none",
        "trunk:subport",
    ),
    "device_id": ("x", _UNKNOWN, "reserved_dhcp_port"),
    "prefixlen": (24, 0, 33, "24", -1),
    "binding:host_id": ("host",),
    "binding:profile": ({}, {"a": "b"}),
    "router:external": (False, True),
    "provider:network_type": ("vxlan", "flat", "foo"),
}

#: What a create must have beside the attribute that is tried.
_BASE: dict[str, dict[str, Any]] = {
    "networks": {},
    "subnets": {"network_id": "{bare}", "ip_version": 4, "cidr": "10.50.0.0/24"},
    "ports": {"network_id": "{net}"},
    "security_groups": {"name": "made"},
    "security_group_rules": {"security_group_id": "{group}", "direction": "ingress", "protocol": "tcp"},
}
_PATHS = {name: "/" + name.replace("_", "-") for name in _BASE}
_SINGULAR = {name: name.removesuffix("s") for name in _BASE}

#: Made once: what values and bodies name.
FIXTURE: tuple[Step, ...] = (
    Step("POST", "/networks", {"network": {"name": "net"}}, bind="net"),
    Step(
        "POST",
        "/subnets",
        {"subnet": {"network_id": "{net}", "ip_version": 4, "cidr": "10.50.0.0/24"}},
        bind="subnet",
    ),
    Step("POST", "/networks", {"network": {"name": "bare"}}, bind="bare"),
    Step("POST", "/networks", {"network": {"name": "other"}}, bind="othernet"),
    Step(
        "POST",
        "/subnets",
        {"subnet": {"network_id": "{othernet}", "ip_version": 4, "cidr": "10.51.0.0/24"}},
        bind="elsewhere",
    ),
    Step("POST", "/ports", {"port": {"network_id": "{net}", "name": "port"}}, bind="port"),
    Step("POST", "/security-groups", {"security_group": {"name": "group"}}, bind="group"),
    Step("POST", "/security-groups", {"security_group": {"name": "second"}}, bind="second"),
    Step(
        "POST",
        "/security-groups",
        {"security_group": {"name": "stateless", "stateful": False}},
        bind="stateless",
    ),
    Step("POST", "/security-groups", {"security_group": {"name": "foreign"}}, who="other", bind="foreign"),
    Step("POST", "/networks", {"network": {"name": "hidden"}}, who="other", bind="hidden"),
)


def generated(*, few: bool = False) -> Iterator[Case]:
    """Every attribute of every kind that is written: in a create, and in an update of a thing made for it."""
    for kind, attributes in FACTS.items():
        singular, path, base = _SINGULAR[kind], _PATHS[kind], _BASE[kind]
        for name, row in [
            *attributes.items(),
            ("nosuch", {"post": False, "put": False}),
            ("project_id", attributes["tenant_id"]),
        ]:
            values = _values(name, row, few=few)
            for value in values:
                body = {singular: {**base, name: value}}
                yield Case(f"{kind}.{name} in POST", (Step("POST", path, body),))
            if name in base:
                rest = {key: other for key, other in base.items() if key != name}
                yield Case(f"{kind} without {name}", (Step("POST", path, {singular: rest}),))
            make = Step("POST", path, {singular: base}, bind="it")
            for value in values if row["put"] else values[:2]:
                change = Step("PUT", f"{path}/{{it}}", {singular: {name: value}})
                yield Case(f"{kind}.{name} in PUT", (make, change))


def _values(name: str, row: dict[str, Any], *, few: bool) -> list[Any]:
    """Right and wrong values of an attribute; those that nobody may give are tried with two."""
    if not row["post"] and not row["put"]:
        return ["x", None]
    found: list[Any] = []
    for key in (*row["validate"], row["convert"], name):
        special = SPECIAL.get(key, ())
        found += special[::3] if few else special
    more = [
        one
        for one in (FEW if few else GENERIC)
        if not any(one == other and type(one) is type(other) for other in found)
    ]
    return [*found, *more]
