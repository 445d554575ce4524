"""What taking over kinds of Nova's has in common: they are in no order, and need nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Presence, Resource


class ComputeAdoption:
    """The base of a kind's `reconcile.taking.Adoption`, which has to say `judge`."""

    after: tuple[str, ...] = ()
    outlives_cloud = False
    """One that was taken over is not its cloud's, and lives on here when that is released."""

    def rank(self, observed: Any) -> int:
        """No order among them."""
        return 0

    def needed(self, observed: Any, listed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """Nothing."""
        return []

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """One of ours does, and one that was taken over where the kind says so."""
        return self.outlives_cloud or not presence.memory.get("adopted")
