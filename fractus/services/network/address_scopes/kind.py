"""Address scopes, declared (neutron_lib.api.definitions.address_scope): which subnet pools share one address plan."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.services.field import named
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema.attributes import identity
from fractus.services.network.dialect.table import shareable

FIELDS = named([
    *identity(),
    neutron.NAME,
    neutron.switch("shared", sort=True, rule=NEUTRON_ADMIN),
    neutron.IP_VERSION,
])  # fmt: skip

KIND = Kind(
    name="address_scope",
    service="network",
    collection="address_scopes",
    extensions=("address-scope",),
    fields=FIELDS,
    table=shareable(table_of("address_scope", FIELDS)),
    summarise=neutron.Documents(FIELDS),
    scope=neutron.own_or("shared", by_name=True),
    target=neutron.target,
    rules=neutron.rules("address_scope", FIELDS, shared="shared_address_scopes"),
)
