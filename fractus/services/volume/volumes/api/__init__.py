"""The routes of volumes."""

from __future__ import annotations

from typing import Any, Protocol

from fractus.model.errors import Invalid
from fractus.model.resource import Resource
from fractus.quota.quota import Quota
from fractus.services.relay import Relay
from fractus.services.volume.dialect.api.collection import CollectionApi
from fractus.services.volume.dialect.api.metadata import MetadataApi
from fractus.services.volume.dialect.api.query import flag, names
from fractus.services.volume.dialect.api.sources import users_left
from fractus.services.volume.volumes import kind
from fractus.services.volume.volumes.api.actions import ActionsApi
from fractus.services.volume.volumes.api.connecting import ConnectingApi
from fractus.services.volume.volumes.api.connecting import Volumes as Connected
from fractus.services.volume.volumes.api.contents import ContentsApi, ImageMaker
from fractus.services.volume.volumes.api.contents import Volumes as Asked
from fractus.services.volume.volumes.api.creating import Groups, Images, Types, refuse_unsupported
from fractus.services.volume.volumes.api.encrypting import EncryptionApi
from fractus.services.volume.volumes.api.making import VolumeMaker
from fractus.services.volume.volumes.api.retyping import RetypingApi
from fractus.services.volume.volumes.api.summing import SummaryApi
from fractus.services.volume.volumes.kind import KIND
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Route

#: States in which a volume can be deleted.
_DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing")

#: From here on a delete may be forced.
_FORCE = Version(3, 23)


class Backups(Protocol):
    """What shows that backups are being written to volumes."""

    async def being_restored(self, tx: Transaction, backup_id: str, by: str) -> None:
        """One is, until `restored` with the same `by`."""
        ...


class Writes(Connected, Asked, Protocol):
    """What writes volumes."""


class VolumesApi(CollectionApi):
    """Volumes, what is asked of them, and their metadata."""

    kind = KIND
    by = "volume_id"

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        quota: Quota,
        types: Types,
        images: Images,
        backups: Backups,
        writes: Writes,
        live: Relay,
        maker: ImageMaker,
        groups: Groups,
    ) -> None:
        """`types` and `images` know of what volumes are made, and `groups` in what; `quota`, how large one may be;
        `backups` shows that one is being written to a volume; `writes`, in which state one is; `live` asks clouds;
        `maker` writes images that are made of one.
        """
        super().__init__(store, ledger)
        self._maker = VolumeMaker(ledger, quota, types, images, groups)
        self._backups = backups
        rules = {
            "get": kind.METADATA_GET,
            "create": kind.METADATA_CREATE,
            "update": kind.METADATA_UPDATE,
            "delete": kind.METADATA_DELETE,
        }
        metadata = MetadataApi(self, store, ledger, rules, "Volume {id} has no metadata with key {key}.")
        self._parts = (
            SummaryApi(self, store),
            metadata,
            ActionsApi(self, store, ledger),
            RetypingApi(self, store, ledger, types),
            ConnectingApi(self, store, writes, live),
            ContentsApi(self, store, writes, images, maker),
            EncryptionApi(self, store, live),
        )

    def routes(self) -> list[Route]:
        """Those of every collection, and those of its parts."""
        return [*super().routes(), *(route for part in self._parts for route in part.routes())]

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """A volume that gets its cloud from a worker."""
        refuse_unsupported(given)
        made = await self._maker.write(call, tx, given, call.body.get("OS-SCH-HNT:scheduler_hints"))
        if made.desired.get("backup_id"):
            await self._backups.being_restored(tx, made.desired["backup_id"], made.id)
        return made

    async def check_size(self, tx: Transaction, project_id: str, size: int) -> None:
        """`QuotaExceeded` where no volume of a project may be as large."""
        await self._maker.check_size(tx, project_id, size)

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """Name, description and metadata."""
        said = names(given)
        if "metadata" in given:
            said["metadata"] = given["metadata"]
        resource.desired.update(said)
        resource.name = resource.desired["name"] or ""
        await self._ledger.change(tx, resource, await self.summary(tx, resource))

    async def before_delete(self, call: Call, tx: Transaction, resource: Resource) -> bool:
        """Not while anything is made of it, or has it. Forced, in whatever state; `cascade`: with its snapshots."""
        force = call.version >= _FORCE and flag(call, "force")
        if force:
            call.enforce(kind.FORCE_DELETE.name, KIND.target(resource))
        await self.refuse_delete(tx, resource, force=force, cascade=flag(call, "cascade"))
        return False

    async def refuse_delete(
        self, tx: Transaction, resource: Resource, *, force: bool, cascade: bool = False
    ) -> None:
        """`Invalid` where it may not be deleted now."""
        users = await users_left(self._ledger.resources, tx, KIND.name, resource.id)
        if cascade:
            users = [one for one in users if not await self._ends(tx, *one)]
        states = "" if force else f"status must be {' or '.join(_DELETABLE)} and "
        tied = resource.desired.get("attached") or resource.desired.get("group_id")
        if users or tied or not (force or resource.status in _DELETABLE):
            raise Invalid(
                f"Invalid volume: Volume {states}must not be migrating, attached, belong to a group, have snapshots,"
                " awaiting a transfer, or be disassociated from snapshots after volume transfer."
            )

    async def _ends(self, tx: Transaction, name: str, id: str) -> bool:
        """A snapshot of it that can be deleted with it is."""
        snapshot = (
            await self._ledger.resources.fetch(tx, name, id, to_write=True) if name == "snapshot" else None
        )
        if snapshot is None:
            return False
        if snapshot.wanted:
            if snapshot.status not in ("available", "error"):
                raise Invalid("Invalid volume: Failed to update snapshot.")
            if await users_left(self._ledger.resources, tx, name, id):
                raise Invalid("Invalid volume: Snapshot is in use.")
            snapshot.wanted = False
            await self._ledger.remove(tx, snapshot, None, hide=False)
        return True
