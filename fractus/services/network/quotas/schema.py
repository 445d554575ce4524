"""What may be said of quotas, and Neutron's sentences about what may not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import malformed

_LEAST = -1


class Asked(Struct, frozen=True):
    """Limits to be set. `force`: also below what is used."""

    limits: Mapping[str, int]
    force: bool


def asked(body: Any, names: Collection[str]) -> Asked:
    """The body of PUT quotas, read. `check_limit` says what is done anyway."""
    if not isinstance(body, dict) or body.get("quota") is None:
        raise malformed("Unable to find 'quota' in request body")
    quota = body["quota"]
    if not isinstance(quota, dict):
        raise malformed("Object 'quota' contains invalid data")
    given = {name: value for name, value in quota.items() if name not in ("force", "check_limit")}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise malformed(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    return Asked({name: _limit(name, given[name]) for name in given}, quota.get("force") is True)


def _limit(name: str, value: Any) -> int:
    number = values.to_int(value)
    if number < _LEAST:
        raise malformed(
            f"Invalid input for {name}. Reason: '{number}' is too small - must be at least '{_LEAST}'."
        )
    return number
