"""Servers, as machine and drivers speak of them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from msgspec import Struct

from fractus.model.cloud import Observed, Wanted


class ServerDisk(Struct, frozen=True, kw_only=True):
    """A block device that a server is built with, in Nova's words. Ids are the child's.

    A volume outlives the server there: whether it ends with it is decided here, where it is held.
    """

    source: Literal["image", "volume", "blank"]
    id: str = ""
    """Of the image or volume."""
    size: int | None = None
    """Of a blank one, which is local: GiB, MiB of a swap. None: as the flavor says."""
    boot_index: int = -1
    device: str = ""
    device_type: str = ""
    disk_bus: str = ""
    guest_format: str = ""
    tag: str = ""


class ServerWanted(Wanted, frozen=True, kw_only=True):
    """A server to be. Ids are the child's."""

    flavor_id: str
    image_id: str = ""
    disks: list[ServerDisk] = []
    """Empty: the image is its local disk."""
    key_name: str = ""
    port_ids: list[str] = []
    """In the order of the user's networks; empty: no network at all."""
    port_tags: list[str] = []
    security_groups: list[str] = []
    metadata: dict[str, str] = {}
    user_data: str = ""
    """Base64, as the user gave it."""
    config_drive: bool = False
    description: str = ""
    hostname: str = ""
    disk_config: str = "AUTO"
    admin_pass: str = ""
    """The first password of its administrator; empty: the child makes one up that nobody is shown."""
    personality: list[dict[str, str]] = []
    scheduler_hints: dict[str, Any] = {}


class ServerFault(Struct, frozen=True):
    """Why a server is in ERROR."""

    code: int = 500
    message: str = ""
    created: str = ""
    details: str = ""


class ServerObserved(Observed, frozen=True, kw_only=True):
    """A server as its cloud last said: Nova's own words for the states."""

    PASSING: ClassVar[frozenset[str]] = frozenset({"user_data"})

    status: str
    """ACTIVE, BUILD, SHUTOFF, ERROR ..."""
    vm_state: str = ""
    task_state: str | None = None
    power_state: int = 0
    host: str = ""
    hypervisor_hostname: str = ""
    instance_name: str = ""
    host_status: str = ""
    zone: str = ""
    launched_at: str | None = None
    terminated_at: str | None = None
    config_drive: str = ""
    locked: bool = False
    locked_reason: str | None = None
    metadata: dict[str, str] = {}
    """Without our marker."""
    root_device_name: str | None = None
    hostname: str = ""
    hostnames: Literal["", "label", "none"] = ""
    """What the cloud lets a host name be changed to: any, one without dots, or nothing."""
    fault: ServerFault | None = None
    flavor_id: str = ""
    """The child's id of its flavor; empty where the child tells only what the flavor was like (from 2.47 on)."""
    flavor: dict[str, Any] = {}
    """What its flavor was like when it was built: `original_name`, `vcpus`, `ram`, `disk`, `ephemeral`, `swap`,
    `extra_specs`, as far as the child tells it.
    """
    image_id: str = ""
    """The child's id; empty where it boots from a volume."""
    key_name: str = ""
    disk_config: str = ""
    access_ip_v4: str = ""
    access_ip_v6: str = ""
    security_groups: list[str] = []
    """Names."""
    addresses: dict[str, list[dict[str, Any]]] = {}
    """By the name of their network, in Nova's words; floating ones too."""
    volumes: list[dict[str, Any]] = []
    """`id` and `delete_on_termination` of each volume that is attached."""
    user_data: str = ""
    reservation_id: str = ""
    launch_index: int = 0


# Verbs of a server's Step: rename {"name"}; set_metadata {"metadata": {...}} (the whole set, without our marker);
# describe {"description"}; set_hostname {"hostname"}; and those of `fractus.model.server_verbs`.
