"""Servers of a simulated cloud: what Nova checks when it is asked, and how its states follow one another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from fractus.base.clock import iso, iso_micro
from fractus.base.ids import derived_id
from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.disks import check_disks, reserve_volumes
from fractus.clouds.simulated.image import usable
from fractus.clouds.simulated.life import (
    NO_STATE,
    RUNNING,
    SHUTDOWN,
    bind_ports,
    drop_shelved_image,
    happen,
    release_ports,
    schedule,
)
from fractus.clouds.simulated.records import (
    FlavorRecord,
    ImageRecord,
    KeypairRecord,
    NetworkRecord,
    PortRecord,
    SecurityGroupRecord,
    ServerGroupRecord,
    ServerRecord,
)
from fractus.clouds.simulated.server_group import hosts_for
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing, Refused, Throttled
from fractus.model.images import SHELVED
from fractus.model.server_verbs import CLOUD_VERBS, VERSION, ServerVerb
from fractus.model.servers import ServerObserved, ServerWanted

_GIB = 1024**3

#: How long Nova asks to be left alone while a server is busy. Seconds.
_BUSY_SECONDS = 1.0

_STATUS = {
    ("active", "updating_password"): "PASSWORD",
    ("active", "migrating"): "MIGRATING",
    ("paused", "migrating"): "MIGRATING",
    ("resized", None): "VERIFY_RESIZE",
    ("paused", None): "PAUSED",
    ("suspended", None): "SUSPENDED",
    ("rescued", None): "RESCUE",
    ("shelved", None): "SHELVED",
    ("shelved_offloaded", None): "SHELVED_OFFLOADED",
    ("soft-delete", None): "SOFT_DELETED",
    ("active", "rebooting"): "REBOOT",
    ("active", "rebooting_hard"): "HARD_REBOOT",
    ("active", None): "ACTIVE",
    ("building", None): "BUILD",
    ("stopped", None): "SHUTOFF",
    ("error", None): "ERROR",
    ("deleted", None): "DELETED",
}


#: What happens by itself where a verb ends in a vm_state (`life.py`).
_COMES_TO = {
    "active": "started",
    "stopped": "stopped",
    "paused": "paused",
    "suspended": "suspended",
    "rescued": "rescued",
    "resized": "resized",
    "shelved_offloaded": "offloaded",
    "": "unchanged",
}


class Servers(Simulated[ServerRecord, ServerWanted, ServerObserved]):
    """The actuator of servers."""

    record = ServerRecord
    lists_deleted = True

    # ------------------------------------------------------------------ how it is shown

    def observed(self, thing: ServerRecord) -> ServerObserved:
        """How the cloud shows it to an administrator."""
        status = _STATUS.get((thing.vm_state, thing.task_state)) or _STATUS[thing.vm_state, None]
        return ServerObserved(
            **self.common_fields(thing),
            gone=thing.gone,
            status=status,
            vm_state=thing.vm_state,
            task_state=thing.task_state,
            power_state=thing.power_state,
            host=thing.host,
            hypervisor_hostname=thing.host and f"{thing.host}.{self.injector.cloud}",
            instance_name=f"instance-{thing.number:08x}",
            host_status="UP" if thing.host else "",
            zone="nova" if thing.host else "",
            launched_at=None if thing.launched_at is None else iso_micro(thing.launched_at),
            terminated_at=None if thing.terminated_at is None else iso_micro(thing.terminated_at),
            config_drive="True" if thing.config_drive else "",
            metadata=dict(thing.metadata),
            root_device_name="/dev/vda" if thing.host else None,
            hostname=thing.hostname,
            fault=thing.fault,
            **self._made_of(thing),
        )

    def _made_of(self, thing: ServerRecord) -> dict[str, Any]:
        """What it was built from, and what hangs on it."""
        flavor = self.records.get(FlavorRecord, thing.flavor_id)
        ports = [port for id in thing.port_ids if (port := self.records.get(PortRecord, id))]
        groups = [self.records.get(SecurityGroupRecord, id) for port in ports for id in port.security_groups]
        addresses: dict[str, list[dict[str, Any]]] = {}
        for port in ports:
            network = self.records.get(NetworkRecord, port.network_id)
            addresses.setdefault(network.name if network else "", []).extend(
                {
                    "addr": fixed.ip_address,
                    "version": 6 if ":" in fixed.ip_address else 4,
                    "OS-EXT-IPS:type": "fixed",
                    "OS-EXT-IPS-MAC:mac_addr": port.mac_address,
                }
                for fixed in port.fixed_ips
            )
        return {
            "flavor": {
                "original_name": flavor.name if flavor else thing.flavor_id,
                "vcpus": thing.vcpus,
                "ram": thing.ram,
                "disk": flavor.disk if flavor else thing.disk,
                "ephemeral": flavor.ephemeral if flavor else 0,
                "swap": flavor.swap if flavor else 0,
                "extra_specs": dict(flavor.extra_specs) if flavor else {},
            },
            "image_id": thing.image_id,
            "key_name": thing.key_name,
            "disk_config": thing.disk_config,
            "security_groups": list(dict.fromkeys(group.name for group in groups if group)),
            "addresses": addresses,
            "volumes": [{"id": id, "delete_on_termination": False} for id in thing.volumes],
            "user_data": thing.user_data,
        }

    async def observe(self, scope: Scope, remote_id: str) -> ServerObserved:
        """What is there now. Asked with the credential's own rights, as only an administrator is shown the host."""

        def work() -> ServerObserved:
            return self.observed(self.held(remote_id, self.injector.home))

        return await self.injector.call(self.kind, "observe", remote_id, work, change=False)

    def missing(self, id: str) -> str:
        """Nova's sentence."""
        return f"Instance {id} could not be found."

    # ------------------------------------------------------------------ create

    def make(self, project_id: str, wanted: ServerWanted) -> ServerRecord:
        """Check what Nova checks before it answers. Whether there is room shows later."""
        flavor = self.records.get(FlavorRecord, wanted.flavor_id)
        if flavor is None or not (flavor.is_public or project_id in flavor.access):
            raise Refused(f"Flavor {wanted.flavor_id} could not be found.", status=400)
        if wanted.image_id or not wanted.disks:
            self._check_image(project_id, wanted.image_id, flavor)
        check_disks(self.records, project_id, wanted.disks, image_id=wanted.image_id)
        if wanted.key_name and self.records.get(KeypairRecord, wanted.key_name) is None:
            raise Refused("Invalid key_name provided.", status=400)
        for port_id in wanted.port_ids:
            self._check_port(project_id, port_id)
        group = wanted.scheduler_hints.get("group", "")
        if group and self.records.get(ServerGroupRecord, group) is None:
            raise Refused(f"Instance group {group} could not be found.", status=400)
        self._check_quota(project_id, flavor)
        return ServerRecord(
            id=self.new_id(),
            project_id=project_id,
            name=wanted.name,
            vcpus=flavor.vcpus,
            ram=flavor.ram,
            disk=flavor.disk + flavor.ephemeral,
            disks=list(wanted.disks),
            flavor_id=flavor.id,
            image_id=wanted.image_id,
            key_name=wanted.key_name,
            port_ids=list(wanted.port_ids),
            metadata=dict(wanted.metadata),
            user_data=wanted.user_data,
            config_drive=wanted.config_drive,
            description=wanted.description,
            disk_config=wanted.disk_config,
            hostname=wanted.hostname or wanted.name.lower(),
            number=self.records.number("instance"),
            hints=dict(wanted.scheduler_hints),
        )

    def begin(self, thing: ServerRecord) -> None:
        """Accept it: a host, or an ERROR later; its ports are its own from now on."""
        shape = self.injector.backend.shape
        allowed = hosts_for(self.records, thing.hints)
        thing.host = self.injector.backend.place(thing.vcpus, thing.ram, thing.disk, allowed)
        if thing.host:
            schedule(thing, "spawn", thing.created_at + min(shape.schedule_seconds, shape.boot_seconds))
        else:
            schedule(thing, "no host", thing.created_at + shape.schedule_seconds)
        self.records.put(thing)
        bind_ports(self.records, thing, "DOWN", thing.created_at, take=True)
        reserve_volumes(self.records, thing)

    def _check_image(self, project_id: str, image_id: str, flavor: FlavorRecord) -> None:
        if not image_id:
            raise Refused("Invalid imageRef provided.", status=400)
        image = self.records.get(ImageRecord, image_id)
        if image is None or not usable(image, project_id):
            raise Refused("Can not find requested image", status=400)
        if image.status != "active":
            raise Refused(f"Image {image.id} is not active.", status=400)
        if image.min_ram > flavor.ram:
            raise Refused("Flavor's memory is too small for requested image.", status=400)
        if flavor.disk and (image.size or 0) > flavor.disk * _GIB:
            raise Refused(
                "Flavor's disk is too small for requested image. Flavor disk is"
                f" {flavor.disk * _GIB} bytes, image is {image.size} bytes.",
                status=400,
            )
        if flavor.disk and image.min_disk > flavor.disk:
            raise Refused(
                "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is"
                f" {flavor.disk * _GIB} bytes, minimum size is {image.min_disk * _GIB} bytes.",
                status=400,
            )

    def _check_port(self, project_id: str, port_id: str) -> None:
        port = self.records.get(PortRecord, port_id)
        if port is None or port.project_id != project_id:
            raise Refused(f"Port id {port_id} could not be found.", status=400)
        if port.device_id:
            raise Refused(f"Port {port_id} is still in use.", status=409)
        if not port.fixed_ips:
            raise Refused(f"Port {port_id} requires a FixedIP in order to be used.", status=400)

    def _check_quota(self, project_id: str, flavor: FlavorRecord) -> None:
        used = self.records.used_by_project(self.kind, project_id)
        asked = {"instances": (1, used[0]), "cores": (flavor.vcpus, used[1]), "ram": (flavor.ram, used[2])}
        for what, (more, have) in asked.items():
            limit = self.injector.backend.quota(project_id, what)
            if limit is not None and limit >= 0 and have + more > limit:
                raise Refused(
                    f"Quota exceeded for {what}: Requested {more}, but already used {have} of {limit} {what}",
                    status=403,
                    elsewhere=True,
                )

    # ------------------------------------------------------------------ verbs

    #: What is done as its row says.
    verbs = CLOUD_VERBS

    def change(self, thing: ServerRecord, step: Step) -> None:
        """Verbs: rename, describe, set_hostname, set_metadata, and those of the table. What is so already is done."""
        match step.verb:
            case "rename":
                thing.name = step.body["name"]
            case "describe":
                thing.description = step.body["description"] or ""
            case "set_hostname":
                thing.hostname = step.body["hostname"]
            case "set_metadata":
                thing.metadata = dict(step.body["metadata"])
            case "plug":
                self._plug(thing, step.body["port_id"])
            case "unplug":
                self._unplug(thing, step.body["port_id"])
            case name if name in self.verbs:
                return self._act(thing, self.verbs[name], step.body)
            case _:
                return super().change(thing, step)
        return self.touch(thing)

    def _image(self, thing: ServerRecord, body: Mapping[str, Any]) -> str:
        """Make an image of it, whose bits are its name; its id. Without `image_id` it has no marker."""
        bits = body["name"].encode()
        base = self.records.get(ImageRecord, thing.image_id)
        image = ImageRecord(
            id=self.new_id(),
            project_id=thing.project_id,
            name=body["name"],
            marker=body.get("image_id", ""),
            by=self.injector.by if "image_id" in body else "",
            disk_format=base.disk_format if base else "raw",
            container_format=base.container_format if base else "bare",
            min_disk=thing.disk,
            properties={
                **(base.properties if base else {}),
                "instance_uuid": thing.id,
                "base_image_ref": thing.image_id,
                "image_type": "backup" if "backup_type" in body else "snapshot",
                **({"backup_type": body["backup_type"]} if "backup_type" in body else {}),
                **body["metadata"],
            },
            status="queued",
            size=len(bits),
            checksum=hashlib.md5(bits, usedforsecurity=False).hexdigest(),
            created_at=self.now(),
            changed_at=self.now(),
        )
        schedule(image, "saved", self.now() + self.injector.backend.shape.action_seconds)
        self.records.put(image)
        return image.id

    def _act(self, thing: ServerRecord, verb: ServerVerb, body: Mapping[str, Any]) -> None:
        when = verb.asked(body)
        if verb.makes_image:
            marked = self.records.marked(ImageRecord, body["image_id"])
            if any(self.injector.is_ours(one.by) for one in marked):
                return
        elif thing.task_state in verb.tasks or (thing.task_state is None and verb.is_at(thing.vm_state)):
            return
        if thing.task_state is not None:
            raise Throttled(_cannot(verb.name, thing, "task_state", thing.task_state), after=_BUSY_SECONDS)
        wrong = when.vm_states and thing.vm_state not in when.vm_states
        if wrong or not (thing.host or verb.offloaded):
            raise Refused(_cannot(verb.name, thing, "vm_state", thing.vm_state), status=409)
        if not thing.host and not self._placed_again(thing):
            raise Refused("No valid host was found. There are not enough hosts available.", status=409)
        after = self._prepare(thing, verb, body)
        if when.task is None:
            if verb.ends:
                happen(self.records, self.injector.backend.shape, thing, after, self.now())
            return self.touch(thing)
        thing.task_state = when.task
        schedule(thing, after, self.now() + self.injector.backend.shape.action_seconds)
        self.touch(thing)

    def _prepare(self, thing: ServerRecord, verb: ServerVerb, body: Mapping[str, Any]) -> str:
        """What of a verb is decided when it is accepted; what happens then."""
        if verb.makes_image:
            self._image(thing, body)
            return "image pending upload"
        if verb.name == "shelve" and thing.image_id:
            thing.shelved_image = self._image(thing, {"name": f"{thing.name}{SHELVED}", "metadata": {}})
        if verb.name == "unshelve":
            drop_shelved_image(self.records, thing)
        if verb.name == "resize":
            flavor = self.records.get(FlavorRecord, body["flavorRef"])
            if flavor is None:
                raise Refused(f"Flavor {body['flavorRef']} could not be found.", status=400)
            if not self.injector.backend.place(flavor.vcpus, flavor.ram, flavor.disk + flavor.ephemeral):
                return "unchanged"
            names = ("vm_state", "flavor_id", "vcpus", "ram", "disk")
            thing.was = {name: getattr(thing, name) for name in names}
            thing.flavor_id, thing.vcpus, thing.ram = flavor.id, flavor.vcpus, flavor.ram
            thing.disk = flavor.disk + flavor.ephemeral
        elif verb.name in ("migrate", "live-migration", "evacuate"):
            return self._move(thing, verb, body)
        elif verb.name == "revertResize":
            thing.host = thing.was.get("host", thing.host)
            for name in ("flavor_id", "vcpus", "ram", "disk"):
                setattr(thing, name, thing.was[name])
        elif verb.name == "rebuild":
            image = self.records.get(ImageRecord, body["imageRef"])
            if image is None or not usable(image, thing.project_id):
                raise Refused("Cannot find image for rebuild", status=400)
            thing.image_id, thing.was = image.id, {"vm_state": thing.vm_state}
            thing.key_name = body.get("key_name", thing.key_name) or ""
            thing.user_data = body.get("user_data", thing.user_data) or ""
            thing.fault = None
        return "as before" if verb.passing and verb.or_ends else _COMES_TO[verb.ends]

    def _move(self, thing: ServerRecord, verb: ServerVerb, body: Mapping[str, Any]) -> str:
        """Another host, where one has room. It is there when the verb is done, but its room is taken now."""
        backend, host = self.injector.backend, body.get("host") or ""
        said = backend.host(thing.host)
        if verb.name == "evacuate" and not (said.forced_down or said.removed):
            raise Refused(f"Compute service of {thing.host} is still in use.", status=400)
        if host and host not in backend.hosts():
            raise Refused(f"Compute host {host} could not be found.", status=400)
        here = thing.host
        place = backend.place(
            thing.vcpus, thing.ram, thing.disk, lambda name: name != here and host in ("", name)
        )
        if not place:
            raise Refused("No valid host was found. There are not enough hosts available.", status=400)
        names = ("vm_state", "flavor_id", "vcpus", "ram", "disk", "host")
        was = {name: getattr(thing, name) for name in names}
        thing.host = place
        thing.was = was
        if verb.name == "live-migration":
            return "unchanged"
        if verb.name == "migrate":
            return "resized"
        stops = body.get(VERSION) == "2.95"
        thing.was = {"vm_state": "stopped" if stops or thing.vm_state == "stopped" else "active"}
        thing.fault = None
        return "as before"

    def migrations(self, remote_id: str) -> list[dict[str, Any]]:
        """Its live migration, while there is one."""
        thing = self.held(remote_id, self.injector.home)
        if thing.task_state != "migrating":
            return []
        at, sizes = iso(thing.changed_at).removesuffix("Z"), ("total", "processed", "remaining")
        was, cloud = thing.was.get("host", thing.host), self.injector.cloud
        return [
            {
                "id": thing.number,
                "uuid": derived_id("migration", thing.id),
                "server_uuid": thing.id,
                "status": "running",
                "source_compute": was,
                "source_node": f"{was}.{cloud}",
                "dest_compute": thing.host,
                "dest_node": f"{thing.host}.{cloud}",
                "dest_host": "192.0.2.1",
                "created_at": f"{at}.000000",
                "updated_at": f"{at}.000000",
                **{f"{what}_{name}_bytes": None for what in ("memory", "disk") for name in sizes},
                "user_id": thing.user_id,
                "project_id": thing.project_id,
            }
        ]

    def migration(self, remote_id: str, path: str) -> dict[str, Any]:
        """The one that a path names."""
        for one in self.migrations(remote_id):
            if str(one["id"]) == path.split("/")[4]:
                return one
        raise Missing(f"Migration of {remote_id} could not be found.")

    def end_migration(self, remote_id: str, path: str, *, abort: bool) -> None:
        """It stays where it was, or is where it was going, at once."""
        self.migration(remote_id, path)
        thing = self.held(remote_id, self.injector.home)
        if abort:
            thing.host = thing.was.get("host", thing.host)
        thing.was, thing.task_state, thing.next, thing.next_at = {}, None, "", 0.0
        self.touch(thing)

    def _placed_again(self, thing: ServerRecord) -> bool:
        """Give a server that was offloaded a host, where one has room."""
        allowed = hosts_for(self.records, thing.hints)
        thing.host = self.injector.backend.place(thing.vcpus, thing.ram, thing.disk, allowed)
        return bool(thing.host)

    def _plug(self, thing: ServerRecord, port_id: str) -> None:
        if port_id in thing.port_ids:
            return
        self._check_port(thing.project_id, port_id)
        thing.port_ids = [*thing.port_ids, port_id]
        status = "ACTIVE" if thing.vm_state in ("active", "paused") else "DOWN"
        bind_ports(self.records, thing, status, self.now(), take=True)

    def _unplug(self, thing: ServerRecord, port_id: str) -> None:
        if port_id not in thing.port_ids:
            return
        release_ports(self.records, structs.replace(thing, port_ids=[port_id]), self.now())
        thing.port_ids = [id for id in thing.port_ids if id != port_id]

    def end(self, thing: ServerRecord) -> None:
        """Accept the delete; the server is gone a little later. Asked again meanwhile, nothing more happens."""
        if thing.task_state == "deleting":
            return
        thing.task_state = "deleting"
        schedule(thing, "deleted", self.now() + self.injector.backend.shape.delete_seconds)
        self.touch(thing)

    # ------------------------------------------------------------------ console

    def console(self, remote_id: str, lines: int | None) -> str:
        """What its console has shown since it was built; `Refused` before it has one."""
        thing = self.held(remote_id, self.injector.home)
        if not thing.boots:
            raise Refused(f"Instance {remote_id} is not ready", status=409)
        text: list[str] = []
        for number, boot in enumerate(thing.boots):
            if number:
                text.append("[ 1234.567890] reboot: Restarting system")
            text += [
                "[    0.000000] Linux version 6.1.0-simulated (fractus)",
                f"[    0.000000] Command line: root=/dev/vda1 console=ttyS0 boot={iso(boot)}",
                f"[    0.512000] virtio_net: {len(thing.port_ids)} network devices",
                f"[    1.730000] cloud-init: hostname {thing.hostname}",
                f"{thing.hostname} login:",
            ]
        return "\n".join(text if lines is None else text[len(text) - min(lines, len(text)) :]) + "\n"

    def diagnostics(self, remote_id: str, version: str) -> dict[str, Any]:
        """What is measured of it, in the form of a microversion; `Refused` where it does not run."""
        thing = self.held(remote_id, self.injector.home)
        if thing.power_state != RUNNING:
            raise Refused(
                f"Cannot 'get_diagnostics' instance {thing.id} while it is in power state {_POWER[thing.power_state]}",
                status=409,
            )
        if not version:
            return {"cpu0_time": 17300000000, "memory": thing.ram * 1024}
        ports = [port for id in thing.port_ids if (port := self.records.get(PortRecord, id))]
        counts = ("octets", "errors", "drop", "packets", "rate")
        return {
            "state": "running",
            "driver": "libvirt",
            "hypervisor": "kvm",
            "hypervisor_os": "simulated",
            "uptime": int(self.now() - thing.boots[-1]),
            "config_drive": thing.config_drive,
            "num_cpus": thing.vcpus,
            "num_nics": len(ports),
            "num_disks": 1,
            "memory_details": {"maximum": thing.ram, "used": 0},
            "cpu_details": [{"id": n, "time": 0, "utilisation": 0} for n in range(thing.vcpus)],
            "disk_details": [
                dict.fromkeys(
                    ("read_bytes", "read_requests", "write_bytes", "write_requests", "errors_count"), 0
                )
            ],
            "nic_details": [
                {
                    "mac_address": port.mac_address,
                    **{f"{way}_{one}": 0 for way in ("rx", "tx") for one in counts},
                }
                for port in ports
            ],
        }

    def password(self, remote_id: str) -> str:
        """What the guest has posted."""
        return self.held(remote_id, self.injector.home).password

    def clear_password(self, remote_id: str) -> None:
        """Forget it."""
        thing = self.held(remote_id, self.injector.home)
        thing.password = ""
        self.touch(thing)

    def remote_console(self, remote_id: str, type: str) -> dict[str, str]:
        """Where its console is: one of a proxy's URLs, as VNC and serial consoles have them."""
        thing = self.held(remote_id, self.injector.home)
        if not thing.boots:
            raise Refused(f"Instance {remote_id} is not ready", status=409)
        if type not in _PROXIES:
            raise Refused(f"Unavailable console type {type}.", status=400)
        return {"url": f"{_PROXIES[type]}?token={thing.id}"}

    def opened_by(self, token: str) -> dict[str, Any]:
        """What the token of a console's URL opens."""
        thing = self.held(token, self.injector.home)
        return {"instance_uuid": thing.id, "host": thing.host, "port": 5900, "internal_access_path": None}


_POWER = {NO_STATE: "pending", SHUTDOWN: "shutdown"}

_PROXIES = {
    "novnc": "http://consoles.invalid:6080/vnc_lite.html",
    "serial": "ws://consoles.invalid:6083/",
}


def _cannot(verb: str, thing: ServerRecord, what: str, state: str) -> str:
    return f"Cannot '{verb}' instance {thing.id} while it is in {what} {state}"
