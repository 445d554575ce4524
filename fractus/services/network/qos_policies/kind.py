"""QoS policies, declared (neutron_lib.api.definitions.qos, and its extensions)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from fractus.auth.base_rules import (
    NEUTRON_ADMIN_OR_MANAGER,
    NEUTRON_ADMIN_OR_PARENT_OWNER_MANAGER,
    NEUTRON_ADMIN_OR_PARENT_OWNER_READER,
)
from fractus.auth.policy import RuleDefault
from fractus.model.carried import OURS, carried
from fractus.model.network import QOS_POLICY as VOCABULARY
from fractus.model.resource import Presence, Resource
from fractus.services.field import Field, named, text
from fractus.services.kind import Default, Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema.attributes import standard
from fractus.services.network.dialect.schema.errors import conflict
from fractus.services.network.dialect.table import shareable, standard_columns
from fractus.services.network.dialect.view import among
from fractus.services.network.qos_policies.schema import TYPES, documents

_STANDARD = named(standard(tags_on_create=False))
_FIRST = ("id", "tenant_id", "project_id")
_VERBS = {
    "get": (NEUTRON_ADMIN_OR_PARENT_OWNER_READER, "See"),
    "create": (NEUTRON_ADMIN_OR_PARENT_OWNER_MANAGER, "Add"),
    "update": (NEUTRON_ADMIN_OR_PARENT_OWNER_MANAGER, "Change"),
    "delete": (NEUTRON_ADMIN_OR_PARENT_OWNER_MANAGER, "Remove"),
}


def alias(type: str) -> str:
    """The name of a rule where it is asked for without its policy."""
    return f"alias_{type}_rule"


def _of_rules() -> list[RuleDefault]:
    found = []
    for type in TYPES:
        noun = type.replace("_", " ") + " rules of a QoS policy."
        found += [
            RuleDefault(f"{verb}_policy_{type}_rule", who, f"{word} {noun}")
            for verb, (who, word) in _VERBS.items()
        ]
        found += [
            RuleDefault(f"{verb}_{alias(type)}", _VERBS[verb][0], f"{_VERBS[verb][1]} {noun}")
            for verb in ("get", "update", "delete")
            if type != "packet_rate_limit"
        ]
    return found


def _ids(rules: Sequence[Mapping[str, Any]]) -> str:
    return among([one["id"] for one in rules])


def _derived(resource: Resource, _presences: Sequence[Presence]) -> Mapping[str, Any]:
    return {"rules": documents(resource.id, resource.desired["rules"])}


FIELDS = named([
    *(_STANDARD[name] for name in _FIRST),
    neutron.NAME,
    neutron.switch("shared"),
    Field("rules", column=text("rule_ids", write=_ids)),
    neutron.switch(
        "is_default", carried=OURS, why="networks are given their project's default policy here"
    ),
    *(structs.replace(one, sort="") for name, one in _STANDARD.items() if name not in _FIRST),
])  # fmt: skip

KIND = Kind(
    name="qos_policy",
    resource="policy",
    service="network",
    collection="policies",
    path="qos/policies",
    extensions=(
        "qos", "qos-bw-limit-direction", "qos-bw-minimum-ingress", "qos-default", "qos-pps", "qos-pps-minimum",
        "qos-pps-minimum-rule-alias", "qos-rule-type-details", "qos-rule-type-filter", "qos-rules-alias",
    ),
    fields=FIELDS,
    parts=(
        carried("rules", "those that should not be there go first"),
        carried("RBAC policies", "each cloud is sent the projects that use it there"),
    ),
    table=shareable(table_of("qos_policy", FIELDS, *standard_columns())),
    summarise=neutron.Documents(
        FIELDS, order=("shared", "rules", "is_default"), derived=_derived, born=0, ours=("rules",)
    ),
    default=Default(
        among=lambda policy: {"project_id": policy.project_id},
        taken=lambda policy, _there: conflict(
            f"A default QoS policy exists for project {policy.project_id}.", "QoSPolicyDefaultAlreadyExists"
        ),
    ),
    scope=neutron.own_or("shared", by_name=True),
    target=neutron.target,
    rules=(
        *neutron.rules("policy", FIELDS, write=NEUTRON_ADMIN_OR_MANAGER, shared="shared_qos_policy"),
        *_of_rules(),
        RuleDefault("get_rule_type", "role:reader", "See the types of rules that QoS policies may have."),
    ),
    vocabulary=VOCABULARY,
)  # fmt: skip
