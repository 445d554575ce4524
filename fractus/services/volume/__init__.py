"""The face of block storage: Cinder's versions, version documents, errors, and all routes that Cinder 29 has.

Of what cannot be made yet (consistency groups) lists are empty, and what is asked for by its id does not exist.
All else that is not served answers 501 and stands in the coverage table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fractus.web.face import Service
from fractus.web.faults import cinder_project_mismatch, nova, nova_denied
from fractus.web.microversion import Version, VersionRange
from fractus.web.routing import Reply, Route

PREFIX = "/volume"
MOUNT = "/v3"

RANGE = VersionRange(Version(3, 0), Version(3, 71))


def _entries(base_url: str) -> dict[str, Any]:
    """The one version of the API; the date is that of Cinder's newest microversion."""
    entry = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": str(RANGE.max),
        "min_version": str(RANGE.min),
        "updated": "2023-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": f"{base_url}{MOUNT}/"},
        ],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}
        ],
    }
    return {"versions": [entry]}


def _choices(base_url: str) -> Reply:
    return Reply(300, _entries(base_url))


def _versions(base_url: str) -> Reply:
    return Reply(200, _entries(base_url))


SERVICE = Service(
    type="volume",
    prefix=PREFIX,
    mount=MOUNT,
    trailing_slash=False,
    envelope=nova,
    denied=nova_denied,
    project_mismatch=cinder_project_mismatch,
    versions=RANGE,
    documents={"/": _choices, MOUNT: _versions},
    quota_status=413,
)

#: Every route that Cinder 29 has at some version: path, methods, actions of a POST.
_KNOWN: tuple[tuple[str, str], ...] = (
    ("/attachments", "GET POST"),
    ("/attachments/detail", "GET"),
    ("/attachments/{id}", "GET PUT DELETE"),
    ("/attachments/{id}/action", "#os-complete"),
    ("/backups", "GET POST"),
    ("/backups/detail", "GET"),
    ("/backups/import_record", "POST"),
    ("/backups/{id}", "GET PUT DELETE"),
    ("/backups/{id}/action", "#os-force_delete #os-reset_status"),
    ("/backups/{id}/export_record", "GET"),
    ("/backups/{id}/restore", "POST"),
    ("/capabilities/{id}", "GET"),
    ("/cgsnapshots", "GET POST"),
    ("/cgsnapshots/detail", "GET"),
    ("/cgsnapshots/{id}", "GET DELETE"),
    ("/clusters", "GET"),
    ("/clusters/detail", "GET"),
    ("/clusters/disable", "PUT"),
    ("/clusters/enable", "PUT"),
    ("/clusters/{id}", "GET"),
    ("/consistencygroups", "GET POST"),
    ("/consistencygroups/create_from_src", "POST"),
    ("/consistencygroups/detail", "GET"),
    ("/consistencygroups/{id}", "GET PUT DELETE"),
    ("/consistencygroups/{id}/delete", "POST"),
    ("/consistencygroups/{id}/update", "PUT"),
    ("/default-types", "GET"),
    ("/default-types/{id}", "GET PUT DELETE"),
    ("/extensions", "GET"),
    ("/extensions/{id}", "GET"),
    ("/group_snapshots", "GET POST"),
    ("/group_snapshots/detail", "GET"),
    ("/group_snapshots/{id}", "GET DELETE"),
    ("/group_snapshots/{id}/action", "#reset_status"),
    ("/group_types", "GET POST"),
    ("/group_types/{group_type_id}/group_specs", "GET POST"),
    ("/group_types/{group_type_id}/group_specs/{id}", "GET PUT DELETE"),
    ("/group_types/{id}", "GET PUT DELETE"),
    ("/groups", "GET POST"),
    ("/groups/detail", "GET"),
    ("/groups/action", "#create-from-src"),
    ("/groups/{id}", "GET PUT"),
    (
        "/groups/{id}/action",
        "#create-from-src #delete #disable_replication #enable_replication #failover_replication"
        " #list_replication_targets #reset_status",
    ),
    ("/limits", "GET"),
    ("/manageable_snapshots", "GET POST"),
    ("/manageable_snapshots/detail", "GET"),
    ("/manageable_volumes", "GET POST"),
    ("/manageable_volumes/detail", "GET"),
    ("/messages", "GET"),
    ("/messages/{id}", "GET DELETE"),
    ("/os-availability-zone", "GET"),
    ("/os-hosts", "GET"),
    ("/os-hosts/{id}", "GET PUT"),
    ("/os-quota-class-sets/{id}", "GET PUT"),
    ("/os-quota-sets/{id}", "GET PUT DELETE"),
    ("/os-quota-sets/{id}/defaults", "GET"),
    ("/os-services", "GET"),
    ("/os-services/disable", "PUT"),
    ("/os-services/disable-log-reason", "PUT"),
    ("/os-services/enable", "PUT"),
    ("/os-services/failover_host", "PUT"),
    ("/os-services/freeze", "PUT"),
    ("/os-services/get-log", "PUT"),
    ("/os-services/set-log", "PUT"),
    ("/os-services/thaw", "PUT"),
    ("/os-snapshot-manage", "GET POST"),
    ("/os-snapshot-manage/detail", "GET"),
    ("/os-volume-manage", "GET POST"),
    ("/os-volume-manage/detail", "GET"),
    ("/os-volume-transfer", "GET POST"),
    ("/os-volume-transfer/detail", "GET"),
    ("/os-volume-transfer/{id}", "GET DELETE"),
    ("/os-volume-transfer/{id}/accept", "POST"),
    ("/qos-specs", "GET POST"),
    ("/qos-specs/{id}", "GET PUT DELETE"),
    ("/qos-specs/{id}/associate", "GET"),
    ("/qos-specs/{id}/associations", "GET"),
    ("/qos-specs/{id}/delete_keys", "PUT"),
    ("/qos-specs/{id}/disassociate", "GET"),
    ("/qos-specs/{id}/disassociate_all", "GET"),
    ("/resource_filters", "GET"),
    ("/scheduler-stats/get_pools", "GET"),
    ("/snapshots", "GET POST"),
    ("/snapshots/detail", "GET"),
    ("/snapshots/{id}", "GET PUT DELETE"),
    ("/snapshots/{id}/action", "#os-force_delete #os-reset_status #os-unmanage #os-update_snapshot_status"),
    ("/snapshots/{snapshot_id}/metadata", "GET POST PUT"),
    ("/snapshots/{snapshot_id}/metadata/{id}", "GET PUT DELETE"),
    ("/types", "GET POST"),
    ("/types/{id}", "GET PUT DELETE"),
    ("/types/{id}/action", "#addProjectAccess #removeProjectAccess"),
    ("/types/{type_id}/encryption", "GET POST"),
    ("/types/{type_id}/encryption/{id}", "GET PUT DELETE"),
    ("/types/{type_id}/extra_specs", "GET POST"),
    ("/types/{type_id}/extra_specs/{id}", "GET PUT DELETE"),
    ("/types/{type_id}/os-volume-type-access", "GET"),
    ("/volume-transfers", "GET POST"),
    ("/volume-transfers/detail", "GET"),
    ("/volume-transfers/{id}", "GET DELETE"),
    ("/volume-transfers/{id}/accept", "POST"),
    ("/volumes", "GET POST"),
    ("/volumes/detail", "GET"),
    ("/volumes/summary", "GET"),
    ("/volumes/{id}", "GET PUT DELETE"),
    (
        "/volumes/{id}/action",
        "#os-attach #os-begin_detaching #os-detach #os-extend #os-extend_volume_completion"
        " #os-force_delete #os-force_detach #os-initialize_connection #os-migrate_volume"
        " #os-migrate_volume_completion #os-reimage #os-reserve #os-reset_status #os-retype"
        " #os-roll_detaching #os-set_bootable #os-set_image_metadata #os-show_image_metadata"
        " #os-terminate_connection #os-unmanage #os-unreserve #os-unset_image_metadata"
        " #os-update_readonly_flag #os-volume_upload_image #revert",
    ),
    ("/volumes/{volume_id}/encryption", "GET"),
    ("/volumes/{volume_id}/encryption/{id}", "GET"),
    ("/volumes/{volume_id}/metadata", "GET POST PUT"),
    ("/volumes/{volume_id}/metadata/{id}", "GET PUT DELETE"),
    ("/workers/cleanup", "POST"),
)

_FIELD = re.compile(r"\{\w+\}")


def known() -> list[tuple[str, str]]:
    """`(method, path)` of every route; actions stand behind a `#`."""
    rows = []
    for path, methods in _KNOWN:
        for method in methods.split():
            rows.append(("POST", path + method) if method.startswith("#") else (method, path))
    return rows


def unserved(routes: Iterable[Route]) -> list[tuple[str, str]]:
    """What Cinder has and `routes` (all of block storage's) do not serve; parameters may have other names there."""
    served = {
        (route.method, _FIELD.sub("{}", route.path) + (f"#{route.action}" if route.action else ""))
        for route in routes
    }
    return [row for row in known() if (row[0], _FIELD.sub("{}", row[1])) not in served]
