"""Images of a simulated cloud. Of the bits only length and checksum are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.life import schedule
from fractus.clouds.simulated.records import ImageRecord
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.images import OPEN, ImageObserved, ImageWanted, is_wanted


class Images(Simulated[ImageRecord, ImageWanted, ImageObserved]):
    """The actuator of images.

    An image of one tenant lies in the tenant's project; one for all lies in the credential's own, as `community`.
    """

    record = ImageRecord

    def observed(self, thing: ImageRecord) -> ImageObserved:
        """How the cloud shows it."""
        return ImageObserved(
            **self.common_fields(thing),
            status=thing.status,
            size=thing.size,
            checksum=thing.checksum,
            disk_format=thing.disk_format,
            container_format=thing.container_format,
            min_disk=thing.min_disk,
            min_ram=thing.min_ram,
            visibility=thing.visibility,
            home=thing.project_id == self.injector.home,
            protected=thing.protected,
            properties=dict(thing.properties),
        )

    async def find(self, scope: Scope, wanted: ImageWanted) -> ImageObserved | None:
        """The image that carries our marker, where images like it lie."""
        if not wanted.made_there:
            return await super().find(scope if wanted.private else HOME, wanted)

        def work() -> ImageObserved | None:
            if wanted.shelved:
                every = [self.observed(one) for one in self.records.every(ImageRecord)]
                return next((one for one in every if is_wanted(one, wanted)), None)
            marked = self.records.marked(ImageRecord, wanted.id)
            return next((self.observed(one) for one in marked if self.injector.is_ours(one.by)), None)

        return await self.injector.call(self.kind, "find", wanted.id, work, change=False)

    def make(self, project_id: str, wanted: ImageWanted) -> ImageRecord:
        """A new record, without bits."""
        return ImageRecord(
            id=self.new_id(),
            project_id=project_id if wanted.private else self.injector.home,
            name=wanted.name,
            disk_format=wanted.disk_format,
            container_format=wanted.container_format,
            min_disk=wanted.min_disk,
            min_ram=wanted.min_ram,
            visibility="private" if wanted.private else "community",
            properties=dict(wanted.properties),
        )

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verb: upload {"path", "size"}. The call lasts as long as the image is `saving`."""
        await super().apply(scope, remote_id, step)
        if self.injector.backend.shape.upload_seconds > 0:
            await self.injector.clock.sleep(self.injector.backend.shape.upload_seconds)

    def change(self, thing: ImageRecord, step: Step) -> None:
        """Take the bits in, or one of the other verbs. What is there whole already is done."""
        match step.verb:
            case "update":
                return self._update(thing, step.body)
            case "admit":
                return self._admit(thing, step.body["project_id"])
            case "expel":
                thing.members.pop(self.injector.project(Scope(step.body["project_id"])), None)
                return self.touch(thing)
            case "upload":
                return self._upload(thing, step)
        return super().change(thing, step)

    def _update(self, thing: ImageRecord, changes: Mapping[str, Any]) -> None:
        for name in ("name", "min_disk", "min_ram", "visibility"):
            if name in changes:
                setattr(thing, name, changes[name])
        if "owner" in changes:
            thing.project_id = self.injector.project(Scope(changes["owner"]))
        if "notes" in changes:
            thing.notes = dict(changes["notes"])
        kept = {
            name: value for name, value in thing.properties.items() if name not in changes.get("unset", ())
        }
        thing.properties = {**kept, **changes.get("properties", {})}
        self.touch(thing)

    def _admit(self, thing: ImageRecord, project_id: str) -> None:
        if thing.visibility != "shared":
            raise Refused(f"Not allowed to create members for image {thing.id}.", status=403)
        thing.members.setdefault(self.injector.project(Scope(project_id)), "pending")
        self.touch(thing)

    def _upload(self, thing: ImageRecord, step: Step) -> None:
        size, checksum = _read(Path(step.body["path"]))
        if size != step.body["size"]:
            raise Refused(f"the bits on this node are {size} bytes, not {step.body['size']}", status=400)
        if thing.status == "active" and thing.checksum == checksum:
            return None
        if thing.status != "queued":
            raise Refused(f"Image status transition from {thing.status} to saving is not allowed", status=409)
        thing.status, thing.size, thing.checksum = "saving", size, checksum
        schedule(thing, "saved", self.now() + self.injector.backend.shape.upload_seconds)
        return self.touch(thing)

    def bits(self, id: str) -> bytes:
        """The bits of an image whose bits are its name; `Refused` of others, which are not kept."""
        thing = self.held(id, self.injector.home)
        found = thing.name.encode()
        if hashlib.md5(found, usedforsecurity=False).hexdigest() != thing.checksum:
            raise Refused("a simulated cloud keeps no bits of images", status=501)
        return found

    def may_see(self, thing: ImageRecord, project_id: str) -> bool:
        """The project's own, those that it was let in to, and those that lie open to whoever knows their id."""
        return usable(thing, project_id)

    def held(self, id: str, project_id: str) -> ImageRecord:
        """As the real driver has it: an administrator looks where the project is shown nothing."""
        try:
            return super().held(id, project_id)
        except Missing:
            return super().held(id, self.injector.home)

    def missing(self, id: str) -> str:
        """Glance's sentence."""
        return f"No image found with ID {id}"


def usable(image: ImageRecord, project_id: str) -> bool:
    """Whether servers of a project can be built from it."""
    return (
        image.project_id == project_id
        or image.visibility in OPEN
        or (image.visibility == "shared" and project_id in image.members)
    )


def _read(path: Path) -> tuple[int, str]:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            return file.tell(), digest
    except OSError as error:
        raise Refused(f"the bits are not on this node: {error.strerror or error}") from error
