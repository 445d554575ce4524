"""What Nova takes for a new server and fractus cannot carry to a cloud: refused with a 400 that names it (law 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Invalid
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.schema import bodies
from fractus.web.routing import Call

#: What a block device mapping may say that only restates that the image is the server's local disk.
_RESTATED = {"source_type", "destination_type", "boot_index", "uuid", "image_id", "delete_on_termination"}


#: What a disk may be made from, in a sentence.
_FROM = {"image": "an image", "volume": "a volume", "snapshot": "a snapshot", "blank": "a blank device"}


def refuse_unsupported(call: Call, body: Mapping[str, Any], *, passwords: bool) -> None:
    """Raise `Invalid` for fields that would be lost on the way. `passwords`: whether those can be kept."""
    server = body["server"]
    if server.get("adminPass") and not passwords:
        raise Invalid("adminPass is not carried to the clouds by fractus; set a password through user_data.")
    if server.get("trusted_image_certificates"):
        call.enforce(policy.TRUSTED_CERTS)
        raise Invalid("trusted_image_certificates are not carried to the clouds by fractus.")
    for name in ("host", "hypervisor_hostname"):
        if server.get(name):
            call.enforce(policy.DESTINATION)
            raise Invalid(f"{name} names a place inside a cloud, which fractus cannot hand on; name a zone.")
    _refuse_hints(body)
    _refuse_disks(call, server)


def _refuse_hints(body: Mapping[str, Any]) -> None:
    for at in ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"):
        if at in body:
            # Nova, too, drops its own internal hints, and looks at the first of the two names only.
            hints = [name for name in body[at] if not name.startswith("_nova")]
            if hints:
                raise Invalid(f"{at}: fractus cannot honour the scheduler hints {', '.join(sorted(hints))}.")
            return


def _refuse_disks(call: Call, server: Mapping[str, Any]) -> None:
    legacy, disks = server.get("block_device_mapping"), server.get("block_device_mapping_v2")
    if legacy and disks:
        raise Invalid("Using different block_device_mapping syntaxes is not allowed in the same request.")
    image = server.get("imageRef")
    if legacy or disks:
        call.enforce(policy.ATTACH_VOLUME)
    if legacy:
        raise Invalid(
            "block_device_mapping: fractus builds servers from an image on their local disk only, without volumes."
        )
    for disk in disks or []:
        _refuse_disk(disk, image)
    if disks and len(disks) > 1:
        raise Invalid("block_device_mapping_v2: fractus gives a server one disk, made from its image.")
    if not image:
        raise Invalid("Missing imageRef attribute")


def _refuse_disk(disk: Mapping[str, Any], image: str | None) -> None:
    """Nova's own refusals first, then ours."""
    source, place = disk.get("source_type"), disk.get("destination_type")
    if source is None and not disk.get("no_device"):
        raise Invalid("Block Device Mapping is Invalid: Some required fields are missing")
    if source == "blank" and disk.get("uuid"):
        raise Invalid("Block Device Mapping is Invalid: Invalid device UUID.")
    if source not in ("blank", None) and not disk.get("uuid"):
        raise Invalid("Block Device Mapping is Invalid: Missing device UUID.")
    index = disk.get("boot_index")
    root = source == "image" and place == "local" and index is not None and int(index) == 0
    if source == "image" and place == "local" and not (root and image):
        raise Invalid("Block Device Mapping is Invalid: Mapping image to local is not supported.")
    if not root:
        raise Invalid(
            f"block_device_mapping_v2: fractus cannot make {_FROM.get(str(source), 'nothing')} "
            f"a {place or 'local'} disk of a server; only the image of imageRef its local one."
        )
    if disk["uuid"] != image:
        raise Invalid("block_device_mapping_v2: uuid is another image than imageRef.")
    more = sorted(disk.keys() - _RESTATED)
    if more:
        raise Invalid(f"block_device_mapping_v2: {', '.join(more)} cannot be carried to a cloud by fractus.")
    if "delete_on_termination" in disk and not bodies.truth(disk["delete_on_termination"]):
        raise Invalid("block_device_mapping_v2: delete_on_termination false has no meaning for a local disk.")
