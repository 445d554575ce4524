"""Servers, as machine and drivers speak of them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from fractus.model.cloud import Seen, Wanted


class ServerWanted(Wanted, frozen=True, kw_only=True):
    """A server to be. Ids are the child's."""

    flavor_id: str
    image_id: str = ""
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
    """The first password of its administrator; empty: the child makes one up that nobody is told."""
    personality: list[dict[str, str]] = []
    scheduler_hints: dict[str, Any] = {}


class ServerFault(Struct, frozen=True):
    """Why a server is in ERROR."""

    code: int = 500
    message: str = ""
    created: str = ""
    details: str = ""


class ServerSeen(Seen, frozen=True, kw_only=True):
    """A server as its cloud last said: Nova's own words for the states."""

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
    created_at: str = ""
    config_drive: str = ""
    locked: bool = False
    metadata: dict[str, str] = {}
    """Without our marker."""
    root_device_name: str | None = None
    hostname: str = ""
    description: str | None = None
    """None: it has none, or the cloud does not say."""
    fault: ServerFault | None = None
    project_id: str = ""
    """The child's id of the project."""


# Verbs of a server's Step: rename {"name"}; stop {}; start {}; reboot {"type": "SOFT"|"HARD"};
# set_metadata {"metadata": {...}} (the whole set, without our marker); describe {"description"}.
