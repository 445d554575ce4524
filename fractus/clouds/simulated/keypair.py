"""Keypairs of a simulated cloud: all are our service user's, and their names are derived from our ids."""

from __future__ import annotations

from typing import Any

from fractus.base.key_material import fingerprint
from fractus.clouds.simulated.nova import NovaSimulated
from fractus.clouds.simulated.records import KeypairRecord
from fractus.model.compute import KEYPAIR, KeypairObserved, KeypairWanted
from fractus.model.errors import Refused


class Keypairs(NovaSimulated[KeypairRecord, KeypairWanted, KeypairObserved]):
    """The actuator of keypairs."""

    record = KeypairRecord
    vocabulary = KEYPAIR
    named_by = "name"
    quota = "key_pairs"

    def refuse(self, there: KeypairRecord, wanted: KeypairWanted) -> None:
        if there.public_key.split() != wanted.public_key.split():
            raise Refused(f"Key pair '{there.name}' already exists.", status=409)

    def more(self, wanted: KeypairWanted) -> dict[str, Any]:
        """The fingerprint that Nova shows."""
        try:
            return {"fingerprint": fingerprint(wanted.type, wanted.public_key)}
        except ValueError as error:
            why = "Keypair data is invalid: failed to generate fingerprint"
            raise Refused(why, status=400) from error

    def missing(self, id: str) -> str:
        return f"Keypair {id} not found for user fractus"
