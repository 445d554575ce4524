"""Relay: the few things that are asked of a child within a request, each with a deadline (law 2).

1. The resource's presence says which cloud, and what it is called there.
2. The cloud is asked in the project's name, at most for `DEADLINE` seconds. The driver sends our request id with it,
   and the cloud's own is logged with ours.
3. What is in the answer is said in our words: ids of the resource and of what it needs, its project, links, zones.
4. Errors are OpenStack's: 409 before it is anywhere, 404 where the cloud has no such thing, the cloud's own refusal
   where it is the user's to read (`LiveCall.refusals`), 503 in all other cases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import Table

from fractus.base.log import logger
from fractus.model.cloud import HOME, Cloud, Scope
from fractus.model.errors import (
    CloudError,
    Conflict,
    Invalid,
    Missing,
    NotFound,
    Refused,
    Unavailable,
    Unimplemented,
)
from fractus.model.live import LiveCall, Relayed
from fractus.model.resource import Presence, Resource
from fractus.store import presences
from fractus.store.transaction import Reader

log = logger("services.relay")

#: Seconds that a child has for an answer: less than the patience of the usual clients.
DEADLINE = 10.0

#: Names of fields in which a zone stands: here a resource's cloud is its zone.
_ZONES = frozenset({"availability_zone", "OS-EXT-AZ:availability_zone", "zone", "zoneName"})

#: A URL up to the version of its service's API.
_ROOT = re.compile(r"https?://[^\s\"]*?/v\d+(?:\.\d+)?(?=/|\Z)")


#: What stands for a refusal of the cloud's that is the user's to read.
_REFUSALS: Mapping[int, type[Invalid | Conflict | Unimplemented]] = {
    400: Invalid,
    409: Conflict,
    501: Unimplemented,
}


class Clouds(Protocol):
    """The clouds this process is connected to."""

    def get(self, name: str) -> Cloud | None:
        """One, or None if there is no such cloud or it cannot be connected to."""
        ...


class Relay:
    """Asks the cloud that has a resource."""

    def __init__(self, reader: Reader, clouds: Clouds, tables: Mapping[str, Table]) -> None:
        """`reader`: where presences are read; `tables`: those of the kinds that a resource may need."""
        self._reader, self._clouds, self._tables = reader, clouds, tables

    async def ask(self, resource: Resource, call: LiveCall, *, root: str = "") -> Any:
        """The cloud's answer, in our words. `root`: our URL of the service up to its version, for links."""
        presence = await self._presence(resource, call)
        remote_id = presence.remote_id or ""
        relayed = await self._asked(presence.cloud, Scope(resource.project_id), remote_id, call, resource.id)
        if not isinstance(relayed.body, dict | list):
            return relayed.body
        ids = await self._ids(resource, presence)
        if relayed.project_id:
            ids[relayed.project_id] = resource.project_id
        return Translation(ids, presence.cloud, root).of(relayed.body)

    async def of_cloud(self, cloud: str, remote_id: str, call: LiveCall, *, id: str = "") -> Any:
        """A cloud's answer about what is no resource of ours, as it gives it. `id`: what it is called here."""
        return (await self._asked(cloud, HOME, remote_id, call, id)).body

    async def _asked(self, name: str, scope: Scope, remote_id: str, call: LiveCall, id: str) -> Relayed:
        """What the cloud `name` answers, or the error that says in our words why it does not."""
        cloud = self._clouds.get(name)
        if cloud is None:
            raise Unavailable(f"The cloud {name} cannot be asked just now.")
        try:
            relayed = await cloud.relay(scope, remote_id, call, DEADLINE)
        except Missing as error:
            raise NotFound(call.missing.format(id=id)) from error
        except CloudError as error:
            if isinstance(error, Refused) and error.status in call.refusals:
                reason = error.reason.replace(remote_id, id) if remote_id else error.reason
                raise _REFUSALS[error.status](reason) from error
            log.warning("not relayed", call=call.name, cloud=name, id=id, error=error.reason)
            raise Unavailable(f"The cloud {name} did not give {call.noun}: {error.reason}") from error
        log.info("relayed", call=call.name, cloud=name, id=id, child_request_id=relayed.request_id)
        return relayed

    async def _presence(self, resource: Resource, call: LiveCall) -> Presence:
        every = await presences.of_resource(self._reader, resource.kind, resource.id)
        here = [one for one in every if one.remote_id]
        if not here:
            raise Conflict(call.not_ready.format(id=resource.id))
        return here[0]

    async def _ids(self, resource: Resource, presence: Presence) -> dict[str, str]:
        """What things are called there -> what they are called here."""
        needs = await presences.of_needs(
            self._reader, resource.kind, resource.id, presence.cloud, self._tables
        )
        found = {there.remote_id: need.id for need, there in needs.items() if there and there.remote_id}
        return {**found, presence.remote_id or "": resource.id}


class Translation:
    """From a cloud's words to ours."""

    def __init__(self, ids: Mapping[str, str], zone: str, root: str) -> None:
        """`ids`: theirs -> ours; `zone`: the cloud; `root`: our URL of the service up to its version."""
        self._ids, self._zone, self._root = ids, zone, root.rstrip("/")

    def of(self, value: Any, name: str = "") -> Any:
        """A part of an answer. `name`: of the field in which it stands."""
        if isinstance(value, dict):
            return {key: self.of(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self.of(one, name) for one in value]
        if not isinstance(value, str):
            return value
        if name in _ZONES and value:
            return self._zone
        if name == "href":
            return self._link(value)
        return self._ids.get(value, value)

    def _link(self, url: str) -> str:
        """Links say where our API is, and our ids."""
        found = _ROOT.match(url)
        if found is None or not self._root:
            return url
        path, mark, query = url[found.end() :].partition("?")
        parts = [self._ids.get(part, part) for part in path.split("/")]
        return f"{self._root}{'/'.join(parts)}{mark}{query}"
