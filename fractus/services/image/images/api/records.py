"""Records of images: create, show, change, delete; tags; deactivate and reactivate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fractus.base.ids import new_id
from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, UnsupportedMedia
from fractus.model.resource import Resource
from fractus.services.image.images import policy, schema, view
from fractus.services.image.images.api.access import Access, visibility_rule, within
from fractus.services.image.images.writes import stores
from fractus.web.faults import NOT_FOUND
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route


def _create_schema(body: Any, _version: Version) -> None:
    schema.create(body)


def _any_body(_body: Any, _version: Version) -> None:
    """What a patch may be depends on its media type, which the handler knows."""


class RecordsApi:
    """One image, without its bits."""

    def __init__(
        self, access: Access, methods: Sequence[str] = schema.IMPORT_METHODS, *, several: bool = False
    ) -> None:
        """Work on `access`. `methods`: of import; `several`: whether clouds are stores beside ours."""
        self._access, self._methods, self._several = access, methods, several

    def routes(self) -> list[Route]:
        """Everything about records."""
        one = "/images/{image_id}"
        return [
            Route(
                method="POST",
                path="/images",
                handler=self.create,
                # add_image needs to know the owner that the body names, so it is asked there.
                rule=policy.LIST,
                schema=_create_schema,
                bounded=("", "tags"),
                summary="Create an image, without bits.",
            ),
            Route(method="GET", path=one, handler=self.show, rule=policy.GET, summary="Show an image."),
            Route(
                method="PATCH",
                path=one,
                handler=self.update,
                rule=policy.MODIFY,
                schema=_any_body,
                summary="Change an image by JSON patch.",
            ),
            Route(
                method="DELETE", path=one, handler=self.delete, rule=policy.DELETE, summary="Delete an image."
            ),
            Route(
                method="PUT",
                path=f"{one}/tags/{{tag}}",
                handler=self.tag,
                rule=policy.MODIFY,
                summary="Add a tag.",
            ),
            Route(
                method="DELETE",
                path=f"{one}/tags/{{tag}}",
                handler=self.untag,
                rule=policy.MODIFY,
                summary="Remove a tag.",
            ),
            Route(
                method="POST",
                path=f"{one}/actions/deactivate",
                handler=self.deactivate,
                rule=policy.DEACTIVATE,
                summary="Have the bits no longer given out.",
            ),
            Route(
                method="POST",
                path=f"{one}/actions/reactivate",
                handler=self.reactivate,
                rule=policy.REACTIVATE,
                summary="Have the bits given out again.",
            ),
        ]

    async def create(self, call: Call) -> Reply:
        """A new record; the bits come later."""
        body, caller = call.body, call.principal
        owner = (body["owner"] or "") if "owner" in body else caller.project_id
        desired = schema.wanted(body)
        self._may_add(call, owner, desired["visibility"])
        within(len(desired["tags"]), "tags")
        within(len(desired["properties"]), "properties")
        image_id = body["id"].lower() if "id" in body else new_id()
        async with self._access.store.transaction() as tx:
            if await self._access.ledger.resources.fetch(tx, "image", image_id) is not None:
                # Also where it was deleted: Glance remembers ids for ever.
                raise Conflict(f"Image ID {image_id} already exists!")
            image = Resource(
                kind="image",
                id=image_id,
                project_id=owner,
                user_id=caller.user_id,
                name=desired["name"] or "",
                status="queued",
                desired=desired,
                request_id=call.request_id,
                created_at=tx.now(),
                updated_at=tx.now(),
            )
            await self._access.ledger.create(tx, image, view.summarise(image), assign=False)
        headers = {
            "Location": f"{call.url}/{image_id}",
            "OpenStack-image-import-methods": ",".join(self._methods),
        }
        if self._several:
            headers["OpenStack-image-store-ids"] = stores.joined(await stores.names(self._access.store))
        return Reply(201, image.summary, headers)

    def _may_add(self, call: Call, owner: str, visibility: str) -> None:
        target = {"project_id": owner, "owner": owner, "visibility": visibility}
        if not call.allows(policy.ADD, target):
            if owner != call.principal.project_id:
                raise Forbidden(f"You are not permitted to create images owned by '{owner}'")
            call.enforce(policy.ADD, target)
        for rule in visibility_rule(visibility):
            call.enforce(rule, target)

    async def show(self, call: Call) -> Reply:
        """One image."""
        image = await self._access.image(self._access.store, call, policy.GET)
        return Reply(200, image.summary)

    async def update(self, call: Call) -> Reply:
        """Change it, all of the patch or nothing."""
        media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        draft = schema.PATCHES.get(media)
        if draft is None:
            allowed = ", ".join(sorted(schema.PATCHES))
            raise UnsupportedMedia(f"Image PATCH expects Content-Type one of: {allowed}")
        changes = schema.patch(call.body, draft)
        async with self._access.store.transaction() as tx:
            image = await self._access.image(tx, call)
            had = set(image.desired["properties"])
            for change in changes:
                self._change(call, image, change)
            if had != set(image.desired["properties"]):
                within(len(image.desired["properties"]), "properties")
            within(len(image.desired["tags"]), "tags")
            if changes:
                await self._access.save(tx, image)
        return Reply(200, image.summary)

    def _change(self, call: Call, image: Resource, change: schema.Change) -> None:
        if change.name == "locations":
            self._access.check(call, policy.MODIFY, image)
            raise Forbidden(_no_locations(change))
        if change.name == "owner" and change.op != "remove" and not call.principal.is_admin:
            raise Forbidden("Owner can't be updated by non admin.")
        if change.name == "visibility" and change.op != "remove":
            for rule in visibility_rule(change.value):
                self._access.check(call, rule, image)
        self._access.check(call, policy.MODIFY, image)
        if change.name == "owner" and change.op != "remove":
            image.project_id = change.value or ""
            return
        schema.apply(image.desired, change, queued=image.status == "queued")
        if change.name == "name":
            image.name = change.value or ""

    async def delete(self, call: Call) -> Reply:
        """Delete it, from here at once and from the clouds as soon as nothing there needs it."""
        gone = NotFound(f"Failed to find image {call.params['image_id']} to delete")
        async with self._access.store.transaction() as tx:
            image = await self._access.image(tx, call, policy.DELETE, missing=gone)
            if image.desired["protected"]:
                raise Forbidden(f"Image {image.id} is protected and cannot be deleted.")
            image.status = "deleted"
            image.updated_at = tx.now()
            await self._access.ledger.remove(tx, image, view.summarise(image), hide=True)
        return Reply(204)

    # --- tags ------------------------------------------------------------------------------------

    async def tag(self, call: Call) -> Reply:
        """Add a tag; it may be there already."""
        image_id, tag = call.params["image_id"], call.params["tag"]
        schema.check_tags([tag])
        missing = NotFound(f"Image {image_id} not found.")
        async with self._access.store.transaction() as tx:
            image = await self._access.image(tx, call, policy.MODIFY, missing=missing)
            if tag not in image.desired["tags"]:
                image.desired["tags"].append(tag)
                try:
                    within(len(image.desired["tags"]), "tags")
                except TooLarge as error:
                    raise TooLarge(f"Image tag limit exceeded for image {image_id}: {error}:") from None
                await self._access.save(tx, image)
        return Reply(204)

    async def untag(self, call: Call) -> Reply:
        """Remove a tag."""
        missing = NotFound(f"Image {call.params['image_id']} not found.")
        async with self._access.store.transaction() as tx:
            image = await self._access.image(tx, call, policy.MODIFY, missing=missing)
            if call.params["tag"] not in image.desired["tags"]:
                raise NotFound(NOT_FOUND)
            image.desired["tags"].remove(call.params["tag"])
            await self._access.save(tx, image)
        return Reply(204)

    # --- actions ---------------------------------------------------------------------------------

    async def deactivate(self, call: Call) -> Reply:
        """Nobody but admins gets the bits any more."""
        return await self._turn(call, policy.DEACTIVATE, "active", "deactivated")

    async def reactivate(self, call: Call) -> Reply:
        """Everybody gets them again."""
        return await self._turn(call, policy.REACTIVATE, "deactivated", "active")

    async def _turn(self, call: Call, rule: str, old: str, new: str) -> Reply:
        if call.body is not None:
            raise Invalid("A body is not expected with this request.")
        async with self._access.store.transaction() as tx:
            image = await self._access.image(tx, call, rule)
            if image.status not in (old, new):
                raise Forbidden(f"Not allowed to {rule} image in status '{image.status}'")
            if image.status == old:
                image.status = new
                await self._access.save(tx, image)
        return Reply(204)


def _no_locations(change: schema.Change) -> str:
    """Locations, as Glance has it where it does not show them: we never do, for our files are nobody's business."""
    if change.op == "replace" and not change.value:
        return "Cannot set locations to empty list."
    verb = {"replace": "update", "add": "add", "remove": "remove"}[change.op]
    return f"It's not allowed to {verb} locations if locations are invisible."
