"""What is written of an image when its bits have come, or will not."""

from __future__ import annotations

from typing import Protocol

from fractus.services.image.images.api.access import Access
from fractus.store.retrying import rerun_now


class Whole(Protocol):
    """What is known of a whole file; digests in hexadecimal."""

    @property
    def path(self) -> str:
        """Where it is."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def md5(self) -> str:
        """Glance's checksum."""

    @property
    def sha512(self) -> str:
        """Glance's os_hash_value."""

    @property
    def virtual_size(self) -> int | None:
        """What the disk in it says of itself."""


@rerun_now
async def keep(access: Access, image_id: str, whole: Whole, meanwhile: str, then: str) -> bool:
    """Tell of the bits; False where the image was deleted meanwhile."""
    async with access.store.transaction() as tx:
        image = await access.ledger.resources.fetch(tx, "image", image_id, to_write=True)
        if image is not None and image.desired["path"] == whole.path:
            return True  # written by an earlier run of this, whose answer was lost
        if image is None or image.deleted_at is not None or image.status != meanwhile:
            return False
        image.status = then
        image.desired.update(
            path=whole.path,
            size=whole.size,
            virtual_size=whole.virtual_size,
            checksum=whole.md5,
            os_hash_algo="sha512",
            os_hash_value=whole.sha512,
        )
        await access.save(tx, image)
    return True


@rerun_now
async def keep_copy(access: Access, image_id: str, whole: Whole) -> bool:
    """The bits that a cloud had are here from now on, so that the image can be brought to any cloud."""
    async with access.store.transaction() as tx:
        image = await access.ledger.resources.fetch(tx, "image", image_id, to_write=True)
        if image is None or image.deleted_at is not None:
            return False
        image.desired.update(
            path=whole.path, checksum=whole.md5, os_hash_algo="sha512", os_hash_value=whole.sha512
        )
        image.choice = {key: value for key, value in image.choice.items() if key != "only"}
        await access.save(tx, image)
    return True


@rerun_now
async def restore(access: Access, image_id: str, meanwhile: str) -> None:
    """The image waits for its bits again."""
    async with access.store.transaction() as tx:
        image = await access.ledger.resources.fetch(tx, "image", image_id)
        if image is not None and image.deleted_at is None and image.status == meanwhile:
            image.status = "queued"
            await access.save(tx, image)
