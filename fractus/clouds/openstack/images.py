"""Images of a child's Glance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.services import Ask, segment
from fractus.clouds.openstack.transport import Upload
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.images import ImageObserved, ImageWanted, is_wanted, may_carry

T = TypeVar("T")

_PAGE = 200

#: What an update says in Glance's own words, and what Glance itself has in every image.
_FIELDS = ("name", "min_disk", "min_ram", "visibility")
_OWN = frozenset((*_FIELDS, "owner"))


class _Image(Struct, kw_only=True):
    id: str
    name: str | None = ""
    status: str
    owner: str | None = ""
    size: int | None = None
    checksum: str | None = None
    virtual_size: int | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    disk_format: str | None = ""
    container_format: str | None = ""
    min_disk: int | None = 0
    min_ram: int | None = 0
    visibility: str | None = ""
    protected: bool = False
    os_hidden: bool = False
    tags: list[str] = []
    created_at: str = ""
    updated_at: str = ""
    fractus_id: str = ""
    fractus_notes: str = ""
    fractus_by: str = ""

    @property
    def by(self) -> str:
        """Whose its marker is; empty where it does not say."""
        return self.fractus_by or marks.by_tags(self.tags) or marks.by_name(self.name or "")

    @property
    def marker(self) -> str:
        """The id that it is marked with: as a property if it was made so, as a tag if it was marked later, as its name
        if Cinder makes it, which takes no properties.
        """
        return self.fractus_id or marks.from_tags(self.tags) or marks.from_image_name(self.name or "")


class Images:
    """The actuator of images.

    An image of one tenant lies in the tenant's project, `shared` with those that use it there and may; one for all lies
    in the credential's own, as `community`: usable by those who know its id, and in nobody's listing.
    """

    def __init__(self, child: Child) -> None:
        self._child = child

    async def observe(self, scope: Scope, remote_id: str) -> ImageObserved:
        """What is there now."""
        return _read(await self._shown(scope, remote_id, msgspec.Raw), await self._home(), self._child)

    async def _show(self, scope: Scope, remote_id: str) -> _Image:
        return await self._shown(scope, remote_id, _Image)

    async def _shown(self, scope: Scope, remote_id: str, type: type[T]) -> T:
        """What its project is shown of it; an administrator, where it has another owner there than here by now."""
        ask = Ask(service="image", path=f"/images/{segment(remote_id)}")
        try:
            return await self._child.read(scope, ask, type)
        except Missing:
            if scope == HOME:
                raise
            return await self._child.read(HOME, ask, type)

    async def find(self, scope: Scope, wanted: ImageWanted) -> ImageObserved | None:
        """The image with our id, or with our id as its property."""
        if wanted.made_there:
            return await self._made(wanted)
        scope = _home(scope, wanted)
        try:
            there = await self._show(scope, wanted.id)
        except Missing:
            return await self._marked(scope, wanted)
        marked = self._child.judged(there.fractus_id, there.by)["marker"] == wanted.id
        ours = marked and there.owner == await self._child.project(scope)
        return await self.observe(scope, wanted.id) if ours else await self._marked(scope, wanted)

    async def _marked(self, scope: Scope, wanted: ImageWanted) -> ImageObserved | None:
        project_id = await self._child.project(scope)
        query = {marks.KEY: wanted.id, "visibility": _visibility(wanted), "owner": project_id}
        ask = Ask(service="image", path="/images", query=query)
        home = await self._home()
        async for page in self._child.pages(scope, ask, "images", limit=_PAGE):
            for raw in page:
                image = self._read(raw, home)
                if image is not None and image.marker == wanted.id:
                    return image
        return None

    async def _made(self, wanted: ImageWanted) -> ImageObserved | None:
        """The image that Nova or Cinder makes, in whatever project: marked by a property, or by its name; or that of a
        shelved server, which no marker can be given.
        """
        home = await self._home()
        ways: tuple[dict[str, str], ...] = (
            {marks.KEY: wanted.id},
            {"name": marks.name(wanted.id, self._child.by)},
        )
        if wanted.shelved:
            ways = ({"instance_uuid": wanted.shelved},)
        listings = await self._child.services.learn("image/visibilities", self._visibilities)
        for query in ({**way, **seen} for way in ways for seen in listings):
            async for page in self._child.pages(
                HOME, Ask(service="image", path="/images", query=query), "images", limit=_PAGE
            ):
                for raw in page:
                    image = self._read(raw, home)
                    if image is not None and is_wanted(image, wanted):
                        return image
        return None

    async def create(self, scope: Scope, wanted: ImageWanted) -> ImageObserved:
        """Make its record; the bits are a step of their own."""
        scope = _home(scope, wanted)
        body = {
            **{key: value for key, value in wanted.properties.items() if may_carry(key)},
            "id": wanted.id,
            "name": wanted.name,
            "disk_format": wanted.disk_format,
            "container_format": wanted.container_format,
            "min_disk": wanted.min_disk,
            "min_ram": wanted.min_ram,
            "visibility": _visibility(wanted),
            marks.KEY: wanted.id,
            **({marks.BY: self._child.by} if self._child.by else {}),
            **({marks.NOTES: msgspec.json.encode(wanted.notes).decode()} if wanted.notes else {}),
        }
        try:
            return await self._post(scope, body)
        except Refused as refusal:
            if refusal.status != 409:
                raise
            there = await self.find(scope, wanted)
            if there is not None:
                return there
        # Glance remembers the ids of deleted images for ever: it was here before, and gets an id of Glance's choice.
        del body["id"]
        return await self._post(scope, body)

    async def _post(self, scope: Scope, body: dict[str, Any]) -> ImageObserved:
        ask = Ask(service="image", method="POST", path="/images", body=body)
        return _read(await self._child.read(scope, ask, msgspec.Raw), await self._home(), self._child)

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: upload, update, admit, expel."""
        match step.verb:
            case "upload":
                await self._upload(scope, remote_id, step)
            case "update":
                await self._update(scope, remote_id, step.body)
            case "admit" | "expel":
                await self._member(scope, remote_id, step)
            case verb:
                raise Refused(f"images of {self._child.name} have no verb {verb}")

    async def _update(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        """One patch with all of it. What is to be removed and is not there is done."""
        there = await self.observe(scope, remote_id)
        values = {name: changes[name] for name in _FIELDS if name in changes} | changes.get("properties", {})
        if "notes" in changes:
            values[marks.NOTES] = msgspec.json.encode(changes["notes"]).decode()
        if "owner" in changes:
            values["owner"] = await self._child.project(Scope(changes["owner"]))
        patch: list[dict[str, Any]] = [
            {"op": "add" if name not in _OWN else "replace", "path": _pointer(name), "value": value}
            for name, value in values.items()
        ]
        patch += [
            {"op": "remove", "path": _pointer(name)}
            for name in changes.get("unset", ())
            if name in there.properties
        ]
        if there.marker and there.marker == marks.from_image_name(there.name):
            # It was made under a name that marks it: the marker becomes a property before the name goes.
            patch += [
                {"op": "add", "path": _pointer(name), "value": value}
                for name, value in ((marks.KEY, there.marker), (marks.BY, self._child.by))
                if value
            ]
        # Giving it to another project is for administrators.
        who = HOME if "owner" in changes else await self._lies_with(scope, there.project_id)
        ask = Ask(
            service="image",
            method="PATCH",
            path=f"/images/{segment(remote_id)}",
            body=patch,
            media="application/openstack-images-v2.1-json-patch",
            repeat="unset" not in changes,
        )
        await self._child.send(who, ask)

    async def _member(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Share it with a project, or no longer. That project has not to accept it to build servers of it."""
        owner = await self._owner(scope, remote_id)
        member = await self._child.project(Scope(step.body["project_id"]))
        path = f"/images/{segment(remote_id)}/members"
        if step.verb == "admit":
            ask = Ask(service="image", method="POST", path=path, body={"member": member}, repeat=True)
        else:
            ask = Ask(service="image", method="DELETE", path=f"{path}/{segment(member)}")
        try:
            await self._child.send(owner, ask)
        except Missing:
            if step.verb == "admit":
                raise
            await self._show(scope, remote_id)  # it was no member: done; or the image is not there: Missing
        except Refused as refusal:
            if step.verb != "admit" or refusal.status != 409:
                raise

    async def _upload(self, scope: Scope, remote_id: str, step: Step) -> None:
        """The bits. What is there whole already is done."""
        upload = Upload(step.body["path"], step.body["size"])
        # Half an upload is no upload: whoever repeats it looks at the image before.
        ask = Ask(
            service="image",
            method="PUT",
            path=f"/images/{segment(remote_id)}/file",
            upload=upload,
            repeat=False,
            lane="bulk",
        )
        try:
            await self._child.send(await self._owner(scope, remote_id), ask)
        except Refused as refusal:
            if refusal.status != 409:
                raise
            there = await self._show(scope, remote_id)
            if there.status != "active" or there.size != upload.size:
                raise

    async def piece(self, scope: Scope, remote_id: str, offset: int, length: int) -> bytes:
        """Some of its bits. A Glance that knows no ranges gives all of them, and what is asked for is cut out."""
        ask = Ask(
            service="image",
            path=f"/images/{segment(remote_id)}/file",
            range=f"bytes={offset}-{offset + length - 1}",
            lane="bulk",
        )
        answer = await self._child.send(scope, ask)
        return answer.body if answer.status == 206 else answer.body[offset : offset + length]

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it."""
        owner = await self._owner(scope, remote_id)
        await self._child.send(
            owner, Ask(service="image", method="DELETE", path=f"/images/{segment(remote_id)}")
        )

    async def _owner(self, scope: Scope, remote_id: str) -> Scope:
        """In whose name it is changed."""
        return await self._lies_with(scope, (await self._show(scope, remote_id)).owner or "")

    async def _lies_with(self, scope: Scope, owner: str) -> Scope:
        """`scope` where the image lies in its project, for only the owner may change it; else an administrator."""
        return scope if owner == await self._child.project(scope) else HOME

    async def has_cursor(self) -> bool:
        """Glance filters by `updated_at`."""
        return True

    async def list_changed(self, since: str) -> AsyncIterator[ImageObserved]:
        """All images of all projects, changed at or after `since`. Glance does not list deleted ones."""
        seen: set[str] = set()
        home = await self._home()
        for visibility in await self._child.services.learn("image/visibilities", self._visibilities):
            query = {"sort": "created_at:asc", **visibility}
            if since:
                query["updated_at"] = f"gte:{since}"
            ask = Ask(service="image", path="/images", query=query)
            async for page in self._child.pages(HOME, ask, "images", limit=_PAGE, gently=not since):
                for raw in page:
                    image = self._read(raw, home)
                    if image is not None and image.remote_id not in seen:
                        seen.add(image.remote_id)
                        yield image

    async def members(self, remote_id: str) -> dict[str, str]:
        """The child's ids of the projects that an image is shared with, and what each said to it."""
        ask = Ask(service="image", path=f"/images/{segment(remote_id)}/members")
        try:
            listed = await self._child.item(HOME, ask, "members", list[dict[str, Any]])
        except (Missing, Refused):
            return {}  # gone meanwhile, or not for us to see
        return {str(one["member_id"]): str(one.get("status", "pending")) for one in listed}

    async def _visibilities(self) -> list[dict[str, str]]:
        """The listings that together hold all: one, or two with a Glance that does not know `all` yet."""
        try:
            query = {"visibility": "all", "limit": "1"}
            await self._child.send(HOME, Ask(service="image", path="/images", query=query))
        except Refused as refusal:
            if refusal.status != 400:
                raise
            return [{}, {"visibility": "community"}]
        return [{"visibility": "all"}]

    async def _home(self) -> str:
        """The id of the credential's own project."""
        return (await self._child.projects.home()).project_id

    def _read(self, raw: msgspec.Raw, home: str) -> ImageObserved | None:
        try:
            return _read(raw, home, self._child)
        except msgspec.DecodeError as error:
            remote_id = self._child.unreadable("image", raw, error)
            return ImageObserved(remote_id=remote_id, status="", unread=str(error)) if remote_id else None


def _pointer(name: str) -> str:
    """A field in a JSON patch."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _home(scope: Scope, wanted: ImageWanted) -> Scope:
    return scope if wanted.private else HOME


def _visibility(wanted: ImageWanted) -> str:
    return "private" if wanted.private else "community"


def _read(raw: msgspec.Raw, home: str, child: Child) -> ImageObserved:
    """What a document says. Whatever in it is no field of Glance's own is a property."""
    image = msgspec.json.decode(raw, type=_Image)
    document: dict[str, Any] = msgspec.json.decode(raw)
    return ImageObserved(
        remote_id=image.id,
        **child.judged(image.marker, image.by),
        name=image.name or "",
        changed_at=image.updated_at,
        created_at=image.created_at,
        project_id=image.owner or "",
        tags=marks.own(image.tags),
        notes=marks.notes_in(image.fractus_notes) if image.fractus_id else {},
        virtual_size=image.virtual_size,
        os_hash_algo=image.os_hash_algo,
        os_hash_value=image.os_hash_value,
        disk_format=image.disk_format or "",
        container_format=image.container_format or "",
        min_disk=image.min_disk or 0,
        min_ram=image.min_ram or 0,
        visibility=image.visibility or "",
        home=image.owner == home,
        protected=image.protected,
        os_hidden=image.os_hidden,
        properties={key: str(value) for key, value in document.items() if may_carry(key)},
        gone=image.status in ("deleted", "pending_delete"),
        status=image.status,
        size=image.size,
        checksum=image.checksum,
    )
