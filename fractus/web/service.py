"""One OpenStack service as fractus serves it: its face, its routes, its rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import falcon.asgi

from fractus.auth.policy import Policy, RuleDefault
from fractus.auth.tokens import TokenChecker
from fractus.base.clock import Clock
from fractus.model.errors import ApiError, Forbidden
from fractus.web.metrics import Health, WebMetrics
from fractus.web.microversion import VersionRange
from fractus.web.routing import Reply, Route

#: `(error, status, request_id) -> body`: how a service words an error. `error` is None where something unexpected
#: happened, which must not leak.
Envelope: TypeAlias = "Callable[[ApiError | None, int, str], dict[str, Any]]"
#: `base_url -> Reply`: a version document.
Page: TypeAlias = "Callable[[str], Reply]"


def nova_denied(rule: str) -> Forbidden:
    """Nova's sentence."""
    return Forbidden(f"Policy doesn't allow {rule} to be performed.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """The face of a service: everything of it that is not a route."""

    type: str
    """As in the catalog: `compute`, `network`, `image`, `volume`."""
    prefix: str
    """`/compute`."""
    mount: str
    """Where the versioned API lies below the prefix: `/v2.1`."""
    envelope: Envelope
    versions: VersionRange | None = None
    documents: Mapping[str, Page] = dataclasses.field(default_factory=dict)
    """Version documents by path below the prefix (`/`, `/v2.1`): public, GET only."""
    json_types: frozenset[str] = frozenset({"application/json"})
    """Content types of request bodies."""
    denied: Callable[[str], ApiError] = nova_denied
    """The error of a refused policy rule, in the service's words."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceRoutes:
    """A service with all that its resources contribute."""

    service: Service
    routes: Sequence[Route]
    rules: Sequence[RuleDefault] = ()
    """Policy rules of its resources, with the service's base rules."""
    unserved: Sequence[tuple[str, str]] = ()
    """`(method, path)` of routes that the real service has and fractus does not serve (yet): they answer 501."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebSettings:
    """How the API is reached."""

    public_endpoint: str = ""
    """`http://host:port` in links and version documents; empty: the `Host` header of each request."""
    trust_forwarded: bool = False
    """Whether `X-Forwarded-Proto` and `X-Forwarded-Host` are believed: only behind a proxy that sets both."""
    max_body: int = 1 << 20
    """Bytes that a request body may have (raw routes: no bound here). 1 MiB: oslo.middleware's is 112 KiB, and a
    server's user data alone may have 64 KiB; the rest is room for many injected files."""
    service_roles: frozenset[str] = frozenset({"service"})
    """An `X-Service-Token` counts when its owner has one of these."""


def application(
    services: Sequence[ServiceRoutes],
    tokens: TokenChecker,
    policy: Policy,
    settings: WebSettings,
    metrics: WebMetrics,
    clock: Clock,
    health: Health,
) -> falcon.asgi.App[Any, Any]:
    """The ASGI application that serves all `services`. ValueError where what they say cannot be served."""
    raise NotImplementedError
