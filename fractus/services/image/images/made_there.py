"""Images that a cloud makes itself, of a server (`createImage`, `createBackup`) or a volume (`os-volume_upload_image`).

1. Whoever accepts the request writes the image in the same transaction (`ImageMaker.make`): it is there at once,
   queued, with a presence in the cloud that will make it.
2. The cloud is asked by the kind that the request is for, and is sent our marker: as properties of the image where its
   request has room for them, else as its name (`fractus.clouds.openstack.marks`). So a lost answer loses no image.
3. The presence looks for the marker, and never creates. What it finds is followed until it is active; then size,
   checksums, formats and properties are taken from there (`learn`).
4. Its bits are in that cloud only (`choice["only"]`), until they are fetched.

A cloud that fails removes what it had begun, and the image ends with it, as Nova does. Where the request was refused,
whoever asked says so (`ImageMaker.failed`), and where the cloud has done it (`ImageMaker.over`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fractus.base.ids import new_id
from fractus.model.images import Asked as Asked
from fractus.model.images import Source as Source
from fractus.model.images import may_carry
from fractus.model.resource import OVER, OWNER, Presence, Resource
from fractus.services.image.images import schema, view
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction

#: Key of `desired`: where and of what an image is made.
MADE = "made_there"

#: States in which a cloud still has to do with it.
_UNDER_WAY = frozenset(("queued", "saving", "uploading", "importing"))

_LEARNT = ("size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value")


class ImageMaker:
    """Writes images that a cloud is going to make."""

    def __init__(self, ledger: Ledger) -> None:
        """Write through `ledger`."""
        self._ledger = ledger

    async def make(self, tx: Transaction, source: Source, asked: Asked) -> Resource:
        """The image, queued. `QuotaExceeded` where the project has no quota for another."""
        properties = {**asked.properties, **asked.translated}
        desired = schema.wanted({**properties, "name": asked.name, "visibility": asked.visibility})
        desired |= {
            "protected": asked.protected,
            "disk_format": asked.disk_format,
            "container_format": asked.container_format,
            "min_disk": asked.min_disk,
            "min_ram": asked.min_ram,
            "members": dict.fromkeys(asked.members, "pending"),
            "member_times": {one: [tx.now(), tx.now()] for one in asked.members},
            MADE: {
                "cloud": source.cloud,
                "kind": source.kind,
                "id": source.id,
                "translated": sorted(asked.translated),
                "learnt": False,
                **({"shelved": source.shelved} if source.shelved else {}),
            },
        }
        image = Resource(
            kind="image",
            id=new_id(),
            project_id=asked.project_id,
            user_id=asked.user_id,
            name=asked.name,
            status="queued",
            desired=desired,
            choice={"only": [source.cloud]},
            request_id=asked.request_id,
            created_at=tx.now(),
            updated_at=tx.now(),
        )
        await self._ledger.create(tx, image, view.summarise(image), assign=False)
        # A create may be under way there from now on: it is looked for before the presence is given up. What is there
        # is not to be made again from here.
        memory = {OWNER: source.project_id, "adopted": True}
        there = Presence(
            kind="image", id=image.id, cloud=source.cloud, creating_since=tx.now(), memory=memory
        )
        await presences.add(tx, there)
        await self._ledger.wake_all(tx, [("image", image.id, source.cloud)])
        return image

    async def without_bits(self, tx: Transaction, asked: Asked) -> Resource:
        """An image that is nothing but its properties: those of a server whose disks are volumes name snapshots."""
        desired = schema.wanted({**asked.properties, **asked.translated, "name": asked.name})
        desired |= {
            "visibility": asked.visibility,
            "disk_format": "qcow2",
            "container_format": "bare",
            "size": 0,
            "checksum": hashlib.md5(b"", usedforsecurity=False).hexdigest(),
            "os_hash_algo": "sha512",
            "os_hash_value": hashlib.sha512(b"").hexdigest(),
            "members": dict.fromkeys(asked.members, "pending"),
            "member_times": {one: [tx.now(), tx.now()] for one in asked.members},
        }
        image = Resource(
            kind="image",
            id=new_id(),
            project_id=asked.project_id,
            user_id=asked.user_id,
            name=asked.name,
            status="active",
            desired=desired,
            request_id=asked.request_id,
            created_at=tx.now(),
            updated_at=tx.now(),
        )
        return await self._ledger.create(tx, image, view.summarise(image), assign=False)

    async def failed(self, tx: Transaction, image_id: str) -> None:
        """The cloud will not make it: it is gone, as after a failed snapshot with Nova. Harmless where it is learnt."""
        image = await self._ledger.resources.fetch(tx, "image", image_id, to_write=True)
        if image is not None and image.deleted_at is None and is_unlearnt(image):
            await self._remove(tx, image)

    async def over(self, tx: Transaction, image_id: str) -> None:
        """The cloud has done what it was asked for: what it does not show by now it has given up, and never will."""
        for there in await presences.of_resource(tx, "image", image_id):
            if there.remote_id is None and there.wanted:
                there.memory[OVER] = True
                await presences.save(tx, there)
                await self._ledger.wake_all(tx, [("image", image_id, there.cloud)])

    async def rotate(self, tx: Transaction, image_ids: Sequence[str], keep: int) -> None:
        """Of these images, oldest first, leave the newest `keep` of those that are still there, as Nova does when a
        backup is done. A protected one stays, as Glance lets it.
        """
        every = [await self._ledger.resources.fetch(tx, "image", id, to_write=True) for id in image_ids]
        there = [one for one in every if one is not None and one.deleted_at is None and one.wanted]
        for image in there[: max(0, len(there) - keep)]:
            if not image.desired["protected"]:
                await self._remove(tx, image)

    async def unshelved(self, tx: Transaction, image_id: str) -> None:
        """The server is shelved no longer: its image is gone, as Nova deletes it. Harmless where it is gone."""
        image = await self._ledger.resources.fetch(tx, "image", image_id, to_write=True)
        if image is not None and image.deleted_at is None and image.wanted:
            await self._remove(tx, image)

    async def _remove(self, tx: Transaction, image: Resource) -> None:
        image.status = "deleted"
        await self._ledger.remove(tx, image, view.summarise(image), hide=True)


def is_made_there(image: Resource, cloud: str) -> bool:
    """Whether this cloud makes it, or has made it, and nobody else can: its bits are not here."""
    return not image.desired["path"] and image.desired.get(MADE, {}).get("cloud") == cloud


def is_unlearnt(image: Resource) -> bool:
    """Whether only its cloud knows what it will be."""
    return not image.desired.get(MADE, {"learnt": True})["learnt"]


def shelved(image: Resource) -> str:
    """The id there of the server that is shelved in it; empty: it is the image of none."""
    return str(image.desired.get(MADE, {}).get("shelved", ""))


def learn(image: Resource, there: Sequence[Presence]) -> None:
    """Take state, bits and properties from the cloud that makes it."""
    if not is_unlearnt(image) or not image.wanted:
        return
    made = image.desired[MADE]
    seen = next((one.observed for one in there if one.cloud == made["cloud"] and one.observed), None)
    if seen is None:
        return
    status = seen.get("status", "")
    if status in _UNDER_WAY:
        image.status = status
    if status != "active":
        return
    desired = image.desired
    image.status = "active"
    desired.update({name: seen.get(name) for name in _LEARNT})
    for name in ("disk_format", "container_format", "min_disk", "min_ram"):
        desired[name] = seen.get(name) or desired[name]
    theirs = {name: value for name, value in seen.get("properties", {}).items() if may_carry(name)}
    desired["properties"] = {**theirs, **desired["properties"]}
    image.desired = {**desired, MADE: {**made, "learnt": True}}


def written_there(image: Resource, there: Presence, seen: Mapping[str, str]) -> dict[str, Any]:
    """Properties that the cloud which made it wrote in its own ids, as they are there."""
    made = image.desired.get(MADE)
    if made is None or made["cloud"] != there.cloud:
        return {}
    return {name: seen[name] for name in made["translated"] if name in seen}
