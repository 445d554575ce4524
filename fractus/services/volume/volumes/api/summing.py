"""How many volumes a project has, of what size, and with which metadata."""

from __future__ import annotations

import msgspec

from fractus.services.volume.dialect.api.collection import CollectionApi
from fractus.services.volume.dialect.api.lists import asked
from fractus.services.volume.volumes.kind import KIND, VERBS
from fractus.store.listing import page
from fractus.store.transaction import Store
from fractus.web.microversion import FieldAdded, Version, VersionTable
from fractus.web.routing import Call, Reply, Route

_SUMMARY = VersionTable((FieldAdded(Version(3, 36), "volume-summary.metadata"),))

#: Rows that are read at a time.
_STRIDE = 1000


class SummaryApi:
    """GET /volumes/summary."""

    def __init__(self, volumes: CollectionApi, store: Store) -> None:
        self._volumes = volumes
        self._store = store

    def routes(self) -> list[Route]:
        """The one."""
        return [
            Route(
                method="GET",
                path="/volumes/summary",
                handler=self.summary,
                rule=VERBS["index"].rule.name,
                summary="Count volumes, their gigabytes and their metadata.",
                min_version=Version(3, 12),
            )
        ]

    async def summary(self, call: Call) -> Reply:
        """Of those that a list with the same filters would have."""
        listing = asked(KIND, call, self._volumes.versions)
        number, size, metadata, marker = 0, 0, dict[str, dict[str, None]](), None
        while not listing.nothing:
            rows = await page(
                self._store, KIND.table, listing.filters, columns=("id", "size", "summary"), marker=marker,
                limit=_STRIDE,
            )  # fmt: skip
            for id, gigabytes, document in rows:
                number, size, marker = number + 1, size + gigabytes, id
                for key, value in _decode(document).metadata.items():
                    metadata.setdefault(key, {})[value] = None
            if len(rows) < _STRIDE:
                break
        values = {key: list(found) for key, found in metadata.items()}
        counted = {"total_count": number, "total_size": size, "metadata": values}
        return Reply(200, _SUMMARY.response_down({"volume-summary": counted}, call.version))


class _Metadata(msgspec.Struct):
    metadata: dict[str, str] = {}


_decode = msgspec.json.Decoder(_Metadata).decode
