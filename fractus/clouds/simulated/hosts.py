"""Hosts of a simulated Nova: a compute service and a hypervisor on each, a conductor and a scheduler in the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.base.clock import iso
from fractus.base.ids import derived_id
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.records import ServerRecord
from fractus.model.errors import Missing, Refused

_COMPUTE = "nova-compute"

#: How often a service says that it is up. Seconds.
_REPORT = 10.0


class Hosts:
    """What administrators see of the hosts of a cloud, and say of them."""

    def __init__(self, cloud: str, backend: SimulatedBackend) -> None:
        self._cloud = cloud
        self._backend = backend

    def services(self) -> list[dict[str, Any]]:
        """As Nova lists them."""
        control = [self._service("control", binary) for binary in ("nova-conductor", "nova-scheduler")]
        return [*control, *(self._service(host, _COMPUTE) for host in self._backend.hosts())]

    def hypervisors(self) -> list[dict[str, Any]]:
        """As Nova lists them with details, with what they have in use."""
        used = self._backend.records.used_by_host()
        running: dict[str, int] = {}
        for server in self._backend.records.every(ServerRecord):
            running[server.host] = running.get(server.host, 0) + 1
        return [self._hypervisor(host, used.get(host, (0, 0, 0)), running) for host in self._backend.hosts()]

    def update(self, id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What an administrator says of a service."""
        host, binary = self._of(id)
        if binary != _COMPUTE:
            raise Refused(
                f"Updating a {binary} service is not supported. Only nova-compute services can be updated.",
                status=400,
            )
        record = self._backend.host(host)
        if "status" in body:
            record.disabled = body["status"] == "disabled"
            record.disabled_reason = body.get("disabled_reason") if record.disabled else None
        if "forced_down" in body:
            record.forced_down = str(body["forced_down"]).lower() in ("1", "true", "on", "yes")
        self._backend.records.put(record)
        return self._service(host, binary)

    def delete(self, id: str) -> None:
        """Remove a service, and the hypervisor with it; `Refused` while servers are on its host."""
        host, binary = self._of(id)
        if any(server.host == host for server in self._backend.records.every(ServerRecord)):
            raise Refused(
                "Unable to delete compute service that is hosting instances. "
                "Migrate or delete the instances first.",
                status=409,
            )
        if binary == _COMPUTE:
            record = self._backend.host(host)
            record.removed = True
            self._backend.records.put(record)

    def uptime(self, id: str) -> dict[str, Any]:
        """How long a hypervisor has been up."""
        for one in self.hypervisors():
            if one["id"] == id:
                days = int((self._backend.now() - self._backend.began) // 86400)
                kept = ("id", "hypervisor_hostname", "state", "status")
                return {**{name: one[name] for name in kept}, "uptime": f" 00:00:00 up {days} days"}
        raise Missing(f"Hypervisor with ID '{id}' could not be found.")

    def act(self, host: str, path: str, body: Mapping[str, str] | None) -> dict[str, Any]:
        """What is done to a host: to the machine, which the path names, or in its cloud."""
        if host not in self._backend.hosts():
            raise Missing(f"Compute host {host} could not be found.")
        if not body:
            return {"host": host, "power_action": path.rpartition("/")[2]}
        said = {name: f"{'on' if value == 'enable' else 'off'}_maintenance" for name, value in body.items()}
        if "status" in body:
            said["status"] = f"{body['status']}d"
        return {"host": host, **said}

    def audited(self) -> dict[str, dict[str, Any]]:
        """What each host noted of the last audit of usage."""
        servers = [server.host for server in self._backend.records.every(ServerRecord)]
        return {
            host: {"state": "DONE", "instances": servers.count(host), "errors": 0, "message": "done"}
            for host in self._backend.hosts()
        }

    def _of(self, id: str) -> tuple[str, str]:
        for one in self.services():
            if one["id"] == id:
                return one["host"], one["binary"]
        raise Missing(f"Service {id} could not be found.")

    def _service(self, host: str, binary: str) -> dict[str, Any]:
        said = self._backend.host(host)
        now, began = self._backend.now(), self._backend.began
        return {
            "id": derived_id(binary, self._cloud, self._backend.key, host),
            "binary": binary,
            "host": host,
            "zone": "nova" if binary == _COMPUTE else "internal",
            "status": "disabled" if said.disabled else "enabled",
            "state": "down" if said.forced_down else "up",
            "updated_at": iso(began + (now - began) // _REPORT * _REPORT).removesuffix("Z") + ".000000",
            "disabled_reason": said.disabled_reason,
            "forced_down": said.forced_down,
        }

    def _hypervisor(
        self, host: str, used: tuple[int, int, int], running: Mapping[str, int]
    ) -> dict[str, Any]:
        shape, service = self._backend.shape, self._service(host, _COMPUTE)
        vcpus, ram, disk = used
        return {
            "id": derived_id("hypervisor", self._cloud, self._backend.key, host),
            "hypervisor_hostname": f"{host}.{self._cloud}",
            "state": service["state"],
            "status": service["status"],
            "hypervisor_type": "simulated",
            "hypervisor_version": 1000,
            "host_ip": "192.0.2.1",
            "service": {name: service[name] for name in ("id", "host", "disabled_reason")},
            "vcpus": shape.vcpus_per_host,
            "memory_mb": shape.ram_per_host,
            "local_gb": shape.disk_per_host,
            "vcpus_used": vcpus,
            "memory_mb_used": ram,
            "local_gb_used": disk,
            "free_ram_mb": shape.ram_per_host - ram,
            "free_disk_gb": shape.disk_per_host - disk,
            "current_workload": 0,
            "running_vms": running.get(host, 0),
            "disk_available_least": None,
            "cpu_info": {"arch": "x86_64", "model": "simulated"},
        }
