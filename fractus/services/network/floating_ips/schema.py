"""Port forwardings of floating IPs: what requests may say of one, and how it is shown
(neutron_lib.api.definitions.floating_ip_port_forwarding and its extensions). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.services.field import Check, Field, Match, named
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import read_only
from fractus.services.network.dialect.schema.errors import bad_request, invalid_input

FORWARDINGS = "port_forwardings"
"""Where they stand in what is desired of a floating IP."""

_PROTOCOLS = ("dccp", "icmp", "ipv6-icmp", "sctp", "tcp", "udp")
_LARGEST = 65535
_IN_DOCUMENTS = (
    "id", "protocol", "internal_ip_address", "internal_port_id", "internal_port", "external_port",
)  # fmt: skip


def _protocol(value: Any) -> Any:
    if str(value).lower() in _PROTOCOLS:
        return value
    raise invalid_input(
        f"IP protocol '{value}' is not supported. Only protocol names and their integer representation (0 to 255) are"
        " supported"
    )


def _port(value: Any) -> str | None:
    """One port, or none."""
    return None if value is None else values.within(1, _LARGEST)(value)


def _range(value: Any) -> str | None:
    """One port, or two with a colon between."""
    if value is None:
        return None
    ends = str(value).split(":")
    if len(ends) > 2 or not all(ends):
        return "Port range must be two integers separated by a colon"
    for end in ends:
        if not (end.isascii() and end.isdigit() and int(end) <= _LARGEST):
            return f"Invalid port: {end}"
        if int(end) < 1:
            return f"Invalid port: {end}. It must be a value between 1 and {_LARGEST}"
    if int(ends[0]) > int(ends[-1]):
        return "First port in a port range must be lower than the second port"
    return None


def _one_port(name: str, match: Match | None) -> Field:
    return Field(
        name, post=True, put=True, default=None, convert=lambda one: one if one is None else values.to_int(one),
        check=_port, match=match,
    )  # fmt: skip


def _ports(name: str, match: Match | None, sort: str = "") -> Field:
    return Field(name, post=True, put=True, default=None, check=_range, match=match, sort=sort)


def _reference(name: str, check: Check) -> Field:
    return Field(name, post=True, put=True, check=check)


FIELDS = named([
    read_only("id", "id"),
    _one_port("external_port", Match("external_port", values.to_int)),
    _ports("external_port_range", Match("external_port_range"), "external_port_range"),
    Field(
        "protocol", post=True, put=True, convert=_protocol, check=values.one_of(_PROTOCOLS), match=Match("protocol"),
        sort="protocol",
    ),
    Field(
        "internal_port_id", post=True, put=True, check=values.uuid, match=Match("internal_port_id"),
        sort="internal_port_id",
    ),
    _reference("internal_ip_address", values.ip_address),
    _one_port("internal_port", None),
    _ports("internal_port_range", None),
    Field(
        "description", post=True, put=True, default="", check=values.string(1024), match=Match("description"),
    ),
])  # fmt: skip


def missing(id: str) -> NotFound:
    """There is no such forwarding."""
    return NotFound(f"Port Forwarding {id} could not be found.", type="PortForwardingNotFound")


def refused(sentence: str) -> Invalid:
    """`Bad port_forwarding request: ...`."""
    return bad_request("port_forwarding", sentence)


def with_ranges(part: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A forwarding with both of its ranges; one port is a range of one. What was `given` counts, a port before a range.

    `Invalid` where several ports inside answer to fewer or more outside.
    """
    found = dict(part)
    for side in ("external", "internal"):
        one, some = given.get(f"{side}_port"), given.get(f"{side}_port_range")
        text = str(one or some or part.get(f"{side}_port_range") or "")
        text = text if ":" in text or not text else f"{text}:{text}"
        first, _, last = text.partition(":")
        found |= {f"{side}_port_range": text, f"{side}_port": int(first) if first and first == last else None}
    inside, outside = (_size(found[f"{side}_port_range"]) for side in ("internal", "external"))
    if not (inside and outside) or (inside > 1 and inside != outside):
        raise refused(
            "Invalid ranges of internal and/or external ports. The relation between internal and external ports must be"
            " N-N or 1-N"
        )
    return found


def check_apart(others: Iterable[Mapping[str, Any]], new: Mapping[str, Any], name: str) -> None:
    """`Invalid` where a range has ports of another's."""
    for one in others:
        if one["id"] != new["id"] and _overlap(one[name], new[name]):
            raise refused(
                f"There is a port collision with the {name}. The following ranges collide: {one[name]} and {new[name]}"
            )


def shown(part: Mapping[str, Any]) -> dict[str, Any]:
    """A forwarding as its own routes show it: of a range there is no one port."""
    return {name: value for name, value in part.items() if value is not None}


def in_document(parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Forwardings as their floating IP shows them."""
    return [{name: one[name] for name in _IN_DOCUMENTS if one.get(name) is not None} for one in parts]


def _size(ports: str) -> int:
    if not ports:
        return 0
    first, _, last = ports.partition(":")
    return int(last) - int(first) + 1


def _overlap(one: str, other: str) -> bool:
    (a, b), (c, d) = ([int(end) for end in text.split(":")] for text in (one, other))
    return max(a, c) <= min(b, d)
