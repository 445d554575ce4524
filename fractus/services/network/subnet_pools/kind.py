"""Subnet pools, declared (neutron_lib.api.definitions.subnetpool, address_scope): ranges that subnets are cut from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, structs

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.model.resource import Presence, Resource
from fractus.services.field import REQUIRED, Field, named
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import standard, stated
from fractus.services.network.dialect.table import shareable, standard_columns
from fractus.services.network.subnet_pools import schema


def _derived(resource: Resource, _presences: Sequence[Presence]) -> Mapping[str, Any]:
    """Neutron shows lengths as text."""
    return {name: str(resource.desired[name]) for name in schema.LENGTHS}


ACTIONS = {
    "add_prefixes": "Add ranges to a subnet pool.",
    "remove_prefixes": "Remove ranges from a subnet pool.",
    "onboard_network_subnets": "Take the subnets of a network into a subnet pool.",
}

FIELDS = named([
    *standard(tags_on_create=False),
    structs.replace(neutron.NAME, default=REQUIRED, check=values.filled_name),
    Field("prefixes", post=True, put=True, bound=stated("prefixes"), check=values.unique(values.subnet)),
    neutron.amount("default_quota", default=UNSET, stored=-1),
    structs.replace(neutron.IP_VERSION, post=False, desired="ip_version"),
    *(neutron.amount(name, default=UNSET) for name in schema.LENGTHS),
    neutron.switch("is_default", sort=True, rule=NEUTRON_ADMIN),
    neutron.switch("shared", sort=True, rule=NEUTRON_ADMIN, put=False),
    neutron.reference("address_scope_id", default=None, put=True),
])  # fmt: skip

KIND = Kind(
    name="subnetpool",
    service="network",
    collection="subnetpools",
    extensions=("subnet_allocation", "default-subnetpools", "subnetpool-prefix-ops", "subnet_onboard"),
    fields=FIELDS,
    table=shareable(table_of("subnetpool", FIELDS, *standard_columns())),
    summarise=neutron.Documents(
        FIELDS,
        order=(*schema.LENGTHS, "is_default", "shared", "prefixes", "ip_version", "default_quota", "address_scope_id"),
        derived=_derived,
        born=0,
    ),
    scope=neutron.own_or("shared", by_name=True),
    target=neutron.target,
    rules=(
        *neutron.rules("subnetpool", FIELDS, shared="shared_subnetpools", actions=ACTIONS),
    ),
    costs=neutron.cost("subnetpool"),
)  # fmt: skip
