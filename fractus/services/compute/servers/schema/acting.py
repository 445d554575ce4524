"""Bodies of actions that have fields: those of `fractus.services.compute.servers.api.acting`, and the old consoles."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec import field as named

from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema.values import integer, refuse
from fractus.services.compute.servers.schema.bodies import (
    MAX_CERTIFICATES,
    DiskConfig,
    File,
    Hostname,
    Metadata,
    Name,
    Tag,
    Text,
    address_of,
    check_metadata,
    check_more,
    check_name,
    uuid_of,
)
from fractus.web.microversion import Version
from fractus.web.schema import Body, convert


class ChangePassword(Body):
    """Of the action."""

    admin_pass: str = named(name="adminPass")


class ChangePasswordBody(Body):
    """`{"changePassword": {"adminPass": "..."}}`."""

    change: ChangePassword = named(name="changePassword")


class Resize(Body):
    """Of the action."""

    flavor_ref: int | Annotated[str, Meta(min_length=1)] = named(name="flavorRef")
    disk_config: DiskConfig = named(name="OS-DCF:diskConfig", default="AUTO")


class ResizeBody(Body):
    """`{"resize": {"flavorRef": "2"}}`."""

    resize: Resize


class Rebuild(Body):
    """Of the action."""

    image_ref: str = named(name="imageRef")
    name: Name = ""
    admin_pass: str = named(name="adminPass", default="")
    metadata: Metadata = {}
    preserve_ephemeral: bool | str = False
    disk_config: DiskConfig = named(name="OS-DCF:diskConfig", default="AUTO")
    access_ip_v4: str = named(name="accessIPv4", default="")
    access_ip_v6: str = named(name="accessIPv6", default="")
    personality: list[File] = []
    description: Text | None = None
    key_name: Name | None = None
    user_data: Annotated[str, Meta(max_length=65535)] | None = None
    trusted_image_certificates: (
        Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1, max_length=MAX_CERTIFICATES)]
        | None
    ) = None
    hostname: Hostname = ""


class RebuildBody(Body):
    """`{"rebuild": {"imageRef": "..."}}`."""

    rebuild: Rebuild


def check_rebuild(body: Any, *, domain_name: bool) -> None:
    """The action rebuild."""
    convert(body, RebuildBody)
    asked = body["rebuild"]
    uuid_of("imageRef", asked["imageRef"])
    check_more(asked, domain_name=domain_name)


class FixedIp(Body):
    """One of `fixed_ips`."""

    ip_address: str


class Interface(Body):
    """`interfaceAttachment` of a port to be attached."""

    net_id: str = ""
    port_id: str = ""
    fixed_ips: Annotated[list[FixedIp], Meta(min_length=1, max_length=1)] | None = None
    tag: Tag = ""


class InterfaceBody(Body):
    """`POST /servers/{server_id}/os-interface`, which may be empty."""

    interface: Interface = named(name="interfaceAttachment", default_factory=Interface)


def check_interface(body: Any) -> None:
    """The body of an attachment."""
    convert(body, InterfaceBody)
    asked = body.get("interfaceAttachment", {})
    for name in ("net_id", "port_id"):
        if name in asked:
            uuid_of(name, asked[name])
    for one in asked.get("fixed_ips", []):
        address_of("ip_address", one["ip_address"])


class Rescue(Body):
    """Of the action."""

    admin_pass: str = named(name="adminPass", default="")
    rescue_image_ref: str = ""


class RescueBody(Body):
    """`{"rescue": {"rescue_image_ref": "..."}}`."""

    rescue: Rescue | None


class UnshelveZone(Body):
    """Of the action from 2.77 on: not empty."""

    availability_zone: Name


class UnshelveZoneBody(Body):
    """`{"unshelve": {"availability_zone": "east"}}`."""

    unshelve: UnshelveZone | None


class Unshelve(Body):
    """Of the action from 2.91 on."""

    availability_zone: str | None = None
    host: str = ""


class UnshelveBody(Body):
    """`{"unshelve": {"availability_zone": null, "host": "..."}}`."""

    unshelve: Unshelve | None


class Vnc(Body):
    """Of the action."""

    type: Literal["novnc", "xvpvnc"]


class VncBody(Body):
    """`{"os-getVNCConsole": {"type": "novnc"}}`."""

    get: Vnc = named(name="os-getVNCConsole")


class Spice(Body):
    """Of the action."""

    type: Literal["spice-html5"]


class SpiceBody(Body):
    """`{"os-getSPICEConsole": {"type": "spice-html5"}}`."""

    get: Spice = named(name="os-getSPICEConsole")


class Serial(Body):
    """Of the action."""

    type: Literal["serial"]


class SerialBody(Body):
    """`{"os-getSerialConsole": {"type": "serial"}}`."""

    get: Serial = named(name="os-getSerialConsole")


class NewImage(Body):
    """Of the action createImage."""

    name: Name
    metadata: Metadata = {}


class NewImageBody(Body):
    """`{"createImage": {"name": "..."}}`."""

    create: NewImage = named(name="createImage")


class NewBackup(Body):
    """Of the action createBackup."""

    name: Name
    backup_type: str
    rotation: int | Annotated[str, Meta(min_length=1, pattern=r"^[0-9]*\Z")]
    metadata: Metadata = {}


class NewBackupBody(Body):
    """`{"createBackup": {"name": "...", "backup_type": "daily", "rotation": 7}}`."""

    create: NewBackup = named(name="createBackup")


def check_new_image(body: Any, _version: Version) -> None:
    """The actions createImage and createBackup."""
    convert(body, NewImageBody if "createImage" in body else NewBackupBody)
    asked = body.get("createImage") or body["createBackup"]
    check_name(asked["name"])
    check_metadata("metadata", asked.get("metadata", {}))
    if "rotation" in asked:
        why = integer(0)(asked["rotation"])
        if why is not None:
            raise refuse("rotation", asked["rotation"], why)


class GroupName(Body):
    """Of the action."""

    name: Annotated[str, Meta(min_length=1)]


class AddGroupBody(msgspec.Struct):
    """`{"addSecurityGroup": {"name": "web"}}`, and whatever else."""

    group: GroupName = named(name="addSecurityGroup")


class RemoveGroupBody(msgspec.Struct):
    """`{"removeSecurityGroup": {"name": "web"}}`, and whatever else."""

    group: GroupName = named(name="removeSecurityGroup")


class AddFloatingIp(Body):
    """Of the action."""

    address: str
    fixed_address: str = ""


class AddFloatingIpBody(Body):
    """`{"addFloatingIp": {"address": "203.0.113.7"}}`."""

    floating: AddFloatingIp = named(name="addFloatingIp")


class RemoveFloatingIp(Body):
    """Of the action."""

    address: str


class RemoveFloatingIpBody(Body):
    """`{"removeFloatingIp": {"address": "203.0.113.7"}}`."""

    floating: RemoveFloatingIp = named(name="removeFloatingIp")


class AddFixedIp(Body):
    """Of the action."""

    network_id: Annotated[str, Meta(min_length=1, max_length=36)] | int | float = named(name="networkId")


class AddFixedIpBody(Body):
    """`{"addFixedIp": {"networkId": "..."}}`."""

    fixed: AddFixedIp = named(name="addFixedIp")


class RemoveFixedIp(Body):
    """Of the action."""

    address: str


class RemoveFixedIpBody(Body):
    """`{"removeFixedIp": {"address": "10.0.0.7"}}`."""

    fixed: RemoveFixedIp = named(name="removeFixedIp")


def check_rescue(body: Any, _version: Version) -> None:
    """The action rescue."""
    convert(body, RescueBody)
    if body["rescue"] and "rescue_image_ref" in body["rescue"]:
        uuid_of("rescue_image_ref", body["rescue"]["rescue_image_ref"])


def check_unshelve(body: Any, *, zone: bool, host: bool) -> None:
    """The action unshelve. The flags say what may be named: nothing is looked at where neither may."""
    if host:
        convert(body, UnshelveBody)
    elif zone:
        convert(body, UnshelveZoneBody)
        if body["unshelve"]:
            check_name(body["unshelve"]["availability_zone"])


def check_group(body: Any, _version: Version) -> None:
    """The actions addSecurityGroup and removeSecurityGroup."""
    adds = "addSecurityGroup" in body
    convert(body, AddGroupBody if adds else RemoveGroupBody)
    if not body["addSecurityGroup" if adds else "removeSecurityGroup"]["name"].strip():
        raise Invalid("Security group name cannot be empty")


def check_fixed_ip(body: Any, _version: Version) -> None:
    """The actions addFixedIp and removeFixedIp."""
    adds = "addFixedIp" in body
    convert(body, AddFixedIpBody if adds else RemoveFixedIpBody)
    if not adds:
        address_of("address", body["removeFixedIp"]["address"])


def check_floating_ip(body: Any, _version: Version) -> None:
    """The actions addFloatingIp and removeFloatingIp."""
    adds = "addFloatingIp" in body
    convert(body, AddFloatingIpBody if adds else RemoveFloatingIpBody)
    for name, value in body["addFloatingIp" if adds else "removeFloatingIp"].items():
        address_of(name, value)
