"""Transfers of volumes, declared."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Index, String

from fractus.auth.base_rules import CINDER_ADMIN_OR_MEMBER, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.field import Field, named
from fractus.services.kind import table_of
from fractus.services.volume.dialect.kind import Verb, VolumeKind, equals, own, rules_of, target
from fractus.services.volume.dialect.view import links, stamps
from fractus.services.volume.transfers import schema

ACCEPT = RuleDefault("volume:accept_transfer", CINDER_ADMIN_OR_MEMBER, "Take a volume that is offered.")

FIELDS = named([Field(name="name", post=True)])

TABLE = table_of(
    "volume_transfer", FIELDS,
    Column("volume_id", String(36), nullable=False),
    Index("volume_transfer_by_volume", "volume_id"),
)  # fmt: skip


def summarise(resource: Resource, _presences: Sequence[Presence]) -> Summary:
    """How its project sees it: the key is shown once, to who makes it."""
    desired = resource.desired
    document = {
        "id": resource.id,
        "created_at": stamps(resource)["created_at"],
        "name": desired["name"],
        "volume_id": desired["volume_id"],
        # Cinder names both collections of them by the older path.
        "links": links("os-volume-transfer", resource.id),
        "no_snapshots": desired["no_snapshots"],
        "destination_project_id": None,
        "source_project_id": resource.project_id,
        "accepted": False,
    }
    return Summary("", document, None, {"volume_id": desired["volume_id"]})


_LIST = RuleDefault("volume:get_all_transfers", CINDER_ADMIN_OR_READER, "List transfers of volumes.")
VERBS = {
    "index": Verb(rule=_LIST),
    "detail": Verb(rule=_LIST),
    "show": Verb(rule=RuleDefault("volume:get_transfer", CINDER_ADMIN_OR_READER, "Show a transfer of a volume.")),
    "create": Verb(
        rule=RuleDefault("volume:create_transfer", CINDER_ADMIN_OR_MEMBER, "Offer a volume to another project."),
        status=202, schemas=(("", schema.CREATE), ("3.55", schema.CREATE_355)),
    ),
    "delete": Verb(
        rule=RuleDefault("volume:delete_transfer", CINDER_ADMIN_OR_MEMBER, "Offer a volume no longer."), status=202
    ),
}  # fmt: skip

KIND = VolumeKind(
    name="volume_transfer",
    resource="transfer",
    collection="transfers",
    path="volume-transfers",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="Transfer {} could not be found.",
    listed="id volume_id name links",
    linked=True,
    added={
        "no_snapshots": "3.55", "destination_project_id": "3.57", "source_project_id": "3.57", "accepted": "3.57",
    },
    filters={**{name: equals(name) for name in ("name", "volume_id", "id")}, "display_name": equals("name")},
    open_filters=("name", "display_name", "volume_id", "id"),
    sorts={name: name for name in ("id", "name", "created_at", "updated_at", "volume_id")},
    scope=own,
    target=target,
    rules=rules_of(VERBS, ACCEPT),
)  # fmt: skip
