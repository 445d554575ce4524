"""The bits of images: upload, download and stage."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Protocol

from fractus.base.log import logger
from fractus.model.errors import Conflict, Forbidden, Invalid, QuotaExceeded, UnsupportedMedia
from fractus.model.resource import Resource
from fractus.services.image.images import policy
from fractus.services.image.images.api.access import Access
from fractus.services.image.images.api.elsewhere import Elsewhere, Place
from fractus.services.image.images.api.keeping import Whole, keep, restore
from fractus.services.image.images.table import IMAGE
from fractus.services.image.images.writes import stores
from fractus.store.listing import Filter, page
from fractus.store.retrying import rerun_now
from fractus.store.transaction import Away, StoreTrouble, Unwritable
from fractus.web.faults import reason
from fractus.web.routing import Call, Reply, Route

log = logger("image.data")

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)
_RANGE = re.compile(r"bytes\s*=\s*(\d*)-(\d*)\s*", re.IGNORECASE | re.ASCII)


class Writing(Protocol):
    """One file being written."""

    def expect(self, disk_format: str) -> None:
        """The bits must be a disk of that format."""

    def announce(self, size: int | None) -> None:
        """So many bits will come, None where nobody knows; `StorageFull` where there is no room for them."""

    async def write(self, chunk: bytes) -> None:
        """More bits; `TooLarge` beyond what an image may have, `StorageFull` where there is no room."""

    async def finish(self) -> Whole:
        """It is whole and durable; `UnsupportedMedia` where it is not what was expected."""

    def abandon(self) -> None:
        """Leave nothing; harmless after `finish`."""


class Bits(Protocol):
    """The files (`fractus.services.image.bits`)."""

    def begin(self, image_id: str) -> Writing | None:
        """Start to write; None while another does."""

    def abandoned(self, image_id: str) -> bool:
        """Whether nobody writes (any more)."""

    def present(self, image_id: str) -> bool:
        """Whether the whole bits are here."""

    def read(self, image_id: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """Some of them, a chunk at a time."""

    def remove(self, image_id: str) -> None:
        """They are needed no longer."""


class DataApi:
    """Bits come and go."""

    def __init__(self, access: Access, bits: Bits, elsewhere: Elsewhere | None = None) -> None:
        """Work on `access`; `bits` are the files, `elsewhere` reads those that only clouds have."""
        self._access = access
        self._bits = bits
        self._elsewhere = elsewhere
        self._unrestored: dict[str, str] = {}
        """Images whose upload failed, and the status that they still have for want of a database that writes."""

    def routes(self) -> list[Route]:
        """Everything about bits."""
        one = "/images/{image_id}"
        return [
            Route(
                method="PUT",
                path=f"{one}/file",
                handler=self.upload,
                rule=policy.UPLOAD,
                raw=True,
                summary="Upload the bits of an image.",
            ),
            Route(
                method="GET",
                path=f"{one}/file",
                handler=self.download,
                rule=policy.LIST,
                summary="Download the bits of an image, or some of them.",
            ),
            Route(
                method="PUT",
                path=f"{one}/stage",
                handler=self.stage,
                rule=policy.MODIFY,
                raw=True,
                summary="Upload bits to import them afterwards.",
            ),
        ]

    # --- upload --------------------------------------------------------------------------------------

    async def upload(self, call: Call) -> Reply:
        """Take the bits; the image is active when all of them are on the disk, and queued if they break off."""
        return await self._receive(call, policy.UPLOAD, "saving", "active")

    async def stage(self, call: Call) -> Reply:
        """Take the bits, to be imported later."""
        return await self._receive(call, policy.MODIFY, "uploading", "uploading")

    async def _receive(self, call: Call, rule: str, meanwhile: str, then: str) -> Reply:
        size = _declared(call)
        store = await self._store(call) if meanwhile == "saving" else ""
        image = await self._access.image(self._access.store, call, rule)
        writing = self._bits.begin(image.id)
        if writing is None:
            raise _transition(image.status if image.status != "queued" else meanwhile, meanwhile)
        try:
            writing.announce(size)
            image = await self._start(call, rule, meanwhile, size)
            try:
                whole = await self._receive_bits(call, image, writing, size)
            except BaseException:
                # Also where the client went away or we are asked to stop: what is not whole is nothing.
                writing.abandon()
                await self._give_up(image.id, meanwhile)
                raise
            try:
                kept = await keep(self._access, image.id, whole, meanwhile, then)
            except (QuotaExceeded, Unwritable, Away):
                # It is larger than it said, and its project has no room for that; or nobody would know of it.
                self._bits.remove(image.id)
                await self._give_up(image.id, meanwhile)
                raise
            if not kept:
                self._bits.remove(image.id)
        finally:
            writing.abandon()
        if kept and store:
            async with self._access.store.transaction() as tx:
                await stores.carry(tx, self._access.ledger, image, store)
        return Reply(204) if kept else _vanished(image.id)

    async def _store(self, call: Call) -> str:
        """The cloud that the client names as the store of the bits; empty: ours. They come here in any case."""
        named = call.headers.get("x-image-meta-store")
        if self._elsewhere is None or named in (None, stores.HERE):
            return ""
        if named not in await stores.names(self._access.store):
            raise Invalid(stores.unknown(named or "").message)
        return named or ""

    @rerun_now
    async def _start(self, call: Call, rule: str, meanwhile: str, size: int | None) -> Resource:
        async with self._access.store.transaction() as tx:
            image = await self._access.image(tx, call, rule)
            # The file is ours alone: an upload that the record still tells of died with its process.
            left_over = image.status in ("saving", "uploading") and not image.desired["path"]
            if image.status != "queued" and not left_over:
                raise _transition(image.status, meanwhile)
            missing = [name for name in ("disk_format", "container_format") if not image.desired[name]]
            if missing and meanwhile == "saving":
                noun = "Property" if len(missing) == 1 else "Properties"
                raise Invalid(f"{noun} {', '.join(missing)} must be set prior to saving data.")
            image.status = meanwhile
            image.desired["announced"] = size or 0
            await self._access.save(tx, image)
        return image

    async def _receive_bits(self, call: Call, image: Resource, writing: Writing, size: int | None) -> Whole:
        desired = image.desired
        if desired["container_format"] == "bare" and desired["disk_format"]:
            writing.expect(desired["disk_format"])
        got = 0
        async for chunk in call.stream():
            got += len(chunk)
            if size is not None and got > size:
                raise Invalid(f"Size exceeds: expected {size} bytes, got {got} bytes")
            await writing.write(chunk)
        if size is not None and got != size:
            raise Invalid(f"Size mismatch: expected {size} bytes, got {got} bytes")
        return await writing.finish()

    async def _give_up(self, image_id: str, meanwhile: str) -> None:
        """The image waits for its bits again. Where that cannot be written now it is later: why the upload failed is
        what its client has to hear.
        """
        try:
            await restore(self._access, image_id, meanwhile)
        except StoreTrouble as error:
            log.warning("an image is not waiting for its bits yet", image=image_id, why=str(error))
            self._unrestored[image_id] = meanwhile

    async def settle(self) -> None:
        """Write down what could not be written when an upload failed; `StoreTrouble` where it still cannot be."""
        for image_id, meanwhile in list(self._unrestored.items()):
            # Whoever uploads it anew meanwhile has a status of their own to see to.
            if self._bits.abandoned(image_id) and not self._bits.present(image_id):
                await restore(self._access, image_id, meanwhile)
            self._unrestored.pop(image_id, None)

    async def recover(self) -> int:
        """Images whose upload died with its process wait for their bits again."""
        rows = await page(
            self._access.store,
            IMAGE,
            [Filter("status", "in", ("saving", "uploading")), Filter("deleted_at", "null")],
            columns=("id",),
            limit=100_000,
        )
        restored = 0
        for (image_id,) in rows:
            image = await self._access.ledger.resources.fetch(self._access.store, "image", image_id)
            if image is None or image.desired["path"] or not self._bits.abandoned(image_id):
                continue
            await restore(self._access, image_id, image.status)
            log.warning("upload was cut off; the image waits for its bits again", image=image_id)
            restored += 1
        return restored

    # --- download ------------------------------------------------------------------------------------

    async def download(self, call: Call) -> Reply:
        """Give the bits, or a range of them; 204 where there are none yet."""
        image = await self._access.image(self._access.store, call)
        if image.status == "deactivated" and not call.principal.is_admin:
            raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
        self._access.check(call, policy.DOWNLOAD, image)
        place = await self._place(call, image)
        if image.status not in ("active", "deactivated") or not (place or self._bits.present(image.id)):
            return Reply(204)
        size = int(image.desired["size"])
        headers = {"Content-MD5": str(image.desired["checksum"])}
        status, start, end = 200, 0, size
        found = _asked_part(call, size)
        if found is not None:
            if isinstance(found, str):
                return _refused(416, found)
            status, (start, end) = 206, found
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        return Reply(
            status,
            headers=headers,
            content_type="application/octet-stream",
            stream=await _begun(self._read(image.id, place, start, end - start)),
            length=end - start,
        )

    async def _place(self, call: Call, image: Resource) -> Place | None:
        """The cloud that the bits are read from; None: they are here, or nowhere."""
        preferred = [one.strip() for one in (call.query.one("prefer") or "").split(",") if one.strip()]
        if preferred:
            self._access.check(call, policy.PREFER, image)
            if self._elsewhere is None:
                raise Invalid(
                    "Store selection for download is not available when multiple backends are not enabled."
                )
            every = await stores.names(self._access.store)
            for one in preferred:
                if one not in every:
                    raise Invalid(f"Store '{one}' is not configured.")
        if self._elsewhere is None or not image.desired["size"]:
            return None
        places = {one.cloud: one for one in await self._elsewhere.places(image)} if preferred else {}
        for one in preferred:
            if one in places or (one == stores.HERE and self._bits.present(image.id)):
                return places.get(one)
        if self._bits.present(image.id):
            return None
        return next(iter(await self._elsewhere.places(image)), None)

    def _read(self, image_id: str, place: Place | None, start: int, length: int) -> AsyncIterator[bytes]:
        if place is None:
            return self._bits.read(image_id, start, length)
        assert self._elsewhere is not None
        return self._elsewhere.read(place, start, length)


def _asked_part(call: Call, size: int) -> tuple[int, int] | str | None:
    """The part of the bits that a request is for (see `byte_range`), or None: all of them."""
    asked = call.headers.get("range")
    if asked is not None:
        return byte_range(asked, size)
    # Glance still takes the header of answers in requests, as its older clients send it.
    older = call.headers.get("content-range")
    return None if older is None else content_range(older, size)


def content_range(text: str, size: int) -> tuple[int, int] | str:
    """The same for a Content-Range header (`bytes 2-4/10`, `bytes 2-4/*`); its total is not compared with the size."""
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None:
        return "Invalid Content-Range header."
    start, end, total = int(match[1]), int(match[2]) + 1, match[3]
    if start >= end or (total != "*" and end > int(total)):
        return "Invalid Content-Range header."
    if start >= size or end > size:
        wrong = "stop" if end > size else "start"
        return (
            f"Invalid {wrong} position in Content-Range header. "
            f"The {wrong} position MUST be in the inclusive range [0, {size - 1}]."
        )
    return start, end


async def _begun(bits: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same, with its first chunk read: a file that cannot be opened is an error, and no answer that breaks off."""
    first = await anext(bits, b"")

    async def every() -> AsyncIterator[bytes]:
        yield first
        async for chunk in bits:
            yield chunk

    return every()


def byte_range(text: str, size: int) -> tuple[int, int] | str:
    """Where a Range header begins and ends (the end not included), or what is wrong with it; `Invalid` for several."""
    if "," in text:
        raise Invalid(
            "Requests with multiple ranges are not supported in Glance. "
            "You may make multiple single-range requests instead."
        )
    match = _RANGE.fullmatch(text.strip())
    if match is None or not (match[1] or match[2]):
        return "Invalid Range header."
    if not match[1]:  # the last so many
        last = int(match[2])
        return (max(size - last, 0), size) if last and size else "Invalid Range header."
    start = int(match[1])
    end = int(match[2]) + 1 if match[2] else size
    if match[2] and end <= start:
        return "Invalid Range header."
    if start >= size:
        return (
            "Invalid start position in Range header. "
            f"Start position MUST be in the inclusive range [0, {size - 1}]."
        )
    return start, min(end, size)


def _declared(call: Call) -> int | None:
    """How many bytes the client says will come."""
    media = call.headers.get("content-type")
    if media is None or media.partition(";")[0].strip().lower() != "application/octet-stream":
        raise UnsupportedMedia(f"Invalid content type {media}")
    text = call.headers.get("x-openstack-image-size", call.headers.get("content-length"))
    if text is None:
        return None
    if not (text.isascii() and text.strip().isdigit()):
        raise Invalid("Invalid or missing image size in request headers.")
    return int(text)


def _transition(old: str, new: str) -> Conflict:
    return Conflict(f"Image status transition from {old} to {new} is not allowed")


def _refused(status: int, message: str) -> Reply:
    """Statuses that no meaning of ours stands for, in Glance's JSON."""
    title = reason(status)
    return Reply(
        status, {"message": f"{message}<br /><br />\n\n\n", "code": f"{status} {title}", "title": title}
    )


def _vanished(image_id: str) -> Reply:
    return _refused(
        410,
        f"Image {image_id} could not be found after upload. The image may have been deleted during the upload, "
        "cleaning up the chunks uploaded.",
    )
