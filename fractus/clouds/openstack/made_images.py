"""Images that a child makes of servers and volumes: what its Nova is sent, and whether it was asked already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.images import Images
from fractus.model.cloud import HOME
from fractus.model.images import ImageWanted

#: How many backups a child keeps by itself: all. Which go is decided here, for they are images of ours.
_ALL = 0x7FFFFFFF


async def is_there(child: Child, image_id: str) -> bool:
    """Whether the child has begun to make it: Nova and Cinder register the image before they answer. A request whose
    answer was lost is repeated only where there is none.
    """
    wanted = ImageWanted(id=image_id, name="", disk_format="", container_format="", made_there=True)
    return await Images(child).find(HOME, wanted) is not None


def request(child: Child, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `createImage` and `createBackup`, with our marker among the properties of the image."""
    body = {name: value for name, value in args.items() if name != "image_id"}
    body["metadata"] = {**args["metadata"], **marks.image_properties(args["image_id"], child.by)}
    if "rotation" in body:
        body["rotation"] = _ALL
    return body
