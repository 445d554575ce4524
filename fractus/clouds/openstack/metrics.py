"""Metrics of the calls to clouds, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram


class ChildCalls:
    """Counts and times every call to a child."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make the histogram in `registry`."""
        self._seconds = Histogram(
            "fractus_child_call_seconds",
            "Time of a call to a cloud, and its result.",
            ("cloud", "service", "method", "result"),
            registry=registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )

    def called(self, cloud: str, service: str, method: str, result: str, seconds: float) -> None:
        """One call ended: `result` is an HTTP status or the name of the fault."""
        self._seconds.labels(cloud, service, method, result).observe(seconds)
