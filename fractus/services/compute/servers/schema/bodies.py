"""Request bodies of servers.

The shape is msgspec's business (`fractus.web.schema`), what it cannot say is checked after it: names, formats,
booleans in words. Handlers then work with the body as it came.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec import field as named

from fractus.base.ids import is_uuid
from fractus.model.errors import Invalid
from fractus.services.compute.servers.schema import search
from fractus.services.pattern import Pattern
from fractus.web.schema import Body, complaint, convert

#: Nova's own bounds.
MAX_TAGS = MAX_CERTIFICATES = 50

Text = Annotated[str, Meta(max_length=255)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Tag = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^,/]*\Z")]
Hostname = Annotated[str, Meta(min_length=1, max_length=255)]
Metadata = dict[str, Text]
DiskConfig = Literal["AUTO", "MANUAL"]
Count = int | Annotated[str, Meta(min_length=1)]

# --- shapes ---------------------------------------------------------------------------------------


class Nic(Body):
    """One of `networks`."""

    uuid: str = ""
    port: str | None = None
    fixed_ip: str = ""
    tag: Tag = ""


class LegacyDisk(Body):
    """One of `block_device_mapping`."""

    virtual_name: Text = ""
    volume_id: str = ""
    snapshot_id: str = ""
    volume_size: int | str = 1
    device_name: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9._/-]*\Z")] = ""
    delete_on_termination: bool | str = False
    no_device: Any = None
    connection_info: str = ""


class Disk(LegacyDisk):
    """One of `block_device_mapping_v2`."""

    source_type: Literal["volume", "image", "snapshot", "blank"] = "blank"
    uuid: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9._-]*\Z")] = ""
    image_id: str = ""
    destination_type: Literal["local", "volume"] = "local"
    guest_format: Text = ""
    device_type: Text = ""
    disk_bus: Text = ""
    boot_index: int | Annotated[str, Meta(pattern=r"^-?[0-9]+\Z", max_length=18)] | None = None
    tag: Tag = ""
    volume_type: Text | None = None


class Group(Body):
    """One of `security_groups`."""

    name: Name = ""


class File(Body):
    """One of `personality`."""

    path: str = ""
    contents: str = ""


class Create(Body):
    """`server` of `POST /servers`."""

    name: Name
    flavor_ref: int | Annotated[str, Meta(min_length=1)] = named(name="flavorRef")
    image_ref: str = named(name="imageRef", default="")
    admin_pass: str = named(name="adminPass", default="")
    metadata: Metadata = {}
    networks: list[Nic] | Literal["auto", "none"] = []
    disk_config: DiskConfig = named(name="OS-DCF:diskConfig", default="AUTO")
    access_ip_v4: str = named(name="accessIPv4", default="")
    access_ip_v6: str = named(name="accessIPv6", default="")
    personality: list[File] = []
    availability_zone: Name = ""
    block_device_mapping: list[LegacyDisk] = []
    block_device_mapping_v2: list[Disk] = []
    config_drive: bool | str = False
    key_name: Name = ""
    min_count: Count = 1
    max_count: Count = 1
    return_reservation_id: bool | str = False
    security_groups: list[Group] = []
    user_data: Annotated[str, Meta(max_length=65535)] = ""
    description: Text | None = None
    tags: Annotated[list[Tag], Meta(max_length=MAX_TAGS)] = []
    trusted_image_certificates: (
        Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1, max_length=MAX_CERTIFICATES)]
        | None
    ) = None
    host: Hostname = ""
    hypervisor_hostname: Hostname = ""
    hostname: Hostname = ""


class CreateBody(Body):
    """`POST /servers`."""

    server: Create
    hints: dict[str, Any] = named(name="os:scheduler_hints", default={})
    old_hints: dict[str, Any] = named(name="OS-SCH-HNT:scheduler_hints", default={})


class Update(Body):
    """`server` of `PUT /servers/{server_id}`."""

    name: Name = ""
    disk_config: DiskConfig = named(name="OS-DCF:diskConfig", default="AUTO")
    access_ip_v4: str = named(name="accessIPv4", default="")
    access_ip_v6: str = named(name="accessIPv6", default="")
    description: Text | None = None
    hostname: Hostname = ""
    pinned_availability_zone: Name | None = None


class UpdateBody(Body):
    """`PUT /servers/{server_id}`."""

    server: Update


class Reboot(Body):
    """Of the action."""

    type: Literal["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]


class RebootBody(Body):
    """`{"reboot": {"type": "SOFT"}}`."""

    reboot: Reboot


class ConsoleOutput(Body):
    """Of the action."""

    length: int | Annotated[str, Meta(pattern=r"^-?[0-9]+\Z", max_length=18)] | None = None


class ConsoleOutputBody(Body):
    """`{"os-getConsoleOutput": {"length": 50}}`."""

    output: ConsoleOutput = named(name="os-getConsoleOutput")


class ResetState(Body):
    """Of the action."""

    state: Literal["active", "error"]


class ResetStateBody(Body):
    """`{"os-resetState": {"state": "active"}}`."""

    reset: ResetState = named(name="os-resetState")


class Lock(Body):
    """Of the action."""

    locked_reason: Name = ""


class LockBody(Body):
    """`{"lock": {"locked_reason": "..."}}`."""

    lock: Lock | None


class MetadataBody(Body):
    """`{"metadata": {...}}`."""

    metadata: Metadata


class MetaBody(Body):
    """`{"meta": {"key": "value"}}`."""

    meta: Metadata


class TagsBody(Body):
    """`{"tags": [...]}`."""

    tags: Annotated[list[Tag], Meta(max_length=MAX_TAGS)]


# --- what types cannot say ------------------------------------------------------------------------

_TRUE = (True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
_FALSE = (False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no")
_METADATA_KEY = Pattern("^[a-zA-Z0-9-_:. ]{1,255}$")
_LEAF = Pattern("^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$")
_DOMAIN_NAME = Pattern("^[a-zA-Z0-9-._]*$")
_DIGITS = Pattern("^[0-9]*$")


def truth(value: Any) -> bool:
    """A boolean as Nova reads it."""
    return value is True or (isinstance(value, str) and value in _TRUE)


def _wrong(at: str, value: Any, why: str) -> Invalid:
    return Invalid(complaint(at, value, why))


def _format(at: str, value: str, kind: str, holds: Callable[[str], bool]) -> None:
    if not holds(value):
        raise _wrong(at, value, f"{value!r} is not a {kind!r}")


def address_of(at: str, value: str) -> None:
    """An address of either version."""
    if not _address(value):
        raise _wrong(at, value, f"{value!r} is not valid under any of the given schemas")


def uuid_of(at: str, value: str) -> None:
    """An id, as Nova's schemas ask for one."""
    _format(at, value, "uuid", is_uuid)


def _printable(char: str) -> bool:
    category = unicodedata.category(char)
    return not category.startswith("C") and (not category.startswith("Z") or category == "Zs")


def check_name(value: str) -> None:
    """Nova's `name`: printable, and no white space at its ends."""
    if value != value.strip() or not all(map(_printable, value)):
        raise Invalid(
            "An invalid 'name' value was provided. The name must be: printable characters."
            " Can not start or end with whitespace."
        )


def _base64(value: str) -> bool:
    try:
        base64.b64decode(value.encode())
    except (binascii.Error, ValueError):
        return False
    return True


def _address(value: str) -> bool:
    return _ip(value, 4) or _ip(value, 6)


def access_address(given: str) -> str:
    """An address of access as Nova keeps it: of version 6 in its shortest form. Empty is none."""
    return ipaddress.ip_address(given).compressed if ":" in given else given


def _ip(value: str, version: int) -> bool:
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        return False
    return found.version == version


def boolean_of(at: str, value: Any) -> None:
    """A boolean, or a word for one."""
    if not isinstance(value, bool) and value not in (*_TRUE[1:], *_FALSE[1:]):
        raise _wrong(at, value, f"{value!r} is not one of {[*_TRUE, *_FALSE]}")


def _count(at: str, value: int | str) -> None:
    if isinstance(value, str) and (why := _DIGITS.wrong(value)):
        raise _wrong(at, value, why)
    if len(str(value)) > search.DIGITS:
        raise _wrong(at, value, f"{value!r} is too long")
    if int(value) < 1:
        raise _wrong(at, value, f"{int(value)} is less than the minimum of 1")


def _hostname(value: str, domain_name: bool) -> None:
    if why := (_DOMAIN_NAME if domain_name else _LEAF).wrong(value):
        raise _wrong("hostname", value, why)
    if not domain_name and len(value) > 63:
        raise _wrong("hostname", value, f"{value!r} is too long")


def check_metadata(at: str, metadata: Mapping[str, str]) -> None:
    """Keys of metadata."""
    for key in metadata:
        if not _METADATA_KEY.holds(key):
            why = f"{key!r} does not match any of the regexes: {_METADATA_KEY!r}"
            raise _wrong(at, dict(metadata), why)


def _check_access(server: Mapping[str, Any]) -> None:
    for at, version in (("accessIPv4", 4), ("accessIPv6", 6)):
        if at in server and not _ip(server[at], version):
            raise _wrong(at, server[at], f"{server[at]!r} is not a 'ipv{version}'")


def _check_networks(networks: Any, *, modern: bool, tags: bool) -> None:
    if isinstance(networks, str):
        if not modern:
            raise _wrong("networks", networks, f"{networks!r} is not of type 'array'")
        return
    for nic in networks:
        if "tag" in nic and not tags:
            extra = "Additional properties are not allowed ('tag' was unexpected)"
            raise _wrong("networks", nic, extra)
        if nic.get("port") is not None:
            _format("port", nic["port"], "uuid", is_uuid)
        if modern and "uuid" in nic:
            _format("uuid", nic["uuid"], "uuid", is_uuid)
        if "fixed_ip" in nic and not _address(nic["fixed_ip"]):
            raise _wrong(
                "fixed_ip",
                nic["fixed_ip"],
                f"{nic['fixed_ip']!r} is not valid under any of the given schemas",
            )


def check_create(
    body: Any, *, networks_required: bool, nic_tags: bool, disk_tags: bool, domain_name: bool
) -> None:
    """`POST /servers`. The flags say what the asked version demands and allows."""
    convert(body, CreateBody)
    server = body["server"]
    check_name(server["name"])
    if networks_required and "networks" not in server:
        raise _wrong("server", server, "'networks' is a required property")
    _check_networks(server.get("networks", []), modern=networks_required, tags=nic_tags)
    image = server.get("imageRef")
    if image and not is_uuid(image):
        raise _wrong("imageRef", image, f"{image!r} is not valid under any of the given schemas")
    for at in ("availability_zone", "key_name"):
        if at in server:
            check_name(server[at])
    for group in server.get("security_groups", []):
        check_name(group.get("name", "x"))
    for at in ("config_drive", "return_reservation_id"):
        if at in server:
            boolean_of(at, server[at])
    for at in ("min_count", "max_count"):
        if at in server:
            _count(at, server[at])
    if "user_data" in server:
        _format("user_data", server["user_data"], "base64", _base64)
    for file in server.get("personality", []):
        _format("contents", file.get("contents", ""), "base64", _base64)
    _check_disks(server, disk_tags)
    check_metadata("metadata", server.get("metadata", {}))
    _check_access(server)
    _check_texts(server, domain_name)


def _check_disks(server: Mapping[str, Any], tags: bool) -> None:
    for disk in server.get("block_device_mapping_v2", []):
        if "tag" in disk and not tags:
            raise _wrong(
                "block_device_mapping_v2",
                disk,
                "Additional properties are not allowed ('tag' was unexpected)",
            )
    for disk in [*server.get("block_device_mapping", []), *server.get("block_device_mapping_v2", [])]:
        for at in ("volume_id", "snapshot_id", "image_id"):
            if at in disk:
                _format(at, disk[at], "uuid", is_uuid)
        if "delete_on_termination" in disk:
            boolean_of("delete_on_termination", disk["delete_on_termination"])
        if "volume_size" in disk:
            _count("volume_size", disk["volume_size"])


def _check_texts(server: Mapping[str, Any], domain_name: bool) -> None:
    description = server.get("description")
    if description and not all(map(_printable, description)):
        raise _wrong("description", description, f"{description!r} does not match printable characters")
    if "hostname" in server:
        _hostname(server["hostname"], domain_name)
    for at in ("host", "hypervisor_hostname"):
        if at in server and (why := _DOMAIN_NAME.wrong(server[at])):
            raise _wrong(at, server[at], why)


def check_update(body: Any, *, domain_name: bool) -> None:
    """`PUT /servers/{server_id}`."""
    convert(body, UpdateBody)
    server = body["server"]
    if "name" in server:
        check_name(server["name"])
    _check_access(server)
    _check_texts(server, domain_name)


def check_more(asked: Mapping[str, Any], *, domain_name: bool) -> None:
    """What a server may be given when it is built anew, as far as types cannot say it."""
    if "name" in asked:
        check_name(asked["name"])
    if asked.get("key_name"):
        check_name(asked["key_name"])
    if asked.get("user_data") is not None:
        _format("user_data", asked["user_data"], "base64", _base64)
    if "preserve_ephemeral" in asked:
        boolean_of("preserve_ephemeral", asked["preserve_ephemeral"])
    for file in asked.get("personality", []):
        _format("contents", file.get("contents", ""), "base64", _base64)
    check_metadata("metadata", asked.get("metadata", {}))
    _check_access(asked)
    _check_texts(asked, domain_name)


def check_console_output(body: Any) -> None:
    """The action os-getConsoleOutput."""
    convert(body, ConsoleOutputBody)
    length = body["os-getConsoleOutput"].get("length")
    if length is not None and int(length) < -1:
        raise _wrong("length", length, f"{int(length)} is less than the minimum of -1")


def check_replaced_metadata(body: Any) -> None:
    """POST and PUT of all metadata."""
    convert(body, MetadataBody)
    check_metadata("metadata", body["metadata"])


def check_meta(body: Any) -> None:
    """PUT of one item of metadata."""
    convert(body, MetaBody)
    meta = body["meta"]
    check_metadata("meta", meta)
    if not meta:
        raise _wrong("meta", meta, f"{meta!r} should be non-empty")
    if len(meta) > 1:
        raise _wrong("meta", meta, f"{meta!r} has too many properties")


def tag_fault(tag: str) -> str:
    """What is wrong with a tag that came in a path, or nothing."""
    try:
        msgspec.convert(tag, Tag)
    except msgspec.ValidationError:
        why = f"{tag!r} is too long" if len(tag) > 60 else f"{tag!r} does not match '^[^,/]*$'"
        return (
            f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. "
            f"Validation error message: {why}"
        )
    return ""
