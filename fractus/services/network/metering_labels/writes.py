"""How metering labels are written. One is wherever the routers are whose packets it counts."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.resource import IF_PRESENT, Need, Resource
from fractus.services.network.dialect.queries.rows import every, ids
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.metering_labels.kind import KIND, RULES
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter
from fractus.store.transaction import Transaction


class LabelWrites(Writer):
    """Writes metering labels. A label counts the routers of its project; one that is shared, all routers."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise, follows=True)

    async def create(
        self, tx: Transaction, resource: Resource, needs: Sequence[Need] = (), *, limited: bool = True
    ) -> Resource:
        """A new label, without rules."""
        resource.desired["rules"] = []
        return await super().create(tx, resource, await self._routers(tx, resource), limited=limited)

    async def change(
        self,
        tx: Transaction,
        resource: Resource,
        needs: Sequence[Need] | None = None,
        *,
        limited: bool = True,
    ) -> None:
        """Other rules: the routers are those of before."""
        await super().change(tx, resource, needs or None, limited=limited)

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """With its rules."""
        await RULES.drop_of(tx, resource.id)
        await super().remove(tx, resource)

    async def routers_changed(self, tx: Transaction, project_id: str) -> None:
        """A project has a router more, or one less: its labels count others now, and so do those that are shared."""
        for owned in (Filter("project_id", "eq", project_id), Filter("shared", "eq", True)):
            for label in await every(tx, self.ledger.resources, KIND.name, owned):
                if owned.column == "shared" or not label.desired["shared"]:
                    await super().change(tx, label, await self._routers(tx, label))

    async def _routers(self, tx: Transaction, label: Resource) -> list[Need]:
        of = () if label.desired["shared"] else (Filter("project_id", "eq", label.project_id),)
        return [
            Need("router", id, mode=IF_PRESENT) for id in await ids(tx, self.ledger.resources, "router", *of)
        ]
