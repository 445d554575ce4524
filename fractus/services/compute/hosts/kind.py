"""Compute services and hypervisors of the clouds, declared (nova.api.openstack.compute.services, .hypervisors).

Documents are kept with all that any microversion shows; `view.py` takes out what is shown.
Names of hosts are kept as their cloud has them; how they are shown is a question of all clouds (`queries.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from fractus.base.ids import derived_id, is_uuid
from fractus.model.mirror import Mirrored
from fractus.services.compute.hosts import USAGE
from fractus.services.field import Field, named, text
from fractus.services.mirror import MirrorKind, mirror_table_of

_SIZE = 255


def number_of(cloud: str, remote_id: str) -> int:
    """The integer by which microversions before 2.53 know what a cloud has: of 48 bits, which JSON's numbers hold."""
    return UUID(derived_id("number", cloud, remote_id)).int >> 80


def _service(cloud: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the number. `forced_down` is shown from 2.11 on."""
    number = str(number_of(cloud, str(found.get("id") or "")))
    return {**found, "number": number, "forced_down": bool(found.get("forced_down"))}


def _hypervisor(cloud: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the numbers of it and its service, and its CPU as an object, which it is from 2.28 on."""
    service = dict(found.get("service") or {})
    there = str(service.get("id") or "")
    service["number"] = number_of(cloud, there)
    service["id"] = there if is_uuid(there) else derived_id(cloud, there)
    cpu = found.get("cpu_info")
    if isinstance(cpu, str):
        cpu = _decoded(cpu)
    return {
        **found,
        "number": str(number_of(cloud, str(found.get("id") or ""))),
        "service": service,
        "host": service.get("host"),
        "cpu_info": cpu or {},
    }


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}


def _text(name: str) -> Field:
    return Field(name, column=text(name, _SIZE))


SERVICE_FIELDS = named([
    Field("id"),
    _text("number"),
    _text("binary"),
    _text("host"),
    Field("zone"),
    Field("status"),
    Field("state"),
    Field("updated_at"),
    Field("disabled_reason"),
    Field("forced_down"),
])  # fmt: skip

HYPERVISOR_FIELDS = named([
    Field("id"),
    _text("number"),
    _text("hypervisor_hostname"),
    _text("host"),
    *(Field(name) for name in ("state", "status", "hypervisor_type", "hypervisor_version", "host_ip", "service")),
    *(Field(name) for name in USAGE),
    Field("cpu_info"),
])  # fmt: skip

#: Hosts come and go with the work of people, so both are listed seldom: what is under way in a cloud comes before.
SERVICES = MirrorKind(
    mirrored=Mirrored(
        kind="compute_service",
        service="compute",
        path="/os-services",
        collection="services",
        # 2.69 tells of those in cells that are down. 2.75 refuses the limit of a page, which services never had.
        latest="2.69",
    ),
    collection="services",
    noun="service",
    fields=SERVICE_FIELDS,
    table=mirror_table_of("compute_service", SERVICE_FIELDS),
    zone="zone",
    every=120.0,
    uuids=True,
    adapt=_service,
)

HYPERVISORS = MirrorKind(
    mirrored=Mirrored(
        kind="hypervisor",
        service="compute",
        path="/os-hypervisors/detail",
        collection="hypervisors",
        # The last that tells of their use. Later ones have each host asked how long it has been up.
        latest="2.87",
    ),
    collection="hypervisors",
    noun="hypervisor",
    fields=HYPERVISOR_FIELDS,
    table=mirror_table_of("hypervisor", HYPERVISOR_FIELDS),
    every=300.0,
    uuids=True,
    adapt=_hypervisor,
)
