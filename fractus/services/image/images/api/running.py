"""Who does what tasks say: bits come from elsewhere, and copies go to clouds.

Every process of the API looks for open tasks now and then, and right after it has accepted one. The lock of the file
that is written (`fractus.services.image.bits`) says who brings bits; what a dead process left another begins again.
That a cloud has its copy is read from presences, which workers bring about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from fractus.base.log import logger
from fractus.model.errors import ApiError
from fractus.model.resource import BLOCKED, Presence, Resource
from fractus.services.image.images import view
from fractus.services.image.images.api import elsewhere
from fractus.services.image.images.api.access import Access
from fractus.services.image.images.api.data import Bits, Writing
from fractus.services.image.images.api.elsewhere import Elsewhere
from fractus.services.image.images.api.keeping import keep, keep_copy, restore
from fractus.services.image.images.api.legacy import make_image
from fractus.services.image.images.writes import stores
from fractus.store import presences
from fractus.store.retrying import rerun_now
from fractus.store.transaction import StoreTrouble, Transaction

log = logger("image.tasks")

#: Seconds between two looks at tasks that have run out.
_TIDY = 600.0


class Downloads(Protocol):
    """What may be downloaded (`fractus.services.image.download`)."""

    @property
    def offered(self) -> bool:
        """Whether there is a host from which anything may come."""

    def permits(self, url: object) -> bool:
        """Whether a URL may be asked, as far as it says by itself."""

    def open(self, url: str) -> AbstractAsyncContextManager[tuple[int | None, AsyncIterator[bytes]]]:
        """How many bytes will come, where that is said, and the bytes."""


class Runner:
    """Runs tasks."""

    def __init__(
        self, access: Access, bits: Bits, elsewhere: Elsewhere | None, downloads: Downloads | None
    ) -> None:
        """Bits go to `bits`; they come from clouds (`elsewhere`) and other hosts (`downloads`)."""
        self._access, self._bits, self._elsewhere, self._downloads = access, bits, elsewhere, downloads
        self._running: set[asyncio.Task[None]] = set()
        self._tidied = float("-inf")

    async def settle(self) -> None:
        """Look at what is open, and drop what has been ended for long."""
        for task in await self._access.tasks.open(self._access.store):
            await self.start(task)
        now = asyncio.get_running_loop().time()
        if now - self._tidied > _TIDY:
            self._tidied = now
            async with self._access.store.transaction() as tx:
                for id in await self._access.tasks.expired(tx, tx.now()):
                    await self._access.tasks.drop(tx, id)

    async def done(self) -> None:
        """Wait until the bits that are under way have come, or not."""
        await asyncio.gather(*self._running)

    async def start(self, task: Resource, writing: Writing | None = None) -> None:
        """Go on with a task. `writing`: its file, where it was begun already; else it is begun if nobody has."""
        if not task.desired["image_id"]:
            task = await self._with_image(task)
        if task.status not in ("pending", "processing"):
            return
        if task.desired.get("source") and stores.HERE in task.desired["left"]:
            writing = writing or self._bits.begin(task.desired["image_id"])
            if writing is not None:
                running = asyncio.create_task(self._bring(task.id, writing))
                self._running.add(running)
                running.add_done_callback(self._running.discard)
            return
        await self._follow(task.id)

    @rerun_now
    async def _with_image(self, given: Resource) -> Resource:
        """The image that a task of the old way makes is there from now on; a task that says nonsense has failed."""
        async with self._access.store.transaction() as tx:
            task = await self._access.tasks.fetch(tx, given.id, to_write=True)
            if task is None or task.desired["image_id"] or task.status != "pending":
                return task or given
            try:
                image = await make_image(tx, self._access.ledger, task)
            except ApiError as error:
                await self._access.tasks.end(tx, task, failure=error.message)
            else:
                task.desired["image_id"] = image.id
                await self._access.tasks.save(tx, task)
        return task

    # --- bits that come here -----------------------------------------------------------------------------

    async def _bring(self, task_id: str, writing: Writing) -> None:
        try:
            found = await self._begin(task_id)
            if found is None:
                return
            task, image = found
            try:
                await self._fetch(task, image, writing)
            except (ApiError, OSError) as error:
                why = error.message if isinstance(error, ApiError) else str(error)
                log.warning("bits of an image did not come", image=image.id, task=task_id, why=why)
                await restore(self._access, image.id, "importing")
                await self._missed(task_id, why)
            else:
                await self._follow(task_id)
        except StoreTrouble as error:
            # The task is open still: it is begun again.
            log.warning("a task is not done yet", task=task_id, why=str(error))
        finally:
            writing.abandon()

    @rerun_now
    async def _begin(self, task_id: str) -> tuple[Resource, Resource] | None:
        """The task and its image, if there is anything left to bring: another process may have done it."""
        async with self._access.store.transaction() as tx:
            task = await self._access.tasks.fetch(tx, task_id, to_write=True)
            if task is None or stores.HERE not in task.desired["left"]:
                return None
            image = await self._image(tx, task)
            if image is None:
                return None
            if task.status == "pending":
                task.status = "processing"
                await self._access.tasks.save(tx, task)
            if image.status == "queued":
                image.status = "importing"
                await self._access.save(tx, image)
        return task, image

    async def _image(self, tx: Transaction, task: Resource) -> Resource | None:
        """The task's image; where it is gone the task has failed."""
        image_id = task.desired["image_id"]
        image = await self._access.ledger.resources.fetch(tx, "image", image_id, to_write=True)
        if image is None or image.deleted_at is not None:
            await self._access.tasks.end(tx, task, failure=f"Image {image_id} was deleted")
            return None
        return image

    async def _fetch(self, task: Resource, image: Resource, writing: Writing) -> None:
        if image.desired["path"]:
            return
        source = task.desired["source"]
        if source == "clouds":
            await self._from_clouds(image, writing)
        else:
            await self._from_url(source, image, writing)

    async def _from_url(self, url: str, image: Resource, writing: Writing) -> None:
        if self._downloads is None:
            raise ApiError("Nothing is downloaded here.")
        desired = image.desired
        if desired["container_format"] == "bare" and desired["disk_format"]:
            writing.expect(desired["disk_format"])
        async with self._downloads.open(url) as (size, pieces):
            writing.announce(size)
            async for piece in pieces:
                await writing.write(piece)
        whole = await writing.finish()
        try:
            kept = await keep(self._access, image.id, whole, "importing", "active")
        except BaseException:
            self._bits.remove(image.id)
            raise
        if not kept:
            self._bits.remove(image.id)
            raise ApiError(f"Image {image.id} was deleted")

    async def _from_clouds(self, image: Resource, writing: Writing) -> None:
        places = await self._elsewhere.places(image) if self._elsewhere is not None else []
        if self._elsewhere is None or not places:
            raise ApiError(f"No cloud has the bits of image {image.id}.")
        async for piece in self._elsewhere.read(places[0], 0, image.desired["size"]):
            await writing.write(piece)
        whole = await writing.finish()
        try:
            elsewhere.check(image, whole.size, whole.md5, whole.sha512)
            kept = await keep_copy(self._access, image.id, whole)
        except BaseException:
            self._bits.remove(image.id)
            raise
        if not kept:
            self._bits.remove(image.id)
            raise ApiError(f"Image {image.id} was deleted")

    @rerun_now
    async def _missed(self, task_id: str, why: str) -> None:
        """The bits did not come: no store has them, so all that was asked for has failed."""
        async with self._access.store.transaction() as tx:
            task = await self._access.tasks.fetch(tx, task_id, to_write=True)
            if task is None or (image := await self._image(tx, task)) is None:
                return
            await self._note(tx, image, [], task.desired["left"])
            await self._access.tasks.end(tx, task, failure=why)

    # --- copies that go to clouds --------------------------------------------------------------------------

    @rerun_now
    async def _follow(self, task_id: str) -> None:
        """Have copies brought that are not there yet, see which are, and end the task with the last of them."""
        async with self._access.store.transaction() as tx:
            task = await self._access.tasks.fetch(tx, task_id, to_write=True)
            if task is None or task.status not in ("pending", "processing"):
                return
            image = await self._image(tx, task)
            if image is None:
                return
            desired = task.desired
            left, failed = await self._reached(tx, image, desired["left"])
            if left == desired["left"] and task.status == "processing":
                return
            task.status = "processing"
            desired["left"] = left
            desired["failed"] = desired["failed"] + list(failed)
            await self._note(tx, image, left, desired["failed"])
            if left:
                await self._access.tasks.save(tx, task)
                return
            every = len(desired["failed"]) == len(desired["stores"])
            why = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
            refused = desired["failed"] and (every or desired["all_must_succeed"])
            await self._access.tasks.end(
                tx,
                task,
                result={"image_id": image.id},
                failure=(why or "not all stores have it") if refused else "",
            )

    async def _reached(
        self, tx: Transaction, image: Resource, left: list[str]
    ) -> tuple[list[str], dict[str, str]]:
        """The stores that do not have the bits yet, and those that never will, with their reasons."""
        every = await presences.of_resource(tx, "image", image.id)
        there: dict[str, Presence] = {one.cloud: one for one in every}
        have = view.stores(image, every)
        failed = {
            name: there[name].error
            for name in left
            if name not in have and name in there and there[name].wanted and there[name].state == BLOCKED
        }
        waiting = [name for name in left if name not in have and name not in failed]
        for name in waiting:
            if name != stores.HERE:
                await stores.carry(tx, self._access.ledger, image, name)
        return waiting, failed

    async def _note(self, tx: Transaction, image: Resource, left: list[str], failed: list[str]) -> None:
        """What the image says of it, in properties of Glance's own."""
        image.desired["importing"] = importing(left, failed)
        await self._access.save(tx, image)


def importing(left: list[str], failed: list[str]) -> dict[str, Any]:
    """Properties by which users follow where the bits are going."""
    return {
        "os_glance_importing_to_stores": stores.joined(left),
        "os_glance_failed_import": stores.joined(failed),
    }
