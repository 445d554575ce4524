"""Bodies about the volumes of servers."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from msgspec import field as named

from fractus.services.compute.servers.schema.bodies import Tag, boolean_of, uuid_of
from fractus.web.schema import Body, convert

Device = Annotated[str, Meta(pattern=r"(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*\Z")]


class Attach(Body):
    """`volumeAttachment` of a volume to be attached."""

    volume_id: str = named(name="volumeId")
    device: Device | None = None
    tag: Tag = ""
    delete_on_termination: bool | str = False


class AttachBody(Body):
    """`POST /servers/{server_id}/os-volume_attachments`."""

    attachment: Attach = named(name="volumeAttachment")


class Reattach(Attach):
    """`volumeAttachment` of a volume that is attached, with what a GET shows of it."""

    server_id: str = named(name="serverId", default="")
    id: str = ""


class ReattachBody(Body):
    """`PUT /servers/{server_id}/os-volume_attachments/{volume_id}`."""

    attachment: Reattach = named(name="volumeAttachment")


def check_attach(body: Any) -> None:
    """The body of an attachment."""
    convert(body, AttachBody)
    _check(body["volumeAttachment"])


def check_update(body: Any) -> None:
    """The body of a change of one."""
    convert(body, ReattachBody)
    _check(body["volumeAttachment"])


def _check(asked: dict[str, Any]) -> None:
    for name in ("volumeId", "serverId", "id"):
        if name in asked:
            uuid_of(name, asked[name])
    if "delete_on_termination" in asked:
        boolean_of("delete_on_termination", asked["delete_on_termination"])
