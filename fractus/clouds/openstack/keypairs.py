"""Keypairs of a child's Nova. They belong to a user, and there all are the service user's, whatever the project."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.nova import NovaKind
from fractus.clouds.openstack.services import reaches
from fractus.model.compute import KEYPAIR, KeypairObserved, KeypairWanted
from fractus.model.errors import Refused

#: Lets an administrator ask for the keys of others.
_OF_OTHERS = "2.10"


class Keypairs(NovaKind[KeypairWanted, KeypairObserved]):
    """The actuator of keypairs."""

    vocabulary = KEYPAIR
    #: Brings the type. Nothing later is of use for keys that are always imported (2.92 ends their generation).
    version = "2.2"
    #: Brings pages to the listing.
    listed_version = "2.35"
    wrapped = True
    named_by = "name"

    def names(self, wanted: KeypairWanted) -> list[str]:
        """By its whole name, and by those without notes or whose it is that it may have from earlier versions."""
        names = []
        for by in (self._child.by, ""):
            names += [marks.key_name(wanted.id, wanted.notes, by), marks.name(wanted.id, by)]
        return names

    def body(self, wanted: KeypairWanted, version: str) -> dict[str, Any]:
        """The public key."""
        body = super().body(wanted, version)
        if not version and body.pop("type") != "ssh":
            raise Refused(f"{self._child.name} is too old for keys of type {wanted.type}", elsewhere=True)
        return body

    def common_fields(self, document: Any) -> dict[str, Any]:
        """Whose it is stands in its name."""
        return {**super().common_fields(document), "notes": marks.key_notes(document.name)}

    def refuse(self, there: KeypairObserved, wanted: KeypairWanted) -> None:
        """Another key."""
        if there.public_key.split() != wanted.public_key.split():
            raise Refused(f"a keypair {there.name} with another key is there already", status=409)

    async def of_user(self, user_id: str) -> AsyncIterator[KeypairObserved]:
        """All keys of one of the child's own users. Names are a user's own, so the user stands in front of remote ids.

        `Refused` where the child is too old, or the credential may not ask.
        """
        if not reaches(await self.version_of(self.listed_version), _OF_OTHERS):
            raise Refused(f"{self._child.name} is too old to tell the keypairs of its users")
        async for observed in self.listed({"user_id": user_id}):
            theirs = f"{user_id}/{observed.name}"
            yield msgspec.structs.replace(
                observed, remote_id=theirs, user_id=user_id, marker="", managed_by=""
            )
