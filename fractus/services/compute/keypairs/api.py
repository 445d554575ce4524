"""The routes of keypairs: each user's own; admins may work with those of others since 2.10."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fractus.base import key_material
from fractus.base.clock import Clock
from fractus.base.ids import new_id
from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.compute.dialect.api.collection import CollectionApi
from fractus.services.compute.keypairs.kind import KIND, live
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Store
from fractus.web.routing import Call


class KeypairsApi(CollectionApi):
    """Keypairs, whose names are unique for each user."""

    kind = KIND

    def __init__(self, store: Store, ledger: Ledger, clock: Clock) -> None:
        """`clock` dates certificates."""
        super().__init__(store, ledger)
        self._clock = clock

    def judge(self, call: Call, verb: str) -> None:
        """The caller may not do it with the keys of the user whose keys are meant."""
        super().judge(call, verb)
        self.enforce(call, verb, user_id=self._user(call, verb))

    def _user(self, call: Call, verb: str) -> str:
        """Whose keys are meant: the first user that the query names, else the caller."""
        asked = call.query.all("user_id") if call.query and "user_id" in self.known(call, verb) else []
        return (asked[0] if asked else "") or call.principal.user_id

    def live_key(self, call: Call, verb: str, text: str) -> str:
        return live(self._user(call, verb), text)

    def missing(self, call: Call, text: str) -> NotFound:
        return NotFound(f"Keypair {text} not found for user {self._user(call, 'show')}")

    def scope(self, call: Call) -> Filters:
        return (Filter("user_id", "eq", self._user(call, "index")),)

    async def draft(self, call: Call, given: dict[str, Any]) -> tuple[Resource, Mapping[str, Any]]:
        """A public key, or a pair that is made: its private key, where we made it, is shown once and not kept."""
        user_id = given["user_id"] = given.get("user_id") or call.principal.user_id
        self.enforce(call, "create", user_id=user_id)
        once = {}
        if "public_key" not in given:
            pair = await asyncio.to_thread(key_material.make, given["type"], user_id, self._clock.now())
            once["private_key"], given["public_key"] = pair
        try:
            given["fingerprint"] = key_material.fingerprint(given["type"], given["public_key"])
        except ValueError as error:
            why = "fingerprint" if given["type"] == "ssh" else f"X509 fingerprint. Error message: {error}"
            raise Invalid(f"Keypair data is invalid: failed to generate {why}") from None
        return Resource(kind=KIND.name, id=new_id(), user_id=user_id, name=given["name"], desired=given), once
