"""What a request about security groups and rules may say (neutron.extensions.securitygroup, .db.securitygroups_db)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, NamedTuple

from fractus.model.errors import ApiError, Conflict
from fractus.services.field import Field, Fields, Match, named
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import Item, read_only, standard
from fractus.services.network.dialect.schema.errors import conflict, invalid

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


def _name(value: Any) -> str | None:
    wrong = values.string(values.NAME_SIZE)(value)
    if not wrong and value.lower() == "default":
        raise already_default()
    return wrong


def already_default() -> Conflict:
    """There is one `default` in every project, and it is made by itself."""
    return conflict("Default security group already exists.", "SecurityGroupDefaultAlreadyExists")


GROUP_ATTRIBUTES: Fields = named(
    [
        *standard(tags_on_create=False),
        Field("name", post=True, put=True, default="", check=_name, match=Match("name"), sort="name"),
        Field(
            "stateful",
            post=True,
            put=True,
            default=True,
            convert=values.to_boolean,
            match=Match("stateful", values.to_boolean),
        ),
        read_only("shared", match=Match("shared", values.to_boolean), sort=False),
        read_only("security_group_rules"),
    ]
)


def _protocol(value: Any) -> str | None:
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


def _port(value: Any) -> int | None:
    if value is None:
        return None
    text = str(value)
    number = not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) < 10
    if not number or int(text) > _LAST_PORT:
        raise invalid(f"Invalid value for port {value}", "SecurityGroupInvalidPortValue")
    return int(text)


def _ethertype(value: Any) -> str:
    for known in ("IPv4", "IPv6"):
        if isinstance(value, str) and value.lower() == known.lower():
            return known
    raise invalid(
        f"Security group rule for ethertype '{value}' not supported. Allowed values are ['IPv4', 'IPv6'].",
        "SecurityGroupRuleInvalidEtherType",
    )


def _prefix(value: Any) -> str | None:
    """A prefix as it was given, host bits and all, with its length."""
    if not value:
        return None
    try:
        one = ipaddress.ip_interface(value if isinstance(value, str) else "")
    except ValueError:
        raise invalid(f"Invalid CIDR {value} given as IP prefix.", "InvalidCIDR") from None
    return f"{one.ip}/{one.network.prefixlen}"


def _row(column: str, **more: Any) -> Field:
    return Field(column, post=True, match=more.pop("match", Match(column)), sort=column, **more)


RULE_ATTRIBUTES: Fields = named([
    *(
        one
        for one in standard(tags_on_create=False)
        if one.name != "description" and "tags" not in one.name
    ),
    _row("security_group_id", check=values.string(36)),
    _row("remote_group_id", default=None),
    Field("remote_address_group_id", post=True, default=None),
    _row("direction", check=values.one_of(("ingress", "egress"))),
    _row(
        "protocol", default=None, convert=_protocol, match=Match("protocol", lambda value: _protocol(value) or "")
    ),
    _row("port_range_min", default=None, convert=_port, match=Match("port_range_min", _port)),
    _row("port_range_max", default=None, convert=_port, match=Match("port_range_max", _port)),
    _row(
        "ethertype", default="IPv4", convert=_ethertype, match=Match("ethertype", _ethertype)
    ),
    _row(
        "remote_ip_prefix", default=None, convert=_prefix,
        match=Match("remote_ip_prefix", lambda value: _prefix(value) or ""),
    ),
    Field(
        "description", post=True, put=True, default="", check=values.string(values.DESCRIPTION_SIZE),
        match=Match("description"), sort="description",
    ),
    read_only("normalized_cidr", "normalized_cidr"),
    read_only(
        "belongs_to_default_sg",
        match=Match("belongs_to_default_sg", values.to_boolean), sort=False
    ),
])  # fmt: skip


# --- one rule ------------------------------------------------------------------------------------


def rule_of(item: Item) -> dict[str, Any]:
    """A rule in its canonical form; `Invalid` where its parts do not fit each other."""
    rule = {
        name: item.values[name]
        for name in (
            "direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix",
            "remote_group_id", "description",
        )
    }  # fmt: skip
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
    addresses = item.values["remote_address_group_id"]
    if len([one for one in (prefix, rule["remote_group_id"], addresses) if one]) > 1:
        raise invalid(
            "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
            "SecurityGroupMultipleRemoteEntites",
        )
    return rule


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


def rule_key(rule: Mapping[str, Any], *, itself: str = "", exact: bool = False) -> RuleKey:
    """The key of a rule in Neutron's words; `itself`: the id of its own group, which may also stand as `self`.

    `exact`: prefixes that differ in their host bits alone are two, as Neutron takes them.
    """
    protocol = rule.get("protocol")
    number = None if protocol in _ANY else _number(str(protocol))
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
    )


def _number(protocol: str) -> int | None:
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


def exists(rule_id: str) -> ApiError:
    """There is such a rule."""
    return conflict(f"Security group rule already exists. Rule id is {rule_id}.", "SecurityGroupRuleExists")


def in_use(group_id: str) -> ApiError:
    """Ports have the group."""
    return conflict(f"Security Group {group_id} in use.", "SecurityGroupInUse")
