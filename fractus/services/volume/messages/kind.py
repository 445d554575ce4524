"""Messages, declared. What they say, and its numbers, are Cinder's (cinder.message.message_field)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Double, String

from fractus.auth.base_rules import CINDER_ADMIN_OR_MEMBER, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.base.clock import iso_micro
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.field import named
from fractus.services.kind import table_of
from fractus.services.volume.dialect.kind import Verb, VolumeKind, equals, own, rules_of, target
from fractus.services.volume.dialect.view import links

#: Number of an action -> what it is called.
ACTIONS = {
    "001": "schedule allocate volume",
    "005": "copy image to volume",
    "007": "extend volume",
    "008": "create volume from backend storage",
    "009": "create snapshot",
    "013": "create backup",
}

#: Number of what was wrong -> what is said of that.
DETAILS = {
    "001": "An unknown error occurred.",
    "003": "Could not find any available weighted backend.",
    "010": "Volume Driver failed to extend volume.",
    "012": "Driver failed to create the volume.",
    "013": "Snapshot failed to create.",
    "020": "Backup driver failed to create backup.",
}

TABLE = table_of(
    "volume_message", named([]),
    Column("resource_uuid", String(36), nullable=False, index=True),
    Column("resource_type", String(32), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)  # fmt: skip


def summarise(resource: Resource, _presences: Sequence[Presence]) -> Summary:
    """As its project sees it."""
    desired = resource.desired
    about, type_ = desired["resource_uuid"], desired["resource_type"]
    action, detail = desired["action"], desired["detail"]
    event = f"VOLUME_{type_}_{action}_{detail}"
    document = {
        "id": resource.id,
        "event_id": event,
        "user_message": f"{ACTIONS[action]}:{DETAILS[detail]}",
        "message_level": "ERROR",
        "created_at": iso_micro(resource.created_at),
        "guaranteed_until": iso_micro(desired["expires_at"]),
        "request_id": resource.request_id,
        "links": links("messages", resource.id),
        "resource_type": type_,
        "resource_uuid": about,
    }
    columns = {
        "resource_uuid": about,
        "resource_type": type_,
        "event_id": event,
        "expires_at": desired["expires_at"],
    }
    return Summary("ERROR", document, None, columns)


_SINCE = "3.3"

VERBS = {
    "index": Verb(
        rule=RuleDefault("message:get_all", CINDER_ADMIN_OR_READER, "List messages."), since=_SINCE
    ),
    "show": Verb(rule=RuleDefault("message:get", CINDER_ADMIN_OR_READER, "Show a message."), since=_SINCE),
    "delete": Verb(
        rule=RuleDefault("message:delete", CINDER_ADMIN_OR_MEMBER, "Delete a message."), status=204, since=_SINCE
    ),
}  # fmt: skip

KIND = VolumeKind(
    name="volume_message",
    resource="message",
    collection="messages",
    fields=named([]),
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="Message {} could not be found.",
    linked=True,
    filters={
        **{name: equals(name) for name in ("resource_uuid", "resource_type", "event_id", "request_id")},
        "message_level": equals("status"),
    },
    open_filters=("resource_uuid", "resource_type", "event_id", "request_id", "message_level"),
    sorts={
        **{name: name for name in (
            "id", "created_at", "updated_at", "resource_uuid", "resource_type", "event_id", "request_id",
        )},
        "expires_at": "expires_at", "message_level": "status",
    },
    scope=own,
    target=target,
    rules=rules_of(VERBS),
)  # fmt: skip
