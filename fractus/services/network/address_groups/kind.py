"""Address groups, declared (neutron_lib.api.definitions.address_group): named lists of address ranges."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_MEMBER
from fractus.auth.policy import RuleDefault
from fractus.services.field import Field, flag, named
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import standard, stated
from fractus.services.network.dialect.table import shareable, standard_columns

_STANDARD = named([one for one in standard(tags_on_create=False) if "tags" not in one.name])
_FIRST = ("id", "description", "tenant_id", "project_id")

FIELDS = named([
    neutron.NAME,
    *(_STANDARD[name] for name in _FIRST),
    Field(
        "addresses", post=True, default=[], convert=values.to_list, bound=stated("addresses"),
        check=values.unique(values.subnet),
    ),
    Field("shared", desired="shared", shown="", column=flag("shared")),
    *(one for one in _STANDARD.values() if one.name not in _FIRST),
])  # fmt: skip

KIND = Kind(
    name="address_group",
    service="network",
    collection="address_groups",
    extensions=("address-group", "rbac-address-group"),
    fields=FIELDS,
    table=shareable(table_of("address_group", FIELDS, *standard_columns(tags=False), younger=("shared",))),
    summarise=neutron.Documents(FIELDS, born=0),
    scope=neutron.own_or("shared", by_name=True),
    target=neutron.target,
    rules=(
        *neutron.rules("address_group", FIELDS, shared="shared_address_groups"),
        RuleDefault("add_addresses", NEUTRON_ADMIN_OR_MEMBER, "Add addresses to an address group."),
        RuleDefault("remove_addresses", NEUTRON_ADMIN_OR_MEMBER, "Remove addresses from an address group."),
    ),
)
