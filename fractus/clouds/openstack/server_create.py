"""The body that asks a child for a server, and the microversion it is sent with."""

from __future__ import annotations

import re
from typing import Any

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.services import reaches
from fractus.model.errors import Refused
from fractus.model.servers import ServerDisk, ServerWanted

#: The highest that servers are made with. What changed on the way is handled below; later ones change what is refused,
#: not what we send.
_HIGHEST = "2.90"

#: From this version on a server is given its tag as it is created, so it can be found by it from its first moment.
TAGS_AT_CREATE = "2.52"

#: From here on a server can be given a hostname, also when it is there already.
HOSTNAMES = "2.90"

#: From here on a hostname may be a whole domain name.
DOMAIN_NAMES = "2.94"

#: The last that takes files to be put into the server.
_LAST_WITH_FILES = "2.56"


def create_version(wanted: ServerWanted) -> str:
    """The microversion to ask for: no higher than what is wanted needs, as far as it is known."""
    if wanted.personality:
        return _LAST_WITH_FILES
    return DOMAIN_NAMES if "." in wanted.hostname else _HIGHEST


def create_body(wanted: ServerWanted, version: str, cloud: str, by: str = "") -> dict[str, Any]:
    """The body of `POST /servers` at `version`; `by`: whose our marker is.

    `Refused` where that version cannot carry what is wanted (law 10).
    """
    server: dict[str, Any] = {
        "name": wanted.name,
        "flavorRef": wanted.flavor_id,
        "networks": _networks(wanted, version, cloud),
        "metadata": _metadata(wanted, version, cloud),
        "config_drive": wanted.config_drive,
        "OS-DCF:diskConfig": wanted.disk_config,
    }
    if wanted.image_id:
        server["imageRef"] = wanted.image_id
    if wanted.disks:
        server["block_device_mapping_v2"] = [_disk(one, version, cloud) for one in wanted.disks]
    if wanted.key_name:
        server["key_name"] = wanted.key_name
    if wanted.admin_pass:
        server["adminPass"] = wanted.admin_pass
    if wanted.user_data:
        server["user_data"] = wanted.user_data
    if wanted.personality:
        server["personality"] = wanted.personality
    if wanted.description:
        _needs(version, "2.19", "a description", cloud)
        server["description"] = wanted.description
    if wanted.hostname:
        server.update(_hostname(wanted, version, cloud))
    if reaches(version, TAGS_AT_CREATE):
        server["tags"] = [marks.tag(wanted.id), *marks.by_tag(by), *marks.user_tag(wanted.notes)]
    body: dict[str, Any] = {"server": server}
    if wanted.scheduler_hints:
        body["os:scheduler_hints"] = wanted.scheduler_hints
    return body


def _disk(disk: ServerDisk, version: str, cloud: str) -> dict[str, Any]:
    """One of `block_device_mapping_v2`."""
    local = disk.source != "volume"
    sent: dict[str, Any] = {
        "source_type": disk.source,
        "destination_type": "local" if local else "volume",
        "boot_index": disk.boot_index,
        "delete_on_termination": local,
    }
    if disk.tag:
        _needs(version, "2.42", "tags of disks", cloud)  # 2.32 had them, 2.33 lost them by mistake
    said = {
        "uuid": disk.id,
        "volume_size": disk.size if disk.source == "blank" else None,
        "device_name": disk.device,
        "device_type": disk.device_type,
        "disk_bus": disk.disk_bus,
        "guest_format": disk.guest_format,
        "tag": disk.tag,
    }
    return sent | {name: value for name, value in said.items() if value}


def _metadata(wanted: ServerWanted, version: str, cloud: str) -> dict[str, str]:
    """The user's, and the marker where there is room for it beside the tag that is the marker, too."""
    metadata = marks.without(wanted.metadata)
    if marks.has_room(metadata):
        return {**metadata, marks.KEY: wanted.id}
    _needs(version, TAGS_AT_CREATE, f"{len(metadata)} items of metadata beside our marker", cloud)
    return metadata


def _networks(wanted: ServerWanted, version: str, cloud: str) -> Any:
    """Always said: from 2.37 on Nova would refuse a body without it, and before it would choose networks by itself."""
    if not wanted.port_ids:
        _needs(version, "2.37", "a server without a network", cloud)
        return "none"
    tags = wanted.port_tags + [""] * (len(wanted.port_ids) - len(wanted.port_tags))
    if any(tags):
        _needs(version, "2.42", "tags of network devices", cloud)  # 2.32 had them, 2.37 lost them by mistake
    return [
        {"port": port} | ({"tag": tag} if tag else {})
        for port, tag in zip(wanted.port_ids, tags, strict=False)
    ]


def _hostname(wanted: ServerWanted, version: str, cloud: str) -> dict[str, str]:
    """The hostname, unless the child is old and would derive the very same from the name."""
    if not reaches(version, HOSTNAMES) and wanted.hostname == derived_hostname(wanted.name):
        return {}
    _needs(version, DOMAIN_NAMES if "." in wanted.hostname else HOSTNAMES, "a hostname of one's own", cloud)
    return {"hostname": wanted.hostname}


def derived_hostname(name: str) -> str:
    """What Nova makes of a server's name (nova.utils.sanitize_hostname); empty where it would fall back to the id."""
    plain = name.encode("latin-1", "ignore").decode("latin-1")[:63]
    return re.sub(r"[^\w.-]+", "", re.sub(r"[ _.]", "-", plain)).lower().strip(".-")


def _needs(version: str, floor: str, what: str, cloud: str) -> None:
    if not reaches(version, floor):
        raise Refused(
            f"{cloud} cannot give {what}: it needs compute {floor}, and {version or '2.1'} is there",
            elsewhere=True,
        )
