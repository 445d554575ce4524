"""How a volume is encrypted: only its cloud knows by which key."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

from fractus.model.errors import NotFound
from fractus.model.live import LiveCall
from fractus.services.relay import DEADLINE, Relay
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.volumes import kind
from fractus.store.transaction import Store
from fractus.web.routing import Call, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.volumes.api import VolumesApi

_ASKED = LiveCall(
    name="volume_encryption",
    noun="the encryption of a volume",
    service="volume",
    path="/{project}/volumes/{id}/encryption",
    type=dict[str, Any],
    missing="Volume {id} could not be found.",
    not_ready="Volume {id} is in no cloud yet.",
)


class EncryptionApi:
    """`GET /volumes/{id}/encryption`."""

    def __init__(self, volumes: VolumesApi, store: Store, live: Relay) -> None:
        """Of what `volumes` finds; `live` asks clouds."""
        self._volumes, self._store, self._live = volumes, store, live

    def routes(self) -> list[Route]:
        """All values, and one."""
        every = "/volumes/{volume_id}/encryption"
        whole = Verb(rule=kind.ENCRYPTION, summary="See how a volume is encrypted.")
        single = Verb(rule=kind.ENCRYPTION, summary="See one value of how a volume is encrypted.")
        rows = (
            route(whole, "GET", every, self.index),
            route(single, "GET", f"{every}/{{key}}", self.show),
        )
        return [dataclasses.replace(one, live=True, deadline=DEADLINE) for one in rows]

    async def _values(self, call: Call) -> dict[str, Any]:
        volume = await self._volumes.fetch(self._store, call, kind.ENCRYPTION.name, to_write=False)
        if not msgspec.json.decode(volume.summary)["encrypted"]:
            return {"encryption_key_id": None}
        values: dict[str, Any] = await self._live.ask(volume, _ASKED)
        return values

    async def index(self, call: Call) -> Reply:
        """All values; of one that is not encrypted no cloud is asked."""
        return Reply(200, await self._values(call))

    async def show(self, call: Call) -> Reply:
        """One value."""
        values, key = await self._values(call), call.params["key"]
        if key not in values:
            raise NotFound("The resource could not be found.")
        return Reply(200, values[key])
