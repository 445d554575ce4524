"""The routes of images."""

from __future__ import annotations

from fractus.services.image.images.api.access import Access
from fractus.services.image.images.api.copies import CopiesApi
from fractus.services.image.images.api.data import Bits, DataApi
from fractus.services.image.images.api.elsewhere import Clouds, Elsewhere
from fractus.services.image.images.api.listing import ListingApi
from fractus.services.image.images.api.members import MembersApi
from fractus.services.image.images.api.records import RecordsApi
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store
from fractus.web.routing import Route


class ImagesApi:
    """All routes below /images."""

    def __init__(self, store: Store, ledger: Ledger, bits: Bits, clouds: Clouds | None = None) -> None:
        """Read from `store`, write through `ledger`; `bits` are the files, `clouds` have those that are not here."""
        access = Access(store, ledger)
        self._data = DataApi(access, bits, None if clouds is None else Elsewhere(store, clouds))
        self._parts = (
            ListingApi(access),
            RecordsApi(access),
            self._data,
            MembersApi(access),
            CopiesApi(access),
        )

    def routes(self) -> list[Route]:
        """Everything about images."""
        return [route for part in self._parts for route in part.routes()]

    async def recover(self) -> int:
        """After a start: images whose upload died with its process wait for their bits again. How many there were."""
        return await self._data.recover()

    async def copied(self) -> None:
        """Wait until the bits that are being copied here have come, or not."""
        await self._data.copied()

    async def settle(self) -> None:
        """Now and then: what could not be written when an upload failed. `StoreTrouble` where it still cannot be."""
        await self._data.settle()
