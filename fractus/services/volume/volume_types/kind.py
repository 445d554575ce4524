"""Volume types, declared.

They are global; in each cloud the type of the same name is used, or the one that an operator names
(`desired["mapped"]`: cloud -> name there). One that a cloud does not have is made there where the cloud's operator lets
us, and follows ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, String, Text

from fractus.auth.base_rules import CINDER_ADMIN, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.base.ids import derived_id
from fractus.model import carried
from fractus.model.resource import Presence, Resource, Summary
from fractus.model.volumes import DEFAULT_TYPE, VolumeTypeWanted
from fractus.model.volumes import VOLUME_TYPE as VOCABULARY
from fractus.services.field import Field, named
from fractus.services.kind import Undeclared, table_of
from fractus.services.volume.dialect.kind import Parameter, Verb, VolumeKind, having, public, rules_of
from fractus.services.volume.dialect.view import tokens
from fractus.services.volume.volume_types import schema
from fractus.store.listing import Filter, Filters
from fractus.store.schema import resource_table

#: The type that is there from the first (a migration makes it).
DEFAULT_ID = derived_id("volume type", DEFAULT_TYPE)

_SPECS, _ACCESS = "volume_extension:types_extra_specs", "volume_extension:volume_type_access"
GET = RuleDefault("volume_extension:type_get", CINDER_ADMIN_OR_READER, "Show a volume type.")
SPECS_SENSITIVE = RuleDefault(
    f"{_SPECS}:read_sensitive", CINDER_ADMIN, "See all extra specs of volume types."
)
SPECS_INDEX = RuleDefault(f"{_SPECS}:index", CINDER_ADMIN_OR_READER, "List the extra specs of a volume type.")
SPECS_GET = RuleDefault(f"{_SPECS}:get", CINDER_ADMIN_OR_READER, "Show an extra spec of a volume type.")
SPECS_CREATE = RuleDefault(f"{_SPECS}:create", CINDER_ADMIN, "Add extra specs to a volume type.")
SPECS_UPDATE = RuleDefault(f"{_SPECS}:update", CINDER_ADMIN, "Change an extra spec of a volume type.")
SPECS_DELETE = RuleDefault(f"{_SPECS}:delete", CINDER_ADMIN, "Remove an extra spec of a volume type.")
ACCESS_LIST = RuleDefault(
    f"{_ACCESS}:get_all_for_type", CINDER_ADMIN, "List the projects that may use a private volume type."
)
ACCESS_ADD = RuleDefault(
    f"{_ACCESS}:addProjectAccess", CINDER_ADMIN, "Let a project use a private volume type."
)
ACCESS_REMOVE = RuleDefault(
    f"{_ACCESS}:removeProjectAccess", CINDER_ADMIN, "Let a project no longer use a private volume type."
)
_ENCRYPTION, _DEFAULT = "volume_extension:volume_type_encryption", "volume_extension:default"
ENCRYPTION_GET = RuleDefault(f"{_ENCRYPTION}:get", CINDER_ADMIN, "Show how volumes of a type are encrypted.")
ENCRYPTION_CREATE = RuleDefault(f"{_ENCRYPTION}:create", CINDER_ADMIN, "Have volumes of a type encrypted.")
ENCRYPTION_UPDATE = RuleDefault(
    f"{_ENCRYPTION}:update", CINDER_ADMIN, "Change how volumes of a type are encrypted."
)
ENCRYPTION_DELETE = RuleDefault(
    f"{_ENCRYPTION}:delete", CINDER_ADMIN, "Have volumes of a type no longer encrypted."
)
DEFAULT_SET = RuleDefault(
    f"{_DEFAULT}_set_or_update", CINDER_ADMIN, "Set the default volume type of a project."
)
DEFAULT_GET = RuleDefault(f"{_DEFAULT}_get", CINDER_ADMIN, "Show the default volume type of a project.")
DEFAULT_LIST = RuleDefault(f"{_DEFAULT}_get_all", CINDER_ADMIN, "List the default volume types of projects.")
DEFAULT_UNSET = RuleDefault(
    f"{_DEFAULT}_unset", CINDER_ADMIN, "Let a project have the default volume type of all."
)
QOS = RuleDefault(
    "volume_extension:access_types_qos_specs_id", CINDER_ADMIN, "See the QoS specification of a type."
)

#: How volumes of a type are encrypted.
ENCRYPTION_FIELDS = ("cipher", "control_location", "key_size", "provider")

#: Extra specs that everybody sees (cinder.policies.type_extra_specs).
VISIBLE = ("RESKEY:availability_zones", "multiattach", "replication_enabled")

_MADE = "where we made it; the types of a cloud's own are its operator's, and never changed"
FIELDS = named([
    Field(name="name", post=True, put=True, carried=carried.CARRIED, why=_MADE),
    Field(name="description", post=True, put=True, carried=carried.CARRIED, why=_MADE),
    Field(name="is_public", put=True, carried=carried.CARRIED, why=_MADE),
    Field(name="extra_specs", post=True, carried=carried.CARRIED, why=_MADE),
])  # fmt: skip

TABLE = table_of(
    "volume_type", FIELDS,
    Column("live_name", String(255), nullable=True, unique=True),
    Column("is_public", Boolean, nullable=False),
    Column("description", String(255), nullable=False),
    Column("access", Text, nullable=False),
    Column("specs", Text, nullable=False),
)  # fmt: skip

#: The types that projects have by default: the id of a row is that of the project.
DEFAULTS = resource_table("default_volume_type", Column("type_id", String(36), nullable=False, index=True))
DEFAULT = Undeclared(name="default_volume_type", service="volume", table=DEFAULTS)


def summarise(resource: Resource, _presences: Sequence[Presence]) -> Summary:
    """How users see it."""
    desired = resource.desired
    specs: Mapping[str, Any] = desired["extra_specs"]
    document = {
        "id": resource.id,
        "name": desired["name"],
        "is_public": desired["is_public"],
        "description": desired["description"],
        "extra_specs": {name: specs[name] for name in VISIBLE if name in specs},
        "os-volume-type-access:is_public": desired["is_public"],
    }
    columns = {
        "live_name": None if resource.deleted_at is not None else desired["name"],
        "is_public": desired["is_public"],
        "description": (desired["description"] or "")[:255],
        "access": "".join(f"|{project}|" for project in desired["access"]),
        "specs": tokens(dict(specs)),
    }
    extra = {"extra_specs": specs, "qos_specs_id": desired.get("qos_specs_id")}
    return Summary("", document, extra, columns)


def wanted_of(resource: Resource, cloud: str) -> VolumeTypeWanted:
    """A type in a cloud, under its name there."""
    desired = resource.desired
    values = desired.get("encryption") or {}
    return VolumeTypeWanted(
        id=resource.id,
        name=desired["mapped"].get(cloud, desired["name"]),
        is_default=resource.id == DEFAULT_ID,
        encryption={name: values[name] for name in ENCRYPTION_FIELDS if values.get(name) is not None},
        description=desired["description"],
        is_public=desired["is_public"],
        extra_specs=dict(desired["extra_specs"]),
    )


def scope(project_id: str) -> Filters:
    """What a project may use: public types, and those that it was given access to."""
    escaped = project_id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return ([Filter("is_public", "eq", True), Filter("access", "like", f"%|{escaped}|%")],)


VERBS = {
    "index": Verb(
        rule=RuleDefault("volume_extension:type_get_all", CINDER_ADMIN_OR_READER, "List volume types.")
    ),
    "show": Verb(rule=GET),
    "create": Verb(
        rule=RuleDefault("volume_extension:type_create", CINDER_ADMIN, "Create a volume type."),
        schemas=(("", schema.CREATE),),
    ),
    "update": Verb(
        rule=RuleDefault("volume_extension:type_update", CINDER_ADMIN, "Change a volume type."),
        schemas=(("", schema.UPDATE),),
    ),
    "delete": Verb(
        rule=RuleDefault("volume_extension:type_delete", CINDER_ADMIN, "Delete a volume type."), status=202
    ),
}

KIND = VolumeKind(
    name="volume_type",
    collection="volume_types",
    path="types",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="Volume type {} could not be found.",
    links="volume_type_links",
    unchanged=("os-volume-type-access:is_public", "qos_specs_id"),
    filters={
        "is_public": Parameter(public),
        "extra_specs": Parameter(lambda text: having("specs", text)),
        "name": Parameter(lambda text: (Filter("name", "eq", text),)),
        "description": Parameter(lambda text: (Filter("description", "eq", text),)),
    },
    open_filters=("is_public", "extra_specs"),
    sorts={
        "id": "id", "name": "name", "created_at": "created_at", "updated_at": "updated_at", "is_public": "is_public",
        "description": "description",
    },
    scope=scope,
    target=lambda _resource: {},
    read_rules={"extra_specs": SPECS_SENSITIVE.name, "qos_specs_id": QOS.name},
    rules=rules_of(
        VERBS, SPECS_SENSITIVE, SPECS_INDEX, SPECS_GET, SPECS_CREATE, SPECS_UPDATE, SPECS_DELETE, ACCESS_LIST,
        ACCESS_ADD, ACCESS_REMOVE, QOS, ENCRYPTION_GET, ENCRYPTION_CREATE, ENCRYPTION_UPDATE, ENCRYPTION_DELETE,
        DEFAULT_SET, DEFAULT_GET, DEFAULT_LIST, DEFAULT_UNSET,
    ),
    vocabulary=VOCABULARY,
)  # fmt: skip
