"""POST /images/{id}/import: how bits come other than with a request, and to which stores.

`glance-direct` takes what was staged here, `web-download` what another host has, and `copy-image` brings an image that
is active to stores that do not have it: to ours from a cloud that made it, or to clouds ahead of use.
Each is a task; of staged bits it is done when it is answered, unless clouds are to have copies.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from fractus.model.errors import Conflict, Invalid
from fractus.model.resource import Resource
from fractus.services.image.images import policy, schema
from fractus.services.image.images.api.access import Access
from fractus.services.image.images.api.data import Bits, Writing
from fractus.services.image.images.api.elsewhere import Elsewhere
from fractus.services.image.images.api.running import Downloads, Runner, importing
from fractus.services.image.images.writes import stores, tasks
from fractus.store.transaction import Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route


def _import_schema(body: Any, _version: Version) -> None:
    schema.import_method(body)


class _Asked(Struct, frozen=True):
    """What a request comes to. `source`: a URL, `clouds`, or nothing where the bits are here."""

    name: str
    stores: list[str]
    source: str = ""


class ImportApi:
    """Imports."""

    def __init__(
        self,
        access: Access,
        bits: Bits,
        runner: Runner,
        elsewhere: Elsewhere | None,
        downloads: Downloads | None,
    ) -> None:
        """Work on `access`; `runner` does what is left after the answer."""
        self._access, self._bits, self._runner = access, bits, runner
        self._elsewhere, self._downloads = elsewhere, downloads

    def methods(self) -> list[str]:
        """The methods that are offered."""
        more = [schema.COPY_IMAGE] if self._elsewhere is not None else []
        download = [schema.WEB_DOWNLOAD] if self._downloads is not None and self._downloads.offered else []
        return [*schema.IMPORT_METHODS, *download, *more]

    def routes(self) -> list[Route]:
        """One."""
        return [
            Route(
                method="POST",
                path="/images/{image_id}/import",
                handler=self.import_,
                rule=policy.MODIFY,
                schema=_import_schema,
                summary="Import bits: staged ones, those of another host, or those of another store.",
            )
        ]

    async def import_(self, call: Call) -> Reply:
        """Accept an import; what is left to do is done after the answer."""
        name = call.body["method"]["name"]
        writing = await self._room(call) if name == schema.COPY_IMAGE else None
        try:
            task = await self._accept(call, name)
        except BaseException:
            if writing is not None:
                writing.abandon()
            raise
        if task is None or not task.desired["source"]:
            if writing is not None:
                writing.abandon()
            writing = None
        if task is not None:
            await self._runner.start(task, writing)
        return Reply(202)

    async def _room(self, call: Call) -> Writing | None:
        """The file for bits that a cloud has, where there may be need of it; `StorageFull` where it has no room."""
        image = await self._access.image(self._access.store, call)
        if image.desired["path"] or not image.desired["size"]:
            return None
        writing = self._bits.begin(image.id)
        if writing is not None:
            try:
                writing.announce(image.desired["size"])
            except BaseException:
                writing.abandon()
                raise
        return writing

    async def _accept(self, call: Call, name: str) -> Resource | None:
        async with self._access.store.transaction() as tx:
            image = await self._access.image(tx, call)
            self._check(name, image)
            for field in ("container_format", "disk_format"):
                if not image.desired[field]:
                    raise Conflict(f"'{field}' needs to be set before import")
            if name != schema.COPY_IMAGE:
                self._access.check(call, policy.MODIFY, image)
            asked = await self._asked(tx, call, image, name)
            if asked is None:
                return None
            if await self._access.tasks.open(tx, image.id):
                raise Conflict("Image has active task")
            return await self._write(tx, call, image, asked)

    def _check(self, name: str, image: Resource) -> None:
        """Refuse to import by this method into this image, in Glance's order."""
        status = image.status
        if name == schema.COPY_IMAGE and status != "active":
            raise Conflict("Only images with status active can be targeted for copying")
        if name != schema.COPY_IMAGE and status == "active":
            raise Conflict("Image with status active cannot be target for import")
        if name == schema.WEB_DOWNLOAD and status != "queued":
            raise Conflict(f"Image needs to be in 'queued' state to use '{name}' method")
        if name not in self.methods():
            raise schema.unknown_method(name)
        if name == "glance-direct" and not (status == "uploading" and image.desired["path"]):
            raise Conflict("Image needs to be staged before 'glance-direct' method can be used")

    async def _asked(self, tx: Transaction, call: Call, image: Resource, name: str) -> _Asked | None:
        """To which stores the bits are to go, and from where; None where all have them."""
        chosen = await self._stores(tx, call)
        if name != schema.COPY_IMAGE:
            source = call.body["method"].get("uri") if name == schema.WEB_DOWNLOAD else ""
            if source != "" and not (self._downloads is not None and self._downloads.permits(source)):
                raise Invalid(f"URI for web-download does not pass filtering: {source}")
            return _Asked(name, chosen, source)
        self._access.check(call, policy.COPY if chosen == [stores.HERE] else policy.COPY_TO, image)
        have = await stores.held(tx, image)
        if call.body.get("all_stores"):
            chosen = [one for one in chosen if one not in have]
            if not chosen:
                return None
        for one in chosen:
            if one in have:
                raise Invalid(f"Image is already present at store '{one}'")
        if not image.desired["path"]:
            if not have:
                raise Conflict(f"No cloud has the bits of image {image.id}.")
            return _Asked(name, chosen, "clouds")
        return _Asked(name, chosen)

    async def _stores(self, tx: Transaction, call: Call) -> list[str]:
        """The stores that a request names, as Glance reads them; `Conflict` for one that is not there."""
        body, header = call.body, call.headers.get("x-image-meta-store")
        if self._elsewhere is None:
            if not body.get("all_stores_must_succeed", True):
                raise Invalid("All_stores_must_succeed can only be set with enabled_backends None")
            return [stores.HERE]
        every = await stores.names(tx)
        if body.get("all_stores"):
            if "stores" in body or header is not None:
                raise Invalid(
                    "All_stores parameter can't be used with x-image-meta-store header or stores parameter"
                )
            return every
        if "stores" in body and header is not None:
            raise Invalid("Stores parameter and x-image-meta-store header can't be both specified")
        chosen = list(dict.fromkeys(body.get("stores", [header or stores.HERE])))
        for one in chosen:
            if one not in every:
                raise stores.unknown(one)
        return chosen

    async def _write(self, tx: Transaction, call: Call, image: Resource, asked: _Asked) -> Resource:
        left = _left(asked)
        given = {"image_id": image.id, "import_req": call.body, "backend": asked.stores}
        task = await self._access.tasks.begin(
            tx, call.principal, tasks.IMPORT, given, request_id=call.request_id, image_id=image.id, left=left
        )
        task.desired.update(
            stores=left,
            source=asked.source,
            all_must_succeed=call.body.get("all_stores_must_succeed", True),
        )
        if asked.name == "glance-direct":
            image.status = "active"
            left = [one for one in left if one != stores.HERE]
        elif asked.source and asked.name == schema.WEB_DOWNLOAD:
            image.status = "importing"
        task.desired["left"] = left
        image.desired["importing"] = importing(left, [])
        await self._access.save(tx, image)
        if left:
            await self._access.tasks.save(tx, task)
        else:
            await self._access.tasks.end(tx, task, result={"image_id": image.id})
        return task


def _left(asked: _Asked) -> list[str]:
    """Bits come here in any case: from here they go to clouds."""
    if asked.name == schema.COPY_IMAGE and not asked.source:
        return list(asked.stores)
    return list(dict.fromkeys([stores.HERE, *asked.stores]))
