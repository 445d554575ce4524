"""An image of a cloud becomes one of ours. Its bits stay where they are.

We have no file of it, so no other cloud can be given a copy: servers of it are built in clouds that have it. An image
of the same id and the same bits in two clouds (operators upload them so) is one image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fractus.model.images import ImageObserved
from fractus.model.resource import Presence, Resource
from fractus.reconcile.adopt.adoption import (
    Adopt,
    AdoptionContext,
    Conflict,
    Ignore,
    Merge,
    Verdict,
    stamp,
    unmapped,
)
from fractus.store.transaction import Transaction

_OPEN = ("public", "community")


class Files(Protocol):
    """The bits that are here."""

    def present(self, image_id: str) -> bool:
        """Whether the whole bits are here."""

    def path(self, image_id: str) -> Any:
        """Where they are."""


class ImageAdoption:
    """Taking over images."""

    after: tuple[str, ...] = ()

    def __init__(self, files: Files) -> None:
        """`files`: after the loss of the database alone, the bits may still be here."""
        self._files = files

    def rank(self, observed: ImageObserved) -> int:
        """No order among them."""
        return 0

    def needed(
        self, observed: ImageObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Nothing."""
        return []

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """If its bits are here."""
        return bool(resource.desired["path"])

    async def judge(self, tx: Transaction, observed: ImageObserved, context: AdoptionContext) -> Verdict:
        """Of what everybody may use there, and whose project is nobody's here, nobody is the owner."""
        if observed.status not in ("active", "deactivated"):
            return Ignore(f"it is {observed.status} there")
        notes, id = observed.notes, observed.marker or observed.remote_id
        visibility = notes.get("visibility", observed.visibility or "private")
        owner = (
            notes["owner"] if observed.marker and "owner" in notes else context.project(observed.project_id)
        )
        if owner is None and visibility not in _OPEN:
            return unmapped()
        known = await context.resource(tx, "image", id)
        if known is not None:
            return await self._same(tx, known, observed, context)
        bits = self._files.present(id)
        members = {
            project: status
            for member, status in observed.members.items()
            if (project := context.project(member)) is not None
        }
        made = stamp(observed.created_at)
        desired = {
            "name": observed.name or None,
            "visibility": visibility,
            "disk_format": observed.disk_format or None,
            "container_format": observed.container_format or None,
            "min_disk": observed.min_disk,
            "min_ram": observed.min_ram,
            "protected": notes.get("protected", observed.protected),
            "os_hidden": notes.get("os_hidden", observed.os_hidden),
            "properties": dict(observed.properties),
            "tags": notes.get("tags", list(observed.tags)),
            "members": notes.get("members", members),
            "member_times": {one: [made, made] for one in notes.get("members", members)},
            "size": observed.size,
            "virtual_size": observed.virtual_size,
            "checksum": observed.checksum,
            "os_hash_algo": observed.os_hash_algo,
            "os_hash_value": observed.os_hash_value,
            "path": str(self._files.path(id)) if bits else "",
        }
        resource = Resource(
            kind="image",
            id=id,
            project_id=owner or "",
            user_id=notes.get("user_id", ""),
            name=observed.name,
            status=observed.status,
            desired=desired,
            created_at=made,
            choice={} if bits else {"only": [context.cloud]},
        )
        return Adopt(resource)

    async def _same(
        self, tx: Transaction, known: Resource, observed: ImageObserved, context: AdoptionContext
    ) -> Verdict:
        """The same bits under the same id are the same image, in one more cloud."""
        if not observed.checksum or observed.checksum != known.desired["checksum"]:
            return Conflict(f"there is another image {known.id} ({known.name}) here, with other bits")
        only = known.choice.get("only")
        if only and context.cloud not in only:
            known.choice = {**known.choice, "only": [*only, context.cloud]}
            await context.save(tx, known)
        return Merge(known.id)
