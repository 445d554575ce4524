"""The face of compute: Nova's versions, version documents, errors, and all routes that Nova 34 has.

The ceiling is Nova 34 (2026.2). Routes that fractus does not serve are not missing: they answer 501 and stand in the
coverage table. `unserved` computes them, so that a route which a resource starts to serve leaves the list by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from fractus.model.errors import ApiError, NotFound
from fractus.services.compute.dialect.schema.values import check_name as check_name
from fractus.services.compute.dialect.schema.values import only as only
from fractus.services.compute.dialect.schema.values import printable as printable
from fractus.services.compute.dialect.view import MOUNT
from fractus.web.face import Service
from fractus.web.faults import NOT_FOUND, nova, nova_denied, nova_project_mismatch
from fractus.web.microversion import Version, VersionRange
from fractus.web.routing import Reply, Route

PREFIX = "/compute"
#: The same at the oldest version, for clients from before microversions: deprecated, but still in every Nova.
LEGACY_MOUNT = "/v2"

#: Every microversion, with one sentence; 2.1 is the oldest, the last row the newest.
_SENTENCES = (
    "The first version: as 2.0, with strictly checked input.",
    "Keypairs have a type; creating one answers 201, deleting one 204.",
    "Admins see reservation, launch index, kernel, ramdisk, host name, root device and user data of servers.",
    "Fixed IPs say whether they are reserved.",
    "Everybody may filter servers by ip6.",
    "Consoles are asked for at /servers/{id}/remote-consoles instead of by actions.",
    "Access cannot be added to a public flavor.",
    "The mks protocol of remote consoles.",
    "Servers say whether they are locked.",
    "Admins may work with the keypairs of other users.",
    "Services can be forced down.",
    "Virtual interfaces name their network.",
    "Server groups name their project and user.",
    "Evacuate finds out by itself about shared storage and returns no password.",
    "Soft affinity and soft anti-affinity of server groups.",
    "Servers tell the state of their host.",
    "A crash dump can be triggered in a server.",
    "The project id in the URL is optional.",
    "Servers have a description.",
    "Volumes can be attached to and detached from shelved servers.",
    "Instance actions of deleted servers can be read.",
    "A running live migration can be forced to complete.",
    "Migrations of a server can be listed and shown; migrations name their type.",
    "A running live migration can be cancelled.",
    "Live migration chooses block migration by itself and no longer knows disk over-commit.",
    "Servers have tags.",
    "The version may be asked for with OpenStack-API-Version.",
    "CPU information of a hypervisor is an object.",
    "Evacuate checks a named host with the scheduler unless it is forced.",
    "Live migration checks a named host with the scheduler unless it is forced.",
    "Console authentication tokens of every type can be shown.",
    "Networks and block devices of a new server may have a tag.",
    "Hypervisors are listed in pages; block devices have lost their tag by mistake.",
    "Live migration is checked in the background.",
    "Keypairs are listed in pages, by name.",
    "Proxies of other services, and network quotas, are gone.",
    "A new server must say its networks, if only auto or none; networks have lost their tag by mistake.",
    "Filtering servers by a status that does not exist is an error.",
    "The proxy of image metadata is gone, and with it the limit of image metadata.",
    "Usage is reported in pages.",
    "Aggregates have a UUID.",
    "Networks and block devices of a new server may have a tag again.",
    "The os-hosts API is gone.",
    "Server actions on fixed and floating IPs, and virtual interfaces, are gone.",
    "Creating an image or a backup of a server answers the image id in the body.",
    "The request id is also sent as X-OpenStack-Request-ID.",
    "A server shows the flavor it was built with instead of a reference to one.",
    "Diagnostics of a server have one form for all hypervisors.",
    "Interfaces and volumes may be attached with a tag.",
    "Quota classes tell server groups and no longer network quotas.",
    "The volume-extended event; instance actions show their events to everybody.",
    "A server may be created with tags.",
    "Services and hypervisors are named by UUIDs.",
    "The key of a server can be set when it is rebuilt.",
    "Flavors have a description, which can be changed.",
    "A host may be named for a cold migration.",
    "Injected files are gone from servers, limits and quotas; user data can be set at a rebuild.",
    "Instance actions are listed in pages and by time of change.",
    "Migrations are listed in pages and by time of change, and have a UUID.",
    "Multi-attach volumes can be attached.",
    "Flavors show their extra specs.",
    "Events of instance actions name their host.",
    "Certificates to check an image with can be named for a server.",
    "Server groups have one policy, with rules.",
    "Queued and preparing live migrations can be aborted.",
    "Servers, instance actions and migrations can be filtered by changes-before.",
    "A volume type may be named for a block device of a new server.",
    "Live migration and evacuate can no longer be forced.",
    "What is in a cell that is down is listed with the little that is known of it.",
    "Volume attachments and interfaces show their tag.",
    "Servers name their server groups.",
    "Servers may be created with ports that ask for bandwidth.",
    "Locking a server may have a reason, and servers can be filtered and sorted by locked.",
    "Admins may name a host or hypervisor for a new server.",
    "Unknown query parameters are refused; swap of a flavor is a number; updated and rebuilt servers are shown whole.",
    "The power-update event.",
    "A zone may be named when a server is unshelved.",
    "The NUMA topology of a server can be shown.",
    "Whether an attached volume is deleted with its server can be said and seen.",
    "Migrations name and can be filtered by their user and project.",
    "Images can be cached on the hosts of an aggregate.",
    "The accelerator-request-bound event.",
    "Everybody may filter servers by more fields.",
    "Failed events of instance actions tell why.",
    "Whether a volume is deleted with its server can be changed.",
    "Known extra specs of a flavor are checked.",
    "Servers booted from a volume can be rescued.",
    "Hypervisors no longer tell their usage.",
    "Volume attachments name their attachment id and block device mapping instead of their own id.",
    "The host name of a server can be set and is shown to everybody.",
    "A server can be unshelved to a host, and pinned to a zone or unpinned from it.",
    "Keypairs are no longer generated, and their names may contain an at sign and a dot.",
    "Servers booted from a volume can be rebuilt.",
    "The host name of a server may be a whole domain name.",
    "Evacuated servers are stopped.",
    "Servers name the zone they are pinned to.",
    "File shares can be attached to servers.",
    "Servers show properties of their image.",
    "The spice-direct console.",
    "Servers show the scheduler hints they were created with.",
    "Attaching a volume answers 202 and no body.",
    "Flavors are filtered by name and lack rxtx_factor and disabled; no unknown query parameter is taken.",
    "The os-volumes_boot alias is gone.",
    "The zone that a server is pinned to can be changed.",
)
VERSIONS: tuple[tuple[Version, str], ...] = tuple(
    (Version(2, minor), sentence) for minor, sentence in enumerate(_SENTENCES, 1)
)
RANGE = VersionRange(VERSIONS[0][0], VERSIONS[-1][0])


def _entry(base_url: str, mount: str) -> dict[str, Any]:
    """One of the two versions of the API; the dates are those in every Nova."""
    legacy = mount == LEGACY_MOUNT
    return {
        "id": "v2.0" if legacy else "v2.1",
        "status": "DEPRECATED" if legacy else "CURRENT",
        "version": "" if legacy else str(RANGE.max),
        "min_version": "" if legacy else str(RANGE.min),
        "updated": "2025-07-04T12:00:00Z" if legacy else "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{base_url}{mount}/"}],
    }


def _versions(base_url: str) -> Reply:
    return Reply(200, {"versions": [_entry(base_url, mount) for mount in (LEGACY_MOUNT, MOUNT)]})


def _version(mount: str) -> Callable[[str], Reply]:
    """The document of one of them."""

    def page(base_url: str) -> Reply:
        entry = _entry(base_url, mount)
        entry["links"].append(
            {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}
        )
        media = f"application/vnd.openstack.compute+json;version={mount.removeprefix('/v')}"
        entry["media-types"] = [{"base": "application/json", "type": media}]
        return Reply(200, {"version": entry})

    return page


def _no_method(method: str, _path: str) -> ApiError | None:
    """A path and its methods are one in Nova's routes: with a method that it has not, it is not found."""
    return NotFound(NOT_FOUND) if method != "OPTIONS" else None


SERVICE = Service(
    type="compute",
    prefix=PREFIX,
    mount=MOUNT,
    legacy_mount=LEGACY_MOUNT,
    trailing_slash=False,
    envelope=nova,
    denied=nova_denied,
    no_method=_no_method,
    project_mismatch=nova_project_mismatch,
    versions=RANGE,
    legacy_version_header="X-OpenStack-Nova-API-Version",
    documents={"/": _versions, MOUNT: _version(MOUNT), LEGACY_MOUNT: _version(LEGACY_MOUNT)},
)

#: Every route that Nova 34 still has at its newest version, and what hangs on them: path, methods, actions of a POST.
#: What newer versions have lost is in `removed/`.
_KNOWN: tuple[tuple[str, str], ...] = (
    ("/extensions", "GET"),
    ("/extensions/{alias}", "GET"),
    ("/flavors", "GET POST"),
    ("/flavors/detail", "GET"),
    ("/flavors/{flavor_id}", "GET PUT DELETE"),
    ("/flavors/{flavor_id}/action", "#addTenantAccess #removeTenantAccess"),
    ("/flavors/{flavor_id}/os-extra_specs", "GET POST"),
    ("/flavors/{flavor_id}/os-extra_specs/{key}", "GET PUT DELETE"),
    ("/flavors/{flavor_id}/os-flavor-access", "GET"),
    ("/limits", "GET"),
    ("/os-aggregates", "GET POST"),
    ("/os-aggregates/{id}", "GET PUT DELETE"),
    ("/os-aggregates/{id}/action", "#add_host #remove_host #set_metadata"),
    ("/os-aggregates/{id}/images", "POST"),
    ("/os-assisted-volume-snapshots", "POST"),
    ("/os-assisted-volume-snapshots/{id}", "DELETE"),
    ("/os-availability-zone", "GET"),
    ("/os-availability-zone/detail", "GET"),
    ("/os-console-auth-tokens/{token}", "GET"),
    ("/os-hypervisors", "GET"),
    ("/os-hypervisors/detail", "GET"),
    ("/os-hypervisors/statistics", "GET"),
    ("/os-hypervisors/{id}", "GET"),
    ("/os-hypervisors/{id}/search", "GET"),
    ("/os-hypervisors/{id}/servers", "GET"),
    ("/os-hypervisors/{id}/uptime", "GET"),
    ("/os-instance_usage_audit_log", "GET"),
    ("/os-instance_usage_audit_log/{before}", "GET"),
    ("/os-keypairs", "GET POST"),
    ("/os-keypairs/{name}", "GET DELETE"),
    ("/os-migrations", "GET"),
    ("/os-quota-class-sets/{id}", "GET PUT"),
    ("/os-quota-sets/{project_id}", "GET PUT DELETE"),
    ("/os-quota-sets/{project_id}/detail", "GET"),
    ("/os-quota-sets/{project_id}/defaults", "GET"),
    ("/os-server-external-events", "POST"),
    ("/os-server-groups", "GET POST"),
    ("/os-server-groups/{id}", "GET DELETE"),
    ("/os-services", "GET"),
    ("/os-services/{id}", "PUT DELETE"),
    ("/os-simple-tenant-usage", "GET"),
    ("/os-simple-tenant-usage/{project_id}", "GET"),
    ("/servers", "GET POST"),
    ("/servers/detail", "GET"),
    ("/servers/{server_id}", "GET PUT DELETE"),
    (
        "/servers/{server_id}/action",
        "#addFixedIp #addFloatingIp #addSecurityGroup #changePassword #confirmResize #createBackup #createImage"
        " #evacuate #forceDelete #injectNetworkInfo #lock #migrate #os-getConsoleOutput #os-getSPICEConsole"
        " #os-getSerialConsole #os-getVNCConsole #os-migrateLive #os-resetState #os-start #os-stop #pause #reboot"
        " #rebuild #removeFixedIp #removeFloatingIp #removeSecurityGroup #rescue #resize #restore #resume"
        " #revertResize #shelve #shelveOffload #suspend #trigger_crash_dump #unlock #unpause #unrescue #unshelve",
    ),
    ("/servers/{server_id}/diagnostics", "GET"),
    ("/servers/{server_id}/ips", "GET"),
    ("/servers/{server_id}/ips/{network}", "GET"),
    ("/servers/{server_id}/metadata", "GET POST PUT"),
    ("/servers/{server_id}/metadata/{key}", "GET PUT DELETE"),
    ("/servers/{server_id}/migrations", "GET"),
    ("/servers/{server_id}/migrations/{id}", "GET DELETE"),
    ("/servers/{server_id}/migrations/{id}/action", "#force_complete"),
    ("/servers/{server_id}/os-instance-actions", "GET"),
    ("/servers/{server_id}/os-instance-actions/{request_id}", "GET"),
    ("/servers/{server_id}/os-interface", "GET POST"),
    ("/servers/{server_id}/os-interface/{port_id}", "GET DELETE"),
    ("/servers/{server_id}/os-security-groups", "GET"),
    ("/servers/{server_id}/os-server-password", "GET DELETE"),
    ("/servers/{server_id}/os-volume_attachments", "GET POST"),
    ("/servers/{server_id}/os-volume_attachments/{volume_id}", "GET PUT DELETE"),
    ("/servers/{server_id}/remote-consoles", "POST"),
    ("/servers/{server_id}/shares", "GET POST"),
    ("/servers/{server_id}/shares/{share_id}", "GET DELETE"),
    ("/servers/{server_id}/tags", "GET PUT DELETE"),
    ("/servers/{server_id}/tags/{tag}", "GET PUT DELETE"),
    ("/servers/{server_id}/topology", "GET"),
)

_FIELD = re.compile(r"\{\w+\}")


def known() -> list[tuple[str, str]]:
    """`(method, path)` of every route; actions stand behind a `#`: `("POST", "/servers/{server_id}/action#reboot")`."""
    rows = []
    for path, methods in _KNOWN:
        for method in methods.split():
            rows.append(("POST", path + method) if method.startswith("#") else (method, path))
    return rows


def unserved(routes: Iterable[Route]) -> list[tuple[str, str]]:
    """What Nova has and `routes` (all of compute's) do not serve; parameters may have other names there."""
    served = set()
    for route in routes:
        path = _FIELD.sub("{}", route.path)
        served.add((route.method, f"{path}#{route.action}" if route.action else path))
    return [row for row in known() if (row[0], _FIELD.sub("{}", row[1])) not in served]


# --- what several resources of compute have in common -----------------------------------------------

#: Items of metadata that a server may have: Nova's default.
METADATA_ITEMS = 128
#: Injected files of a new server (up to 2.56), bytes of one, and bytes of its path: Nova's defaults.
FILES, FILE_BYTES, FILE_PATH = 5, 10240, 255
