"""Where the bits of an image are: here, and in the clouds that have a copy, each of which is a store by its name."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Conflict, Forbidden, NotFound
from fractus.model.resource import PENDING, Presence, Resource
from fractus.services.image.images import policy, view
from fractus.services.image.images.api.access import Access
from fractus.store import clouds, presences
from fractus.store.transaction import Reader
from fractus.web.routing import Call, Reply, Route

HERE = view.HERE


class CopiesApi:
    """Copies, as locations and stores."""

    def __init__(self, access: Access) -> None:
        """Work on `access`."""
        self._access = access

    def routes(self) -> list[Route]:
        """Two."""
        return [
            Route(
                method="GET",
                path="/images/{image_id}/locations",
                handler=self.locations,
                rule=policy.LIST,
                summary="Where the bits of an image are, for other services: here, and each cloud's copy.",
            ),
            Route(
                method="DELETE",
                path="/stores/{store_id}/{image_id}",
                handler=self.leave,
                rule=policy.LIST,
                summary="Remove a cloud's copy of an image that nothing there needs.",
            ),
        ]

    async def locations(self, call: Call) -> Reply:
        """All places, ours first."""
        missing = NotFound(f"No image found with ID {call.params['image_id']}")
        image = await self._access.image(
            self._access.store, call, policy.GET, policy.FETCH_LOCATION, missing=missing
        )
        here = f"{call.base_url}{call.mount}/images/{image.id}/file"
        found = [_location(here, HERE)] if image.desired["path"] else []
        for one in await _copies(self._access.store, image):
            found.append(_location(f"glance://{one.cloud}/{one.remote_id}", one.cloud))
        return Reply(200, found)

    async def leave(self, call: Call) -> Reply:
        """The copy leaves its cloud; it comes again when something there needs the image."""
        store, image_id = call.params["store_id"], call.params["image_id"]
        if store not in {one.name for one in await clouds.every(self._access.store)}:
            raise Conflict(f"The selected store {store} is not available on this node.")
        async with self._access.store.transaction() as tx:
            missing = NotFound(f"Failed to find image {image_id}")
            image = await self._access.image(
                tx, call, policy.GET, policy.GET_LOCATION, policy.DELETE_LOCATION, missing=missing
            )
            if image.status != "active":
                raise Conflict(
                    "It's not allowed to remove image data from store if image status is not 'active'"
                )
            copies = {one.cloud: one for one in await _copies(tx, image)}
            if len(copies) + bool(image.desired["path"]) == 1 and store in copies:
                raise Forbidden(
                    "Cannot delete image data from the only store containing it. Consider deleting the image instead."
                )
            if store not in copies:
                raise NotFound(f"Image {image_id} is not stored in store {store}.")
            if await presences.dependents(tx, "image", image.id, store):
                raise Conflict(
                    f"The data for Image {image_id} could not be deleted because it is in use: something in {store} "
                    "is built of it"
                )
            copy = copies[store]
            copy.wanted, copy.state = False, PENDING
            await presences.save(tx, copy)
            await self._access.ledger.wake_all(tx, [("image", image.id, store)])
        return Reply(204)


async def _copies(reader: Reader, image: Resource) -> list[Presence]:
    """The presences that have the whole bits."""
    every = await presences.of_resource(reader, "image", image.id)
    return [
        one
        for one in every
        if one.remote_id and one.wanted and (one.observed or {}).get("status") == "active"
    ]


def _location(url: str, store: str) -> dict[str, Any]:
    return {"url": url, "metadata": {"store": store}}
