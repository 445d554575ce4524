"""Availability zone hints, which networks and routers have (neutron_lib.api.definitions.availability_zone). Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from fractus.model.errors import ApiError
from fractus.services.field import Bound, Field, text
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import invalid_input, not_found

#: Characters that Neutron keeps hints in, as JSON.
_SIZE = 255


def _too_many(_of: str = "") -> ApiError:
    return invalid_input("Too many availability_zone_hints specified")


def _check(value: Any) -> str | None:
    wrong = values.unique(values.string(_SIZE))(value)
    if not wrong and len(json.dumps(value)) > _SIZE:
        raise _too_many()
    return wrong


HINTS = Field(
    "availability_zone_hints", post=True, default=[], bound=Bound(_SIZE // 5, _too_many), check=_check,
    sort="hints", column=text("hints", _SIZE, ",".join),
)  # fmt: skip


def check_known(hints: Sequence[str], clouds: Collection[str]) -> None:
    """Refuse hints that no cloud has the name of, or that the column has no room for."""
    if len(",".join(hints)) > _SIZE:
        raise _too_many()
    for hint in hints:
        if hint not in clouds:
            raise not_found("availability_zone", hint)
