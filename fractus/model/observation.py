"""What was last seen of a presence, in the words of its kind."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from fractus.model.cloud import Observed
from fractus.model.resource import Presence

S = TypeVar("S", bound=Observed)

#: So many are kept, with what they were made of: each is asked for several times in a look, and what many need (an
#: image, a network) in all of theirs.
_KEPT = 4096
_made: dict[tuple[int, type[Observed]], tuple[dict[str, Any], Observed]] = {}


def observed_as(presence: Presence, kind: type[S]) -> S | None:
    """The presence's last observation, or None. Neither it nor what it is made of is ever changed, only replaced."""
    observed = presence.observed
    if observed is None:
        return None
    key = id(observed), kind
    held = _made.get(key)
    if held is not None and held[0] is observed and isinstance(held[1], kind):
        return held[1]
    made = msgspec.convert(observed, kind)
    if len(_made) >= _KEPT:
        _made.clear()
    _made[key] = observed, made
    return made
