"""An image in the clouds: its record first, then its bits, then whoever waits for it may use it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from fractus.model.cloud import Step
from fractus.model.images import ImageSeen, ImageWanted
from fractus.model.resource import SETTLED, Need, Presence, Resource, Summary
from fractus.reconcile.kind import (
    Apply,
    Demand,
    Difference,
    Done,
    Fail,
    Item,
    Plan,
    Sweeping,
    Wait,
    adopt_fields,
)
from fractus.services.image.images import view
from fractus.store.transaction import Transaction

#: Between two looks at an image that its cloud is still working on. Seconds.
_PAUSE = 2.0


class Files(Protocol):
    """The bits, as far as the worker must know of them."""

    def remove(self, image_id: str) -> None:
        """They are needed no longer."""


class ImageLifecycle:
    """What the machine must know of images."""

    name = "image"
    seen_type = ImageSeen
    chosen = False
    lasts = False
    swept = False
    sweeping = Sweeping(changes=15.0, whole=60.0)

    def __init__(self, files: Files) -> None:
        """`files`: where the bits lie on this node."""
        self._files = files

    def demand(self, resource: Resource) -> Demand:
        """Nothing: it goes where it is needed."""
        return Demand()

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Nothing to remember."""
        return {}

    def wanted(self, item: Item) -> ImageWanted:
        """Record and bits. Private in the cloud only where nobody but the owner can use it here."""
        desired = item.resource.desired
        alone = desired["visibility"] == "private" or (
            desired["visibility"] == "shared" and not desired["members"]
        )
        return ImageWanted(
            id=item.resource.id,
            name=desired["name"] or "",
            notes={
                "owner": item.resource.project_id,
                "user_id": item.resource.user_id,
                **{
                    name: desired[name]
                    for name in ("visibility", "protected", "os_hidden", "tags", "members")
                },
            },
            disk_format=desired["disk_format"] or "",
            container_format=desired["container_format"] or "",
            min_disk=desired["min_disk"],
            min_ram=desired["min_ram"],
            private=alone and bool(item.resource.project_id),
            properties=desired["properties"],
            path=desired["path"],
            size=desired["size"] or 0,
            checksum=desired["checksum"] or "",
        )

    def differences(self, item: Item, seen: ImageSeen) -> list[Difference]:
        """Its name. State and bits decide whether it can be used at all (see `plan`)."""
        name = item.resource.desired["name"] or ""
        if not seen.marker or seen.name == name:
            return []
        return [Difference("name", name, seen.name, mends=False)]

    def as_wanted(self, item: Item, seen: ImageSeen, fields: Collection[str]) -> ImageSeen:
        """As it is: `plan` does not look at the name."""
        return seen

    def plan(self, item: Item, seen: ImageSeen) -> Plan:
        """Upload where the cloud waits for bits; then wait until it has digested them."""
        desired = item.resource.desired
        if seen.status == "queued":
            if not desired["path"]:
                return Wait(_PAUSE, "it has no bits yet")
            return Apply(Step("upload", {"path": desired["path"], "size": desired["size"]}))
        if seen.status in ("saving", "uploading", "importing"):
            return Wait(_PAUSE, f"the cloud is {seen.status} it")
        if seen.status != "active":
            return Fail(f"the image is {seen.status} there")
        if seen.checksum and desired["checksum"] and seen.checksum != desired["checksum"]:
            return Fail(f"the image there has other bits (MD5 {seen.checksum}, not {desired['checksum']})")
        return Done()

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        """Fields have the same names in the wish."""
        adopt_fields(resource, found)
        return None

    def settled(self, presence: Presence, seen: ImageSeen) -> bool:
        """A server can be built from it only when it is active there, and its bits were seen to be the right ones."""
        return seen.status == "active" and presence.state == SETTLED

    async def told(self, tx: Transaction, resource: Resource) -> None:
        """Nothing else shows parts of it."""

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """As users see it; where it is changes nothing."""
        return view.summarise(resource, presences)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """It held nothing in that cloud."""

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """No cloud needs the bits any more. Removing them twice does no harm, keeping them for ever would."""
        self._files.remove(resource.id)
