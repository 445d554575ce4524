"""The routes of images."""

from __future__ import annotations

from fractus.services.image.images.api.access import Access
from fractus.services.image.images.api.copies import CopiesApi
from fractus.services.image.images.api.data import Bits, DataApi
from fractus.services.image.images.api.elsewhere import Clouds, Elsewhere
from fractus.services.image.images.api.importing import ImportApi
from fractus.services.image.images.api.listing import ListingApi
from fractus.services.image.images.api.members import MembersApi
from fractus.services.image.images.api.records import RecordsApi
from fractus.services.image.images.api.running import Downloads, Runner
from fractus.services.image.images.api.tasks import TasksApi
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store
from fractus.web.routing import Route


class ImagesApi:
    """All routes below /images, and those of tasks."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        bits: Bits,
        clouds: Clouds | None = None,
        downloads: Downloads | None = None,
    ) -> None:
        """Read from `store`, write through `ledger`; `bits` are the files, `clouds` have those that are not here,
        `downloads` those of other hosts.
        """
        access = Access(store, ledger)
        elsewhere = None if clouds is None else Elsewhere(store, clouds)
        self._runner = Runner(access, bits, elsewhere, downloads)
        self._data = DataApi(access, bits, elsewhere)
        importing = ImportApi(access, bits, self._runner, elsewhere, downloads)
        self.import_methods = importing.methods()
        self._parts = (
            ListingApi(access),
            RecordsApi(access, self.import_methods, several=clouds is not None),
            self._data,
            importing,
            MembersApi(access),
            CopiesApi(access),
            TasksApi(access, self._runner, downloads),
        )

    def routes(self) -> list[Route]:
        """Everything about images."""
        return [route for part in self._parts for route in part.routes()]

    async def recover(self) -> int:
        """After a start: images whose upload died with its process wait for their bits again. How many there were."""
        return await self._data.recover()

    async def copied(self) -> None:
        """Wait until the bits that tasks bring have come, or not."""
        await self._runner.done()

    async def settle(self) -> None:
        """Now and then: what could not be written when an upload failed, and what tasks have left to do. `StoreTrouble`
        where it still cannot be.
        """
        await self._data.settle()
        await self._runner.settle()
