"""Placement of a simulated cloud: a resource provider for each host, with what its servers have of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fractus.base.ids import derived_id
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.records import ServerRecord
from fractus.model.errors import Missing, Refused
from fractus.model.live import LiveCall

#: `1.12`: allocations say whose they are from here on.
_OWNED = 12

_CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")
_TRAITS = ("COMPUTE_NODE", "COMPUTE_VOLUME_MULTI_ATTACH")

#: Classes and traits that it knows, and of which no host has any.
_OTHER_CLASSES, _OTHER_TRAITS = ("VGPU", "PCI_DEVICE"), ("HW_CPU_X86_AVX2", "STORAGE_DISK_SSD")


class Placement:
    """What administrators see of it."""

    def __init__(self, cloud: str, backend: SimulatedBackend) -> None:
        self._cloud, self._backend = cloud, backend

    def providers(self) -> list[dict[str, Any]]:
        """As Placement lists them."""
        return [self._provider(host) for host in self._backend.hosts()]

    @staticmethod
    def classes() -> list[dict[str, Any]]:
        """Resource classes."""
        return [{"name": name} for name in (*_CLASSES, *_OTHER_CLASSES)]

    @staticmethod
    def traits() -> list[dict[str, Any]]:
        """Traits, as a driver hands them on."""
        return [{"name": name} for name in (*_TRAITS, *_OTHER_TRAITS)]

    def answer(self, remote_id: str, call: LiveCall) -> Any:
        """What it answers to a call."""
        path, _, text = call.path.partition("?")
        query = dict(parse_qsl(text))
        match path.split("/")[1:]:
            case ["resource_providers"]:
                return {"resource_providers": [self._provider(host) for host in self._fitting(query)]}
            case ["resource_providers", _, part, *rest]:
                return self._part(self._host(remote_id), part, rest)
            case ["allocation_candidates"]:
                return self._candidates(query)
            case ["allocations", _]:
                return self._allocated(remote_id, owned=int(call.version.partition(".")[2]) >= _OWNED)
            case ["traits"]:
                return {"traits": list(_TRAITS if query["associated"] == "true" else _OTHER_TRAITS)}
        raise Refused(f"a simulated Placement does not answer to {path}", status=501)

    def _provider(self, host: str) -> dict[str, Any]:
        id = self._id(host)
        name = f"{host}.{self._cloud}"
        return {
            "uuid": id,
            "name": name,
            "generation": 1,
            "parent_provider_uuid": None,
            "root_provider_uuid": id,
        }

    def _id(self, host: str) -> str:
        """That of its hypervisor, as with Nova."""
        return derived_id("hypervisor", self._cloud, self._backend.key, host)

    def _host(self, id: str) -> str:
        for host in self._backend.hosts():
            if self._id(host) == id:
                return host
        raise Missing(f"No resource provider with uuid {id} found")

    def _part(self, host: str, part: str, rest: list[str]) -> dict[str, Any]:
        generation = {"resource_provider_generation": 1}
        match part, rest:
            case "inventories", []:
                return {"inventories": {name: self._inventory(name) for name in _CLASSES}, **generation}
            case "inventories", [name] if name in _CLASSES:
                return {**self._inventory(name), **generation}
            case "usages", []:
                return {"usages": dict(zip(_CLASSES, self._used(host), strict=True)), **generation}
            case "traits", []:
                return {"traits": list(_TRAITS), **generation}
            case "aggregates", []:
                return {"aggregates": [], **generation}
            case "allocations", []:
                there = [one for one in self._backend.records.every(ServerRecord) if one.host == host]
                return {"allocations": {one.id: {"resources": _of(one)} for one in there}, **generation}
        raise Missing(f"No inventory of class {'/'.join(rest)} for {self._id(host)}")

    def _inventory(self, name: str) -> dict[str, Any]:
        total = self._room()[name]
        return {
            "total": total,
            "reserved": 0,
            "min_unit": 1,
            "max_unit": total,
            "step_size": 1,
            "allocation_ratio": 1.0,
        }

    def _room(self) -> dict[str, int]:
        shape = self._backend.shape
        return dict(
            zip(_CLASSES, (shape.vcpus_per_host, shape.ram_per_host, shape.disk_per_host), strict=True)
        )

    def _used(self, host: str) -> tuple[int, int, int]:
        return self._backend.records.used_by_host().get(host, (0, 0, 0))

    def _fitting(self, query: Mapping[str, str]) -> list[str]:
        """Hosts with room for `resources`, and the traits that are `required`."""
        wanted: dict[str, int] = {}
        for one in filter(None, query.get("resources", "").split(",")):
            name, _, amount = one.partition(":")
            if name not in (*_CLASSES, *_OTHER_CLASSES):
                raise Refused(
                    f"Invalid resource class in resources parameter: No such resource class {name}.",
                    status=400,
                )
            wanted[name] = int(amount)
        traits = set(filter(None, query.get("required", "").split(",")))
        if unknown := sorted(traits.difference(_TRAITS, _OTHER_TRAITS)):
            raise Refused(f"No such trait(s): {', '.join(unknown)}.", status=400)
        if query.get("member_of") or not traits <= set(_TRAITS):
            return []
        room = self._room()
        return [
            host
            for host in self._backend.hosts()
            if all(
                wanted.get(name, 0) <= room[name] - used
                for name, used in zip(_CLASSES, self._used(host), strict=True)
            )
            and set(wanted) <= set(_CLASSES)
        ]

    def _candidates(self, query: Mapping[str, str]) -> dict[str, Any]:
        if "resources" not in query:
            raise Refused("There must be at least one resources or resources[$S] parameter.", status=400)
        hosts = self._fitting(query)[: int(query.get("limit", 1 << 31))]
        pairs = (one.partition(":") for one in query["resources"].split(","))
        asked = {name: int(amount) for name, _, amount in pairs}
        requests = [
            {"allocations": {self._id(host): {"resources": asked}}, "mappings": {"": [self._id(host)]}}
            for host in hosts
        ]
        return {
            "allocation_requests": requests,
            "provider_summaries": {self._id(host): self._summary(host) for host in hosts},
        }

    def _summary(self, host: str) -> dict[str, Any]:
        used = dict(zip(_CLASSES, self._used(host), strict=True))
        room = self._room()
        return {
            "resources": {name: {"capacity": room[name], "used": used[name]} for name in _CLASSES},
            "traits": list(_TRAITS),
            "parent_provider_uuid": None,
            "root_provider_uuid": self._id(host),
        }

    def _allocated(self, server_id: str, *, owned: bool) -> dict[str, Any]:
        server = self._backend.records.get(ServerRecord, server_id)
        if server is None or server.gone or not server.host:
            return {"allocations": {}}
        of = {"resources": _of(server), "generation": 1}
        owners = {"project_id": server.project_id, "user_id": server.user_id} if owned else {}
        return {"allocations": {self._id(server.host): of}, **owners, "consumer_generation": 1}


def _of(server: ServerRecord) -> dict[str, int]:
    """What a server has of its host."""
    return dict(zip(_CLASSES, (server.vcpus, server.ram, server.disk), strict=True))
