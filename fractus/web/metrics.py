"""Numbers about requests, `/metrics` and `/healthcheck`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram

#: Says in words what is wrong, or nothing (an empty text) while the process can serve.
Health: TypeAlias = "Callable[[], Awaitable[str]]"


class WebMetrics:
    """Counters of the API, in the registry that the whole process shares."""

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
