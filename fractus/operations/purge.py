"""Dropping what was deleted long ago, kind by kind."""

from __future__ import annotations

from fractus.operations.parts import OperatorParts
from fractus.reconcile.queue import purge


async def count(parts: OperatorParts, kind: str, before: float) -> int:
    """How many were deleted before that time and can go."""
    number, after = 0, ""
    while True:
        step = await purge.look(parts.store, parts.resources, kind, after, before)
        number += len(step.ids)
        after = step.after
        if not after:
            return number


async def drop(parts: OperatorParts, kind: str, before: float) -> int:
    """Drop those; how many that were."""
    number, after = 0, ""
    while True:
        step = await purge.purge(parts.store, parts.resources, kind, after, before)
        number += len(step.ids)
        after = step.after
        if not after:
            return number
