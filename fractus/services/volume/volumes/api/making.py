"""Writing new volumes, for requests of block storage, and for servers that bring their volumes with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.auth.principal import Principal
from fractus.model.errors import Invalid, NotFound, QuotaExceeded
from fractus.model.resource import Resource
from fractus.quota.quota import Quota
from fractus.services.volume.volumes.api.creating import Groups, Images, Known, Types, draft
from fractus.services.volume.volumes.kind import KIND, VERBS
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call


class VolumeMaker:
    """Writes volumes that get their cloud from a worker."""

    def __init__(self, ledger: Ledger, quota: Quota, types: Types, images: Images, groups: Groups) -> None:
        """`types` and `images` know of what volumes are made, `groups` in what; `quota`, how large one may be."""
        self._ledger = ledger
        self._quota = quota
        self._types, self._groups = types, groups
        self._known = Known(ledger.resources, types, images, groups)

    async def write(
        self, call: Call, tx: Transaction, given: Mapping[str, Any], hints: Mapping[str, Any] | None = None
    ) -> Resource:
        """A volume of what a body says."""
        resource = await draft(call, tx, given, self._known, hints)
        await self.check_size(tx, resource.project_id, resource.desired["size"])
        made = await self._ledger.create(
            tx, resource, KIND.summarise(resource, ()), KIND.needs(resource), assign=True
        )
        if made.desired.get("group_id"):
            await self._groups.joined(tx, made.desired["group_id"], made)
        return made

    async def check_size(self, tx: Transaction, project_id: str, size: int) -> None:
        """`QuotaExceeded` where no volume of a project may be as large."""
        most = await self._quota.limit(tx, project_id, "per_volume_gigabytes")
        if 0 <= most < size:
            raise QuotaExceeded(
                f"Requested volume size {size}G is larger than maximum allowed limit {most}G."
            )

    # --- for servers -----------------------------------------------------------------------------

    async def make(self, call: Call, tx: Transaction, asked: Mapping[str, Any]) -> Resource:
        """A new volume of what Cinder would be asked for, by the caller. Refuses in Cinder's words."""
        call.enforce(VERBS["create"].rule.name)
        try:
            return await self.write(call, tx, asked)
        except NotFound as error:
            # Of a part of the body: Nova says 400 here.
            raise Invalid(error.message) from None

    async def snapshot(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """A snapshot that is a project's; None: anybody's."""
        return await self._ledger.resources.visible(reader, "snapshot", id, project_id)

    async def check_type(self, reader: Reader, principal: Principal, name: str) -> None:
        """`Invalid` where there is no volume type of this id or name for the caller."""
        try:
            await self._types.usable(reader, principal, name)
        except NotFound:
            raise Invalid(f"Volume type {name} could not be found.") from None
