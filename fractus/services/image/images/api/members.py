"""Members: projects that an image is shared with."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Conflict, Forbidden, NotFound, TooLarge
from fractus.model.resource import Resource
from fractus.services.image.images import policy, schema, view
from fractus.services.image.images.api.access import Access, within
from fractus.store.transaction import Reader
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_NOT_SHARED = "Only shared images have members."


def _add_schema(body: Any, _version: Version) -> None:
    schema.new_member(body)


def _status_schema(body: Any, _version: Version) -> None:
    schema.member_status(body)


class MembersApi:
    """Who an image is shared with, and what they say to it."""

    def __init__(self, access: Access) -> None:
        """Work on `access`."""
        self._access = access

    def routes(self) -> list[Route]:
        """Everything about members."""
        every = "/images/{image_id}/members"
        one = f"{every}/{{member_id}}"
        return [
            Route(
                method="GET",
                path=every,
                handler=self.index,
                rule=policy.GET_MEMBERS,
                summary="List the projects that an image is shared with.",
            ),
            Route(
                method="POST",
                path=every,
                handler=self.create,
                rule=policy.ADD_MEMBER,
                schema=_add_schema,
                summary="Share an image with a project.",
            ),
            Route(
                method="GET",
                path=one,
                handler=self.show,
                rule=policy.GET_MEMBER,
                summary="Show a project that an image is shared with.",
            ),
            Route(
                method="PUT",
                path=one,
                handler=self.update,
                # modify_member asks for the image's member, so it is asked there.
                rule=policy.LIST,
                schema=_status_schema,
                summary="Accept or reject an image.",
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.delete,
                rule=policy.DELETE_MEMBER,
                summary="Share an image with a project no longer.",
            ),
        ]

    async def index(self, call: Call) -> Reply:
        """All of them; a member sees only itself."""
        image = await self._image(self._access.store, call)
        if image.desired["visibility"] != "shared":
            raise Forbidden(f"Not allowed to list members for image {image.id}: {_NOT_SHARED}")
        self._access.check(call, policy.GET_MEMBERS, image)
        members = [
            _document(image, project) for project in image.desired["members"] if _shown(call, image, project)
        ]
        return Reply(200, {"members": members, "schema": "/v2/schemas/members"})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        image = await self._image(self._access.store, call)
        if image.desired["visibility"] != "shared":
            raise NotFound(_NOT_SHARED)
        return Reply(200, _document(image, self._member(call, image)))

    async def create(self, call: Call) -> Reply:
        """Share; the other project is asked."""
        member = schema.new_member(call.body)
        async with self._access.store.transaction() as tx:
            image = await self._image(tx, call)
            if image.desired["visibility"] != "shared":
                raise Forbidden(f"Not allowed to create members for image {image.id}.")
            self._access.check(call, policy.ADD_MEMBER, image)
            members = image.desired["members"]
            if member in members:
                raise Conflict(f"Member {member} is duplicated for image {image.id}")
            members[member] = "pending"
            image.desired["member_times"][member] = [tx.now(), tx.now()]
            try:
                within(len(members), "members for this image")
            except TooLarge as error:
                raise TooLarge(f"Image member limit exceeded for image {image.id}: {error}:") from None
            await self._access.save(tx, image)
        return Reply(200, _document(image, member))

    async def update(self, call: Call) -> Reply:
        """The other project's answer."""
        status = schema.member_status(call.body)
        async with self._access.store.transaction() as tx:
            image = await self._image(tx, call)
            if image.desired["visibility"] != "shared":
                raise Forbidden(f"Not allowed to update members for image {image.id}.")
            member = self._member(call, image)
            self._access.check(call, policy.MODIFY_MEMBER, image)
            image.desired["members"][member] = status
            image.desired["member_times"][member][1] = tx.now()
            await self._access.save(tx, image)
        return Reply(200, _document(image, member))

    async def delete(self, call: Call) -> Reply:
        """Share no longer."""
        async with self._access.store.transaction() as tx:
            image = await self._image(tx, call)
            if image.desired["visibility"] != "shared":
                raise Forbidden(f"Not allowed to delete members for image {image.id}.")
            member = self._member(call, image)
            self._access.check(call, policy.DELETE_MEMBER, image)
            del image.desired["members"][member]
            del image.desired["member_times"][member]
            await self._access.save(tx, image)
        return Reply(204)

    async def _image(self, reader: Reader, call: Call) -> Resource:
        missing = NotFound(f"Image {call.params['image_id']} not found.")
        return await self._access.image(reader, call, policy.GET, missing=missing)

    def _member(self, call: Call, image: Resource) -> str:
        self._access.check(call, policy.GET_MEMBER, image)
        member = call.params["member_id"]
        if member not in image.desired["members"] or not _shown(call, image, member):
            raise NotFound(f"{member} not found in the member list of the image {image.id}.")
        return member


def _shown(call: Call, image: Resource, member: str) -> bool:
    """Whether the caller may know of a member: the owner of all, a member of itself."""
    who = call.principal
    return who.is_admin or who.project_id in (image.project_id, member)


def _document(image: Resource, member: str) -> dict[str, Any]:
    desired = image.desired
    return view.member(image.id, member, desired["members"][member], desired["member_times"][member])
