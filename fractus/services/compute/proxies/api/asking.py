"""What all proxies have in their hands: the other services, and the rows of their routes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fractus.services.compute.proxies.versions import LAST
from fractus.web.inside import Inside
from fractus.web.microversion import Version
from fractus.web.paging import nova_offset, nova_paging
from fractus.web.routing import Call, Handler, Route

T = TypeVar("T")

#: More than are shown at once, and the most that a service gives in one answer.
MOST = 1000


class Proxy:
    """The proxy of one service. A subclass names it, and has the handlers."""

    service: str

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    async def ask(self, call: Call, method: str, path: str, **asked: Any) -> Any:
        """The service's answer, in the caller's name."""
        return await self._inside.ask(call, self.service, method, path, **asked)


def row(
    method: str,
    path: str,
    handler: Handler,
    rule: str,
    summary: str,
    *,
    check: Callable[[Any], None] | None = None,
    last: Version = LAST,
) -> Route:
    """A route of a proxy, up to its last microversion."""

    def schema(body: Any, _version: Version) -> None:
        if check is not None:
            check(body)

    return Route(
        method=method, path=path, handler=handler, rule=rule, summary=summary, max_version=last,
        schema=schema if check is not None else None,
    )  # fmt: skip


def limited(call: Call, items: Sequence[T]) -> Sequence[T]:
    """The part of a list that a request asks for by `limit` and `offset`."""
    paging, offset = nova_paging(call.query), nova_offset(call.query)
    return items[offset : offset + (paging.limit or MOST)]
