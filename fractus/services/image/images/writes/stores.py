"""Stores: our own, and one for each cloud, by its name. What an image has in a cloud's store is the copy there."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.auth.principal import Principal
from fractus.model.errors import Conflict
from fractus.model.resource import PENDING, Presence, Resource
from fractus.services.image.images import view
from fractus.services.image.images.queries import ImageSource
from fractus.store import clouds, presences
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction

HERE = view.HERE


async def names(reader: Reader) -> list[str]:
    """All stores, ours first: it is the default."""
    return [HERE, *sorted(one.name for one in await clouds.doors(reader) if one.enabled)]


def unknown(store: str) -> Conflict:
    """Glance's sentence for a store that it does not have."""
    return Conflict(f"Unknown scheme '{store}' found in URI")


async def held(reader: Reader, image: Resource) -> list[str]:
    """The stores that have the whole bits of an image."""
    return view.stores(image, await presences.of_resource(reader, "image", image.id))


async def carry(tx: Transaction, ledger: Ledger, image: Resource, store: str) -> Presence:
    """Have the bits brought to a cloud, and stay there, whether anything there needs them or not."""
    made = Presence(kind="image", id=image.id, cloud=store)
    if await presences.add_new(tx, made):
        await ledger.wake_all(tx, [("image", image.id, store)])
        return made
    there = await presences.fetch(tx, "image", image.id, store, to_write=True)
    assert there is not None
    if not there.wanted or "passing" in there.memory:
        there.wanted, there.state = True, PENDING
        there.memory.pop("passing", None)
        await presences.save(tx, there)
        await ledger.wake_all(tx, [("image", image.id, store)])
    return there


def joined(stores: Sequence[str]) -> str:
    """As Glance writes several of them in one text."""
    return ",".join(stores)


class ImageCopies:
    """Copies of images in clouds ahead of use, for other kinds."""

    def __init__(self, resources: Resources, ledger: Ledger) -> None:
        """Read from `resources`, write through `ledger`."""
        self._images, self._ledger = ImageSource(resources), ledger

    async def copied(
        self, tx: Transaction, principal: Principal, image_id: str, clouds: Sequence[str]
    ) -> None:
        """Have an image brought to some clouds. `NotFound` where the caller may not use it."""
        image = await self._images.usable(tx, principal, image_id)
        for cloud in clouds:
            await carry(tx, self._ledger, image, cloud)
