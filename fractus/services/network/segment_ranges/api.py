"""The routes of ranges of segment numbers. One is made in the cloud that is named, if there are several."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.services.network.dialect.api.relayed import RelayedApi, one_of, taken_apart
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.segment_ranges.kind import MIRROR
from fractus.store import clouds


class SegmentRangeApi(RelayedApi):
    """Handlers of ranges of segment numbers."""

    mirror = MIRROR
    refusals = {
        "Invalid input for operation": "InvalidInput",
        "overlaps": "NetworkSegmentRangeOverlaps",
        "is a default segment range": "NetworkSegmentRangeDefaultReadOnly",
        "referenced": "NetworkSegmentRangeReferencedByProject",
    }

    def missing(self, id: str) -> NotFound:
        """Neutron's error about one that is not there."""
        return NotFound(f"Network Segment Range {id} could not be found.", type="NetworkSegmentRangeNotFound")

    async def place(self, item: Item) -> tuple[str, dict[str, str]]:
        """In any cloud."""
        async with self._store.transaction() as tx:
            names = sorted(await clouds.enabled(tx))
        return one_of(self.mirror.noun, taken_apart(item), names), {}
