"""Default security group rules, declared (neutron.extensions.security_groups_default_rules). They are here alone."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.auth.policy import RuleDefault
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.field import Field, Match, flag, named, text
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import rules, values
from fractus.services.network.dialect.schema.attributes import identity

_ID, _TENANT, _PROJECT = (structs.replace(one, sort="") for one in identity())
_KEPT = (
    "ethertype", "direction", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix",
    "remote_address_group_id", "remote_group_id", "description", "used_in_default_sg", "used_in_non_default_sg",
)  # fmt: skip

_ADDRESSES = "remote_address_group_id"
#: Nobody looks for the address group before a security group is made, so what is no id is refused here.
_RULE = {one.name: one for one in rules.FIELDS}
_RULE[_ADDRESSES] = structs.replace(_RULE[_ADDRESSES], check=values.string_or_none(36))


def _used(name: str) -> Field:
    return Field(
        name, post=True, convert=values.to_boolean, match=Match(name, values.to_boolean), column=flag(name)
    )


FIELDS = named([
    structs.replace(_ID, sort="id"),
    structs.replace(_TENANT, match=None),
    Field(
        "description", post=True, default="", check=values.string(values.DESCRIPTION_SIZE),
        match=Match("description"), column=text("description", values.DESCRIPTION_SIZE),
    ),
    *_RULE.values(),
    _used("used_in_default_sg"),
    _used("used_in_non_default_sg"),
    structs.replace(_PROJECT, match=None),
])  # fmt: skip


def _summarise(rule: Resource, _presences: Sequence[Presence] = ()) -> Summary:
    """It is nobody's, and shows no project."""
    columns = {
        one.column.name: one.column.of(rule.desired[one.name])
        for one in FIELDS.values()
        if one.column is not None
    }
    kept = {name: rule.desired[name] for name in _KEPT}
    return Summary("", {"id": rule.id, **kept}, columns={"name": "", **columns})


KIND = Kind(
    name="default_security_group_rule",
    service="network",
    collection="default_security_group_rules",
    extensions=("security-groups-default-rules",),
    fields=FIELDS,
    table=table_of("default_security_group_rule", FIELDS),
    summarise=_summarise,
    scope=lambda _project_id: (),
    target=neutron.target,
    rules=(
        RuleDefault("create_default_security_group_rule", NEUTRON_ADMIN, "Create a rule of new groups."),
        RuleDefault("get_default_security_group_rule", "role:reader", "See a rule of new groups."),
        RuleDefault("delete_default_security_group_rule", NEUTRON_ADMIN, "Delete a rule of new groups."),
    ),
)
