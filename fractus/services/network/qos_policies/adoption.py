"""A QoS policy of a cloud becomes one of ours, with its rules by the ids that they have there."""

from __future__ import annotations

from fractus.model.network import QOS_POLICY, QosPolicyObserved
from fractus.model.resource import Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.queries.defaults import default_of
from fractus.services.network.qos_policies.kind import KIND
from fractus.services.network.qos_policies.schema import TYPES
from fractus.store.transaction import Transaction


class QosPolicyAdoption(CrudAdoption[QosPolicyObserved]):
    """Taking over QoS policies."""

    def __init__(self) -> None:
        super().__init__(QOS_POLICY)

    async def complete(
        self, tx: Transaction, resource: Resource, observed: QosPolicyObserved, context: AdoptionContext
    ) -> Adopt:
        """With its rules. It is its project's default one, unless that has one here."""
        others = await default_of(tx, KIND.table, project_id=resource.project_id)
        default = bool(observed.is_default) and others is None
        rules = [
            {"id": one.remote_id, "type": one.type, **_whole(one.type, one.said)}
            for one in observed.rules or ()
            if one.type in TYPES
        ]
        resource.desired |= {"rules": rules, "is_default": default}
        return Adopt(resource)


def _whole(type: str, said: dict[str, object]) -> dict[str, object]:
    """All values of a rule; a value that the cloud does not know is the default."""
    fields = {name: one for name, one in TYPES[type].items() if name != "id"}
    return {name: said.get(name, one.default) for name, one in fields.items()}
