"""`os-retype`: a volume is to be of another type, in the cloud where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import CARRY_ASYNC, Need, at_home
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.volumes import actions, kind, schema
from fractus.services.volume.volumes.api.creating import Types
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store
from fractus.web.routing import Call, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.volumes.api import VolumesApi

_TYPE = "volume_type"


class RetypingApi:
    """Changes of types."""

    def __init__(self, volumes: VolumesApi, store: Store, ledger: Ledger, types: Types) -> None:
        """Of what `volumes` finds; `types` knows what they may be."""
        self._volumes, self._store, self._ledger, self._types = volumes, store, ledger, types

    def routes(self) -> list[Route]:
        """One."""
        verb = Verb(rule=kind.RETYPE, schemas=(("", schema.RETYPE),), status=202)
        return [route(verb, "POST", "/volumes/{volume_id}/action", self.retype, action="os-retype")]

    async def retype(self, call: Call) -> Reply:
        """The new type is charged from now on; what its cloud makes of it is seen later."""
        asked = call.body["os-retype"]
        async with self._store.transaction() as tx:
            volume = await self._volumes.fetch(tx, call, kind.RETYPE.name)
            try:
                type_ = await self._types.usable(tx, call.principal, asked["new_type"])
            except NotFound as error:
                if asked["new_type"]:
                    raise
                raise Invalid("Invalid input received: Invalid volume_type passed: .") from error
            desired = volume.desired
            there = at_home(volume.home, await presences.of_resource(tx, kind.KIND.name, volume.id))
            multiattach = type_.desired["extra_specs"].get("multiattach") == "<is> True"
            if multiattach != desired["multiattach"] and volume.status != "available":
                raise Invalid(
                    "Invalid input received: Invalid volume_type passed, retypes affecting multiattach are only allowed"
                    f" on available volumes, the specified volume however currently has a status of: {volume.status}."
                )
            fits = type_.id != desired["type_id"] and not desired.get("group_id")
            if volume.status not in ("available", "in-use") or not fits:
                raise Invalid(
                    "Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active"
                    " migration or a consistency group, requested type has to be different that the one from the"
                    " volume, and for in-use volumes front-end qos specs cannot change."
                )
            if there is None:
                raise Conflict(f"Volume {volume.id} is in no cloud yet.")
            actions.retype(
                desired,
                id=type_.id,
                name=type_.name,
                there=self._types.there(type_, there.cloud),
                policy=asked.get("migration_policy") or "never",
                before=(there.observed or {}).get("type_name", ""),
            )
            needs = await self._ledger.resources.needs(tx, kind.KIND.name, volume.id)
            if not any((one.kind, one.id) == (_TYPE, type_.id) for one in needs):
                # Its cloud is asked for the change whether the type comes there or not, and says so if it does not.
                needs = [*needs, Need(_TYPE, type_.id, mode=CARRY_ASYNC)]
            await self._ledger.change(tx, volume, await self._volumes.summary(tx, volume), needs)
        return Reply(202)
