"""Rules of security groups: their values, and which go together (neutron.extensions.securitygroup, .db). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, NamedTuple

from fractus.services.field import Convert, Field, Match, number, text
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import invalid

PROTOCOLS = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "hopopt": 0, "icmp": 1, "igmp": 2, "ip": 0,
    "ipip": 4, "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "icmpv6": 58, "ipv6-nonxt": 59,
    "ipv6-opts": 60, "ipv6-route": 43, "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6,
    "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip
_WITH_PORTS = ("dccp", "sctp", "tcp", "udp", "udplite")
_ONLY_V6 = (
    "ipv6-encap", "ipv6-frag", "ipv6-icmp", "icmpv6", "ipv6-nonxt", "ipv6-opts", "ipv6-route",
    "41", "44", "58", "59", "60", "43",
)  # fmt: skip
_ANY = (None, "any")
_LAST_PORT = 65535


def protocol(value: Any) -> str | None:
    """A protocol by its name or number; None: any."""
    if value in _ANY:
        return None
    text = str(value).lower() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text in PROTOCOLS:
        return text
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= 255:
        return str(value)
    known = (None, "any", *PROTOCOLS)
    raise invalid(
        f"Security group rule protocol {value} not supported. Only protocol values {known} and integer "
        "representations [0 to 255] are supported.",
        "SecurityGroupRuleInvalidProtocol",
    )


def port(value: Any) -> int | None:
    """A port, or the type or code of ICMP; None: any."""
    if value is None:
        return None
    text = str(value)
    number = not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) < 10
    if not number or int(text) > _LAST_PORT:
        raise invalid(f"Invalid value for port {value}", "SecurityGroupInvalidPortValue")
    return int(text)


def ethertype(value: Any) -> str:
    """`IPv4` or `IPv6`, however it is written."""
    for known in ("IPv4", "IPv6"):
        if isinstance(value, str) and value.lower() == known.lower():
            return known
    raise invalid(
        f"Security group rule for ethertype '{value}' not supported. Allowed values are ['IPv4', 'IPv6'].",
        "SecurityGroupRuleInvalidEtherType",
    )


def prefix(value: Any) -> str | None:
    """A prefix as it was given, host bits and all, with its length."""
    if not value:
        return None
    try:
        one = ipaddress.ip_interface(value if isinstance(value, str) else "")
    except ValueError:
        raise invalid(f"Invalid CIDR {value} given as IP prefix.", "InvalidCIDR") from None
    return f"{one.ip}/{one.network.prefixlen}"


def given(name: str, size: int, convert: Convert | None = None, **more: Any) -> Field:
    """A field that lists find and sort by, as it is kept."""
    find = convert and (lambda value: convert(value) or "")
    return Field(
        name, post=True, convert=convert, match=Match(name, find), sort=name, column=text(name, size), **more
    )


def _named(value: Any) -> Any:
    """Neutron takes a number for the name of a group that is not there."""
    return str(value) if isinstance(value, int | float) else value


def _number(name: str) -> Field:
    """-1 where there is none: sort columns are never NULL."""
    return Field(
        name,
        post=True,
        default=None,
        convert=port,
        match=Match(name, port),
        sort=name,
        column=number(name, -1),
    )


#: What rules of groups and those of new groups have in common, in Neutron's order.
FIELDS = (
    given("remote_group_id", 36, _named, default=None, check=values.string_or_none(36)),
    given("remote_address_group_id", 36, default=None, shown=""),
    given("direction", 8, check=values.one_of(("ingress", "egress"))),
    given("protocol", 32, protocol, default=None),
    _number("port_range_min"),
    _number("port_range_max"),
    given("ethertype", 8, ethertype, default="IPv4"),
    given("remote_ip_prefix", 64, prefix, default=None),
)

# --- one rule ------------------------------------------------------------------------------------


def complete(rule: dict[str, Any]) -> None:
    """Give a new rule its canonical form; `Invalid` where its parts do not fit each other."""
    if rule["ethertype"] == "IPv6":
        rule["protocol"] = {"icmp": "ipv6-icmp", "icmpv6": "ipv6-icmp", "1": "58"}.get(
            rule["protocol"], rule["protocol"]
        )
    if (rule["port_range_min"], rule["port_range_max"]) == (1, _LAST_PORT):
        rule["port_range_min"] = rule["port_range_max"] = None
    _check_ports(rule)
    prefix = rule["remote_ip_prefix"]
    if prefix and rule["ethertype"] != f"IPv{ipaddress.ip_interface(prefix).version}":
        raise invalid(
            f"Conflicting value ethertype {rule['ethertype']} for CIDR {prefix}",
            "SecurityGroupRuleParameterConflict",
        )
    if rule["protocol"] in _ONLY_V6 and rule["ethertype"] == "IPv4":
        raise invalid(
            f"Invalid ethertype IPv4 for protocol {rule['protocol']}.",
            "SecurityGroupEthertypeConflictWithProtocol",
        )
    remotes = (prefix, rule["remote_group_id"], rule["remote_address_group_id"])
    if len([one for one in remotes if one]) > 1:
        raise invalid(
            "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
            "SecurityGroupMultipleRemoteEntites",
        )
    rule["normalized_cidr"] = normalized(prefix)


def number_of(protocol: str) -> int:
    """The protocol's number."""
    return PROTOCOLS[protocol] if protocol in PROTOCOLS else int(protocol)


def _check_ports(rule: Mapping[str, Any]) -> None:
    low, high = rule["port_range_min"], rule["port_range_max"]
    if low is None and high is None:
        return
    if not rule["protocol"]:
        raise invalid(
            "Must also specify protocol if port range is given.", "SecurityGroupProtocolRequiredWithPorts"
        )
    number = number_of(rule["protocol"])
    if number in [PROTOCOLS[name] for name in _WITH_PORTS]:
        if 0 in (low, high):
            raise invalid("Invalid value for port 0", "SecurityGroupInvalidPortValue")
        if low is None or high is None or low > high:
            raise invalid(
                "For TCP/UDP protocols, port_range_min must be <= port_range_max",
                "SecurityGroupInvalidPortRange",
            )
    elif number in (PROTOCOLS["icmp"], PROTOCOLS["ipv6-icmp"]):
        _check_icmp(low, high)
    else:
        supported = ", ".join(name.upper() for name in _WITH_PORTS)
        raise invalid(
            f"Ports cannot be specified for protocol {number}. Ports are only supported for {supported}.",
            "SecurityGroupInvalidProtocolForPort",
        )


def _check_icmp(type: int | None, code: int | None) -> None:
    for field, attribute, value in (("type", "port_range_min", type), ("code", "port_range_max", code)):
        if value is not None and value > 255:
            raise invalid(
                f"Invalid value for ICMP {field} ({attribute}) {value}. It must be 0 to 255.",
                "SecurityGroupInvalidIcmpValue",
            )
    if type is None:
        raise invalid(
            f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing.",
            "SecurityGroupMissingIcmpType",
        )


class RuleKey(NamedTuple):
    """What makes two rules the same, however their protocol or their remote is written."""

    direction: str
    ethertype: str
    protocol: int | None
    port_range_min: int | None
    port_range_max: int | None
    remote_ip_prefix: str
    remote_group_id: str
    remote_address_group_id: str


def rule_key(rule: Mapping[str, Any], *, itself: str = "", exact: bool = False) -> RuleKey:
    """The key of a rule in Neutron's words; `itself`: the id of its own group, which may also stand as `self`.

    `exact`: prefixes that differ in their host bits alone are two, as Neutron takes them.
    """
    protocol = rule.get("protocol")
    number = None if protocol in _ANY else _known(str(protocol))
    if rule["ethertype"] == "IPv6" and number == PROTOCOLS["icmp"]:
        number = PROTOCOLS["ipv6-icmp"]
    remote = rule.get("remote_group_id") or ""
    return RuleKey(
        rule["direction"],
        rule["ethertype"],
        number,
        rule.get("port_range_min"),
        rule.get("port_range_max"),
        _prefix_key(rule.get("remote_ip_prefix"), exact=exact),
        "self" if remote and remote == itself else remote,
        rule.get("remote_address_group_id") or "",
    )


def _known(protocol: str) -> int | None:
    """A child may speak of protocols that we do not know; then none is equal to it."""
    try:
        return number_of(protocol.lower())
    except ValueError:
        return -1


def normalized(prefix: str | None) -> str | None:
    """The prefix without host bits."""
    return str(ipaddress.ip_network(prefix, strict=False)) if prefix else None


def _prefix_key(prefix: str | None, *, exact: bool) -> str:
    """The prefix of everybody is none at all."""
    net = normalized(prefix) or ""
    if net in ("0.0.0.0/0", "::/0"):
        return ""
    return prefix or "" if exact else net
