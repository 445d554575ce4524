"""QoS specifications, declared. They are our own: what a type comes to in a cloud is for its operator to say."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, String

from fractus.auth.base_rules import CINDER_ADMIN
from fractus.auth.policy import RuleDefault
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.field import Field, named
from fractus.services.kind import table_of
from fractus.services.volume.dialect.kind import Verb, VolumeKind, equals, rules_of
from fractus.services.volume.qos_specs import schema

_RULE = "volume_extension:qos_specs_manage"
LIST = RuleDefault(
    f"{_RULE}:get_all", CINDER_ADMIN, "List QoS specifications, and what they are associated with."
)
UPDATE = RuleDefault(
    f"{_RULE}:update", CINDER_ADMIN, "Change a QoS specification, and associate it with types."
)
DELETE = RuleDefault(f"{_RULE}:delete", CINDER_ADMIN, "Delete a QoS specification, or some of its keys.")

FIELDS = named(
    [Field(name="name", post=True), Field(name="consumer", post=True), Field(name="specs", post=True)]
)

TABLE = table_of(
    "qos_spec", FIELDS,
    Column("live_name", String(255), nullable=True, unique=True),
    Column("consumer", String(32), nullable=False),
)  # fmt: skip

#: Who heeds them (cinder.objects.fields).
CONSUMERS = ("back-end", "front-end", "both")


def summarise(resource: Resource, _presences: Sequence[Presence]) -> Summary:
    """How administrators see it."""
    desired = resource.desired
    document = {"id": resource.id, **{name: desired[name] for name in ("name", "consumer", "specs")}}
    live = None if resource.deleted_at is not None else desired["name"]
    return Summary("", document, None, {"live_name": live, "consumer": desired["consumer"]})


VERBS = {
    "index": Verb(rule=LIST),
    "show": Verb(rule=RuleDefault(f"{_RULE}:get", CINDER_ADMIN, "Show a QoS specification.")),
    "create": Verb(
        rule=RuleDefault(f"{_RULE}:create", CINDER_ADMIN, "Create a QoS specification."),
        schemas=(("", schema.CREATE),),
    ),
    "update": Verb(rule=UPDATE, schemas=(("", schema.UPDATE),)),
    "delete": Verb(rule=DELETE, status=202),
}

KIND = VolumeKind(
    name="qos_spec",
    resource="qos_specs",
    collection="qos_specs",
    path="qos-specs",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="No such QoS spec {}.",
    filters={name: equals(name) for name in ("id", "name", "consumer")},
    open_filters=("id", "name", "consumer"),
    sorts={"id": "id", "name": "name", "created_at": "created_at", "updated_at": "updated_at"},
    scope=lambda _project: (),
    target=lambda _resource: {},
    rules=rules_of(VERBS),
)
