"""Keypairs of a simulated cloud: all are our service user's, and their names are derived from our ids."""

from __future__ import annotations

import base64
import binascii
import hashlib

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.records import KeypairRecord
from fractus.model.cloud import Scope
from fractus.model.compute import KeypairSeen, KeypairWanted
from fractus.model.errors import Refused


class Keypairs(Simulated[KeypairRecord, KeypairWanted, KeypairSeen]):
    """The actuator of keypairs."""

    record = KeypairRecord
    tells_changes = False

    def seen(self, thing: KeypairRecord) -> KeypairSeen:
        """How the cloud shows it."""
        return KeypairSeen(
            **{**self.told(thing), "project_id": ""},
            fingerprint=thing.fingerprint,
            public_key=thing.public_key,
            type=thing.type,
        )

    async def create(self, scope: Scope, wanted: KeypairWanted) -> KeypairSeen:
        """Import the public key; the same key under its name already is as good."""

        def work() -> KeypairSeen:
            there = self.own(wanted)
            if there is not None:
                if there.public_key.split() != wanted.public_key.split():
                    raise Refused(f"Key pair '{there.name}' already exists.", status=409)
                return self.seen(there)
            thing = self.make(self.passage.home, wanted)
            self.sign(thing, wanted)
            self.touch(thing)
            return self.seen(thing)

        return await self.passage.cross(self.kind, "create", wanted.id, work, change=True, repeatable=False)

    async def find(self, scope: Scope, wanted: KeypairWanted) -> KeypairSeen | None:
        """The key of the name that is derived from our id."""

        def work() -> KeypairSeen | None:
            there = self.own(wanted)
            return None if there is None else self.seen(there)

        return await self.passage.cross(self.kind, "find", wanted.id, work, change=False)

    def make(self, project_id: str, wanted: KeypairWanted) -> KeypairRecord:
        """A new keypair, with the fingerprint that Nova shows."""
        limit = self.passage.backend.quota(project_id, "key_pairs")
        used, _, _ = self.shelf.used_by_project(self.kind, project_id)
        if limit is not None and used + 1 > limit >= 0:
            raise Refused(
                "Quota exceeded, too many key pairs.",
                status=403,
                elsewhere=True,
            )
        return KeypairRecord(
            id=self.passage.own_id(wanted.id),
            project_id=project_id,
            name=self.passage.own_id(wanted.id),
            public_key=wanted.public_key,
            type=wanted.type,
            fingerprint=_fingerprint(wanted),
            created_at=self.now(),
        )

    def may_see(self, thing: KeypairRecord, project_id: str) -> bool:
        """Keys belong to the user, whatever the project."""
        return True

    def missing(self, id: str) -> str:
        """Nova's sentence."""
        return f"Keypair {id} not found for user fractus"


def _fingerprint(wanted: KeypairWanted) -> str:
    """MD5 of an SSH key's blob, as Nova shows it; of an X.509 certificate the SHA-1."""
    try:
        if wanted.type == "x509":
            body = "".join(line for line in wanted.public_key.splitlines() if "-----" not in line)
            digest = hashlib.sha1(base64.b64decode(body, validate=True), usedforsecurity=False).hexdigest()
        else:
            blob = base64.b64decode(wanted.public_key.split()[1], validate=True)
            digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    except (IndexError, binascii.Error, ValueError) as error:
        raise Refused("Keypair data is invalid: failed to generate fingerprint", status=400) from error
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))
