"""Reading images: who may see which."""

from __future__ import annotations

from fractus.auth.principal import Principal
from fractus.model.cloud import Scope
from fractus.model.errors import NotFound
from fractus.model.resource import OWNER, Resource
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Reader


def image_visible(resource: Resource, principal: Principal) -> bool:
    """Whether the caller may know of an image (Glance's own rule, under all policies)."""
    desired = resource.desired
    if principal.is_admin or not resource.project_id or desired["visibility"] in ("public", "community"):
        return True
    if not principal.project_id:
        return False
    if principal.project_id == resource.project_id:
        return True
    return desired["visibility"] == "shared" and principal.project_id in desired["members"]


async def image_fetch(
    reader: Reader, resources: Resources, image_id: str, principal: Principal
) -> Resource | None:
    """An image that is not deleted and that the caller may know of."""
    found = await resources.fetch(reader, "image", image_id)
    if found is None or found.deleted_at is not None or not image_visible(found, principal):
        return None
    return found


async def copies(reader: Reader, image: Resource) -> list[tuple[str, str, Scope]]:
    """The clouds that have its whole bits, each with its id there and in whose name they are read."""
    every = await presences.of_resource(reader, "image", image.id)
    return [
        (one.cloud, one.remote_id, Scope(one.memory.get(OWNER, image.project_id)))
        for one in every
        if one.remote_id and one.wanted and (one.observed or {}).get("status") == "active"
    ]


class ImageSource:
    """Images, for those who build servers."""

    def __init__(self, resources: Resources) -> None:
        """Read them from `resources`."""
        self._resources = resources

    async def usable(self, reader: Reader, principal: Principal, image_id: str) -> Resource:
        """The image, where the caller may use it; `NotFound` else, in Nova's words. Its `status` is Glance's."""
        found = await image_fetch(reader, self._resources, image_id, principal)
        if found is None:
            raise NotFound(f"Image {image_id} could not be found.")
        return found
