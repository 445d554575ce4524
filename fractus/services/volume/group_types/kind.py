"""Types of groups of volumes, declared. Each is ours: what a group asks of a cloud it says when it is made there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Boolean, Column, String, bindparam, select

from fractus.auth.base_rules import CINDER_ADMIN, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.field import Field, named
from fractus.services.kind import table_of
from fractus.services.volume.dialect.kind import Parameter, Verb, VolumeKind, public, rules_of
from fractus.services.volume.group_types import schema
from fractus.store.listing import Filter
from fractus.store.transaction import Query

_RULE = "group:group_types"
SPECS_SEEN = RuleDefault("group:access_group_types_specs", CINDER_ADMIN, "See the specs of group types.")
SPEC_GET = RuleDefault(f"{_RULE}_specs:get", CINDER_ADMIN, "Show a spec of a group type.")
SPEC_LIST = RuleDefault(f"{_RULE}_specs:get_all", CINDER_ADMIN, "List the specs of a group type.")
SPEC_CREATE = RuleDefault(f"{_RULE}_specs:create", CINDER_ADMIN, "Add specs to a group type.")
SPEC_UPDATE = RuleDefault(f"{_RULE}_specs:update", CINDER_ADMIN, "Set a spec of a group type.")
SPEC_DELETE = RuleDefault(f"{_RULE}_specs:delete", CINDER_ADMIN, "Remove a spec of a group type.")
#: Cinder asks nothing of those who list or show them; a name of ours, for every route has a rule.
READ = RuleDefault("fractus:volume:group_types", CINDER_ADMIN_OR_READER, "List and show types of groups.")

FIELDS = named([
    Field(name="name", post=True, put=True),
    Field(name="description", post=True, put=True),
    Field(name="is_public", post=True, put=True),
    Field(name="group_specs", post=True),
])  # fmt: skip

TABLE = table_of(
    "group_type", FIELDS,
    Column("live_name", String(255), nullable=True, unique=True),
    Column("is_public", Boolean, nullable=False),
)  # fmt: skip

by_name = Query(select(TABLE.c.id).where(TABLE.c.live_name == bindparam("name")))


def summarise(resource: Resource, _presences: Sequence[Presence]) -> Summary:
    """How users see it; its specs are for administrators."""
    desired = resource.desired
    document = {
        "id": resource.id, **{name: desired[name] for name in ("name", "description", "is_public")},
    }  # fmt: skip
    live = None if resource.deleted_at is not None else desired["name"]
    columns = {"live_name": live, "is_public": desired["is_public"]}
    return Summary("", document, {"group_specs": desired["group_specs"]}, columns)


_SINCE = "3.11"

VERBS = {
    "index": Verb(rule=READ, since=_SINCE, summary="List types of groups of volumes."),
    "show": Verb(rule=READ, since=_SINCE, summary="Show a type of groups of volumes."),
    "create": Verb(
        rule=RuleDefault(f"{_RULE}:create", CINDER_ADMIN, "Create a group type."),
        status=202, since=_SINCE, schemas=(("", schema.CREATE),),
    ),
    "update": Verb(
        rule=RuleDefault(f"{_RULE}:update", CINDER_ADMIN, "Change a group type."),
        since=_SINCE, schemas=(("", schema.UPDATE),),
    ),
    "delete": Verb(
        rule=RuleDefault(f"{_RULE}:delete", CINDER_ADMIN, "Delete a group type."), status=202, since=_SINCE
    ),
}  # fmt: skip

KIND = VolumeKind(
    name="group_type",
    collection="group_types",
    path="group_types",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="Group type {} could not be found.",
    filters={"is_public": Parameter(public)},
    open_filters=("is_public",),
    sorts={name: name for name in ("id", "name", "created_at", "updated_at", "is_public")},
    read_rules={"group_specs": SPECS_SEEN.name},
    scope=lambda _project: (Filter("is_public", "eq", True),),
    target=lambda _resource: {},
    rules=rules_of(VERBS, SPECS_SEEN, SPEC_GET, SPEC_LIST, SPEC_CREATE, SPEC_UPDATE, SPEC_DELETE),
)
