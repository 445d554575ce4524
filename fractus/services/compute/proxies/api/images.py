"""Images and their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Forbidden, Invalid, NotFound
from fractus.services.compute import METADATA_ITEMS
from fractus.services.compute.proxies import policy, schema
from fractus.services.compute.proxies.api.asking import MOST, Proxy, row
from fractus.services.compute.proxies.versions import METADATA_LAST
from fractus.services.compute.proxies.view import images as view
from fractus.web.paging import nova_links, nova_paging
from fractus.web.routing import Call, Reply, Route

_IMAGE = "/images/{image_id}"

#: Filters by their names in Nova and in Glance.
_FILTERS = {
    "name": "name", "status": "status", "changes-since": "updated_at", "server": "instance_uuid",
    "type": "image_type", "minRam": "min_ram", "minDisk": "min_disk",
}  # fmt: skip
_PROPERTY = "property-"

_PATCH = {"content-type": "application/openstack-images-v2.1-json-patch"}


class Images(Proxy):
    """Handlers of images."""

    service = "image"

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        rule, meta, last = policy.IMAGES, f"{_IMAGE}/metadata", METADATA_LAST
        check, item = schema.check_metadata, f"{meta}/{{key}}"
        return [
            row("GET", "/images", self.index, rule, "List images."),
            row("GET", "/images/detail", self.detail, rule, "List images with all that is known of them."),
            row("GET", _IMAGE, self.show, rule, "Show an image."),
            row("DELETE", _IMAGE, self.delete, rule, "Delete an image."),
            row("GET", meta, self.metadata, rule, "List the metadata of an image.", last=last),
            row("POST", meta, self.add, rule, "Add to the metadata of an image.", check=check, last=last),
            row("PUT", meta, self.replace, rule, "Replace the metadata of an image.", check=check, last=last),
            row("GET", item, self.item, rule, "Show an item of an image's metadata.", last=last),
            row(
                "PUT", item, self.set_item, rule, "Set an item of an image's metadata.", check=schema.check_meta,
                last=last,
            ),
            row("DELETE", item, self.remove_item, rule, "Remove an item of an image's metadata.", last=last),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """Names and links."""
        return await self._list(call, view.brief)

    async def detail(self, call: Call) -> Reply:
        """Everything."""
        return await self._list(call, view.detailed)

    async def _list(self, call: Call, shown: Any) -> Reply:
        paging = nova_paging(call.query)
        query = {**_filters(call), "limit": str(paging.limit or MOST)}
        if paging.marker is not None:
            query["marker"] = paging.marker
        found = (await self.ask(call, "GET", "/images", query=query))["images"]
        links = nova_links(call, paging, len(found), found[-1]["id"] if found else None)
        body: dict[str, Any] = {"images": [shown(one, call) for one in found]}
        return Reply(200, body | ({"images_links": links} if links else {}))

    async def show(self, call: Call) -> Reply:
        """One of them."""
        return Reply(200, {"image": view.detailed(await self._get(call), call)})

    async def delete(self, call: Call) -> Reply:
        """Delete one, where the image service lets the caller."""
        try:
            await self.ask(call, "DELETE", _IMAGE, params=_of(call))
        except NotFound as error:
            raise NotFound("Image not found.") from error
        except Forbidden as error:
            raise Forbidden("You are not allowed to delete the image.") from error
        return Reply(204)

    # --- metadata --------------------------------------------------------------------------------

    async def metadata(self, call: Call) -> Reply:
        """All of it."""
        return Reply(200, {"metadata": view.metadata(await self._get(call))})

    async def item(self, call: Call) -> Reply:
        """One item."""
        key, found = call.params["key"], view.metadata(await self._get(call))
        if key not in found:
            raise NotFound("The resource could not be found.")
        return Reply(200, {"meta": {key: found[key]}})

    async def add(self, call: Call) -> Reply:
        """Items are added, or set."""
        there = view.metadata(await self._get(call))
        return Reply(200, {"metadata": await self._write(call, there, {**there, **call.body["metadata"]})})

    async def replace(self, call: Call) -> Reply:
        """Items that are not given go."""
        there = view.metadata(await self._get(call))
        await self._write(call, there, call.body["metadata"])
        return Reply(200, {"metadata": call.body["metadata"]})

    async def set_item(self, call: Call) -> Reply:
        """The item in the path."""
        meta, key = call.body["meta"], call.params["key"]
        there = view.metadata(await self._get(call))
        if key not in meta:
            raise Invalid("Request body and URI mismatch")
        await self._write(call, there, {**there, key: meta[key]})
        return Reply(200, {"meta": meta})

    async def remove_item(self, call: Call) -> Reply:
        """The item in the path."""
        key, there = call.params["key"], view.metadata(await self._get(call))
        if key not in there:
            raise NotFound("Invalid metadata key")
        await self._write(call, there, {name: value for name, value in there.items() if name != key})
        return Reply(204)

    async def _get(self, call: Call) -> dict[str, Any]:
        try:
            found: dict[str, Any] = await self.ask(call, "GET", _IMAGE, params=_of(call))
        except NotFound as error:
            raise NotFound("Image not found.") from error
        return found

    async def _write(self, call: Call, there: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
        """Have exactly the wanted metadata. What is there after it."""
        if len(wanted) > METADATA_ITEMS:
            raise Forbidden("Image metadata limit exceeded")
        patch: list[dict[str, str]] = [
            {"op": "replace" if key in there else "add", "path": _pointer(key), "value": value}
            for key, value in wanted.items()
            if there.get(key) != value
        ]
        patch += [{"op": "remove", "path": _pointer(key)} for key in there if key not in wanted]
        if patch:
            try:
                await self.ask(call, "PATCH", _IMAGE, params=_of(call), body=patch, headers=_PATCH)
            except Forbidden as error:
                raise Forbidden(f"Not authorized for image {call.params['image_id']}.") from error
        return dict(wanted)


def _of(call: Call) -> dict[str, str]:
    return {"image_id": call.params["image_id"]}


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _filters(call: Call) -> dict[str, str]:
    """What a list is filtered by, as Glance is asked."""
    found = {}
    for name, value in call.query.items():
        if name.startswith(_PROPERTY):
            found[name.removeprefix(_PROPERTY)] = value
        elif name == "changes-since":
            found["updated_at"] = f"gte:{value}"
        elif name == "server":
            found["instance_uuid"] = value.rpartition("/")[2]
        elif name == "status":
            found["status"] = value.lower()
        elif name in _FILTERS:
            found[_FILTERS[name]] = value
    return found
