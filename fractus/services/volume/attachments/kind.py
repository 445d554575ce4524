"""Attachments of volumes, declared: those that servers have, and those that are asked for from block storage alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Index, String

from fractus.auth.base_rules import CINDER_ADMIN, CINDER_ADMIN_OR_MEMBER, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.model.resource import AWAIT, BLOCKED, IF_PRESENT, Need, Presence, Resource, Summary
from fractus.services.field import named
from fractus.services.kind import table_of
from fractus.services.volume.attachments import schema
from fractus.services.volume.dialect.kind import Verb, VolumeKind, equals, own, rules_of, target

COMPLETE = RuleDefault("volume:attachment_complete", CINDER_ADMIN_OR_MEMBER, "Say that a volume is attached.")
_ACTIONS = "volume_extension:volume_actions"
ATTACH = RuleDefault(f"{_ACTIONS}:attach", CINDER_ADMIN_OR_MEMBER, "Write down that a volume is attached.")
DETACH = RuleDefault(
    f"{_ACTIONS}:detach", CINDER_ADMIN_OR_MEMBER, "Write down that a volume is attached no longer."
)
FORCE_DETACH = RuleDefault(
    "volume_extension:volume_admin_actions:force_detach",
    CINDER_ADMIN,
    "Write down that a volume is attached no longer, whatever its cloud thinks of it.",
)

#: Fields that came with a migration have a default in the database: processes of the version before write none.
TABLE = table_of(
    "volume_attachment", named([]),
    Column("volume_id", String(36), nullable=False, default="", server_default=""),
    Column("server_id", String(36), nullable=False, default="", server_default=""),
    Column("attach_status", String(32), nullable=False, default="", server_default=""),
    younger=("volume_id", "server_id", "attach_status"),
)  # fmt: skip

ATTACHING, ATTACHED, DETACHING, DETACHED, ERROR = "attaching", "attached", "detaching", "detached", "error"
"""States of an attachment. DETACHED: its cloud has it no more, and has not been asked yet how the volume is now."""

RESERVED = "reserved"
"""The state of one that nothing is connected to yet."""

Index("volume_attachment_by_volume", TABLE.c.volume_id)

BOOT = "boot"
"""Key of `desired`: the server is built with the volume, so its cloud attaches it, and nobody asks for that again."""

DIRECT = "direct"
"""Key of `desired` of one that block storage is asked for, and no server: `RESERVE`, or `NOTE`, which only writes down
that the volume is attached."""

RESERVE, NOTE = "reserve", "note"

#: Our state -> Cinder's word. One that is being detached is attached until it is not.
_WORDS = {DETACHING: ATTACHED, ERROR: "error_attaching"}


def attachment_of(
    server: Resource, volume: Resource, entry: Mapping[str, Any], *, asked_device: str = "", **more: Any
) -> Resource:
    """That a server has a volume. `entry`: as the server keeps it (`attachment_id`, `device`, `tag`,
    `delete_on_termination`); `more`: of what is desired of it.
    """
    return Resource(
        kind="volume_attachment",
        id=entry["attachment_id"],
        project_id=server.project_id,
        user_id=server.user_id,
        desired={
            "name": "",
            "server_id": server.id,
            "volume_id": volume.id,
            "device": entry["device"],
            "asked_device": asked_device,
            "tag": entry["tag"] or "",
            "delete_on_termination": entry["delete_on_termination"],
            **more,
        },
    )


def needs(attachment: Resource) -> list[Need]:
    """It is where its volume is. Its server is there too, and may leave before it: a cloud ends the attachments of a
    server that it deletes. What it is attached to need not be a server of ours; and one that block storage is asked
    for is made of a volume that is there, in whatever state.
    """
    desired = attachment.desired
    server = desired["server_id"] if desired.get("server_is_ours", True) else ""
    return [
        Need("volume", desired["volume_id"], mode=IF_PRESENT if desired.get(DIRECT) else AWAIT),
        *([Need("server", server, mode=IF_PRESENT)] if server else []),
    ]


def state_of(attachment: Resource, there: Presence | None) -> str:
    """How far it is."""
    observed = (there.observed or {}) if there is not None else {}
    if not attachment.wanted:
        return DETACHING
    if there is not None and there.state == BLOCKED and there.generation == attachment.generation:
        return ERROR
    first = RESERVED if attachment.desired.get(DIRECT) == RESERVE else ATTACHING
    return observed.get("status") or first


def summarise(attachment: Resource, presences: Sequence[Presence] = ()) -> Summary:
    """As Cinder shows it, but for what only its cloud can say: to what the volume is connected, and how."""
    there = next((one for one in presences if one.wanted), None)
    observed = (there.observed or {}) if there is not None else {}
    desired, state = attachment.desired, state_of(attachment, there)
    word = _WORDS.get(state, state)
    document = {
        "id": attachment.id,
        "status": word,
        "instance": desired["server_id"] or None,
        "volume_id": desired["volume_id"],
        "attached_at": observed.get("attached_at", ""),
        "detached_at": "",
        "attach_mode": observed.get("mode") or desired.get("mode") or "rw",
        "connection_info": {},
        # What servers and volumes show, and attachments do not.
        "device": observed.get("device") or desired["device"],
    }
    columns = {
        "name": "",
        "volume_id": desired["volume_id"],
        "server_id": desired["server_id"],
        "attach_status": word,
    }
    return Summary(state, document, columns=columns)


_LIST = RuleDefault("volume:get_all", CINDER_ADMIN_OR_READER, "List attachments of volumes.")
_SINCE = "3.27"

VERBS = {
    "index": Verb(rule=_LIST, since=_SINCE),
    "detail": Verb(rule=_LIST, since=_SINCE),
    "show": Verb(
        rule=RuleDefault("volume:get", CINDER_ADMIN_OR_READER, "Show an attachment of a volume."), since=_SINCE
    ),
    "create": Verb(
        rule=RuleDefault("volume:attachment_create", CINDER_ADMIN_OR_MEMBER, "Attach or reserve a volume."),
        since=_SINCE, schemas=(("", schema.CREATE), ("3.54", schema.CREATE_MODE)),
    ),
    "update": Verb(
        rule=RuleDefault("volume:attachment_update", CINDER_ADMIN_OR_MEMBER, "Connect a volume that is reserved."),
        since=_SINCE, schemas=(("", schema.UPDATE),),
    ),
    "delete": Verb(
        rule=RuleDefault("volume:attachment_delete", CINDER_ADMIN_OR_MEMBER, "Delete an attachment of a volume."),
        since=_SINCE,
    ),
}  # fmt: skip

KIND = VolumeKind(
    name="volume_attachment",
    resource="attachment",
    collection="attachments",
    fields=named([]),
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="Volume attachment could not be found with filter: attachment_id = {}.",
    listed="id status instance volume_id",
    filters={
        "volume_id": equals("volume_id"),
        "instance_id": equals("server_id"),
        "status": equals("attach_status"),
        "attach_status": equals("attach_status"),
    },
    open_filters=("volume_id", "status", "instance_id", "attach_status"),
    sorts={
        **{name: name for name in ("id", "created_at", "updated_at", "volume_id", "attach_status")},
        "instance_uuid": "server_id",
    },
    scope=own,
    target=target,
    rules=rules_of(
        {name: verb for name, verb in VERBS.items() if name in ("create", "update", "delete")},
        COMPLETE, ATTACH, DETACH, FORCE_DETACH,
    ),
    needs=needs,
)  # fmt: skip
