"""What most kinds answer the machine alike, of every service. A kind overrides what is particular to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Need, Presence, Resource
from fractus.reconcile.kind import Demand, adopt_fields
from fractus.store.transaction import Transaction


class LifecycleDefaults:
    """Methods of `fractus.reconcile.kind.Lifecycle` for a kind that holds nothing beside its row, whose clouds are not
    chosen, and whose fields have the same names in `desired` and in what is found in a cloud.
    """

    def demand(self, resource: Resource) -> Demand:
        """Nothing: no cloud is chosen for it."""
        return Demand()

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Nothing is set aside."""
        return {}

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        """What was found becomes desired; it needs what it needed before."""
        adopt_fields(resource, found)
        return None

    async def document_changed(self, tx: Transaction, resource: Resource) -> None:
        """Nothing else shows parts of it."""

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """Nothing was set aside."""

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Nothing is held."""
