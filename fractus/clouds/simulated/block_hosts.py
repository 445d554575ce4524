"""Services of a simulated Cinder: one back end with one pool, and a scheduler; no clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.base.clock import iso
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.records import HostRecord, SnapshotRecord, VolumeRecord
from fractus.model.errors import Missing, Refused
from fractus.model.live import LiveCall

BACKEND = "host-1@simulated"
POOL = f"{BACKEND}#pool"

_SERVICES = (("cinder-scheduler", "control"), ("cinder-volume", BACKEND))

#: How often a service says that it is up. Seconds.
_REPORT = 10.0


class BlockHosts:
    """What administrators see of the services of block storage, and say of them."""

    def __init__(self, backend: SimulatedBackend) -> None:
        self._backend = backend

    def services(self) -> list[dict[str, Any]]:
        """As Cinder lists them; none where there is no block storage."""
        there = _SERVICES if self._backend.shape.volume_types else ()
        return [self._service(binary, host) for binary, host in there]

    def pools(self) -> list[dict[str, Any]]:
        """As Cinder lists them with details."""
        shape = self._backend.shape
        if not shape.volume_types:
            return []
        used = sum(one.size for one in self._backend.records.every(VolumeRecord))
        capabilities = {
            "pool_name": "pool",
            "volume_backend_name": "simulated",
            "vendor_name": "fractus",
            "driver_version": "1.0",
            "storage_protocol": "simulated",
            "total_capacity_gb": shape.volume_gigabytes,
            "free_capacity_gb": shape.volume_gigabytes - used,
            "allocated_capacity_gb": used,
            "provisioned_capacity_gb": used,
            "reserved_percentage": 0,
            "thin_provisioning_support": False,
            "thick_provisioning_support": True,
            "multiattach": True,
            "timestamp": self._reported(),
        }
        return [{"name": POOL, "capabilities": capabilities}]

    def answers(self, remote_id: str, call: LiveCall) -> Mapping[str, Callable[[], Any]]:
        """What is answered to live calls, by their names."""
        return {
            "block_services": lambda: [one for one in self.services() if one["host"] == remote_id],
            "block_service_switch": lambda: self._switch(call.path.rpartition("/")[2], call.body),
            "block_freeze": lambda: self._freeze(call.body, frozen=True),
            "block_thaw": lambda: self._freeze(call.body, frozen=False),
            "block_failover_host": lambda: self._fail_over(call.body),
            "block_get_log": lambda: self._levels(call.body),
            "block_set_log": lambda: None,
            "block_host": lambda: self._held(remote_id),
            "block_capabilities": lambda: self._capabilities(remote_id),
            "block_cleanup": lambda: {"cleaning": [], "unavailable": []},
        }

    def _reported(self) -> str:
        now, began = self._backend.now(), self._backend.began
        return iso(began + (now - began) // _REPORT * _REPORT).removesuffix("Z") + ".000000"

    def _said(self, binary: str, host: str) -> HostRecord:
        return self._backend.host(f"{binary}/{host}")

    def _service(self, binary: str, host: str) -> dict[str, Any]:
        said = self._said(binary, host)
        shown: dict[str, Any] = {
            "binary": binary,
            "host": host,
            "zone": "nova",
            "status": "disabled" if said.disabled else "enabled",
            "state": "up",
            "updated_at": self._reported(),
            "cluster": None,
            "disabled_reason": said.disabled_reason,
        }
        if binary == "cinder-volume":
            shown |= {
                "backend_state": "up",
                "replication_status": "disabled",
                "active_backend_id": None,
                "frozen": said.frozen,
            }
        return shown

    def _switch(self, verb: str, body: Mapping[str, Any]) -> dict[str, Any]:
        host, binary = body["host"], str(body.get("binary") or body.get("service"))
        if (binary, host) not in _SERVICES:
            raise Missing(f"Service {binary} could not be found on host {host}.")
        record = self._said(binary, host)
        record.disabled = verb != "enable"
        record.disabled_reason = body.get("disabled_reason") if record.disabled else None
        self._backend.records.put(record)
        answer = {
            "host": host,
            "service": body.get("service", ""),
            "binary": body.get("binary", ""),
            "status": "disabled" if record.disabled else "enabled",
            "disabled": record.disabled,
        }
        return {**answer, "disabled_reason": record.disabled_reason} if "reason" in verb else answer

    def _backend_of(self, body: Mapping[str, Any]) -> HostRecord:
        for what in ("host", "cluster"):
            if body.get(what) and body[what] != BACKEND:
                raise Refused(f"No service found with {what}={body[what]}", status=400)
        return self._said("cinder-volume", BACKEND)

    def _freeze(self, body: Mapping[str, Any], *, frozen: bool) -> None:
        record = self._backend_of(body)
        record.frozen = frozen
        self._backend.records.put(record)

    def _fail_over(self, body: Mapping[str, Any]) -> None:
        self._backend_of(body)
        raise Refused(
            "Invalid input received: No service could be changed: replication_status in"
            f" ['{BACKEND}'] must be ['enabled', 'failed-over'] and must be up to failover.",
            status=400,
        )

    def _levels(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        levels = {f"{body.get('prefix') or ''}cinder": "INFO"}
        return [
            {"host": one["host"], "binary": one["binary"], "levels": levels}
            for one in self.services()
            if body.get("binary") in (None, "", "*", one["binary"])
            and body.get("server") in (None, "", one["host"])
        ]

    def _held(self, host: str) -> list[dict[str, Any]]:
        if host not in (BACKEND, BACKEND.partition("@")[0]):
            raise Missing(f"Service cinder-volume could not be found on host {host}.")
        records = self._backend.records
        volumes, snapshots = list(records.every(VolumeRecord)), list(records.every(SnapshotRecord))
        projects = sorted({one.project_id for one in volumes})
        return [
            {
                "resource": {
                    "host": host,
                    "project": project or "(total)",
                    **_counted("volume", [one.size for one in volumes if project in ("", one.project_id)]),
                    **_counted(
                        "snapshot", [one.size for one in snapshots if project in ("", one.project_id)]
                    ),
                }
            }
            for project in ("", *projects)
        ]

    def _capabilities(self, host: str) -> dict[str, Any]:
        if host != BACKEND:
            raise Missing(f"Can't find service: {host}")
        return {
            "namespace": f"OS::Storage::Capabilities::{host}",
            "vendor_name": "fractus",
            "volume_backend_name": "simulated",
            "pool_name": None,
            "driver_version": "1.0",
            "storage_protocol": "simulated",
            "display_name": None,
            "description": None,
            "visibility": None,
            "replication_targets": [],
            "properties": {},
        }


def _counted(what: str, sizes: list[int]) -> dict[str, str]:
    return {f"{what}_count": str(len(sizes)), f"total_{what}_gb": str(sum(sizes))}
