"""What servers looked like, and took, at older microversions (Nova's `rest_api_version_history`, read in its code).

Versions without a row here changed nothing of what this folder serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.services.compute.dialect.view import STORED
from fractus.web.microversion import (
    Behaviour,
    Document,
    FieldAdded,
    QueryAdded,
    RequestFieldAdded,
    RequestFieldRemoved,
    Reshaped,
    RouteAdded,
    Row,
    Version,
    VersionTable,
)

V = Version

_EXTENDED = "OS-EXT-SRV-ATTR:"

#: Where the tags of a server begin.
TAGS_SINCE = V(2, 26)


def _flavor_by_reference(document: Document, known: Mapping[str, Any]) -> Document:
    """2.47: before it, a server refers to its flavor (`known`: `flavor_id`) instead of showing it."""
    if "flavor" in document:
        href = f"{STORED.permanent}/flavors/{known['flavor_id']}"
        document["flavor"] = {"id": known["flavor_id"], "links": [{"rel": "bookmark", "href": href}]}
    return document


def _hostname_for_admins(document: Document, known: Mapping[str, Any]) -> Document:
    """2.90: before it, the host name was one of the attributes that only admins see (`known`: `extended`)."""
    if not known["extended"]:
        document.pop(_EXTENDED + "hostname", None)
    return document


_SHOWN_WHOLE = (
    "OS-EXT-AZ:availability_zone",
    "OS-EXT-STS:power_state",
    "OS-EXT-STS:task_state",
    "OS-EXT-STS:vm_state",
    "OS-SRV-USG:launched_at",
    "OS-SRV-USG:terminated_at",
    "config_drive",
    "host_status",
    "key_name",
    "os-extended-volumes:volumes_attached",
    "security_groups",
)


def _updated_in_part(document: Document, _known: Mapping[str, Any]) -> Document:
    """2.75: before it, the answer to a PUT showed less than a GET."""
    for name in _SHOWN_WHOLE:
        document.pop(name, None)
    for name in [name for name in document if name.startswith(_EXTENDED)]:
        del document[name]
    for addresses in document.get("addresses", {}).values():
        for address in addresses:
            address.pop("OS-EXT-IPS:type", None)
            address.pop("OS-EXT-IPS-MAC:mac_addr", None)
    return document


_SERVER: tuple[Row, ...] = (
    *(
        FieldAdded(V(2, 3), _EXTENDED + name)
        for name in "reservation_id launch_index hostname kernel_id ramdisk_id root_device_name user_data".split()
    ),
    FieldAdded(V(2, 3), "os-extended-volumes:volumes_attached[].delete_on_termination"),
    FieldAdded(V(2, 9), "locked"),
    FieldAdded(V(2, 16), "host_status"),
    FieldAdded(V(2, 19), "description"),
    FieldAdded(V(2, 26), "tags"),
    Reshaped(V(2, 47), down=_flavor_by_reference),
    FieldAdded(V(2, 63), "trusted_image_certificates"),
    FieldAdded(V(2, 71), "server_groups"),
    FieldAdded(V(2, 73), "locked_reason"),
    Reshaped(V(2, 90), down=_hostname_for_admins),
    FieldAdded(V(2, 96), "pinned_availability_zone"),
    FieldAdded(V(2, 98), "image.properties"),
    FieldAdded(V(2, 100), "scheduler_hints"),
)

#: A server as GET shows it.
SHOWN = VersionTable(_SERVER)

#: A server in the answer to a PUT.
UPDATED = VersionTable([*_SERVER, Reshaped(V(2, 75), down=_updated_in_part)])


def _rebuilt_in_part(document: Document, known: Mapping[str, Any]) -> Document:
    """2.75: before it, the answer to a rebuild showed less than a GET, but for what its body may change."""
    kept = {name: document[name] for name in ("key_name",) if name in document}
    return {**_updated_in_part(document, known), **kept}


#: A server in the answer to a rebuild.
REBUILT = VersionTable(
    [
        *_SERVER,
        FieldAdded(V(2, 54), "key_name"),
        Reshaped(V(2, 75), down=_rebuilt_in_part),
    ]
)

#: What request bodies may have.
REQUESTS = VersionTable(
    [
        Behaviour(V(2, 8), "consoles_of_mks"),
        RequestFieldAdded(V(2, 19), "server.description", on="create"),
        Behaviour(V(2, 19), "description_apart"),  # before it, a new server is described by its name
        Behaviour(V(2, 32), "tags_of_devices"),
        Behaviour(V(2, 33), "no_tags_of_disks"),
        Behaviour(V(2, 37), "no_tags_of_nics"),
        Behaviour(V(2, 42), "tags_of_devices_again"),
        Behaviour(V(2, 37), "networks_required"),
        RequestFieldAdded(V(2, 52), "server.tags", on="create"),
        RequestFieldRemoved(V(2, 57), "server.personality", on="create"),
        RequestFieldAdded(V(2, 63), "server.trusted_image_certificates", on="create"),
        RequestFieldAdded(V(2, 67), "server.block_device_mapping_v2[].volume_type", on="create"),
        RequestFieldAdded(V(2, 74), "server.host", on="create"),
        RequestFieldAdded(V(2, 74), "server.hypervisor_hostname", on="create"),
        RequestFieldAdded(V(2, 90), "server.hostname", on="create"),
        Behaviour(V(2, 94), "hostname_is_domain_name"),
        RequestFieldAdded(V(2, 19), "server.description", on="update"),
        RequestFieldAdded(V(2, 90), "server.hostname", on="update"),
        RequestFieldAdded(V(2, 104), "server.pinned_availability_zone", on="update"),
        RequestFieldAdded(V(2, 19), "rebuild.description", on="rebuild"),
        RequestFieldAdded(V(2, 54), "rebuild.key_name", on="rebuild"),
        RequestFieldRemoved(V(2, 57), "rebuild.personality", on="rebuild"),
        RequestFieldAdded(V(2, 57), "rebuild.user_data", on="rebuild"),
        Behaviour(V(2, 57), "rebuild_tells_user_data"),
        RequestFieldAdded(V(2, 63), "rebuild.trusted_image_certificates", on="rebuild"),
        RequestFieldAdded(V(2, 90), "rebuild.hostname", on="rebuild"),
        RequestFieldAdded(V(2, 49), "interfaceAttachment.tag", on="plug"),
        Behaviour(V(2, 39), "properties_of_images_unbounded"),
        Behaviour(V(2, 45), "image_id_in_body"),
        Behaviour(V(2, 20), "attach_while_shelved"),
        RequestFieldAdded(V(2, 49), "volumeAttachment.tag", on="attach"),
        Behaviour(V(2, 60), "multiattach"),
        RequestFieldAdded(V(2, 79), "volumeAttachment.delete_on_termination", on="attach"),
        *(
            RequestFieldAdded(V(2, 85), f"volumeAttachment.{name}", on="reattach")
            for name in "device tag delete_on_termination serverId id".split()
        ),
        Behaviour(V(2, 85), "attachment_changes"),
        Behaviour(V(2, 101), "attach_without_device"),
        Behaviour(V(2, 14), "evacuate_finds_storage"),
        Behaviour(V(2, 25), "live_migration_chooses"),
        Behaviour(V(2, 29), "evacuate_may_be_forced"),
        Behaviour(V(2, 30), "live_migration_may_be_forced"),
        Behaviour(V(2, 56), "migrate_to_host"),
        Behaviour(V(2, 68), "moves_are_never_forced"),
        Behaviour(V(2, 95), "evacuated_servers_stop"),
        Behaviour(V(2, 73), "lock_has_reason"),
        Behaviour(V(2, 77), "unshelve_to_zone"),
        Behaviour(V(2, 91), "unshelve_to_host"),
        Behaviour(V(2, 99), "consoles_of_spice_direct"),
    ]
)

#: Lists: filters that everybody may use (`on="everybody"`), and parameters that are checked (`on="checked"`).
LISTS = VersionTable(
    [
        QueryAdded(V(2, 5), "ip6", on="everybody"),
        *(
            QueryAdded(V(2, 26), name, on="everybody")
            for name in "tags tags-any not-tags not-tags-any".split()
        ),
        *(QueryAdded(V(2, 26), name, on="checked") for name in "tags tags-any not-tags not-tags-any".split()),
        Behaviour(V(2, 38), "statuses_checked"),
        QueryAdded(V(2, 66), "changes-before", on="everybody"),
        QueryAdded(V(2, 66), "changes-before", on="checked"),
        QueryAdded(V(2, 73), "locked", on="everybody"),
        QueryAdded(V(2, 73), "locked", on="checked"),
        Behaviour(V(2, 73), "sorted_by_locked"),
        Behaviour(V(2, 75), "strict"),
        *(
            QueryAdded(V(2, 83), name, on="everybody")
            for name in (
                "availability_zone config_drive key_name created_at launched_at terminated_at power_state task_state"
                " vm_state progress user_id"
            ).split()
        ),
        QueryAdded(V(2, 90), "hostname", on="everybody"),
    ]
)

#: What hangs on a server.
PARTS = VersionTable(
    [
        RouteAdded(V(2, 6), "POST", "/servers/{server_id}/remote-consoles"),
        RouteAdded(V(2, 17), "POST", "/servers/{server_id}/action#trigger_crash_dump"),
        Behaviour(V(2, 21), "actions_of_deleted"),
        *(
            RouteAdded(TAGS_SINCE, method, path)
            for path in ("/servers/{server_id}/tags", "/servers/{server_id}/tags/{tag}")
            for method in ("GET", "PUT", "DELETE")
        ),
        Behaviour(V(2, 48), "diagnostics_in_one_form"),
        Behaviour(V(2, 51), "events_for_everybody"),
        Behaviour(V(2, 58), "actions_in_pages"),
        QueryAdded(V(2, 66), "changes-before", on="actions"),
        RouteAdded(V(2, 22), "POST", "/servers/{server_id}/migrations/{id}/action#force_complete"),
        RouteAdded(V(2, 23), "GET", "/servers/{server_id}/migrations"),
        RouteAdded(V(2, 23), "GET", "/servers/{server_id}/migrations/{id}"),
        RouteAdded(V(2, 24), "DELETE", "/servers/{server_id}/migrations/{id}"),
        RouteAdded(V(2, 78), "GET", "/servers/{server_id}/topology"),
        Behaviour(V(2, 65), "abort_while_queued"),
        Behaviour(V(2, 75), "strict_attachments"),
        Behaviour(V(2, 102), "strict"),
    ]
)

#: One row of os-instance-actions.
ACTION = VersionTable([FieldAdded(V(2, 58), "updated_at")])

#: One event of it.
EVENT = VersionTable(
    [FieldAdded(V(2, 62), "hostId"), FieldAdded(V(2, 62), "host"), FieldAdded(V(2, 84), "details")]
)

#: A migration of a server.
MIGRATION = VersionTable(
    [FieldAdded(V(2, 59), "uuid"), FieldAdded(V(2, 80), "user_id"), FieldAdded(V(2, 80), "project_id")]
)

#: One row of os-interface.
INTERFACE = VersionTable([FieldAdded(V(2, 70), "tag")])


def _by_volume(document: Document, _known: Mapping[str, Any]) -> Document:
    """2.89: before it, an attachment was known by its volume alone."""
    del document["attachment_id"], document["bdm_uuid"]
    document["id"] = document["volumeId"]
    return document


_ATTACHMENT = (FieldAdded(V(2, 70), "tag"), FieldAdded(V(2, 79), "delete_on_termination"))

#: One row of os-volume_attachments.
ATTACHMENT = VersionTable([*_ATTACHMENT, Reshaped(V(2, 89), down=_by_volume)])

#: The answer to a POST.
CREATED_ATTACHMENT = VersionTable(_ATTACHMENT)
