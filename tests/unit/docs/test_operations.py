"""What docs/operations.md tells an operator to watch and to run is there and works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fractus.app import cloud_rows, wiring
from fractus.app.bell import LocalBell
from fractus.app.metrics import ChildCalls
from fractus.app.settings import load
from fractus.auth.vault import Vault
from fractus.reconcile.metrics import Metrics
from fractus.store import clouds
from fractus.web.metrics import WebMetrics

PAGE = (Path(__file__).parents[3] / "docs/operations.md").read_text("utf-8")


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


def test_every_metric_is_told_with_its_labels() -> None:
    rows = re.findall(r"^\| `(fractus_\w+)` \| ([\w, ]+) \|", PAGE, re.MULTILINE)
    assert {name: set(labels.split(", ")) for name, labels in rows} == exposed()


@pytest.mark.slow
async def test_the_key_is_changed_as_told(tmp_path: Path) -> None:
    core = wiring.core(load(tmp_path, environ={}), bell=LocalBell())
    await cloud_rows.add(
        core.store, core.vault, name="paris", driver="simulated", identity="own", settings={}, auth={"a": "b"}
    )
    await core.close()
    key_file = tmp_path / "vault.key"
    before = key_file.read_text()

    found = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    environ = {**os.environ, "FRACTUS_STATE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", found.group(1)], check=True, env=environ, cwd=Path.cwd())

    assert before not in key_file.read_text()
    assert key_file.stat().st_mode & 0o777 == 0o600
    core = wiring.core(load(tmp_path, environ={}), bell=LocalBell())
    row = await clouds.fetch(core.store, "paris")
    await core.close()
    assert row is not None
    assert Vault.load(key_file).open(row.secret) == {"a": "b"}
