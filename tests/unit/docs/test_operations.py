"""What docs/operations.md tells an operator to watch and to run is there and works."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from fractus.app.kinds import ENTRIES
from fractus.clouds.openstack.metrics import ChildCalls
from fractus.reconcile.queue.metrics import Metrics
from fractus.web.metrics import WebMetrics

PAGE = (Path(__file__).parents[3] / "docs/operations.md").read_text("utf-8")


def test_what_a_rebuild_does_not_find_is_named() -> None:
    """A kind that joins the list and is in no cloud has to be named there; parts of others are found with them."""
    section = PAGE.partition("What no cloud can tell")[2].partition("They have to be made again")[0]
    parts = {one.kind.name for one in ENTRIES if getattr(one.kind, "parent", None)}
    local = {one.kind.name for one in ENTRIES if one.lifecycle is None} - parts
    assert set(re.findall(r"`(\w+)`", section)) == local


def exposed() -> dict[str, set[str]]:
    """Every metric as Prometheus sees it, with its labels."""
    registry = CollectorRegistry()
    for kind in (WebMetrics, Metrics, ChildCalls):
        kind(registry)
    names = {}
    for metric in registry.collect():
        collector = registry._names_to_collectors[metric.name]
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        names[name] = set(collector._labelnames)  # type: ignore[attr-defined]
    return names


def test_every_metric_is_listed_with_its_labels() -> None:
    rows = re.findall(r"^\| `(fractus_\w+)` \| ([\w, ]*)\|", PAGE, re.MULTILINE)
    assert {name: set(re.findall(r"\w+", labels)) for name, labels in rows} == exposed()
