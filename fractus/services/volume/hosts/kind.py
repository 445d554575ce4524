"""Services, pools and clusters of the clouds' block storage, declared (cinder.api.v3.services, .clusters,
cinder.api.contrib.scheduler_stats).

Names of hosts are kept as their cloud has them; how they are shown is a question of all clouds (`queries.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.mirror import Mirrored
from fractus.services.field import Field, named, text
from fractus.services.mirror import MirrorKind, mirror_table_of

_SIZE = 255

#: Cinder's names are `host@backend#pool`.
BACKEND, POOL = "@", "#"


def machine_of(name: str) -> str:
    """The host in the name of a host, a back end or a pool: what other clouds may have, too."""
    return name.partition(POOL)[0].partition(BACKEND)[0]


def _of(name: str) -> Any:
    """With the host in the field `name`."""

    def adapt(_cloud: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**found, "machine": machine_of(str(found.get(name) or ""))}

    return adapt


def _text(name: str) -> Field:
    return Field(name, column=text(name, _SIZE))


SERVICE_FIELDS = named([
    _text("binary"),
    _text("host"),
    _text("machine"),
    *(Field(name) for name in (
        "zone", "status", "state", "updated_at", "backend_state", "cluster", "disabled_reason", "replication_status",
        "active_backend_id", "frozen",
    )),
])  # fmt: skip

POOL_FIELDS = named([_text("name"), _text("machine"), Field("capabilities")])

CLUSTER_FIELDS = named([
    _text("name"),
    _text("binary"),
    _text("machine"),
    *(Field(name) for name in (
        "state", "status", "num_hosts", "num_down_hosts", "last_heartbeat", "created_at", "updated_at",
        "disabled_reason", "replication_status", "frozen", "active_backend_id",
    )),
])  # fmt: skip

#: The latest microversion that says something of use.
_LATEST = "3.71"

#: Listed as seldom as the services of compute, for they change with the work of people.
SERVICES = MirrorKind(
    mirrored=Mirrored(
        kind="block_service", service="volume", path="/{project}/os-services", collection="services", latest=_LATEST,
        paged=False,
    ),
    collection="services",
    noun="service",
    fields=SERVICE_FIELDS,
    table=mirror_table_of("block_service", SERVICE_FIELDS),
    key=("host", "binary"),
    zone="zone",
    every=120.0,
    uuids=True,
    adapt=_of("host"),
)  # fmt: skip

#: What room there is: by it volumes are placed, so it is asked for more often.
POOLS = MirrorKind(
    mirrored=Mirrored(
        kind="block_pool", service="volume", path="/{project}/scheduler-stats/get_pools", collection="pools",
        query={"detail": "true"}, latest=_LATEST, paged=False,
    ),
    collection="pools",
    noun="pool",
    fields=POOL_FIELDS,
    table=mirror_table_of("block_pool", POOL_FIELDS),
    key=("name",),
    uuids=True,
    adapt=_of("name"),
)  # fmt: skip

CLUSTERS = MirrorKind(
    mirrored=Mirrored(
        kind="block_cluster", service="volume", path="/{project}/clusters/detail", collection="clusters",
        latest=_LATEST, paged=False,
    ),
    collection="clusters",
    noun="cluster",
    fields=CLUSTER_FIELDS,
    table=mirror_table_of("block_cluster", CLUSTER_FIELDS),
    key=("name", "binary"),
    every=300.0,
    uuids=True,
    adapt=_of("name"),
)  # fmt: skip
