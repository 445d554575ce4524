"""Topologies that are allocated for projects, declared. One is known by its project; it is here alone."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_MEMBER, NEUTRON_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.kind import Undeclared
from fractus.store.schema import resource_table

NAME = "auto_allocated_topology"
TABLE = resource_table(NAME)

RULES = (
    RuleDefault(f"get_{NAME}", NEUTRON_ADMIN_OR_READER, "See a project's allocated topology, and have one made."),
    RuleDefault(f"delete_{NAME}", NEUTRON_ADMIN_OR_MEMBER, "Delete a project's allocated topology."),
)  # fmt: skip

KIND = Undeclared(
    name=NAME, service="network", table=TABLE, rules=RULES, extensions=("auto-allocated-topology",)
)


def summarise(topology: Resource, _presences: Sequence[Presence] = ()) -> Summary:
    """Its network's id stands for it."""
    network_id = topology.desired["network_id"]
    return Summary("", {"id": network_id, "tenant_id": topology.project_id}, columns={"name": ""})
