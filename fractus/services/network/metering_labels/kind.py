"""Metering labels and their rules, declared (neutron_lib.api.definitions.metering and its extension)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_MANAGER
from fractus.model.carried import carried
from fractus.model.metering import METERING_LABEL as VOCABULARY
from fractus.services.field import Field, Match, flag, named, text
from fractus.services.kind import Kind, Parent, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.queries.subresources import Subresources
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import identity
from fractus.services.network.dialect.schema.errors import conflict, invalid
from fractus.services.network.dialect.table import subresource_table

_IN = Parent("metering_label", "metering_label_id", "rules")

PREFIXES = ("remote_ip_prefix", "source_ip_prefix", "destination_ip_prefix")


def _prefix(name: str, **more: Any) -> Field:
    return Field(
        name, post=True, match=Match(name), sort=name, column=text(name, 64),
        **{"default": None, "check": values.string_or_none(64), **more},
    )  # fmt: skip


RULE_FIELDS = named([
    *identity(),
    neutron.reference("metering_label_id"),
    Field(
        "direction", post=True, check=values.one_of(("ingress", "egress")), match=Match("direction"),
        sort="direction", column=text("direction", 16),
    ),
    Field(
        "excluded", post=True, default=False, convert=values.to_boolean,
        match=Match("excluded", values.to_boolean), sort="excluded", column=flag("excluded"),
    ),
    _prefix("remote_ip_prefix", check=values.subnet_or_none),
    _prefix("source_ip_prefix"),
    _prefix("destination_ip_prefix"),
])  # fmt: skip

RULE = Kind(
    name="metering_label_rule",
    service="network",
    collection="metering_label_rules",
    path="metering/metering-label-rules",
    extensions=("metering_source_and_destination_fields",),
    fields=RULE_FIELDS,
    parent=_IN,
    table=subresource_table("metering_label_rule", _IN, RULE_FIELDS),
    summarise=neutron.Documents(RULE_FIELDS, owned=False),
    scope=neutron.own,
    target=neutron.part_target(_IN),
    rules=neutron.rules("metering_label_rule", RULE_FIELDS, write=NEUTRON_ADMIN_OR_MANAGER),
)

RULES = Subresources(RULE)


def check_rules(there: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]) -> None:
    """Refuse new rules that say nothing, or what others say. Neutron means 400 where it answers 500."""
    held = list(there)
    for rule in new:
        _check_prefixes(rule)
        for other in held:
            if _overlap(rule, other):
                raise conflict(
                    f"Metering label rule with remote_ip_prefix '{rule['remote_ip_prefix']}' overlaps another.",
                    "MeteringLabelRuleOverlaps",
                )
        held.append(rule)


def _check_prefixes(rule: Mapping[str, Any]) -> None:
    given = [name for name in PREFIXES if rule[name]]
    for name in given:
        try:
            ipaddress.ip_interface(rule[name])
        except ValueError as error:
            raise invalid(f"{name}: {rule[name]} is invalid [{error}].", "Invalid") from None
    if rule["remote_ip_prefix"] and len(given) > 1:
        raise invalid(
            "Cannot use 'remote-ip-prefix' in conjunction with 'source-ip-prefix' or 'destination-ip-prefix'.",
            "Invalid",
        )
    if not given:
        raise invalid(
            "You must define at least one of the following parameters 'remote_ip_prefix', or 'source_ip_prefix' or "
            "'destination_ip_prefix'.",
            "Invalid",
        )


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    same = all(one[name] == other[name] for name in ("direction", "excluded"))
    if not (same and one["remote_ip_prefix"] and other["remote_ip_prefix"]):
        return False
    nets = [ipaddress.ip_interface(rule["remote_ip_prefix"]).network for rule in (one, other)]
    return nets[0].version == nets[1].version and nets[0].overlaps(nets[1])


FIELDS = named([
    *identity(),
    structs.replace(neutron.NAME, put=False, carried=None),
    Field(
        "description", post=True, default="", check=values.string(values.LONG_DESCRIPTION_SIZE),
        match=Match("description"), sort="description", column=text("description", values.LONG_DESCRIPTION_SIZE),
    ),
    neutron.switch("shared", sort=True, put=False, carried=None),
])  # fmt: skip

KIND = Kind(
    name="metering_label",
    service="network",
    collection="metering_labels",
    path="metering/metering-labels",
    extensions=("metering",),
    fields=FIELDS,
    parts=(carried("rules", "those that should not be there go first"),),
    table=table_of("metering_label", FIELDS),
    summarise=neutron.Documents(FIELDS, drifted=False),
    scope=neutron.own,
    target=neutron.target,
    rules=neutron.rules("metering_label", FIELDS, write=NEUTRON_ADMIN_OR_MANAGER),
    vocabulary=VOCABULARY,
)
