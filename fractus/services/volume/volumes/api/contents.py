"""What copies what is on a volume, or replaces it: its cloud does that, and the volume is busy meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from fractus.auth.policy import RuleDefault
from fractus.base.clock import iso_micro
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.images import Asked, Source
from fractus.model.resource import Need, Presence, Resource, at_home
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.dialect.writes import Asker, AsksClouds
from fractus.services.volume.volumes import kind, schema
from fractus.services.volume.volumes.api.creating import Images, check_image
from fractus.services.volume.volumes.kind import KIND
from fractus.store import presences
from fractus.store.transaction import Store, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Handler, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.volumes.api import VolumesApi

#: From here on who may see the image is said.
_VISIBILITY = Version(3, 1)


class ImageMaker(Protocol):
    """What writes the images that clouds make."""

    async def make(self, tx: Transaction, source: Source, asked: Asked) -> Resource:
        """One, queued. `QuotaExceeded` where the project has no quota for another."""
        ...


class Volumes(AsksClouds, Protocol):
    """What writes volumes."""

    async def newest_snapshot(self, tx: Transaction, volume_id: str) -> Resource | None:
        """The snapshot of one that was made last."""
        ...


class ContentsApi:
    """Upload to an image, revert to a snapshot, and writing another image."""

    def __init__(
        self, volumes: VolumesApi, store: Store, writes: Volumes, images: Images, maker: ImageMaker
    ) -> None:
        """Of what `volumes` finds; `images` may be written to it, and `maker` writes those that are made of it."""
        self._volumes, self._store, self._writes = volumes, store, writes
        self._images, self._maker = images, maker

    def routes(self) -> list[Route]:
        """A route for each."""
        upload = (("", schema.UPLOAD), ("3.1", schema.UPLOAD_31))
        rows: tuple[tuple[str, RuleDefault, Any, Handler, str], ...] = (
            ("os-volume_upload_image", kind.UPLOAD, upload, self.upload, ""),
            ("revert", kind.REVERT, (("", schema.REVERT),), self.revert, "3.40"),
            ("os-reimage", kind.REIMAGE, (("", schema.REIMAGE),), self.reimage, "3.68"),
        )
        return [
            route(
                Verb(rule=rule, schemas=bodies, status=202),
                "POST", "/volumes/{volume_id}/action", handler, action=name, since=since,
            )
            for name, rule, bodies, handler, since in rows
        ]  # fmt: skip

    async def upload(self, call: Call) -> Reply:
        """An image of ours at once, whose bits are in the volume's cloud."""
        said = call.body["os-volume_upload_image"]
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.UPLOAD.name)
            states = ("available", "in-use") if said.get("force") in TRUE else ("available",)
            if volume.status not in states:
                raise Invalid(f"Invalid volume: Volume {volume.id} status must be {' or '.join(states)}")
            about = _image(call, said)
            encrypted = msgspec.json.decode(volume.summary)["encrypted"]
            if encrypted and (about["disk_format"], about["container_format"]) != ("raw", "bare"):
                raise Invalid(
                    "An encrypted volume uploaded as an image must use 'raw' disk_format and 'bare' container_format,"
                    " which are the defaults for these options."
                )
            if about["visibility"] == "public":
                call.enforce(kind.UPLOAD_PUBLIC.name)
            there = await _there(tx, volume)
            who = call.principal
            asked = Asked(
                name=said["image_name"], project_id=who.project_id, user_id=who.user_id,
                request_id=call.request_id, **about,
            )  # fmt: skip
            source = Source(kind=KIND.name, id=volume.id, cloud=there.cloud, project_id=volume.project_id)
            image = await self._maker.make(tx, source, asked)
            formats = {name: about[name] for name in ("disk_format", "container_format")}
            await self._ask(tx, call, volume, "upload", {"image_id": image.id, **formats}, "uploading")
        return Reply(202, {"os-volume_upload_image": _answer(volume, image.id, said, about)})

    async def revert(self, call: Call) -> Reply:
        """As it was when its newest snapshot was made."""
        asked = call.body["revert"].get("snapshot_id")
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.REVERT.name)
            newest = await self._writes.newest_snapshot(tx, volume.id)
            if newest is None:
                raise Invalid(f"Volume {volume.id} doesn't have any snapshots.")
            if asked != newest.id:
                raise Invalid(
                    f"Specified snapshot {asked} is None or not the latest one of volume {volume.id}."
                )
            if volume.desired["size"] != newest.desired["size"]:
                raise Invalid(
                    f"Can't revert volume {volume.id} to its latest snapshot {asked}. The volume size must be equal to"
                    " the snapshot size."
                )
            for one, what in ((volume, "volume"), (newest, "snapshot")):
                if one.status != "available":
                    raise Conflict(
                        f"Invalid {what}: Can't revert volume {volume.id} to its latest snapshot {newest.id}."
                        f" {what.capitalize()}'s status must be 'available'."
                    )
            snapshot = await _there(tx, newest)
            await self._ask(tx, call, volume, "revert", {"there": snapshot.remote_id}, "reverting")
        return Reply(202)

    async def reimage(self, call: Call) -> Reply:
        """What an image holds, in the place of what is on it."""
        said = call.body["os-reimage"]
        reserved = said.get("reimage_reserved") in TRUE
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.REIMAGE.name)
            if volume.status == "reserved":
                call.enforce(kind.REIMAGE_RESERVED.name, KIND.target(volume))
            if len(volume.desired.get("attached", ())) > 1:
                raise Conflict("Cannot re-image a volume which is attached to more than one server.")
            states = ("available", "error", "reserved") if reserved else ("available", "error")
            if volume.status not in states:
                raise Invalid(
                    f"Invalid volume: Volume {volume.id} status must be {', '.join(states[:-1])} or {states[-1]}, but"
                    f" current status is {volume.status}."
                )
            try:
                image = await self._images.usable(tx, call.principal, said["image_id"])
            except NotFound:
                raise NotFound(f"Image {said['image_id']} could not be found.") from None
            check_image(image, volume.desired["size"])
            await _there(tx, volume)
            volume.desired["image_id"] = image.id
            args = {"image_id": image.id, "reserved": reserved}
            await self._ask(tx, call, volume, "reimage", args, "downloading", needs=KIND.needs(volume))
        return Reply(202)

    async def _ask(
        self,
        tx: Transaction,
        call: Call,
        volume: Resource,
        verb: str,
        args: dict[str, Any],
        status: str,
        needs: Sequence[Need] | None = None,
    ) -> None:
        who = Asker(call.principal.project_id, call.principal.user_id, call.request_id)
        await self._writes.ask(tx, volume, verb, args, who, status=status, needs=needs)


async def _there(tx: Transaction, resource: Resource) -> Presence:
    there = at_home(resource.home, await presences.of_resource(tx, resource.kind, resource.id))
    if there is None or not there.remote_id:
        raise Conflict(f"{resource.kind.capitalize()} {resource.id} is in no cloud yet.")
    return there


def _image(call: Call, said: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the image from the request."""
    newer = call.version >= _VISIBILITY
    return {
        "disk_format": said.get("disk_format") or "raw",
        "container_format": said.get("container_format") or "bare",
        "visibility": said.get("visibility", "private") if newer else "shared",
        "protected": newer and said.get("protected") in TRUE,
    }


def _answer(
    volume: Resource, image_id: str, said: Mapping[str, Any], about: Mapping[str, Any]
) -> dict[str, Any]:
    desired = volume.desired
    return {
        "id": volume.id,
        "updated_at": iso_micro(volume.updated_at),
        "status": "uploading",
        "display_description": desired["description"],
        "size": desired["size"],
        "volume_type": {"id": desired["type_id"], "name": desired["type_name"]},
        "image_id": image_id,
        "container_format": about["container_format"],
        "disk_format": about["disk_format"],
        "image_name": said["image_name"],
        "protected": about["protected"],
        "visibility": about["visibility"],
    }
