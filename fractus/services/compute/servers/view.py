"""A server as users see it, at the newest microversion; pure.

`summarise` is the one place where it is decided what is shown of a server: the cloud's own words once the server is
there, ours before and after. What is asked for and not done yet shows as a task state, as in Nova.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from fractus.base.clock import iso
from fractus.model.network import ServerPort
from fractus.model.observation import observed_as
from fractus.model.resource import BLOCKED, Presence, Resource, Summary, as_found, at_home
from fractus.model.server_verbs import CLOUD_VERBS
from fractus.model.servers import ServerFault, ServerObserved
from fractus.services.compute.dialect.view import STORED, links
from fractus.services.compute.servers import actions

_EXTENDED = "OS-EXT-SRV-ATTR:"
_STATE = "OS-EXT-STS:"

_REBUILDING = ("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning")
_RESIZING = ("resize_prep", "resize_migrating", "resize_migrated", "resize_finish")
_REBUILD = dict.fromkeys(_REBUILDING, "REBUILD")
_RESIZE = dict.fromkeys(_RESIZING, "RESIZE")

#: Nova's rule from a server's vm_state and task_state to its status: `""` is any other task.
_STATUSES: dict[str, dict[str, str]] = {
    "active": {
        "": "ACTIVE",
        **dict.fromkeys(("rebooting", "reboot_pending", "reboot_started"), "REBOOT"),
        **dict.fromkeys(("rebooting_hard", "reboot_pending_hard", "reboot_started_hard"), "HARD_REBOOT"),
        "updating_password": "PASSWORD",
        **_REBUILD,
        "migrating": "MIGRATING",
        **_RESIZE,
    },
    "building": {"": "BUILD"},
    "stopped": {"": "SHUTOFF", **_RESIZE, **_REBUILD},
    "resized": {"": "VERIFY_RESIZE", "resize_reverting": "REVERT_RESIZE"},
    "paused": {"": "PAUSED", "migrating": "MIGRATING"},
    "suspended": {"": "SUSPENDED"},
    "rescued": {"": "RESCUE"},
    "error": {"": "ERROR", **_REBUILD},
    "deleted": {"": "DELETED"},
    "soft-delete": {"": "SOFT_DELETED"},
    "shelved": {"": "SHELVED"},
    "shelved_offloaded": {"": "SHELVED_OFFLOADED"},
}
_VM_STATES = {tasks[""]: vm_state for vm_state, tasks in _STATUSES.items()}
_PROGRESS = {"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"}

#: What Nova knows of image properties by their older names; all newer ones have one of the prefixes.
_IMAGE_PREFIXES = ("hw_", "img_", "os_", "traits_required")
_IMAGE_LEGACY = frozenset(
    (
        "architecture owner_id vmware_disktype vmware_image_version vmware_ostype auto_disk_config ipxe_boot"
        " xenapi_device_id xenapi_image_compression_level vmware_linked_clone xenapi_use_agent"
        " xenapi_skip_agent_inject_ssh xenapi_skip_agent_inject_files_at_boot cache_in_nova vm_mode bittorrent"
        " mappings block_device_mapping bdm_v2 root_device_name hypervisor_version_requires hypervisor_type"
    ).split()
)


def shown_properties(properties: Mapping[str, Any]) -> dict[str, str]:
    """What a server shows of its image's properties: those that Nova knows."""
    return {
        name: str(value)[:255]
        for name, value in properties.items()
        if name.startswith(_IMAGE_PREFIXES) or name in _IMAGE_LEGACY
    }


def status_of(vm_state: str, task_state: str | None) -> str:
    """The status that Nova shows for the two states."""
    tasks = _STATUSES.get(vm_state)
    if tasks is None:
        return "UNKNOWN"
    return tasks.get(task_state or "", tasks[""])


def states_of(statuses: Sequence[str]) -> tuple[list[str], list[str]]:
    """The vm_states and task_states that a filter by `statuses` stands for; no task_states: any. Nova's rule, which
    also finds servers that are busy: `ACTIVE` finds what is being rebooted.
    """
    asked = {status.lower() for status in statuses}
    vm_states, task_states, any_task = set(), set(), False
    for vm_state, tasks in _STATUSES.items():
        for task, status in tasks.items():
            if status.lower() in asked:
                vm_states.add(vm_state)
                task_states.add(task)
                any_task = any_task or not task
    return sorted(vm_states), [] if any_task else sorted(task_states)


def splice(document: bytes, more: bytes) -> bytes:
    """One JSON object of the fields of both, which are not empty and have no field in common."""
    return document[:-1] + b"," + more[1:]


def hostname_of(name: str) -> str:
    """The host name that Nova makes of a server's name; may be empty."""
    host = name.encode("latin-1", "ignore").decode("latin-1")[:63]
    host = re.sub(r"[ _.]", "-", host)
    return re.sub(r"[^\w.-]+", "", host).lower().strip(".-")


# --- what is shown --------------------------------------------------------------------------------


class ShownState(Struct, kw_only=True):
    """How a server is said to be, before it is put into words."""

    vm_state: str
    task_state: str | None
    status: str = ""
    """Empty: as the two states say."""
    error: str = ""
    """Ours; a fault that the cloud tells goes before it."""


LAUNCHED = "launched_at"
"""Key of `Resource.choice`: when a server was launched that has left its cloud."""


def observation_of(presence: Presence | None) -> ServerObserved | None:
    """What the cloud last said of it."""
    return None if presence is None else observed_as(presence, ServerObserved)


def addresses_of(ports: Sequence[ServerPort]) -> dict[str, list[dict[str, Any]]]:
    """Addresses by the name of their network, as servers show them: in each those of its ports, then floating ones."""
    found: dict[str, list[dict[str, Any]]] = {port.network_name: [] for port in ports}
    for port in ports:
        found[port.network_name] += [_address(port, ip, version, "fixed") for ip, version in port.addresses]
    for port in ports:
        found[port.network_name] += [_address(port, ip, 4, "floating") for ip in port.floating]
    return found


def _address(port: ServerPort, ip: str, version: int, sort: str) -> dict[str, Any]:
    return {
        "addr": ip, "version": version, "OS-EXT-IPS:type": sort, "OS-EXT-IPS-MAC:mac_addr": port.mac_address,
    }  # fmt: skip


def groups_of(ports: Sequence[ServerPort]) -> list[str]:
    """Names of the groups of all ports, each once."""
    return list(dict.fromkeys(name for port in ports for name in port.security_groups))


def power_wanted(desired: Mapping[str, Any]) -> str:
    """The vm_state in which a server should rest, as its user last asked, or as an operator took it over."""
    action = actions.newest(desired)
    adopted = desired.get("power_adopted")
    if adopted and (action is None or adopted["after"] >= action["token"]):
        return str(adopted["state"])
    verb = None if action is None else CLOUD_VERBS[action["verb"]]
    ends = verb.ends if verb is not None and not verb.passing else ""
    return ends or str(desired.get("rests_in", "active"))


def rests_as_wanted(desired: Mapping[str, Any], vm_state: str) -> bool:
    """Whether a server at rest in this vm_state is where its user last asked it to be."""
    action = actions.newest(desired)
    verb = None if action is None else CLOUD_VERBS[action["verb"]]
    also = () if verb is None else (verb.ends if verb.passing else "", *verb.or_ends)
    return vm_state == power_wanted(desired) or vm_state in also


#: What tells the flavor that a server has in its cloud.
_SIZES = ("vcpus", "ram", "disk", "ephemeral", "swap")


def has_new_flavor(desired: Mapping[str, Any], observed: ServerObserved | None) -> bool:
    """Whether a server that was asked to change its flavor has the new one there."""
    new, old = desired["resize"]["flavor"], desired["flavor"]
    if observed is None or not observed.flavor:
        return False
    shown = [name for name in _SIZES if name in observed.flavor and new[name] != old[name]]
    if shown:
        return all(observed.flavor[name] == new[name] for name in shown)
    return str(observed.flavor.get("original_name", new["original_name"])).startswith(new["original_name"])


def flavor_shown(desired: Mapping[str, Any], observed: ServerObserved | None) -> dict[str, Any]:
    """The flavor that it has now."""
    new = "resize" in desired and has_new_flavor(desired, observed)
    flavor: dict[str, Any] = desired["resize"]["flavor"] if new else desired["flavor"]
    return flavor


def underway(resource: Resource, presence: Presence | None) -> Mapping[str, Any] | None:
    """The newest action that was asked for and is not seen to be done."""
    action = actions.newest(resource.desired)
    if action is None or presence is None or not presence.wanted:
        return None
    memory = presence.memory
    if action["token"] > memory.get("done", 0) or action["token"] == memory.get("sent", 0):
        return action
    return None


def lost(cloud: str) -> str:
    """What is said of a server that its cloud no longer has."""
    return f"It is gone from {cloud}: it was deleted there."


def _as_observed(observed: ServerObserved) -> ShownState:
    vm_state = observed.vm_state or _VM_STATES.get(observed.status, "active")
    return ShownState(vm_state=vm_state, task_state=observed.task_state, status=observed.status)


def _error(resource: Resource, here: Presence | None, observed: ServerObserved | None) -> str:
    """Our own reason why the server is not as asked, or nothing."""
    if here is None or not here.wanted:
        return str(resource.choice.get("error") or "")
    if observed is not None and observed.gone:
        return lost(here.cloud)
    return here.error if here.state == BLOCKED else ""


def shown_state(resource: Resource, presences: Sequence[Presence]) -> ShownState:
    """How the server is, without what an admin reset."""
    if resource.deleted_at is not None:
        return ShownState(vm_state="deleted", task_state=None)
    here = at_home(resource.home, presences)
    observed = observation_of(here)
    if not resource.wanted:
        shown = (
            _as_observed(observed)
            if observed is not None
            else ShownState(vm_state="building", task_state=None)
        )
        if observed is None and (here.error if here is not None else resource.choice.get("error")):
            shown.vm_state = "error"
        shown.task_state = "deleting"
        return shown
    error = _error(resource, here, observed)
    if error:
        return ShownState(vm_state="error", task_state=None, error=error)
    if here is None or not here.wanted or observed is None:
        return ShownState(vm_state="building", task_state="scheduling")
    shown = _as_observed(observed)
    action = underway(resource, here)
    # What is seen to have come about is over, whether or not the worker has written so: a server that is reported to be
    # SHUTOFF can be started.
    verb = None if action is None else CLOUD_VERBS[action["verb"]]
    if (
        action is not None
        and verb is not None
        and shown.task_state is None
        and not verb.is_at(shown.vm_state)
    ):
        shown.task_state, shown.status = verb.asked(action["args"]).task, ""
    return shown


def _reset(resource: Resource, shown: ShownState) -> ShownState:
    """What an admin reset holds until the cloud says something new."""
    reset = resource.desired.get("reset")
    if not reset or shown.vm_state == "deleted" or [shown.vm_state, shown.task_state] != reset["over"]:
        return shown
    return ShownState(vm_state=reset["vm_state"], task_state=None, error=shown.error)


# --- in words -------------------------------------------------------------------------------------


def summarise(resource: Resource, presences: Sequence[Presence]) -> Summary:
    """The server as its owner and its admins see it now."""
    resource = as_found(resource, presences)
    here = at_home(resource.home, presences)
    observed = observation_of(here)
    shown = _reset(resource, shown_state(resource, presences))
    shown.status = shown.status or status_of(shown.vm_state, shown.task_state)
    placed = here is not None and (here.wanted or not resource.wanted)
    cloud = here.cloud if here is not None and placed else ""
    host = _host(cloud, here, observed)
    fault = _fault(resource, shown, observed) if shown.status in ("ERROR", "DELETED") else None
    flavor = flavor_shown(resource.desired, observed)
    document = {**_as_desired(resource, flavor), **_as_it_is(resource, shown, cloud, host, observed)}
    if fault is not None:
        document["fault"] = {"code": fault.code, "created": fault.created, "message": fault.message}
        if fault.details and fault.code != 500:
            document["fault"]["details"] = fault.details
    if shown.status in _PROGRESS:
        document["progress"] = 0
    return Summary(
        status=shown.status,
        document=document,
        extra=_for_admins(resource, here, observed, host, fault),
        columns=_columns(resource, document, cloud, host, observed),
    )


def _as_desired(resource: Resource, flavor: Mapping[str, Any]) -> dict[str, Any]:
    """What of the document is as its user desires it."""
    desired = resource.desired
    document: dict[str, Any] = {
        "id": resource.id,
        "name": resource.name,
        "tenant_id": resource.project_id,
        "user_id": resource.user_id,
        "metadata": desired["metadata"],
        "image": _image(desired),
        "flavor": {name: value for name, value in flavor.items() if name != "id"},
        "created": iso(resource.created_at),
        "updated": iso(resource.updated_at or resource.created_at),
        "accessIPv4": desired["access_ip_v4"],
        "accessIPv6": desired["access_ip_v6"],
        "links": links(STORED, "servers", resource.id),
        "OS-DCF:diskConfig": desired["disk_config"],
        "key_name": desired["key_name"] or None,
        "description": desired["description"],
        "tags": desired["tags"],
        "trusted_image_certificates": None,
        "locked_reason": desired["locked_reason"],
        "pinned_availability_zone": desired["zone"] or None,
        "scheduler_hints": desired.get("scheduler_hints", {}),
    }
    if desired["security_groups"]:
        document["security_groups"] = [{"name": name} for name in desired["security_groups"]]
    return document


def _as_it_is(
    resource: Resource, shown: ShownState, cloud: str, host: str, observed: ServerObserved | None
) -> dict[str, Any]:
    """What of the document its cloud tells, or we for want of it."""
    desired = resource.desired
    launched = observed.launched_at if observed is not None else resource.choice.get(LAUNCHED)
    ended = _stamp(resource.deleted_at) if resource.deleted_at is not None else None
    return {
        "status": shown.status,
        "hostId": host_id(resource.project_id, host),
        # Nova shows no addresses of a server that is being built.
        "addresses": {} if shown.vm_state == "building" else desired["addresses"],
        "OS-EXT-AZ:availability_zone": cloud or desired["zone"],
        "config_drive": _config_drive(desired, observed),
        "OS-SRV-USG:launched_at": launched,
        "OS-SRV-USG:terminated_at": ended,
        _STATE + "task_state": shown.task_state,
        _STATE + "vm_state": shown.vm_state,
        _STATE + "power_state": observed.power_state if observed is not None and not shown.error else 0,
        "os-extended-volumes:volumes_attached": _volumes(desired, observed),
        "locked": desired["locked"] or (observed is not None and observed.locked),
        _EXTENDED + "hostname": _hostname(desired, observed),
    }


def _volumes(desired: Mapping[str, Any], observed: ServerObserved | None) -> list[dict[str, Any]]:
    """Those that it has from us; of one that never had any, what the cloud itself has attached is shown, and left."""
    if "volumes" in desired:
        return [
            {"id": one["id"], "delete_on_termination": one["delete_on_termination"]}
            for one in desired["volumes"]
        ]
    return observed.volumes if observed is not None else []


def _hostname(desired: Mapping[str, Any], observed: ServerObserved | None) -> str:
    """As its user asked, else as its cloud has made it."""
    made = observed.hostname if observed is not None and not desired.get("hostname_given") else ""
    return made or str(desired["hostname"])


def _host(cloud: str, here: Presence | None, observed: ServerObserved | None) -> str:
    """The host as admins know it: the cloud, and the name there where the cloud tells it."""
    if here is None or here.remote_id is None or not cloud:
        return ""
    if observed is not None and observed.vm_state == "shelved_offloaded":
        return ""
    return f"{cloud}:{observed.host}" if observed is not None and observed.host else cloud


def host_id(project_id: str, host: str) -> str:
    """Nova's rule: the same for servers of a project on one host, and telling nothing else."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


def _image(desired: Mapping[str, Any]) -> dict[str, Any] | str:
    id = desired["image_id"]
    if not id:
        return ""
    href = f"{STORED.permanent}/images/{id}"
    return {
        "id": id,
        "links": [{"rel": "bookmark", "href": href}],
        "properties": desired["image_properties"],
    }


def _config_drive(desired: Mapping[str, Any], observed: ServerObserved | None) -> str:
    return "True" if desired["config_drive"] or (observed is not None and observed.config_drive) else ""


def _fault(resource: Resource, shown: ShownState, observed: ServerObserved | None) -> ServerFault | None:
    """The cloud's own reason where it gave one, else ours."""
    if observed is not None and observed.fault is not None and observed.status == "ERROR":
        return observed.fault
    if shown.error:
        created = _failed_at(resource) or iso(resource.updated_at)
        return ServerFault(code=500, message=shown.error, created=created)
    return None


def _failed_at(resource: Resource) -> str:
    """Since when it is in error, as it was last shown; empty where it was not.

    Work on it is retried meanwhile, and each try may end in other words, or something else of the server be changed:
    that is the same fault.
    """
    if b'"fault":' not in resource.summary:
        return ""
    shown = msgspec.json.decode(resource.summary)
    fault = shown.get("fault") if shown["status"] == "ERROR" else None
    return str(fault["created"]) if fault else ""


def _for_admins(
    resource: Resource,
    here: Presence | None,
    observed: ServerObserved | None,
    host: str,
    fault: ServerFault | None,
) -> dict[str, Any]:
    desired = resource.desired
    extra: dict[str, Any] = {}
    if fault is not None and fault.details and fault.code == 500:
        # Stands first, so that whoever puts the bytes together sees that a field of the document is replaced.
        extra["fault"] = msgspec.to_builtins(fault)
    extra[_EXTENDED + "host"] = host or None
    there = here.remote_id if here is not None else None
    extra[_EXTENDED + "instance_name"] = (
        (observed.instance_name if observed is not None else "") or there or ""
    )
    extra[_EXTENDED + "hypervisor_hostname"] = (
        observed.hypervisor_hostname if observed is not None else ""
    ) or None
    extra[_EXTENDED + "reservation_id"] = desired["reservation_id"]
    extra[_EXTENDED + "launch_index"] = desired["launch_index"]
    extra[_EXTENDED + "kernel_id"] = ""
    extra[_EXTENDED + "ramdisk_id"] = ""
    extra[_EXTENDED + "root_device_name"] = observed.root_device_name if observed is not None else None
    extra[_EXTENDED + "user_data"] = desired["user_data"] or None
    extra["host_status"] = _host_status(host, observed)
    return extra


def _host_status(host: str, observed: ServerObserved | None) -> str:
    """The state of the host while its cloud answers: empty without a host, `UP` where the cloud does not say."""
    if not host:
        return ""
    return (observed.host_status if observed is not None else "") or "UP"


def _stamp(at: float) -> str:
    return iso(at).removesuffix("Z") + ".000000"


def _plain(stamp: str | None) -> str:
    """A stamp as Nova's database writes it, which is what users' patterns are written for."""
    return (stamp or "").replace("T", " ").removesuffix("Z")


def _addresses(desired: Mapping[str, Any], version: int) -> str:
    found = [
        one["addr"]
        for every in desired["addresses"].values()
        for one in every
        if one["version"] == version and one["OS-EXT-IPS:type"] == "fixed"
    ]
    return f" {' '.join(found)} " if found else ""


def tag_text(tag: str) -> str:
    """A tag as it stands in the column."""
    return tag.encode().hex()


def _columns(
    resource: Resource, document: Mapping[str, Any], cloud: str, host: str, observed: ServerObserved | None
) -> dict[str, Any]:
    desired = resource.desired
    return {
        "name": resource.name,
        "cloud": cloud,
        "zone": document["OS-EXT-AZ:availability_zone"],
        "host": host,
        "node": (observed.hypervisor_hostname if observed is not None else "") or "",
        "vm_state": document[_STATE + "vm_state"],
        "task_state": document[_STATE + "task_state"] or "",
        "power_state": document[_STATE + "power_state"],
        "launched_at": _plain(document["OS-SRV-USG:launched_at"]),
        "terminated_at": _plain(document["OS-SRV-USG:terminated_at"]),
        "locked": document["locked"],
        "locked_by": desired["locked_by"],
        "image_id": desired["image_id"],
        "flavor_id": flavor_shown(desired, observed)["id"],
        "key_name": desired["key_name"],
        "description": desired["description"] or "",
        "hostname": document[_EXTENDED + "hostname"],
        "reservation_id": desired["reservation_id"],
        "launch_index": desired["launch_index"],
        "config_drive": document["config_drive"],
        "auto_disk_config": desired["disk_config"] == "AUTO",
        "root_device_name": (observed.root_device_name if observed is not None else "") or "",
        "access_ip_v4": desired["access_ip_v4"],
        "access_ip_v6": desired["access_ip_v6"],
        "created": _plain(document["created"]),
        "ip": _addresses(desired, 4),
        "ip6": _addresses(desired, 6),
        "tags": f",{','.join(tag_text(tag) for tag in desired['tags'])}," if desired["tags"] else "",
    }
