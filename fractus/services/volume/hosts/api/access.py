"""What handlers about hosts have in their hands, and how they ask clouds."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from fractus.auth.principal import Principal
from fractus.base.clock import Clock
from fractus.model.errors import Invalid, Unavailable
from fractus.model.live import LiveCall
from fractus.model.resource import Resource
from fractus.services.mirror import MirrorKind
from fractus.services.mirror_rows import Found, Live, Place, staleness
from fractus.services.relay import DEADLINE
from fractus.services.staleness import header
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.hosts import queries
from fractus.services.volume.hosts.kind import SERVICES
from fractus.services.volume.hosts.queries import BackendNames
from fractus.store.transaction import Reader, Store
from fractus.web.routing import Handler, Route

#: With these a cloud says what is wrong with a request.
REFUSALS = frozenset({400, 409, 501})


class Types(Protocol):
    """What knows volume types."""

    async def usable(self, reader: Reader, principal: Principal, asked: str) -> Resource:
        """The type with this id or name that the caller may use; `NotFound` else."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What wiring hands to the API of hosts."""

    store: Store
    clock: Clock
    names: BackendNames
    live: Live
    types: Types
    stale_after: float

    async def staleness(self, kind: MirrorKind, rows: Iterable[Found]) -> dict[str, str]:
        """The header that names clouds which are silent, or do not let us list any more."""
        return await staleness(self.store, self.clock, self.stale_after, kind, (row.cloud for row in rows))

    async def clouds(self) -> list[str]:
        """Those that have block storage which we may look at."""
        return sorted({row.cloud for row in await queries.found(self.store, SERVICES)})

    async def each(
        self, clouds: Iterable[str], call: LiveCall
    ) -> tuple[list[tuple[str, Any]], dict[str, str]]:
        """What each cloud answers, in their order, and the header that names those that do not."""
        asked = list(clouds)
        answers = await asyncio.gather(
            *(self.live.of_cloud(one, "", call, id="") for one in asked), return_exceptions=True
        )
        answered, silent = [], []
        for cloud, answer in zip(asked, answers, strict=True):
            if isinstance(answer, Unavailable):
                silent.append(cloud)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                answered.append((cloud, answer))
        if silent and not answered:
            raise Unavailable(f"None of the clouds {', '.join(silent)} answers.")
        return answered, header(silent)


def live(verb: Verb, method: str, path: str, handler: Handler, *, since: str = "") -> Route:
    """A route whose answer is a cloud's."""
    return dataclasses.replace(route(verb, method, path, handler, since=since), live=True, deadline=DEADLINE)


def relayed(
    name: str,
    path: str,
    *,
    missing: str,
    method: str = "PUT",
    body: Any = None,
    version: str = "",
    **more: Any,
) -> LiveCall:
    """A call about block storage, which administrators make. `missing`: the sentence of a 404."""
    said = missing.replace("{", "{{").replace("}", "}}")
    return LiveCall(
        name=name, noun="an answer about block storage", service="volume", path="/{project}" + path, method=method,
        body=body, version=version, admin=True, refusals=REFUSALS, missing=said, not_ready=said, **more,
    )  # fmt: skip


async def place_of(
    names: BackendNames, asked: Mapping[str, Any], *, clusters: bool, missing: Callable[[str, str], Exception]
) -> tuple[str, Place]:
    """(`host` or `cluster`, the one that a request names). `clusters`: whether it may be a cluster."""
    host, cluster = asked.get("host"), asked.get("cluster") if clusters else None
    if bool(host) == bool(cluster):
        why = "One and only one of cluster and host must be set." if clusters else "Host field is missing."
        raise Invalid(f"Invalid input received: {why}")
    what, name = ("cluster", str(cluster)) if cluster else ("host", str(host))
    place = await (names.cluster(name) if cluster else names.host(name))
    if place is None:
        raise missing(what, name)
    return what, place
