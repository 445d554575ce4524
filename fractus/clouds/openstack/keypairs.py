"""Keypairs of a child's Nova. They belong to a user, and there all are the service user's, whatever the project."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.services import Ask, reaches, segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.compute import KeypairSeen, KeypairWanted
from fractus.model.errors import Missing, Refused

#: 2.2 brings the type. Nothing later is of use for keys that are always imported (2.92 ends their generation).
_VERSION = "2.2"

#: Brings pages to the listing.
_PAGED = "2.35"

#: Lets an administrator ask for the keys of others.
_OF_OTHERS = "2.10"

_PAGE = 200


class _Keypair(Struct, kw_only=True):
    name: str
    fingerprint: str = ""
    public_key: str = ""
    type: str = "ssh"


class _Wrapped(Struct):
    keypair: _Keypair


class Keypairs:
    """The actuator of keypairs."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def observe(self, scope: Scope, remote_id: str) -> KeypairSeen:
        """What is there now."""
        return self._seen(await self._show(remote_id))

    async def _show(self, name: str) -> _Keypair:
        path = f"/os-keypairs/{segment(name)}"
        ask = Ask(service="compute", path=path, version=await self._child.services.version(_VERSION))
        return await self._child.item(HOME, ask, "keypair", _Keypair)

    async def find(self, scope: Scope, wanted: KeypairWanted) -> KeypairSeen | None:
        """The key of the name that we give to it."""
        # By its whole name, and by those without notes or whose it is that it may have from earlier versions.
        by = self._child.by
        names = [marks.key_name(wanted.id, wanted.notes, by), marks.name(wanted.id, by)]
        names += [marks.key_name(wanted.id, wanted.notes), marks.name(wanted.id)]
        for name in dict.fromkeys(names):
            try:
                return msgspec.structs.replace(await self.observe(scope, name), marker=wanted.id)
            except Missing:
                continue
        return None

    async def create(self, scope: Scope, wanted: KeypairWanted) -> KeypairSeen:
        """Import the public key."""
        keypair = {
            "name": marks.key_name(wanted.id, wanted.notes, self._child.by),
            "public_key": wanted.public_key,
        }
        version = await self._child.services.version(_VERSION)
        if version:
            keypair["type"] = wanted.type
        elif wanted.type != "ssh":
            raise Refused(f"{self._child.name} is too old for keys of type {wanted.type}", elsewhere=True)
        ask = Ask(
            service="compute", method="POST", path="/os-keypairs", body={"keypair": keypair}, version=version
        )
        try:
            made = await self._child.item(HOME, ask, "keypair", _Keypair)
        except Refused as refusal:
            if refusal.status != 409:
                raise
            made = await self._show(keypair["name"])
            if made.public_key.split() != wanted.public_key.split():
                raise Refused(
                    f"a keypair {made.name} with another key is there already", status=409
                ) from refusal
        return msgspec.structs.replace(self._seen(made), marker=wanted.id)

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Keypairs do not change."""
        raise Refused(f"keypairs of {self._child.name} have no verb {step.verb}")

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it, if its name says that it is ours: the service user may have keys of its own."""
        if not self._child.judged(marks.from_name(remote_id), marks.by_name(remote_id))["marker"]:
            raise Missing(f"keypair {remote_id} of {self._child.name} is not of our making and stays")
        await self._child.send(
            HOME, Ask(service="compute", method="DELETE", path=f"/os-keypairs/{segment(remote_id)}")
        )

    async def has_cursor(self) -> bool:
        """Nova lists keypairs without any stamp."""
        return False

    async def list_changed(self, since: str) -> AsyncIterator[KeypairSeen]:
        """All keys of the service user, always: Nova prints no stamp in this listing, nor deleted keys."""
        async for seen in self._listed({}):
            yield seen

    async def of_user(self, user_id: str) -> AsyncIterator[KeypairSeen]:
        """All keys of one of the child's own users. Names are a user's own, so the user stands in front of remote ids.

        `Refused` where the child is too old, or the credential may not ask.
        """
        if not reaches(await self._child.services.version(_PAGED), _OF_OTHERS):
            raise Refused(f"{self._child.name} is too old to tell the keypairs of its users")
        async for seen in self._listed({"user_id": user_id}):
            yield msgspec.structs.replace(
                seen, remote_id=f"{user_id}/{seen.name}", user_id=user_id, marker="", managed_by=""
            )

    async def _listed(self, query: dict[str, str]) -> AsyncIterator[KeypairSeen]:
        version = await self._child.services.version(_PAGED)
        ask = Ask(service="compute", path="/os-keypairs", query=query, version=version)
        async for page in self._child.pages(HOME, ask, "keypairs", limit=_PAGE, mark=_name_of, gently=True):
            for raw in page:
                try:
                    yield self._seen(msgspec.json.decode(raw, type=_Wrapped).keypair)
                except msgspec.DecodeError as error:
                    self._child.unreadable("keypair", raw, error)

    def _seen(self, keypair: _Keypair) -> KeypairSeen:
        return KeypairSeen(
            remote_id=keypair.name,
            **self._child.judged(marks.from_name(keypair.name), marks.by_name(keypair.name)),
            name=keypair.name,
            notes=marks.key_notes(keypair.name),
            fingerprint=keypair.fingerprint,
            public_key=keypair.public_key,
            type=keypair.type,
        )


def _name_of(raw: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(raw, type=_Wrapped).keypair.name
    except msgspec.DecodeError:
        return ""
