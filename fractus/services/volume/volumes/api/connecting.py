"""What is asked of a volume by who connects it himself: relayed to its cloud, which alone can answer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

from fractus.auth.policy import RuleDefault
from fractus.model.errors import Invalid
from fractus.model.live import LiveCall
from fractus.model.resource import Resource
from fractus.services.relay import DEADLINE, Relay
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.volumes import kind, schema
from fractus.store.transaction import Store, Transaction
from fractus.web.routing import Call, Handler, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.volumes.api import VolumesApi


class Volumes(Protocol):
    """What writes volumes."""

    async def written(self, tx: Transaction, volume_id: str) -> None:
        """Somebody is connected with one, and may write to it."""
        ...

    async def look(self, tx: Transaction, volume_id: str, status: str) -> None:
        """Its cloud has just accepted what brings one to this state."""
        ...


class ConnectingApi:
    """Reserving, detaching, and connections."""

    def __init__(self, volumes: VolumesApi, store: Store, writes: Volumes, live: Relay) -> None:
        """Of what `volumes` finds; `writes` shows what comes of it; `live` asks clouds."""
        self._volumes, self._store, self._writes, self._live = volumes, store, writes, live

    def routes(self) -> list[Route]:
        """A route for each."""
        rows: tuple[tuple[str, RuleDefault, Any, Handler, int], ...] = (
            ("os-reserve", kind.RESERVE, {}, self.reserve, 202),
            ("os-unreserve", kind.UNRESERVE, {}, self.unreserve, 202),
            ("os-begin_detaching", kind.BEGIN_DETACHING, {}, self.begin_detaching, 202),
            ("os-roll_detaching", kind.ROLL_DETACHING, {}, self.roll_detaching, 202),
            ("os-initialize_connection", kind.CONNECT, schema.CONNECT, self.connect, 200),
            ("os-terminate_connection", kind.DISCONNECT, schema.DISCONNECT, self.disconnect, 202),
        )
        return [
            dataclasses.replace(
                route(
                    Verb(rule=rule, schemas=(("", body or schema.anything(name)),), status=status),
                    "POST", "/volumes/{volume_id}/action", handler, action=name,
                ),
                live=True,
                deadline=DEADLINE,
            )
            for name, rule, body, handler, status in rows
        ]  # fmt: skip

    async def reserve(self, call: Call) -> Reply:
        """Somebody is about to attach it."""
        volume = await self._found(call, kind.RESERVE)
        multiattach = volume.desired.get("multiattach", False)
        free = ("available", "in-use") if multiattach else ("available",)
        if volume.status not in free:
            raise Invalid(
                f"Invalid volume: Volume status must be {' or '.join(free)} to reserve, but the status is"
                f" {volume.status}."
            )
        return await self._relayed(volume, call, "attaching")

    async def unreserve(self, call: Call) -> Reply:
        """It is not attached after all."""
        volume = await self._found(call, kind.UNRESERVE)
        if volume.status != "attaching":
            return Reply(202)
        return await self._relayed(volume, call, "in-use" if volume.desired.get("attached") else "available")

    async def begin_detaching(self, call: Call) -> Reply:
        """Somebody is about to detach it."""
        volume = await self._found(call, kind.BEGIN_DETACHING)
        if volume.status != "in-use":
            raise Invalid(
                "Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be"
                " 'attached' to detach."
            )
        return await self._relayed(volume, call, "detaching")

    async def roll_detaching(self, call: Call) -> Reply:
        """It stays attached after all."""
        volume = await self._found(call, kind.ROLL_DETACHING)
        if volume.status != "detaching":
            return Reply(202)
        return await self._relayed(volume, call, "in-use")

    async def connect(self, call: Call) -> Reply:
        """How a host comes to it."""
        volume = await self._found(call, kind.CONNECT)
        async with self._store.transaction() as tx:
            await self._writes.written(tx, volume.id)
        info = await self._live.ask(volume, _asked(call, answers="connection_info"))
        return Reply(200, {"connection_info": info})

    async def disconnect(self, call: Call) -> Reply:
        """A host needs it no longer."""
        volume = await self._found(call, kind.DISCONNECT)
        await self._live.ask(volume, _asked(call))
        return Reply(202)

    async def _found(self, call: Call, rule: RuleDefault) -> Resource:
        return await self._volumes.fetch(self._store, call, rule.name, to_write=False)

    async def _relayed(self, volume: Resource, call: Call, status: str) -> Reply:
        """Its cloud is asked to, and it is shown in the state that follows."""
        await self._live.ask(volume, _asked(call))
        async with self._store.transaction() as tx:
            await self._writes.look(tx, volume.id, status)
        return Reply(202)


def _asked(call: Call, *, answers: str = "") -> LiveCall:
    """An action of a volume, as it was asked for."""
    (name,) = call.body
    return LiveCall(
        name="volume_action",
        noun=f"an answer to {name}",
        service="volume",
        method="POST",
        path="/{project}/volumes/{id}/action",
        body={name: call.body[name]},
        key=answers,
        type=dict[str, Any] if answers else Any,
        empty=not answers,
        missing="Volume {id} could not be found.",
        not_ready="Volume {id} is in no cloud yet.",
        refusals=frozenset({400, 409}),
    )
