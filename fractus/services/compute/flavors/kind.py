"""Flavors, declared: sizes of servers, made by admins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Boolean, Column, Float, String, Text

from fractus.auth.base_rules import ANY, NOVA_ADMIN, NOVA_READER_OR_ADMIN
from fractus.auth.policy import RuleDefault
from fractus.model.carried import CARRIED, OURS, REFUSED
from fractus.model.compute import FLAVOR as VOCABULARY
from fractus.model.resource import Presence, Resource
from fractus.services.compute.dialect.kind import ComputeKind, Parameter, Verb, rules_of, summary_of
from fractus.services.compute.dialect.schema import values
from fractus.services.compute.dialect.schema.fields import ComputeField as Field
from fractus.services.compute.dialect.view import STORED, links
from fractus.services.compute.flavors import schema
from fractus.services.field import named, number
from fractus.services.kind import table_of
from fractus.store.listing import Filter, Filters

_MANAGE, _SPECS, _ACCESS = (
    f"os_compute_api:os-flavor-{part}" for part in ("manage", "extra-specs", "access")
)

#: Nova asks nothing of those who list or show flavors; a name of ours, for every route has a rule.
SEE = RuleDefault("fractus:compute:flavors", ANY, "List and show flavors.")
SPECS_INDEX = RuleDefault(
    f"{_SPECS}:index", NOVA_READER_OR_ADMIN, "List extra specs; since 2.61 also see them in flavors."
)
SPECS_SHOW = RuleDefault(f"{_SPECS}:show", NOVA_READER_OR_ADMIN, "Show an extra spec of a flavor.")
SPECS_CREATE = RuleDefault(f"{_SPECS}:create", NOVA_ADMIN, "Add extra specs to a flavor.")
SPECS_UPDATE = RuleDefault(f"{_SPECS}:update", NOVA_ADMIN, "Change an extra spec of a flavor.")
SPECS_DELETE = RuleDefault(f"{_SPECS}:delete", NOVA_ADMIN, "Remove an extra spec of a flavor.")
ACCESS = RuleDefault(_ACCESS, NOVA_ADMIN, "List the projects that may use a private flavor.")
ACCESS_ADD = RuleDefault(f"{_ACCESS}:add_tenant_access", NOVA_ADMIN, "Let a project use a private flavor.")
ACCESS_REMOVE = RuleDefault(
    f"{_ACCESS}:remove_tenant_access", NOVA_ADMIN, "Let a project no longer use a private flavor."
)


def _size(name: str, minimum: int, desired: str = "", **more: Any) -> Field:
    kept = desired or name
    return Field(
        name, post=True, convert=int, check=values.integer(minimum), desired=kept, column=number(kept), **more
    )


FIELDS = named([
    Field(
        "name", post=True, convert=str.strip, check=values.name(), carried=REFUSED,
        why="Nova has no way to change it; so its sizes",
    ),
    # What users call a flavor. It is also our id, except for a flavor that takes over the flavorid of one that was
    # deleted and has not left every cloud yet (servers that were built with it still run there): its row stays as a
    # tombstone, so the new one gets an id of its own.
    Field(
        "id", post=True, default=UNSET, check=schema.check_id, desired="flavorid", shown="",
        convert=lambda value: str(value) if value else UNSET,
    ),
    _size("ram", 1),
    _size("vcpus", 1),
    _size("disk", 0),
    _size("OS-FLV-EXT-DATA:ephemeral", 0, "ephemeral", default=0),
    _size("swap", 0, default=0),
    Field("OS-FLV-DISABLED:disabled", desired="disabled", until="2.102"),
    Field("rxtx_factor", post=True, default=1.0, convert=float, check=schema.check_factor, until="2.102"),
    Field(
        "os-flavor-access:is_public", post=True, default=True, convert=lambda value: value in values.TRUE,
        check=values.boolean, desired="is_public", carried=REFUSED,
        why="Nova has no way to change it; a flavor is made in a cloud as it is here",
    ),
    Field(
        "description", post=True, put=True, default=None, check=schema.check_description, since="2.55", carried=OURS,
        why="the description there holds our mark; kept there for a rebuild",
    ),
    Field("extra_specs", desired="extra_specs", since="2.61", read_rule=SPECS_INDEX.name, carried=CARRIED),
    Field("access", desired="access", shown="", carried=CARRIED, why="those that use it in that cloud"),
])  # fmt: skip


def flavorid(resource: Resource) -> str:
    """What users call it."""
    name: str = resource.desired.get("flavorid", resource.id)
    return name


def _derived(resource: Resource, _presences: Sequence[Presence]) -> dict[str, Any]:
    return {"id": flavorid(resource), "links": links(STORED, "flavors", flavorid(resource))}


def _columns(resource: Resource, _presences: Sequence[Presence]) -> dict[str, Any]:
    desired, gone = resource.desired, resource.deleted_at is not None
    return {
        "flavorid": flavorid(resource),
        "live_id": None if gone else flavorid(resource),
        "live_name": None if gone else desired["name"],
        **{name: desired[name] for name in ("rxtx_factor", "is_public", "disabled")},
        "description": (desired["description"] or "")[:255],
        "access": "".join(f"|{project}|" for project in desired["access"]),
    }


#: `live_id` and `live_name` are unique and empty once deleted. `access` holds `|project|` for each project that may use
#: a private flavor.
TABLE = table_of(
    "flavor", FIELDS,
    Column("flavorid", String(255), nullable=False),
    Column("live_id", String(255), nullable=True, unique=True),
    Column("live_name", String(255), nullable=True, unique=True),
    Column("rxtx_factor", Float, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("description", String(255), nullable=False),
    Column("access", Text, nullable=False),
    order=("flavorid", "live_id", "live_name", "vcpus"),
)  # fmt: skip


def allowed(project_id: str) -> list[Filter]:
    """What a project may use, either of them: public flavors, and those that it was given access to."""
    either = [Filter("is_public", "eq", True)]
    if project_id:
        escaped = project_id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        either.append(Filter("access", "like", f"%|{escaped}|%"))
    return either


def scope(project_id: str) -> Filters:
    """What a project sees."""
    return (allowed(project_id), Filter("disabled", "eq", False))


def _least(name: str, column: str) -> Parameter:
    return Parameter(name, filters=lambda text: (Filter(column, "ge", schema.least(name, text)),))


_LISTING = (
    *(Parameter(name) for name in ("limit", "marker", "is_public", "sort_key", "sort_dir")),
    _least("minRam", "ram"),
    _least("minDisk", "disk"),
    Parameter("name", since="2.102", filters=lambda text: (Filter("name", "regex", text),)),
)
VERBS = {
    "index": Verb(rule=SEE, summary="List flavors.", strict="2.75", parameters=_LISTING),
    "detail": Verb(
        rule=SEE, summary="List flavors with all that is known of them.", strict="2.75", parameters=_LISTING
    ),
    "create": Verb(rule=RuleDefault(f"{_MANAGE}:create", NOVA_ADMIN, "Create a flavor.")),
    "show": Verb(rule=SEE, summary="Show a flavor.", strict="2.102"),
    "update": Verb(
        rule=RuleDefault(f"{_MANAGE}:update", NOVA_ADMIN, "Change the description of a flavor."), since="2.55"
    ),
    "delete": Verb(rule=RuleDefault(f"{_MANAGE}:delete", NOVA_ADMIN, "Delete a flavor."), status=202),
}

KIND = ComputeKind(
    name="flavor",
    collection="flavors",
    key="flavor_id",
    fields=FIELDS,
    table=TABLE,
    live="live_id",
    marked_by="flavorid",
    summarise=summary_of(
        "id name ram disk swap OS-FLV-EXT-DATA:ephemeral vcpus os-flavor-access:is_public links description"
        " extra_specs",
        FIELDS, derived=_derived, columns=_columns,
    ),
    listed="id name links description",
    linked=True,
    # Where Nova falls back on its row number, ours is when the flavor was made.
    sorts={
        "created_at": "created_at", "description": "description", "disabled": "disabled",
        "ephemeral_gb": "ephemeral", "flavorid": "flavorid", "id": "created_at", "is_public": "is_public",
        "memory_mb": "ram", "name": "name", "root_gb": "disk", "rxtx_factor": "rxtx_factor", "swap": "swap",
        "updated_at": "updated_at", "vcpu_weight": "created_at", "vcpus": "vcpus",
    },
    scope=scope,
    missing="Flavor {} could not be found.",
    marker_missing="marker [{}] not found",
    taken="Flavor with ID {live} already exists.",
    verbs=VERBS,
    rules=rules_of(
        VERBS, SPECS_INDEX, SPECS_SHOW, SPECS_CREATE, SPECS_UPDATE, SPECS_DELETE, ACCESS, ACCESS_ADD, ACCESS_REMOVE
    ),
    vocabulary=VOCABULARY,
)  # fmt: skip
