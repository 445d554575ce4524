"""A key of a cloud's user becomes one of ours.

In the cloud it stays its user's: our servers are built there by the service user, who cannot use others' keys. So it
has no presence there; when a server with it is built, our own copy is carried like any key. Only copies have one.
"""

from __future__ import annotations

from fractus.base.ids import derived_id
from fractus.model.compute import KeypairObserved
from fractus.model.resource import Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore, Merge, Verdict, stamp
from fractus.services.compute.dialect.adoption import ComputeAdoption
from fractus.services.compute.keypairs.kind import live
from fractus.services.compute.keypairs.queries import LIVE
from fractus.store.transaction import Transaction


class KeypairAdoption(ComputeAdoption):
    """Taking over keys: one is its user's, wherever it is used."""

    outlives_cloud = True

    async def judge(self, tx: Transaction, observed: KeypairObserved, context: AdoptionContext) -> Verdict:
        """Names are unique for each user: the same key of the same name is the same, another is a clash."""
        if observed.marker:
            user_id, name = observed.notes.get("user_id", ""), observed.notes.get("name", "")
            if not user_id or not name:
                return Ignore("it does not say whose key it is: its user has to upload it again")
        else:
            user_id, name = context.user(observed.user_id), observed.name
            if not observed.user_id or not user_id:
                return Ignore("nobody has said which user of fractus its user is")
        held = await LIVE.id(tx, live(user_id, name))
        if held is not None:
            known = await context.resource(tx, "keypair", held)
            if known is None or known.desired["fingerprint"] != observed.fingerprint:
                return Conflict(f"user {user_id} has another key of the name {name} here")
            return Merge(held, placed=held == observed.marker)
        kept = {one: getattr(observed, one) for one in ("type", "public_key", "fingerprint")}
        resource = Resource(
            kind="keypair", id=observed.marker or derived_id("keypair", user_id, name, observed.fingerprint),
            user_id=user_id, name=name, desired={"name": name, "user_id": user_id, **kept},
            created_at=stamp(observed.created_at),
        )  # fmt: skip
        return Adopt(resource, placed=bool(observed.marker))
