"""Trunks, declared (neutron_lib.api.definitions.trunk)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Index

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.model.carried import carried
from fractus.model.resource import AWAIT, CARRY_ASYNC, Need, Presence, Resource
from fractus.model.trunks import TRUNK as VOCABULARY
from fractus.services.field import Field, named
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema.attributes import read_only, standard, stated
from fractus.services.network.dialect.table import standard_columns
from fractus.services.network.dialect.view import is_refused_everywhere
from fractus.services.network.trunks import schema


def needs(trunk: Resource) -> list[Need]:
    """It is where its parent port is, and brings its sub-ports along, which serve nothing else."""
    desired = trunk.desired
    return [
        Need("port", desired["port_id"], mode=AWAIT),
        *(Need("port", one["port_id"], exclusive=True, mode=CARRY_ASYNC) for one in desired["sub_ports"]),
    ]


def _derived(resource: Resource, _presences: Sequence[Presence]) -> Mapping[str, Any]:
    return {"sub_ports": resource.desired["sub_ports"]}


def _status(_resource: Resource, presences: Sequence[Presence]) -> str:
    """Its cloud's; DOWN where it is in none yet."""
    there = list(presences)
    if is_refused_everywhere(there):
        return "ERROR"
    found = [str(one.observed.get("status") or "DOWN") for one in there if one.wanted and one.observed]
    return found[-1] if found else "DOWN"


FIELDS = named([
    neutron.switch("admin_state_up", default=True, sort=True),
    neutron.NAME,
    neutron.reference("port_id"),
    read_only("status", "status"),
    Field("sub_ports", post=True, default=[], bound=stated("sub_ports"), check=schema.sub_ports),
    *(one for one in schema.without_sort(standard(tags_on_create=False))),
])  # fmt: skip

KIND = Kind(
    name="trunk",
    service="network",
    collection="trunks",
    extensions=("trunk", "trunk-details"),
    fields=FIELDS,
    parts=(carried("sub_ports", "each is carried to the cloud of the trunk first"),),
    table=table_of("trunk", FIELDS, *standard_columns(), Index("trunk_by_port", "port_id")),
    summarise=neutron.Documents(FIELDS, derived=_derived, status=_status, ours=("sub_ports",)),
    scope=neutron.own,
    target=neutron.target,
    rules=(
        *neutron.rules(
            "trunk",
            FIELDS,
            actions={
                "add_subports": "Add sub-ports to a trunk.",
                "remove_subports": "Remove sub-ports from a trunk.",
            },
        ),
        RuleDefault("get_subports", NEUTRON_ADMIN_OR_READER, "List the sub-ports of a trunk."),
    ),
    costs=neutron.cost("trunk"),
    needs=needs,
    vocabulary=VOCABULARY,
)
