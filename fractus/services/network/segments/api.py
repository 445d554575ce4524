"""The routes of segments. One is made in a cloud where its network is."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.services.network.dialect.api.relayed import RelayedApi, one_of, taken_apart
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import not_found
from fractus.services.network.segments.kind import MIRROR
from fractus.store import presences


class SegmentApi(RelayedApi):
    """Handlers of segments."""

    mirror = MIRROR
    refusals = {
        "Invalid input for operation": "InvalidInput",
        "The VLAN": "VlanIdInUse",
        "The tunnel ID": "TunnelIdInUse",
        "cannot be deleted": "SegmentInUse",
    }

    def missing(self, id: str) -> NotFound:
        """Neutron's error about one that is not there."""
        return NotFound(f"Segment {id} could not be found.", type="SegmentNotFound")

    async def place(self, item: Item) -> tuple[str, dict[str, str]]:
        """Where its network is: in the cloud that is named, if it is in several."""
        id = item.values["network_id"]
        network = await self._at.ledger.resources.fetch(self._store, "network", id)
        if network is None or network.deleted_at is not None:
            raise not_found("network", id)
        there = await presences.of_resource(self._store, "network", id)
        held = {one.cloud: one.remote_id for one in there if one.wanted and one.remote_id}
        cloud = one_of(self.mirror.noun, taken_apart(item), sorted(held))
        return cloud, {held[cloud]: id}
