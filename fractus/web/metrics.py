"""Numbers about requests, and the pages for machines that watch us: `/metrics`, `/healthcheck`, and the root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import falcon.asgi
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

from fractus.base.log import logger

#: What is shown of this installation at the root of the API.
About: TypeAlias = "Callable[[], Mapping[str, Any]]"
#: Says in words what is wrong, or nothing (an empty text) while the process can serve.
Health: TypeAlias = "Callable[[], Awaitable[str]]"

log = logger("web")


class WebMetrics:
    """Counters of the API, in the registry that the whole process shares.

    Routes are labelled by their template and methods by those that HTTP knows: labels that users could make up would
    let them fill our memory.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "fractus_api_requests",
            "Requests answered.",
            ("service", "method", "route", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "fractus_api_seconds",
            "Time from a request to the start of its answer.",
            ("service", "method", "route"),
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self._known: dict[tuple[str, str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, service: str, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer. `seconds`: from the request to the start of its answer."""
        key = (service, method, route, status)
        known = self._known.get(key)
        if known is None:
            counter = self.requests.labels(service, method, route, str(status))
            known = self._known[key] = (counter, self.seconds.labels(service, method, route))
        known[0].inc()
        known[1].observe(seconds)


class MetricsPage:
    """`GET /metrics` in Prometheus' text format."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Everything that the process counts."""
        resp.content_type = CONTENT_TYPE_LATEST
        resp.data = generate_latest(self._registry)


class HealthPage:
    """`GET /healthcheck`: 200 `OK`, or 503 and what is wrong."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Ask the process how it is."""
        try:
            trouble = await self._health()
        except Exception:
            log.exception("health check failed")
            trouble = "The health check itself failed; the log says why."
        resp.content_type = "text/plain; charset=UTF-8"
        resp.status = 503 if trouble else 200
        resp.text = trouble or "OK"

    async def on_head(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The same, for balancers that ask with HEAD."""
        await self.on_get(req, resp)


class RootPage:
    """`GET /`: which fractus this is, and which are below it, so that none is put below itself. No token is needed."""

    def __init__(self, about: About) -> None:
        self._about = about

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """What the process knows of itself."""
        resp.media = {"fractus": dict(self._about())}
