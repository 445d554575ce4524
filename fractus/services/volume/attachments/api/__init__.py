"""The routes of attachments: what block storage alone is asked for, and what servers have as it sees that.

1. A volume is reserved as everything is made: its row is written, and a worker has its cloud do it.
2. To what it is connected only its cloud can say: a connector is relayed, and a request that brings one with it waits
   until the volume is reserved there.
3. An attachment that a server has is the server's: it is shown here, and ended there.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import msgspec

from fractus.base.clock import Clock
from fractus.model.errors import Conflict, Invalid, NotFound, Unavailable
from fractus.model.live import LiveCall
from fractus.model.resource import Resource
from fractus.services.relay import DEADLINE, Relay
from fractus.services.volume.attachments import kind, schema
from fractus.services.volume.attachments.api.actions import NotesApi
from fractus.services.volume.attachments.kind import DIRECT, KIND, RESERVE
from fractus.services.volume.attachments.writes import AttachmentWrites, Direct
from fractus.services.volume.dialect.api.collection import CollectionApi, route
from fractus.services.volume.dialect.kind import Verb
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.routing import Call, Reply, Route

#: Seconds between two looks whether a volume is reserved in its cloud.
_PAUSE = 0.2

_MISSING = KIND.missing.replace("{}", "{id}")
_SINCE = "3.27"


def _call(method: str, body: Any = None) -> LiveCall:
    return LiveCall(
        name=f"attachment_{method.lower()}",
        noun="an attachment",
        service="volume",
        method=method,
        path="/{project}/attachments/{id}",
        body=body,
        version=_SINCE,
        key="attachment",
        type=dict[str, Any],
        missing=_MISSING,
        not_ready="Attachment {id} is in no cloud yet.",
        refusals=frozenset({400, 409}),
    )


class Volumes(Protocol):
    """What writes volumes."""

    async def visible(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """One that is a project's; None: anybody's."""
        ...


class AttachmentsApi(CollectionApi):
    """Attachments."""

    kind = KIND

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        live: Relay,
        writes: AttachmentWrites,
        volumes: Volumes,
    ) -> None:
        """`live` asks clouds; `writes` and `volumes` know what is attached."""
        super().__init__(store, ledger)
        self._clock, self._live, self._writes, self._volumes = clock, live, writes, volumes

    def routes(self) -> list[Route]:
        """Those of every collection, some of which ask a cloud."""
        complete = Verb(rule=kind.COMPLETE, schemas=(("", schema.COMPLETE),))
        asking = {("GET", "/attachments/{id}"), ("POST", "/attachments"), ("PUT", "/attachments/{id}")}
        return [
            *(
                dataclasses.replace(one, live=True, deadline=DEADLINE)
                if (one.method, one.path) in asking
                else one
                for one in super().routes()
            ),
            route(
                complete,
                "POST",
                "/attachments/{id}/action",
                self.complete,
                action="os-complete",
                since="3.44",
            ),
            *NotesApi(self._store, self._writes, self._volumes).routes(),
        ]

    # --- reading ---------------------------------------------------------------------------------

    def shown(self, call: Call, summary: bytes, extra: bytes | None) -> bytes:
        """Without what servers show of it."""
        document = msgspec.json.decode(summary)
        document.pop("device", None)
        return msgspec.json.encode(document)

    async def show(self, call: Call) -> Reply:
        """With what its cloud says of the connection, where there is one."""
        attachment = await self._visible(call)
        there = await self._there(attachment)
        if not there:
            return self.one(call, attachment.summary, None)
        if attachment.desired.get(DIRECT):
            answer = await self._live.ask(attachment, _call("GET"))
        else:
            answer = await self._live.of_cloud(*there, _call("GET"), id=attachment.id)
        return Reply(200, {"attachment": self._ours(attachment, answer)})

    def _ours(self, attachment: Resource, answer: dict[str, Any]) -> dict[str, Any]:
        """What a cloud says of an attachment, with what is known here."""
        document: dict[str, Any] = msgspec.json.decode(attachment.summary)
        document.pop("device", None)
        known = ("attached_at", "detached_at", "attach_mode", "connection_info")
        return document | {name: answer[name] for name in known if answer.get(name) is not None}

    async def _visible(self, call: Call) -> Resource:
        row = await self.found(self._store, call, call.params[self.by])
        found = await self._ledger.resources.fetch(self._store, KIND.name, str(row[0]))
        if found is None:
            raise self.missing(call.params[self.by])
        return found

    async def _there(self, attachment: Resource) -> tuple[str, str] | None:
        """(cloud, the id of the attachment there) where it is known."""
        for one in await presences.of_resource(self._store, KIND.name, attachment.id):
            id = (
                one.remote_id if attachment.desired.get(DIRECT) else (one.observed or {}).get("attachment_id")
            )
            if id:
                return one.cloud, id
        return None

    # --- writing ---------------------------------------------------------------------------------

    async def create(self, call: Call) -> Reply:
        """Reserve a volume; with a connector it is connected, too."""
        given = call.body["attachment"]
        async with self._store.transaction() as tx:
            attachment = await self.draft(call, tx, given)
        connector = given.get("connector")
        if not connector:
            return self.one(call, attachment.summary, None)
        return await self._connect(attachment, connector)

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """A volume that is free is reserved."""
        project = None if call.principal.is_admin else call.principal.project_id
        volume = await self._volumes.visible(tx, project, given["volume_uuid"])
        if volume is None:
            raise NotFound(f"Volume {given['volume_uuid']} could not be found.")
        call.enforce(KIND.verbs["create"].rule.name, KIND.target(volume))
        instance = given.get("instance_uuid") or ""
        _check_free(volume, instance)
        asked = Direct(how=RESERVE, server_id=instance, mode=given.get("mode") or "")
        return await self._writes.direct(tx, volume, asked, call.principal, call.request_id)

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """What is changed of one is its connection, which only its cloud has (`update`)."""
        raise Conflict(f"Attachment {resource.id} cannot be changed.")

    async def update(self, call: Call) -> Reply:
        """Connect a volume that is reserved."""
        attachment = await self.fetch(self._store, call, KIND.verbs["update"].rule.name, to_write=False)
        self._refuse_servers_own(attachment)
        return await self._connect(attachment, call.body["attachment"]["connector"])

    async def _connect(self, attachment: Resource, connector: dict[str, Any]) -> Reply:
        await self._reserved(attachment)
        body = {"attachment": {"connector": connector}}
        answer = await self._live.ask(attachment, _call("PUT", body))
        async with self._store.transaction() as tx:
            await self._writes.look(tx, attachment.id)
        document = self._ours(attachment, answer)
        return Reply(200, {"attachment": document | {"status": answer.get("status", document["status"])}})

    async def _reserved(self, attachment: Resource) -> None:
        """Wait until its cloud has it; `Unavailable` where that takes too long."""
        until = self._clock.monotonic() + DEADLINE
        while await self._there(attachment) is None:
            found = await self._ledger.resources.fetch(self._store, KIND.name, attachment.id)
            if found is None or not found.wanted or found.status == kind.ERROR:
                raise Invalid(f"Unable to update attachment: its cloud has refused {attachment.id}.")
            if self._clock.monotonic() >= until:
                raise Unavailable(f"Attachment {attachment.id} is not reserved in its cloud yet.")
            await self._clock.sleep(_PAUSE)

    async def delete(self, call: Call) -> Reply:
        """End one. The answer names what else is attached to its volume."""
        async with self._store.transaction() as tx:
            attachment = await self.fetch(tx, call, KIND.verbs["delete"].rule.name)
            self._refuse_servers_own(attachment)
            await self._writes.detach(tx, attachment.id)
            left = await self._writes.others(tx, attachment)
        parts = (self._part(one.summary) for one in left) if self._part is not None else ()
        return Reply(200, b'{"attachments":[' + b",".join(parts) + b"]}")

    async def complete(self, call: Call) -> Reply:
        """Who has connected it says that it is attached."""
        async with self._store.transaction() as tx:
            attachment = await self.fetch(tx, call, kind.COMPLETE.name)
            self._refuse_servers_own(attachment)
            await self._writes.complete(tx, attachment)
        return Reply(204)

    def _refuse_servers_own(self, attachment: Resource) -> None:
        if not attachment.desired.get(DIRECT):
            raise Conflict(
                f"Detach volume from instance {attachment.desired['server_id']} using the Compute API"
            )


def _check_free(volume: Resource, instance: str) -> None:
    """`Invalid` where it cannot be reserved; by who has it already it can."""
    if "error" in volume.status:
        raise Invalid(
            "Invalid volume: Volume attachments can not be created if the volume is in an error state. The Volume"
            f" {volume.id} currently has a status of: {volume.status} "
        )
    multiattach = volume.desired.get("multiattach", False)
    free = ("available", "in-use", "downloading") if multiattach else ("available", "downloading")
    holders = {one["server_id"] for one in volume.desired.get("attached", ())}
    again = bool(instance) and instance in holders and volume.status in ("in-use", "reserved")
    if volume.status not in free and not again:
        raise Invalid(
            f"Invalid volume: Volume {volume.id} status must be {', '.join(free[:-1])} or {free[-1]} to reserve, but"
            f" the current status is {volume.status}."
        )
