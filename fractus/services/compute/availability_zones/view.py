"""Availability zones as Nova shows them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from fractus.base.clock import iso_micro


class Zone(Struct, frozen=True):
    """What is known of a cloud: whether servers may be put there, and whether and when it last answered."""

    name: str
    open: bool
    answers: bool
    seen_at: float | None


def listed(zone: Zone) -> dict[str, Any]:
    """For everybody."""
    available = zone.open and zone.answers
    return {"zoneName": zone.name, "zoneState": {"available": available}, "hosts": None}


def detailed(zone: Zone) -> dict[str, Any]:
    """For admins. Behind a zone of ours stands one host, the whole cloud: its compute API is our nova-compute."""
    service = {
        "available": zone.answers,
        "active": zone.open,
        "updated_at": None if zone.seen_at is None else iso_micro(zone.seen_at // 1),
    }
    return {**listed(zone), "hosts": {zone.name: {"nova-compute": service}}}


def document(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The list: first what is available, then what is not, each by name, as in Nova."""
    order = sorted(entries, key=lambda e: (not e["zoneState"]["available"], e["zoneName"]))
    return {"availabilityZoneInfo": order}
