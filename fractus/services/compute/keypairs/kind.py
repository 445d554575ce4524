"""Keypairs, declared."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Column, String

from fractus.auth.base_rules import NOVA_ADMIN
from fractus.auth.policy import RuleDefault
from fractus.model.carried import REFUSED
from fractus.model.compute import KEYPAIR as VOCABULARY
from fractus.model.resource import Presence, Resource
from fractus.services.compute.dialect.costs import one_of
from fractus.services.compute.dialect.kind import ComputeKind, Parameter, Verb, rules_of, summary_of
from fractus.services.compute.dialect.schema import values
from fractus.services.compute.dialect.schema.fields import ComputeField as Field
from fractus.services.compute.dialect.view import soft_deleted
from fractus.services.field import named
from fractus.services.kind import table_of

FIELDS = named([
    Field(
        "name", post=True, convert=str.strip, check=values.name(r"^[_\- a-zA-Z0-9]+$"),
        check_since=("2.92", values.name(r"^[_\-\@\. a-zA-Z0-9]+$")),
        carried=REFUSED, why="Nova has no way to change a keypair",
    ),
    Field(
        "public_key", post=True, default=UNSET, required_since="2.92", check=values.string, carried=REFUSED,
        why="Nova has no way to change a keypair; a new one of the same name is another",
    ),
    Field("user_id", post=True, default=UNSET, given_since="2.10", check=values.string),
    Field("type", post=True, default="ssh", since="2.2", check=values.one_of("ssh", "x509")),
    Field("fingerprint", desired="fingerprint"),
])  # fmt: skip


def live(user_id: str, name: str) -> str:
    """What is unique among the keys of all users."""
    return f"{user_id}/{name}"


def _derived(resource: Resource, _presences: Sequence[Presence]) -> dict[str, Any]:
    """The id is a number in Nova; ours is made from the key's own id."""
    return {"id": uuid.UUID(resource.id).int % 0x7FFFFFFF, **soft_deleted(resource.created_at)}


def _columns(resource: Resource, _presences: Sequence[Presence]) -> dict[str, Any]:
    return {"live": None if resource.deleted_at is not None else live(resource.user_id, resource.name)}


def _verb(name: str, description: str, *parameters: Parameter, **more: Any) -> Verb:
    rule = RuleDefault(f"os_compute_api:os-keypairs:{name}", _OWN, description)
    return Verb(rule=rule, strict="2.75" if parameters else "", parameters=parameters, **more)


_OWN = f"({NOVA_ADMIN}) or user_id:%(user_id)s"
_USER = Parameter("user_id", since="2.10")
_PAGES = Parameter("limit", since="2.35"), Parameter("marker", since="2.35")
VERBS = {
    "index": _verb("index", "List the keypairs of a user.", _USER, *_PAGES),
    "create": _verb(
        "create", "Create a keypair for a user.", status_since=("2.2", 201),
        summary="Keep a public key, or make a pair (before 2.92).",
    ),
    "delete": _verb(
        "delete", "Delete a keypair of a user.", _USER, summary="Delete a keypair.",
        status=202, status_since=("2.2", 204),
    ),
    "show": _verb("show", "Show a keypair of a user.", _USER, summary="Show a keypair."),
}  # fmt: skip

KIND = ComputeKind(
    name="keypair",
    collection="keypairs",
    path="os-keypairs",
    key="name",
    fields=FIELDS,
    # Our id is another one for each key ever made, for a name may be used again while servers still run with the old.
    table=table_of("keypair", FIELDS, Column("live", String(400), nullable=True, unique=True)),
    marked_by="name",
    summarise=summary_of(
        "name public_key fingerprint user_id created_at deleted deleted_at id updated_at type",
        FIELDS, derived=_derived, columns=_columns,
    ),
    listed="name public_key fingerprint type",
    created="type name public_key fingerprint user_id",
    wrapped=True,
    taken="Key pair '{name}' already exists.",
    marker_missing="Marker {} could not be found.",
    verbs=VERBS,
    rules=rules_of(VERBS),
    costs=one_of("key_pairs", per_user=True),
    noted=("user_id", "name"),
    vocabulary=VOCABULARY,
)  # fmt: skip
