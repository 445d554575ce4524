from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from fractus.auth import base_rules
from fractus.auth.principal import Principal
from fractus.auth.projects import AnyProject
from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.quota.limits import StoredLimits
from fractus.quota.quota import Quota
from fractus.services import volume
from fractus.services.volume.backups.api import BackupsApi
from fractus.services.volume.backups.kind import KIND as BACKUP
from fractus.services.volume.backups.writes import BackupWrites
from fractus.services.volume.extensions import policy as extension_policy
from fractus.services.volume.extensions.api import ExtensionsApi
from fractus.services.volume.group_snapshots.kind import KIND as GROUP_SNAPSHOT
from fractus.services.volume.groups.kind import KIND as VOLUME_GROUP
from fractus.services.volume.hosts import policy as host_policy
from fractus.services.volume.hosts.api import HostsApi
from fractus.services.volume.hosts.api.access import Given
from fractus.services.volume.hosts.queries import BackendNames
from fractus.services.volume.limits import policy as limit_policy
from fractus.services.volume.limits.api import LimitsApi
from fractus.services.volume.lists import policy as list_policy
from fractus.services.volume.lists.api import ListsApi
from fractus.services.volume.qos_specs.api import QosSpecsApi
from fractus.services.volume.qos_specs.kind import KIND as QOS_SPEC
from fractus.services.volume.snapshots.api import SnapshotsApi
from fractus.services.volume.snapshots.kind import KIND as SNAPSHOT
from fractus.services.volume.transfers.api import TransfersApi
from fractus.services.volume.transfers.kind import KIND as VOLUME_TRANSFER
from fractus.services.volume.volume_types.api import VolumeTypesApi
from fractus.services.volume.volume_types.kind import KIND as VOLUME_TYPE
from fractus.services.volume.volume_types.queries import VolumeTypeSource
from fractus.services.volume.volumes.api import VolumesApi
from fractus.services.volume.volumes.kind import KIND as VOLUME
from fractus.services.volume.volumes.queries import VolumesOfTypes
from fractus.services.volume.volumes.writes import VolumeWrites
from fractus.store.transaction import Reader
from fractus.web.face import ServiceRoutes
from tests.unit.services.in_process import Door, Rows

KINDS = (VOLUME_TYPE, VOLUME, SNAPSHOT, QOS_SPEC, BACKUP, VOLUME_TRANSFER, VOLUME_GROUP, GROUP_SNAPSHOT)
GIVEN = {"volumes": 10, "gigabytes": 1000}


class _NoImages:
    async def usable(self, reader: Reader, principal: Principal, image_id: str) -> Resource:
        raise NotFound(image_id)


class Storage(Door):
    """Block storage alone."""

    def __init__(self, directory: Path) -> None:
        rows = Rows(directory, {one.name: one.table for one in KINDS})
        quota = Quota({}, {}, StoredLimits(GIVEN))
        types = VolumeTypeSource(rows.resources)
        hosts = Given(
            store=rows.store, clock=rows.clock, names=BackendNames(rows.store, rows.clock), live=cast("Any", None),
            types=types, stale_after=60.0,
        )  # fmt: skip
        volumes = VolumeWrites(rows.ledger)
        backups = BackupWrites(rows.ledger, volumes)
        apis = (
            ListsApi(rows.store),
            LimitsApi(rows.store, quota, types),
            ExtensionsApi(),
            HostsApi(hosts),
            VolumesApi(
                rows.store,
                rows.ledger,
                quota,
                types,
                _NoImages(),
                backups,
                volumes,
                *(cast("Any", None),) * 3,
            ),
            TransfersApi(rows.store, rows.ledger, volumes),
            BackupsApi(rows.store, rows.ledger, backups, volumes, types, cast("Any", None)),
            VolumeTypesApi(rows.store, rows.ledger, AnyProject(), VolumesOfTypes()),
            SnapshotsApi(rows.store, rows.ledger, cast("Any", None)),
            QosSpecsApi(rows.store, rows.ledger, types),
        )
        routes = [route for one in apis for route in one.routes()]
        declared = [rule for one in KINDS for rule in one.rules]
        others = [*list_policy.RULES, *limit_policy.RULES, *extension_policy.RULES, *host_policy.RULES]
        rules = [*base_rules.CINDER, *declared, *others]
        self.given = ServiceRoutes(
            service=volume.SERVICE, routes=routes, rules=rules, unserved=volume.unserved(routes)
        )
        super().__init__(rows, [self.given])


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Storage]:
    storage = Storage(tmp_path)
    yield storage
    await storage.rows.store.close()
