"""What handlers of placement have in their hands, and how they ask one cloud, or all of them at once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from typing import Any, Protocol

from fractus.base.clock import Clock
from fractus.model.errors import ApiError, Invalid, NotFound
from fractus.model.live import LiveCall
from fractus.model.resource import Resource
from fractus.services import mirror_rows
from fractus.services.mirror import MirrorKind
from fractus.services.mirror_rows import Found
from fractus.services.placement.providers import queries
from fractus.services.placement.providers.versions import REQUESTS
from fractus.services.staleness import header
from fractus.store.transaction import Reader, Store
from fractus.web.routing import Call


class Live(Protocol):
    """Calls to clouds."""

    async def of_cloud(self, cloud: str, remote_id: str, call: LiveCall, *, id: str) -> Any:
        """A cloud's answer about what is no resource of ours."""
        ...

    async def ask(self, resource: Resource, call: LiveCall, *, root: str = "") -> Any:
        """The answer of the cloud that has a resource."""
        ...


class Servers(Protocol):
    """Servers, as far as they use something."""

    async def sizes_of(
        self, reader: Reader, project_id: str, user_id: str | None
    ) -> tuple[int, int, int, int]:
        """Of the servers of a project (and user) that are on a host: how many there are, and VCPUs, MiB of memory and
        GiB of disk of all together.
        """
        ...


class Resources(Protocol):
    """Our resources."""

    async def fetch(self, reader: Reader, kind: str, id: str) -> Resource | None:
        """One, also if it is deleted."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What wiring hands to the API of placement."""

    store: Store
    clock: Clock
    live: Live
    resources: Resources
    servers: Servers
    stale_after: float

    async def staleness(self, kind: MirrorKind, clouds: Iterable[str]) -> dict[str, str]:
        """The header that names those of these clouds which are silent, or do not let us list any more."""
        return await mirror_rows.staleness(self.store, self.clock, self.stale_after, kind, clouds)


def allowed(call: Call, names: Iterable[str], on: str) -> list[str]:
    """Those of the parameters of a route that its version knows."""
    return [name for name in names if REQUESTS.query_allowed(name, call.version, on)]


def headers(given: Given, call: Call) -> dict[str, str]:
    """What an answer says of its age: it is as new as it can be."""
    if not REQUESTS.behaviour("last_modified", call.version):
        return {}
    return {"Last-Modified": formatdate(given.clock.now(), usegmt=True), "Cache-Control": "no-cache"}


def asks(call: Call, path: str, missing: str = "") -> LiveCall:
    """A call to a cloud's Placement, in the version of the request: the cloud's answer is what is answered here.

    A text without a placeholder in braces as `path`, but for `{id}`.
    """
    return LiveCall(
        name="placement",
        noun="what its Placement says",
        service="placement",
        path=path,
        version=str(call.version),
        type=dict[str, Any],
        admin=True,
        refusals=frozenset({400}),
        missing=missing,
        not_ready=missing,
    )


async def found(given: Given, id: str, missing: str = "") -> Found:
    """The provider of an id."""
    row = await queries.provider(given.store, id)
    if row is None:
        raise NotFound((missing or "No resource provider with uuid {id} found").replace("{id}", id))
    return row


async def of_all(given: Given, call: LiveCall) -> tuple[dict[str, Any], dict[str, str]]:
    """What each cloud answers, and the header that names those that do not.

    What one cloud refuses another may know: `Invalid` is raised where all that answer refuse. Where none answers, the
    first error is.
    """
    names = await queries.clouds(given.store)
    answers = await asyncio.gather(
        *(given.live.of_cloud(name, "", call, id="") for name in names), return_exceptions=True
    )
    good: dict[str, Any] = {}
    refused: list[Invalid] = []
    silent: list[tuple[str, ApiError]] = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Invalid):
            refused.append(answer)
        elif isinstance(answer, ApiError):
            silent.append((name, answer))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            good[name] = answer
    if not good and refused:
        raise refused[0]
    if not good and silent:
        raise silent[0][1]
    return good, header([name for name, _ in silent])


def plain(answer: Any) -> Mapping[str, Any]:
    """An object of an answer; what is none says nothing."""
    return answer if isinstance(answer, dict) else {}
