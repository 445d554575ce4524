"""What handlers about hosts have in their hands, and what is said of a list's parameters and of stale clouds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from fractus.base.clock import Clock
from fractus.model.errors import Invalid
from fractus.services import mirror_rows
from fractus.services.compute import only
from fractus.services.compute.hosts.queries import HostNames
from fractus.services.compute.hosts.schema import LIST_PARAMETERS
from fractus.services.mirror import MirrorKind
from fractus.services.mirror_rows import Found, Live
from fractus.store.transaction import Reader, Store
from fractus.web.routing import Query


class Servers(Protocol):
    """Servers by where they are."""

    async def on_hosts(
        self, reader: Reader, hosts: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
        """Of each host, `(cloud, name there)`, the servers on it: `(name there, id)`. Those without are left out."""
        ...

    async def sizes(self, reader: Reader, cloud: str, host: str) -> list[tuple[str, int, int, int]]:
        """Of each server on a host its project, and what it has: VCPUs, MiB of memory, GiB of disk."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What wiring hands to the API of hosts."""

    store: Store
    clock: Clock
    names: HostNames
    live: Live
    servers: Servers
    stale_after: float

    async def staleness(self, kind: MirrorKind, rows: Iterable[Found]) -> dict[str, str]:
        """The header that names clouds which are silent, or do not let us list any more."""
        return await mirror_rows.staleness(
            self.store, self.clock, self.stale_after, kind, (row.cloud for row in rows)
        )


def judged(query: Query, known: Iterable[str], *, strict: bool) -> None:
    """Judge the parameters of a list: each at most once, and where `strict` none but the `known` ones."""
    allowed = tuple(known)
    for name in allowed:
        every = query.all(name)
        for value in every:
            why = LIST_PARAMETERS[name](value)
            if why is not None:
                raise Invalid(f"Invalid input for query parameters {name}. Value: {value}. {why}")
        if len(every) > 1:
            raise Invalid(f"Invalid input for query parameters {name}. Value: {every}. {every!r} is too long")
    if strict:
        only(query.names(), allowed)
