"""Floating IPs, declared (neutron_lib.api.definitions.l3): addresses outside that lead to ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs
from sqlalchemy import Index

from fractus.auth.base_rules import (
    NEUTRON_ADMIN_OR_MANAGER,
    NEUTRON_ADMIN_OR_PARENT_OWNER_MEMBER,
    NEUTRON_ADMIN_OR_PARENT_OWNER_READER,
)
from fractus.auth.policy import RuleDefault
from fractus.model.carried import CARRIED, carried
from fractus.model.network import FLOATING_IP as VOCABULARY
from fractus.model.network import MADE_HERE
from fractus.model.resource import AWAIT, IF_PRESENT, Need, Presence, Resource
from fractus.services.field import Field, Match, named, text
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import dns, values
from fractus.services.network.dialect.schema.attributes import read_only, standard
from fractus.services.network.dialect.schema.qos import QOS_POLICY, qos_needs
from fractus.services.network.dialect.table import standard_columns
from fractus.services.network.dialect.view import is_refused_everywhere
from fractus.services.network.floating_ips.schema import FORWARDINGS, in_document

DOWN, ERROR = "DOWN", "ERROR"

PORT_STATUS = "port_status"
"""Key in the memory of a presence: the status of its port, as its cloud last said when it was looked at."""


def holder(id: str) -> str:
    """As which a floating IP holds its address."""
    return f"floatingip/{id}"


def fixed_of(floating_ip: Resource) -> list[dict[str, str]]:
    """Its address, as a port has it."""
    desired = floating_ip.desired
    return [{"subnet_id": desired["subnet_id"], "ip_address": desired["floating_ip_address"]}]


def needs_of(desired: Mapping[str, Any]) -> list[Need]:
    """It is in the cloud of its pool, and leads to its port where that has come. Of a network that was made through us,
    it is where its port is, and with that in no cloud as long as it leads nowhere.
    """
    forwarded = (one["internal_port_id"] for one in desired.get(FORWARDINGS, ()))
    ports = [desired["port_id"]] if desired["port_id"] else list(dict.fromkeys(forwarded))
    if desired.get(MADE_HERE):
        ends = (("subnet", desired["subnet_id"]), *(("port", id) for id in ports)) if ports else ()
        return [
            Need("network", desired["floating_network_id"]),
            *qos_needs(desired),
            *(Need(kind, id, mode=AWAIT) for kind, id in ends),
        ]
    return [
        Need("network", desired["floating_network_id"]),
        *qos_needs(desired),
        Need("subnet", desired["subnet_id"], mode=AWAIT),
        *(Need("port", id, mode=IF_PRESENT) for id in ports),
    ]


def _status(_resource: Resource, presences: Sequence[Presence]) -> str:
    """As its cloud says; DOWN as long as it is not there."""
    there = list(presences)
    if is_refused_everywhere(there):
        return ERROR
    said = [(one.observed or {}).get("status") for one in there if one.wanted and one.remote_id is not None]
    return next((one for one in said if one), DOWN)


def _derived(resource: Resource, presences: Sequence[Presence]) -> Mapping[str, Any]:
    """The router, and how its port is: what its cloud said of that when it came to lead there, and DOWN before."""
    desired = resource.desired
    details = desired.get("port_details") if desired["port_id"] else None
    said = [one.memory[PORT_STATUS] for one in presences if one.wanted and one.memory.get(PORT_STATUS)]
    return {
        "router_id": desired.get("router_id"),
        "port_details": None if not details else {**details, "status": next(iter(said), DOWN)},
        FORWARDINGS: in_document(desired.get(FORWARDINGS, ())),
    }


def details_of(port: Resource) -> dict[str, Any]:
    """What floating IPs show of the port that they lead to (extension fip-port-details), but for its status."""
    names = ("network_id", "mac_address", "admin_state_up", "device_id", "device_owner")
    found = {name: port.desired[name] for name in names}
    return {"name": port.name, **found}


def _found_by(column: str) -> Match:
    """A floating IP that leads nowhere is found by no value, an empty one neither."""
    return Match(column, lambda given: given or "-")


def _address(name: str) -> Field:
    return Field(
        name, post=True, default=None, convert=values.canonical_ip, check=values.ip_address_or_none,
        match=_found_by(name), sort=name, column=text(name, 64),
    )  # fmt: skip


_STANDARD = {one.name: one for one in standard(tags_on_create=False)}

FIELDS = named([
    _STANDARD["id"],
    structs.replace(_address("floating_ip_address"), rule=NEUTRON_ADMIN_OR_MANAGER),
    Field("subnet_id", post=True, default=None, check=values.uuid_or_none, shown=""),
    Field(
        "floating_network_id", post=True, check=values.uuid, match=Match("floating_network_id"),
        sort="floating_network_id", column=text("floating_network_id", 36),
    ),
    Field("router_id", match=_found_by("router_id"), sort="router_id", column=text("router_id", 36)),
    Field(
        "port_id", post=True, put=True, default=None, check=values.uuid_or_none, match=_found_by("port_id"),
        column=text("port_id", 36), carried=CARRIED, why="when its port and its router are in its cloud",
    ),
    structs.replace(_address("fixed_ip_address"), put=True, carried=CARRIED),
    *(one for name, one in _STANDARD.items() if name not in ("id", "description", "revision_number")),
    structs.replace(_STANDARD["revision_number"], sort=""),
    read_only("status", "status"),
    structs.replace(_STANDARD["description"], sort=""),
    Field("dns_name", post=True, default="", convert=dns.canonical, check=dns.relative),
    Field("dns_domain", post=True, default="", convert=dns.canonical, check=dns.domain),
    QOS_POLICY,
    Field("port_details"),
    Field(FORWARDINGS),
])  # fmt: skip

KIND = Kind(
    name="floatingip",
    service="network",
    collection="floatingips",
    extensions=(
        "fip-port-details", "floating-ip-port-forwarding", "floating-ip-port-forwarding-description",
        "floating-ip-port-forwarding-port-ranges", "expose-port-forwarding-in-fip", "qos-fip",
    ),
    parts=(carried(FORWARDINGS, "when their ports and the router are in its cloud"),),
    fields=FIELDS,
    table=table_of(
        "floatingip", FIELDS, *standard_columns(),
        Index("floatingip_by_port", "port_id"), Index("floatingip_by_network", "floating_network_id"),
        Index("floatingip_by_router", "router_id"),
    ),
    summarise=neutron.Documents(
        FIELDS,
        order=(
            "floating_ip_address", "floating_network_id", "router_id", "port_id", "fixed_ip_address", "status",
            "qos_policy_id", "port_details", "dns_domain", "dns_name", FORWARDINGS,
        ),
        derived=_derived,
        status=_status,
        born=0,
    ),
    scope=neutron.own,
    target=neutron.target,
    rules=(
        *neutron.rules("floatingip", FIELDS),
        *(
            RuleDefault(
                f"{verb}_floatingip_port_forwarding",
                NEUTRON_ADMIN_OR_PARENT_OWNER_READER if verb == "get" else NEUTRON_ADMIN_OR_PARENT_OWNER_MEMBER,
                f"{verb.capitalize()} port forwardings of a floating IP.",
            )
            for verb in ("create", "get", "update", "delete")
        ),
    ),
    costs=neutron.cost("floatingip"),
    needs=lambda one: needs_of(one.desired),
    vocabulary=VOCABULARY,
)  # fmt: skip
