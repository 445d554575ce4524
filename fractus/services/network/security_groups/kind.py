"""Security groups and their rules, declared (neutron.extensions.securitygroup and the extensions that are served)."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs
from sqlalchemy import Index

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_SG_OWNER_MEMBER, NEUTRON_ADMIN_OR_SG_OWNER_READER
from fractus.auth.policy import RuleDefault
from fractus.base.ids import derived_id
from fractus.model.carried import REFUSED, carried
from fractus.model.network import SECURITY_GROUP as VOCABULARY
from fractus.model.resource import CARRY_ASYNC, Need, Presence, Resource
from fractus.services.field import Field, Match, flag, named, text
from fractus.services.kind import Kind, Parent, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.queries.subresources import Subresources
from fractus.services.network.dialect.schema import rules, values
from fractus.services.network.dialect.schema.attributes import standard
from fractus.services.network.dialect.table import shareable, standard_columns, subresource_table
from fractus.services.network.security_groups import schema

DEFAULT = "default"
DEFAULT_DESCRIPTION = "Default security group"


@functools.lru_cache(maxsize=1024)
def default_id(project_id: str) -> str:
    """The id of a project's default group: the same always, so that two who make it at once make one."""
    return derived_id("security_group", project_id, DEFAULT)


# --- rules ---------------------------------------------------------------------------------------

#: Without the address group such a rule would be one for everybody.
_IN = Parent(
    "security_group", "security_group_id", "rules", apart={"remote_address_group_id": "rules_of_addresses"}
)

ADDRESSES = "addresses"
"""Key in what is desired of a group: address group -> its addresses, for those that rules name."""


_STANDARD = named([one for one in standard(tags_on_create=False) if "tags" not in one.name])

RULE_FIELDS = named([
    *(one for one in _STANDARD.values() if one.name != "description"),
    rules.given("security_group_id", 36, check=values.string(36)),
    *rules.FIELDS,
    _STANDARD["description"],
    Field(
        "normalized_cidr", desired="normalized_cidr", match=Match("normalized_cidr"), sort="normalized_cidr",
        column=text("normalized_cidr", 64),
    ),
    Field(
        "belongs_to_default_sg", match=Match("belongs_to_default_sg", values.to_boolean),
        column=flag("belongs_to_default_sg"),
    ),
])  # fmt: skip


def _of_rule(rule: Resource, _presences: Sequence[Presence]) -> Mapping[str, Any]:
    return {
        "remote_address_group_id": rule.desired.get("remote_address_group_id"),
        "belongs_to_default_sg": rule.desired["security_group_id"] == default_id(rule.project_id),
    }


_RULE_DOCUMENTS = neutron.Documents(
    RULE_FIELDS,
    order=(
        "security_group_id", "direction", "ethertype", "protocol", "port_range_min", "port_range_max",
        "remote_ip_prefix", "normalized_cidr", "remote_group_id", "remote_address_group_id", "belongs_to_default_sg",
    ),
    derived=_of_rule,
    born=0,
)  # fmt: skip

RULE = Kind(
    name="security_group_rule",
    service="network",
    collection="security_group_rules",
    extensions=("security-groups-remote-address-group",),
    fields=RULE_FIELDS,
    parent=_IN,
    table=subresource_table(
        "security_group_rule",
        _IN,
        RULE_FIELDS,
        *standard_columns(tags=False),
        Index("security_group_rule_by_addresses", "remote_address_group_id"),
        order=(
            "direction",
            "ethertype",
            "protocol",
            "port_range_min",
            "port_range_max",
            "remote_ip_prefix",
            "normalized_cidr",
            "remote_group_id",
        ),
        younger=("remote_address_group_id",),
    ),
    summarise=_RULE_DOCUMENTS,
    scope=neutron.own,
    target=neutron.part_target(_IN),
    rules=(
        RuleDefault("create_security_group_rule", NEUTRON_ADMIN_OR_SG_OWNER_MEMBER, "Create a rule."),
        RuleDefault("get_security_group_rule", NEUTRON_ADMIN_OR_SG_OWNER_READER, "See a rule."),
        RuleDefault("delete_security_group_rule", NEUTRON_ADMIN_OR_SG_OWNER_MEMBER, "Delete a rule."),
    ),
)

RULES = Subresources(RULE)

# --- groups --------------------------------------------------------------------------------------

FIELDS = named([
    *standard(tags_on_create=False),
    structs.replace(
        neutron.NAME, check=schema.group_name, why="a project's default group is named by its cloud"
    ),
    neutron.switch(
        "stateful", default=True, carried=REFUSED, why="it cannot change while a port or a cloud has the group"
    ),
    Field("shared", match=Match("shared", values.to_boolean), column=flag("shared")),
    Field("security_group_rules"),
])  # fmt: skip


def _derived(group: Resource, _presences: Sequence[Presence]) -> Mapping[str, Any]:
    rules = sorted(RULES.among(group), key=lambda one: str(one["id"]))
    return {
        "shared": bool(group.desired.get("shared")),
        "security_group_rules": [_RULE_DOCUMENTS.document(RULES.resource(group, rule)) for rule in rules],
    }


def prefixes(group: Resource, rule: Mapping[str, Any]) -> list[str | None]:
    """What a rule lets through by address: a rule in the cloud for each, of the rule's own family."""
    id = rule.get("remote_address_group_id")
    if not id:
        return [rule["remote_ip_prefix"]]
    return [one for one in group.desired[ADDRESSES][id] if family(one) == rule["ethertype"]]


def family(prefix: str) -> str:
    """Of which ethertype a rule for a prefix is."""
    return f"IPv{ipaddress.ip_network(prefix).version}"


def needs(group: Resource) -> list[Need]:
    """Groups that rules name must be there too; loosely, for two may name each other."""
    remote = {rule["remote_group_id"] for rule in RULES.among(group) if rule["remote_group_id"]}
    return [Need("security_group", id, mode=CARRY_ASYNC) for id in sorted(remote - {group.id})]


def _cost(group: Resource) -> Mapping[str, int]:
    return {"security_group": 1, "security_group_rule": len(RULES.among(group))}


KIND = Kind(
    name="security_group",
    service="network",
    collection="security_groups",
    fields=FIELDS,
    parts=(carried("rules", "those that should not be there go first"),),
    table=shareable(table_of("security_group", FIELDS, *standard_columns())),
    summarise=neutron.Documents(
        FIELDS, order=("stateful", "shared", "security_group_rules"), derived=_derived, drifted=False
    ),
    scope=neutron.own_or("shared", by_name=True),
    target=neutron.target,
    rules=neutron.rules("security_group", FIELDS, shared="shared_security_group"),
    costs=neutron.cost("security_group", _cost, "security_group_rule"),
    needs=needs,
    vocabulary=VOCABULARY,
)
