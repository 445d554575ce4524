"""Requests of one service to another inside this process: by the same routes, rules and schemas as from outside.

Nova has routes that pass on to Neutron, Glance and Cinder what they are asked (its deprecated proxies). Here such a
request goes to the other service's handler, in the caller's name. Tokens, bodies and sizes were judged when the outer
request came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from fractus.web.face import Service, ServiceRoutes
from fractus.web.microversion import UNVERSIONED
from fractus.web.routing import Call, Query, Reply
from fractus.web.table import Endpoint, compile_routes, router_template

_decode = msgspec.json.decode
_encode = msgspec.json.encode


def _known(_rule: str) -> bool:
    """The rules of routes are looked at where the application is built."""
    return True


class Inside:
    """All services of this process."""

    def __init__(self) -> None:
        self._services: dict[str, tuple[Service, dict[str, Endpoint]]] = {}

    def join(self, services: Iterable[ServiceRoutes]) -> None:
        """These can be asked from now on: they are built after those who ask them."""
        self._services = {one.service.type: (one.service, compile_routes(one, _known)) for one in services}

    async def ask(
        self,
        call: Call,
        service: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The decoded answer to a request in the caller's name; raises what the handler raises.

        `path`: as the service's routes have it, with its parameters in braces; `params`: what stands there, in order.
        `headers`: with names in lower case, where the handler reads any. The oldest version of a service that has
        several is meant.
        """
        face, endpoints = self._services[service]
        oldest = face.versions.min if face.versions is not None else UNVERSIONED
        bound = endpoints[router_template(path)].method(method).at(oldest)
        route = bound.route
        if not (call.principal.project_id and call.allows(route.rule)):
            raise face.denied(route.rule)
        # The handler may change what it is given.
        body = None if body is None else _decode(_encode(body))
        if route.schema is not None:
            route.schema(body, oldest)
        values = params or {}
        reply = await route.handler(
            Call(
                principal=call.principal,
                params=dict(zip(bound.names, values.values(), strict=True)),
                query=Query(urlencode(query or {})),
                body=body,
                version=oldest,
                request_id=call.request_id,
                base_url=call.base_url,
                headers=headers or {},
                method=method,
                mount=face.mount,
                path=path.format(**values),
                allows=lambda rule, _principal, target: call.allows(rule, target),
                denied=face.denied,
            )
        )
        return _body(reply)


def _body(reply: Reply) -> Any:
    return _decode(reply.body) if isinstance(reply.body, bytes) and reply.body else reply.body
