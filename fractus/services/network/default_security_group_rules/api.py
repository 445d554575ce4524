"""The API of default security group rules, as far as it is particular: which are twice, and who reads them."""

from __future__ import annotations

from fractus.model.resource import Resource
from fractus.services.network.default_security_group_rules.kind import KIND
from fractus.services.network.default_security_group_rules.writes import DefaultRuleWrites
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema import rules
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class DefaultSecurityGroupRuleApi(CollectionApi):
    """Handlers of default rules."""

    kind = KIND
    core = False
    bulk = False
    updates = False

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._rules = at.own(DefaultRuleWrites)

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its parts fit each other, and custom groups have no such rule yet: Neutron compares with those alone."""
        rules.complete(resource.desired)
        new = rules.rule_key(resource.desired, exact=True)
        for other in await self._rules.of_new(tx, default=False):
            if rules.rule_key(other, exact=True) == new:
                raise conflict(
                    f"Default Security group rule already exists. Rule id is {other['id']}.",
                    "DefaultSecurityGroupRuleExists",
                )
