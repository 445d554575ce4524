"""Wanted against seen, field by field. What a cloud does not say is not compared (absent is not empty). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fractus.model.cloud import Seen, Wanted
from fractus.reconcile.kind import Difference


def differing(wanted: Wanted, seen: Seen, names: Iterable[str]) -> dict[str, Any]:
    """The wanted values of those fields that the cloud says otherwise, as the body of an update."""
    body = {}
    for name in names:
        there = getattr(seen, name)
        if there is None:
            continue
        value = getattr(wanted, name)
        if value != there:
            body[name] = value
    return body


def differences(
    wanted: Wanted, seen: Seen, names: Iterable[str], fixed: Iterable[str] = ()
) -> list[Difference]:
    """Those fields that the cloud says otherwise; what was found in `fixed` ones cannot become the wish."""
    fixed = frozenset(fixed)
    return [
        Difference(name, value, getattr(seen, name), adopts=name not in fixed)
        for name, value in differing(wanted, seen, names).items()
    ]


def unordered(rows: Iterable[dict[str, Any]]) -> list[tuple[tuple[str, str], ...]]:
    """A list whose order means nothing, in a form that can be compared."""
    return sorted(tuple(sorted((key, str(value).lower()) for key, value in row.items())) for row in rows)
