"""The API of metering labels and their rules, as far as it is particular."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.errors import NotAllowed
from fractus.model.resource import Resource
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.subresources import SubresourceApi
from fractus.services.network.metering_labels.kind import KIND, RULE, RULES, check_rules
from fractus.web.routing import Call, Reply


class _Kept(CollectionApi):
    """What is never changed, by those who could change it neither."""

    updates = False

    async def keep(self, call: Call) -> Reply:
        """PUT: refused, with the rule of a change. Neutron has no method for it, and answers 501."""
        self._read(call, call.params["id"])
        await self.permitted(self._store, call, call.params["id"], f"update_{self.kind.key}")
        raise NotAllowed(f"A {self.kind.noun} cannot be changed.")


class MeteringLabelApi(_Kept):
    """Handlers of labels."""

    kind = KIND
    core = False


class MeteringLabelRuleApi(_Kept, SubresourceApi):
    """Handlers of rules."""

    kind = RULE
    core = False
    parents = MeteringLabelApi

    def check(self, parent: Resource, parts: Sequence[Resource]) -> None:
        """They say something, and none what another says."""
        check_rules(RULES.among(parent), [one.desired for one in parts])
