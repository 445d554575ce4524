"""What the machine tells Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Counters of one worker, in a registry of its own so that tests do not share them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make them in `registry`."""
        self.outcomes = Counter(
            "fractus_reconcile_outcomes",
            "Looks by what they came to",
            ["cloud", "kind", "outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "fractus_reconcile_seconds", "How long one look took", ["cloud", "kind"], registry=registry
        )
        self.depth = Gauge("fractus_queue_depth", "Items that are due", ["cloud"], registry=registry)
        self.running = Gauge("fractus_running", "Items under way", ["cloud"], registry=registry)
        self.swept = Counter(
            "fractus_sweeps", "Sweeps by how they ended", ["cloud", "kind", "sort", "end"], registry=registry
        )
        self.staleness = Gauge(
            "fractus_staleness_seconds", "Since a cloud last answered a sweep", ["cloud"], registry=registry
        )
        self.room = Gauge(
            "fractus_room",
            "Items that may be under way at once: fewer while the cloud is in trouble",
            ["cloud"],
            registry=registry,
        )
        self.state = Gauge(
            "fractus_cloud_state",
            "1 for what its operator says of a cloud",
            ["cloud", "state"],
            registry=registry,
        )
        self.brake = Gauge("fractus_brake", "1 while a brake of the whole is on", ["name"], registry=registry)
