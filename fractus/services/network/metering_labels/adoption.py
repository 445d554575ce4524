"""A metering label of a cloud becomes one of ours, with its rules by the ids that they have there."""

from __future__ import annotations

from typing import Any

from fractus.model.metering import METERING_LABEL, MeteringLabelObserved
from fractus.model.resource import IF_PRESENT, Need, Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.queries.rows import ids
from fractus.services.network.metering_labels.kind import PREFIXES, RULES
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class MeteringLabelAdoption(CrudAdoption[MeteringLabelObserved]):
    """Taking over metering labels, after the routers that they count."""

    after: tuple[str, ...] = ("router",)

    def __init__(self, resources: Resources) -> None:
        super().__init__(METERING_LABEL)
        self._resources = resources

    async def complete(
        self, tx: Transaction, resource: Resource, observed: MeteringLabelObserved, context: AdoptionContext
    ) -> Adopt:
        """With its rules."""
        resource.desired |= {"shared": bool(observed.shared), "rules": []}
        rules: list[dict[str, Any]] = [
            {
                "id": one.remote_id, "name": "", "direction": one.direction, "excluded": one.excluded,
                "created_at": resource.created_at, **{name: getattr(one, name) for name in PREFIXES},
            }
            for one in observed.rules or ()
        ]  # fmt: skip
        RULES.keep(resource, rules)
        await RULES.write(tx, resource, rules)
        of = () if observed.shared else (Filter("project_id", "eq", resource.project_id),)
        routers = await ids(tx, self._resources, "router", *of)
        return Adopt(resource, [Need("router", id, mode=IF_PRESENT) for id in routers])
