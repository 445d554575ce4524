"""The API of conntrack helpers, which are parts of routers."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.parts import Part, PartsApi
from fractus.services.network.routers.kind import KIND
from fractus.services.network.routers.schema import conntrack_helpers as helpers
from fractus.store.transaction import Transaction


class ConntrackHelpersApi(PartsApi):
    """Handlers of conntrack helpers."""

    kind = KIND
    place = helpers.HELPERS

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at, "conntrack_helper", helpers.FIELDS)

    def every(self, whole: Resource) -> list[Part]:
        """Those of it; routers of code of before have none."""
        return list(whole.desired.get(helpers.HELPERS, ()))

    def missing(self, whole_id: str, id: str) -> NotFound:
        """Neutron's sentence."""
        return helpers.missing(id)

    async def before_write(self, tx: Transaction, whole: Resource, part: Part, given: Part) -> Part:
        """One that Neutron knows, and that the router does not have yet."""
        whole.desired.setdefault(helpers.HELPERS, [])
        helpers.check(whole, part)
        return part
