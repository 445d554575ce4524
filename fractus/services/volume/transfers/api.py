"""The routes of transfers, below the newer path and the older one."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
from typing import Any, Protocol

import msgspec

from fractus.base.ids import new_id
from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import CollectionApi, judged, route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.dialect.writes import Asker
from fractus.services.volume.transfers import kind, schema
from fractus.services.volume.transfers.kind import KIND
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.routing import Call, Reply, Route

#: Letters of a key and of its salt, as Cinder has them by default.
_KEY, _SALT = 16, 8

_OLD = "/os-volume-transfer"


class Volumes(Protocol):
    """What writes volumes."""

    async def visible(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """One that is a project's; None: anybody's."""
        ...

    async def busy(self, tx: Transaction, volume: Resource, status: str, by: str) -> None:
        """It is shown in this state until `by` has it freed."""
        ...

    async def free(self, tx: Transaction, volume_id: str, by: str, *, look: bool = True) -> None:
        """What `by` kept it busy with is over."""
        ...

    async def unready_snapshot(self, tx: Transaction, volume_id: str) -> str:
        """The id of a snapshot of it that is not available; empty: all are."""
        ...

    async def hand_over(self, tx: Transaction, volume_id: str, who: Asker, *, snapshots: bool) -> None:
        """It is another project's from now on. `QuotaExceeded` where that has no quota for it."""
        ...


class TransfersApi(CollectionApi):
    """Offers, and taking them."""

    kind = KIND

    def __init__(self, store: Store, ledger: Ledger, volumes: Volumes) -> None:
        """`volumes` writes what becomes of those that are offered."""
        super().__init__(store, ledger)
        self._volumes = volumes

    def routes(self) -> list[Route]:
        """All of them at both paths. At the older one snapshots always come along."""
        accept = Verb(rule=kind.ACCEPT, status=202, schemas=(("", schema.ACCEPT),))
        newer = [*super().routes(), route(accept, "POST", f"{KIND.root}/{{id}}/accept", self.accept)]
        older = [dataclasses.replace(one, path=one.path.replace(KIND.root, _OLD)) for one in newer]
        plain = judged((("", schema.CREATE),))
        return [
            *newer,
            *(
                dataclasses.replace(one, schema=plain) if (one.method, one.path) == ("POST", _OLD) else one
                for one in older
            ),
        ]

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """Offer one. The key is in this answer alone."""
        salt, auth_key = secrets.token_hex(_SALT // 2), secrets.token_hex(_KEY // 2)
        volume = await self._offered(call, tx, given)
        transfer = Resource(
            kind=KIND.name,
            id=new_id(),
            project_id=volume.project_id,
            user_id=call.principal.user_id,
            name=(given.get("name") or "").strip(),
            desired={
                "name": given["name"].strip() if given.get("name") is not None else None,
                "volume_id": volume.id,
                "no_snapshots": given.get("no_snapshots") in TRUE,
                "salt": salt,
                "hash": _hash(salt, auth_key),
            },
            request_id=call.request_id,
            created_at=tx.now(),
            updated_at=tx.now(),
        )
        await self._ledger.create(tx, transfer, KIND.summarise(transfer, ()), assign=False)
        await self._volumes.busy(tx, volume, "awaiting-transfer", _key(transfer.id))
        answer = msgspec.json.decode(transfer.summary) | {"auth_key": auth_key}
        return msgspec.structs.replace(transfer, summary=msgspec.json.encode(answer))

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """An offer stays as it was made: it has no verb `update`."""
        raise Invalid(f"Transfer {resource.id} cannot be changed.")

    async def _offered(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        project = None if call.principal.is_admin else call.principal.project_id
        volume = await self._volumes.visible(tx, project, given["volume_id"])
        if volume is None:
            raise NotFound(f"Volume {given['volume_id']} could not be found.")
        if volume.status != "available":
            raise Invalid("Invalid volume: status must be available")
        if given.get("no_snapshots") not in TRUE:
            unready = await self._volumes.unready_snapshot(tx, volume.id)
            if unready:
                raise Invalid(f"Invalid snapshot: snapshot: {unready} status must be available")
        return volume

    async def delete(self, call: Call) -> Reply:
        """Offer it no longer."""
        async with self._store.transaction() as tx:
            transfer = await self.fetch(tx, call, KIND.verbs["delete"].rule.name)
            await self._ledger.resources.drop(tx, KIND.name, transfer.id)
            await self._volumes.free(tx, transfer.desired["volume_id"], _key(transfer.id))
        return Reply(202)

    async def accept(self, call: Call) -> Reply:
        """Take what is offered, of whatever project, who knows the key."""
        who = Asker(call.principal.project_id, call.principal.user_id, call.request_id)
        id = call.params["id"]
        async with self._store.transaction() as tx:
            transfer = await self._ledger.resources.fetch(tx, KIND.name, id, to_write=True)
            if transfer is None:
                raise self.missing(id)
            desired = transfer.desired
            said = _hash(desired["salt"], str(call.body["accept"]["auth_key"]))
            if not hmac.compare_digest(said, desired["hash"]):
                raise Invalid(f"Invalid auth key: Attempt to transfer {id} with invalid auth key.")
            await self._ledger.resources.drop(tx, KIND.name, id)
            await self._volumes.hand_over(
                tx, desired["volume_id"], who, snapshots=not desired["no_snapshots"]
            )
        return self.in_brief(call, transfer.summary, 202)


def _key(transfer_id: str) -> str:
    """By which a transfer keeps its volume busy."""
    return f"transfer/{transfer_id}"


def _hash(salt: str, auth_key: str) -> str:
    return hmac.new(salt.encode(), auth_key.encode(), hashlib.sha256).hexdigest()
