"""Where a resource is, and why."""

from __future__ import annotations

from typing import Any

import msgspec

from fractus.base.clock import iso
from fractus.model.resource import Presence, Resource
from fractus.operations.parts import OperatorParts
from fractus.store import clouds, presences, work
from fractus.store.work import Pending


async def describe(parts: OperatorParts, id: str, kind: str | None) -> list[dict[str, Any]]:
    """Everything that is known of the resources with this id, here or in a cloud."""
    found = []
    kinds = [kind] if kind else list(parts.resources.tables)
    named = [(one, id) for one in kinds]
    named += [key for key in await _with_remote_id(parts, kinds, id) if key not in named]
    answered_at = await clouds.answered_at(parts.store)
    for one, ours in named:
        resource = await parts.resources.fetch(parts.store, one, ours)
        if resource is not None:
            every = await presences.of_resource(parts.store, one, ours)
            pending = await work.about(parts.store, one, ours)
            found.append(
                document(resource, every, pending, answered_at, parts.settings.work.stale_after, parts.now())
            )
    return found


async def _with_remote_id(parts: OperatorParts, kinds: list[str], id: str) -> list[tuple[str, str]]:
    """(kind, our id) of what has this id in some cloud."""
    found = []
    for row in await clouds.every(parts.store):
        for kind in kinds:
            there = await presences.by_remote(parts.store, row.name, kind, id)
            if there is not None and (kind, there.id) not in found:
                found.append((kind, there.id))
    return found


def document(
    resource: Resource,
    every: list[Presence],
    pending: list[Pending],
    answered_at: dict[str, float | None],
    stale_after: float,
    now: float,
) -> dict[str, Any]:
    """All of one resource, as `fractus resource show` prints it."""
    return {
        "kind": resource.kind,
        "id": resource.id,
        "name": resource.name,
        "project_id": resource.project_id,
        "status": resource.status,
        "generation": resource.generation,
        "wanted": resource.wanted,
        "created_at": iso(resource.created_at),
        "deleted_at": iso(resource.deleted_at) if resource.deleted_at else None,
        "home": resource.home,
        "choice": resource.choice,
        "presences": [
            {
                "cloud": one.cloud,
                "state": one.state,
                "wanted": one.wanted,
                "role": one.role,
                "remote_id": one.remote_id,
                "generation": one.generation,
                "observed_at": iso(one.observed_at) if one.observed_at else None,
                "stale": _stale(answered_at.get(one.cloud), stale_after, now),
                "creating_since": iso(one.creating_since) if one.creating_since else None,
                "error": one.error,
            }
            for one in every
        ],
        "pending": [
            {**msgspec.to_builtins(one), "due_at": iso(one.due_at), "cloud": one.cloud or "(whole)"}
            for one in pending
        ],
    }


def _stale(seen: float | None, stale_after: float, now: float) -> bool:
    return seen is None or now - seen > stale_after
