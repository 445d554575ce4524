"""The worker's metrics, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fractus.reconcile.sweep_timing import PARTS, SweepTiming

#: Seconds. A full sweep of a large cloud takes minutes.
_SWEEP = (0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 3, 5, 7, 10, 15, 30, 60, 300)
_LATE = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


class Metrics:
    """Counters of one worker, in a registry of its own so that tests do not share them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make them in `registry`."""
        self.registry = registry
        self.outcomes = Counter(
            "fractus_reconcile_outcomes",
            "Looks by their outcome",
            ["cloud", "kind", "outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "fractus_reconcile_seconds", "How long one look took", ["cloud", "kind"], registry=registry
        )
        self.depth = Gauge("fractus_queue_depth", "Items that are due", ["cloud"], registry=registry)
        self.running = Gauge("fractus_running", "Items under way", ["cloud"], registry=registry)
        self.swept = Counter(
            "fractus_sweeps", "Sweeps by their result", ["cloud", "kind", "mode", "result"], registry=registry
        )
        self.sweep_seconds = Histogram(
            "fractus_sweep_seconds", "How long one sweep took", ["mode"], registry=registry, buckets=_SWEEP
        )
        self.sweep_parts = Histogram(
            "fractus_sweep_part_seconds",
            "What the time of one sweep went to",
            ["mode", "part"],
            registry=registry,
            buckets=_SWEEP,
        )
        self.sweep_period = Histogram(
            "fractus_sweep_period_seconds",
            "From the beginning of one quick sweep of a cloud to that of the next",
            registry=registry,
            buckets=_SWEEP,
        )
        self.late = Histogram(
            "fractus_worker_late_seconds",
            "How late the worker starts what is due",
            registry=registry,
            buckets=_LATE,
        )
        self.staleness = Gauge(
            "fractus_staleness_seconds",
            "Seconds since a cloud last answered a sweep",
            ["cloud"],
            registry=registry,
        )
        self.room = Gauge(
            "fractus_cloud_concurrency_limit",
            "Items that may be under way at once: lower while the cloud is in trouble",
            ["cloud"],
            registry=registry,
        )
        self.state = Gauge(
            "fractus_cloud_state",
            "1 for the state that the operator gave a cloud",
            ["cloud", "state"],
            registry=registry,
        )
        self.hold = Gauge("fractus_hold", "1 while a global hold is in force", ["name"], registry=registry)

    def swept_in(self, mode: str, timing: SweepTiming) -> None:
        """Count a sweep that has just ended: its time, and what that went to."""
        total = timing.total
        self.sweep_seconds.labels(mode).observe(total)
        for part in PARTS:
            self.sweep_parts.labels(mode, part).observe(timing.seconds[part])
        self.sweep_parts.labels(mode, "rest").observe(max(0.0, total - sum(timing.seconds.values())))
