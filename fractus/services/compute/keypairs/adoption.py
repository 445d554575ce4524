"""A key of a cloud's user becomes one of ours.

In the cloud it stays its user's: our servers are built there by the service user, who cannot use others' keys. So it
has no presence there; when a server with it is built, our own copy is carried like any key. Only copies have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.base.ids import derived_id
from fractus.model.compute import KeypairSeen
from fractus.model.resource import Presence, Resource
from fractus.reconcile.taking import Clash, Here, Join, Leave, Take, Verdict, stamp
from fractus.services.compute.keypairs.queries import keypair_id
from fractus.store.transaction import Transaction


class KeypairAdoption:
    """Taking over keys."""

    after: tuple[str, ...] = ()

    def rank(self, seen: KeypairSeen) -> int:
        """No order among them."""
        return 0

    def needed(self, seen: KeypairSeen, listed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """Nothing."""
        return []

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """A key is its user's, wherever it is used."""
        return True

    async def judge(self, tx: Transaction, seen: KeypairSeen, here: Here) -> Verdict:
        """Names are unique for each user: the same key of the same name is the same, another is a clash."""
        if seen.marker:
            user_id, name = seen.notes.get("user_id", ""), seen.notes.get("name", "")
            if not user_id or not name:
                return Leave("it does not say whose key it is: its user has to upload it again")
        else:
            user_id, name = here.user(seen.user_id), seen.name
            if not seen.user_id or not user_id:
                return Leave("nobody has said which user of fractus its user is")
        placed = bool(seen.marker)
        held = await keypair_id(tx, user_id, name)
        if held is not None:
            known = await here.resource(tx, "keypair", held)
            if known is not None and known.desired["fingerprint"] == seen.fingerprint:
                return Join(held, placed=placed and held == seen.marker)
            return Clash(f"user {user_id} has another key of the name {name} here")
        desired = {
            "name": name,
            "type": seen.type,
            "public_key": seen.public_key,
            "fingerprint": seen.fingerprint,
            "user_id": user_id,
        }
        id = seen.marker or derived_id("keypair", user_id, name, seen.fingerprint)
        made = stamp(seen.created_at)
        resource = Resource(
            kind="keypair", id=id, user_id=user_id, name=name, desired=desired, created_at=made
        )
        return Take(resource, placed=placed)
