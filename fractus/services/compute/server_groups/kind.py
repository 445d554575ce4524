"""Server groups, declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, String

from fractus.auth.base_rules import NOVA_ADMIN, NOVA_MEMBER_OR_ADMIN, NOVA_READER_OR_ADMIN
from fractus.auth.policy import RuleDefault
from fractus.model.carried import REFUSED
from fractus.model.compute import SERVER_GROUP as VOCABULARY
from fractus.model.resource import Presence, Resource
from fractus.services.compute.dialect.costs import one_of
from fractus.services.compute.dialect.kind import ComputeKind, Parameter, Verb, rules_of, summary_of
from fractus.services.compute.dialect.schema import values
from fractus.services.compute.dialect.schema.fields import ComputeField as Field
from fractus.services.compute.server_groups import schema
from fractus.services.field import named
from fractus.services.kind import table_of
from fractus.store.listing import Filter

_ROOT = "os_compute_api:os-server-groups"
ALL_PROJECTS = RuleDefault(
    f"{_ROOT}:index:all_projects", NOVA_ADMIN, "List the server groups of all projects."
)

FIELDS = named([
    Field(
        "name", post=True, convert=str.strip, check=values.name(), carried=REFUSED,
        why="Nova has no way to change a server group",
    ),
    # Before 2.64 a list with one policy, and metadata that nobody could set.
    Field("policies", post=True, check=schema.check_policies, until="2.64"),
    Field("metadata", desired="metadata", until="2.64"),
    Field(
        "policy", post=True, check=values.one_of(*schema.POLICIES), since="2.64", carried=REFUSED,
        why="Nova has no way to change a server group",
    ),
    Field(
        "rules", post=True, default={}, convert=schema.rules_of, check=schema.check_rules, since="2.64",
        carried=REFUSED, why="Nova has no way to change a server group",
    ),
])  # fmt: skip


def _derived(resource: Resource, _presences: Sequence[Presence]) -> dict[str, Any]:
    """Members are read when they are shown: a group is not written for each of its servers."""
    return {"id": resource.id, "project_id": resource.project_id, "user_id": resource.user_id}


def _columns(resource: Resource, _presences: Sequence[Presence]) -> dict[str, Any]:
    return {"live": None if resource.deleted_at is not None else resource.id}


def _verb(name: str, rule: str, description: str, **more: Any) -> Verb:
    return Verb(rule=RuleDefault(f"{_ROOT}:{name}", rule, description), **more)


_PAGES = Parameter("all_projects"), Parameter("limit"), Parameter("offset")
VERBS = {
    "index": _verb("index", NOVA_READER_OR_ADMIN, "List server groups.", strict="2.75", parameters=_PAGES),
    "create": _verb("create", NOVA_MEMBER_OR_ADMIN, "Create a server group."),
    "delete": _verb("delete", NOVA_MEMBER_OR_ADMIN, "Delete a server group.", status=204),
    "show": _verb("show", NOVA_READER_OR_ADMIN, "Show a server group.", strict="2.102"),
}  # fmt: skip

KIND = ComputeKind(
    name="server_group",
    collection="server_groups",
    path="os-server-groups",
    key="id",
    fields=FIELDS,
    table=table_of("server_group", FIELDS, Column("live", String(255), nullable=True, unique=True)),
    scope=lambda project_id: [Filter("project_id", "eq", project_id)],
    target=lambda resource: {"project_id": resource.project_id},
    marked_by="id",
    summarise=summary_of("id name policy rules project_id user_id", FIELDS, derived=_derived, columns=_columns),
    listed="id name policy rules project_id user_id",
    missing="Instance group {} could not be found.",
    verbs=VERBS,
    rules=rules_of(VERBS, ALL_PROJECTS),
    costs=one_of("server_groups"),
    vocabulary=VOCABULARY,
)  # fmt: skip
