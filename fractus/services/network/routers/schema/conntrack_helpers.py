"""Conntrack helpers of routers: what requests may say of one, and the steps that bring them to a cloud
(neutron_lib.api.definitions.l3_conntrack_helper, neutron.conf.extensions.conntrack_helper). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import to_builtins

from fractus.model.cloud import Step
from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.model.routers import ConntrackHelper
from fractus.services.field import Field, Match, named
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import read_only
from fractus.services.network.dialect.schema.errors import bad_request, invalid, invalid_input

HELPERS = "conntrack_helpers"
"""Where they stand in what is desired of a router."""

_PROTOCOLS = ("dccp", "icmp", "ipv6-icmp", "sctp", "tcp", "udp")
_LARGEST = 65535
_SHOWN = ("protocol", "port", "helper")

#: The helpers that Neutron allows where nothing else is configured, and the protocols of each.
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "amanda": ("tcp",),
    "ftp": ("tcp",),
    "h323": ("udp", "tcp"),
    "irc": ("tcp",),
    "netbios-ns": ("udp",),
    "pptp": ("tcp",),
    "sane": ("tcp",),
    "sip": ("udp", "tcp"),
    "snmp": ("udp",),
    "tftp": ("udp",),
}


def _protocol(value: Any) -> Any:
    text = str(value)
    if (
        value is None
        or text.lower() in _PROTOCOLS
        or (text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= 255)
    ):
        return value
    raise invalid_input(
        f"IP protocol '{value}' is not supported. Only protocol names and their integer representation (0 to 255) are"
        " supported"
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


FIELDS = named([
    read_only("id", "id"),
    Field(
        "protocol", post=True, put=True, convert=_protocol, check=values.one_of(_PROTOCOLS), match=Match("protocol"),
        sort="protocol",
    ),
    Field(
        "port", post=True, put=True, convert=values.to_int, check=values.within(1, _LARGEST),
        match=Match("port", values.to_int), sort="port",
    ),
    Field(
        "helper", post=True, put=True, convert=_text, check=values.string(64), match=Match("helper"), sort="helper",
    ),
])  # fmt: skip


def missing(id: str) -> NotFound:
    """There is no such helper."""
    return NotFound(f"Conntrack Helper {id} could not be found.", type="ConntrackHelperNotFound")


def check(router: Resource, new: Mapping[str, Any]) -> None:
    """`Invalid` where Neutron does not know the helper, or the router has it already."""
    helper, protocol = new["helper"], new["protocol"]
    if helper not in _ALLOWED:
        raise invalid(f"Conntrack Helper {helper} is not allowed.", "ConntrackHelperNotAllowed")
    if protocol not in _ALLOWED[helper]:
        raise invalid(
            f"Conntrack Helper {helper} does not support: {protocol}. Supported protocols are: "
            f"{', '.join(_ALLOWED[helper])}",
            "InvalidProtocolForHelper",
        )
    asked = in_document([new])
    if any(one["id"] != new["id"] and in_document([one]) == asked for one in router.desired[HELPERS]):
        raise bad_request(
            "conntrack_helper",
            "A duplicate conntrack helper entry with same attributes already exists, conflicting values are "
            f"{ ({'router_id': router.id, **asked[0]}) }",
        )


def in_document(parts: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Helpers as their router shows them; routers of code of before have none."""
    return [{name: one[name] for name in _SHOWN} for one in parts or ()]


# --- in the clouds --------------------------------------------------------------------------------


def wanted(parts: Iterable[Mapping[str, Any]]) -> list[ConntrackHelper]:
    """As clouds are asked for them."""
    return [ConntrackHelper(**one) for one in in_document(parts)]


def apart(
    wanted: Iterable[ConntrackHelper], there: Iterable[ConntrackHelper] | None
) -> tuple[list[ConntrackHelper], list[ConntrackHelper]]:
    """Those that are not there, and those that should not be there. A cloud without the extension does not say."""
    ours, theirs = set(wanted), set(there or ())
    return sorted(ours - theirs), sorted(theirs - ours)


def step(missing: Iterable[ConntrackHelper], more: Iterable[ConntrackHelper]) -> Step | None:
    """The next of the steps that make them equal."""
    for one in more:
        return Step("delete_conntrack_helper", to_builtins(one))
    for one in missing:
        return Step("add_conntrack_helper", to_builtins(one))
    return None
