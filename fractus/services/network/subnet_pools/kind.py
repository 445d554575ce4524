"""Subnet pools, declared (neutron_lib.api.definitions.subnetpool, address_scope): ranges that subnets are cut from."""

from __future__ import annotations

from msgspec import UNSET, structs

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.services.field import REQUIRED, Field, named
from fractus.services.kind import Default, Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import standard
from fractus.services.network.dialect.schema.errors import invalid_input
from fractus.services.network.dialect.table import shareable, standard_columns
from fractus.services.network.subnet_pools import schema

ACTIONS = {
    "add_prefixes": "Add ranges to a subnet pool.",
    "remove_prefixes": "Remove ranges from a subnet pool.",
    "onboard_network_subnets": "Take the subnets of a network into a subnet pool.",
}

FIELDS = named([
    *standard(tags_on_create=False),
    structs.replace(neutron.NAME, default=REQUIRED, check=values.filled_name),
    Field("prefixes", post=True, put=True, bound=schema.BOUND, check=values.unique(values.subnet)),
    neutron.amount("default_quota", default=UNSET, stored=-1),
    structs.replace(neutron.IP_VERSION, post=False, desired="ip_version"),
    *(neutron.amount(name, default=UNSET, show=str) for name in schema.LENGTHS),
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
        FIELDS, born=0,
        order=(*schema.LENGTHS, "is_default", "shared", "prefixes", "ip_version", "default_quota", "address_scope_id"),
    ),
    default=Default(
        among=lambda pool: {"ip_version": pool.desired["ip_version"]},
        taken=lambda _pool, _there: invalid_input(
            "A default subnetpool for this IP family has already been set. Only one default may exist per IP family"
        ),
    ),
    scope=neutron.own_or("shared", by_name=True),
    target=neutron.target,
    rules=neutron.rules("subnetpool", FIELDS, shared="shared_subnetpools", actions=ACTIONS),
    costs=neutron.cost("subnetpool"),
)  # fmt: skip
