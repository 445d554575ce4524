"""Attachments of volumes, declared. Their routes are those of the servers that have them."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.resource import AWAIT, BLOCKED, IF_PRESENT, Need, Presence, Resource, Summary
from fractus.store.schema import resource_table

TABLE = resource_table("volume_attachment")

ATTACHING, ATTACHED, DETACHING, DETACHED, ERROR = "attaching", "attached", "detaching", "detached", "error"
"""States of an attachment. DETACHED: its cloud has it no more, and has not been asked yet how the volume is now."""

BOOT = "boot"
"""Key of `desired`: the server is built with the volume, so its cloud attaches it, and nobody asks for that again."""


def needs(attachment: Resource) -> list[Need]:
    """It is where its volume is. Its server is there too, and may leave before it: a cloud ends the attachments of a
    server that it deletes.
    """
    desired = attachment.desired
    return [
        Need("volume", desired["volume_id"], mode=AWAIT),
        Need("server", desired["server_id"], mode=IF_PRESENT),
    ]


def summarise(attachment: Resource, presences: Sequence[Presence] = ()) -> Summary:
    """How far it is; the rest is shown by its server and its volume."""
    there = next((one for one in presences if one.wanted), None)
    observed = (there.observed or {}) if there is not None else {}
    status = observed.get("status") or ATTACHING
    if not attachment.wanted:
        status = DETACHING
    elif there is not None and there.state == BLOCKED and there.generation == attachment.generation:
        status = ERROR
    document = {
        "id": attachment.id,
        "status": status,
        "device": observed.get("device") or attachment.desired["device"],
        "attached_at": observed.get("attached_at", ""),
    }
    return Summary(status, document, columns={"name": ""})
