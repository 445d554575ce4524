"""Accidents that only one stage knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple


class Own(NamedTuple):
    """A sort of accident that only one stage knows."""

    targets: tuple[str, ...]
    befall: Callable[[str, float], Awaitable[None]]
    """Have it happen to one of the targets for so many seconds, and mend it."""
