"""Reading keypairs."""

from __future__ import annotations

from fractus.model.resource import Resource
from fractus.services.compute.dialect.queries import Live, Source
from fractus.services.compute.keypairs.kind import KIND, live
from fractus.store.transaction import Reader

LIVE = Live(KIND)


class KeypairSource(Source):
    """Keypairs, for those who build servers."""

    live = LIVE

    async def by_name(self, reader: Reader, user_id: str, name: str) -> Resource | None:
        """The user's key of that name; its `id` is the one for needs."""
        return await self.found(reader, live(user_id, name))
