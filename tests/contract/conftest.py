"""The drivers that every case of the contract is run against."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract import subjects
from tests.contract.subjects import Subject


def _real_entries() -> dict[str, dict[str, Any]]:
    """Administrators' entries of FRACTUS_REAL_CLOUDS_YAML: those that FRACTUS_REAL_CLOUDS names, else all `*-admin`."""
    path = os.environ.get("FRACTUS_REAL_CLOUDS_YAML", "")
    if not path:
        return {}
    entries: dict[str, dict[str, Any]] = yaml.safe_load(Path(path).read_text())["clouds"]
    names = [name for name in os.environ.get("FRACTUS_REAL_CLOUDS", "").split(",") if name]
    return {
        name: entries[name] for name in names or sorted(name for name in entries if name.endswith("-admin"))
    }


_REAL = _real_entries()


@pytest.fixture(
    params=[
        "simulated",
        "ourselves",
        *(pytest.param(name, marks=[pytest.mark.real, pytest.mark.timeout(300)]) for name in _REAL),
    ]
)
async def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    """One cloud to hold the contract against."""
    name: str = request.param
    if name == "simulated":
        opened = subjects.simulated(tmp_path)
    elif name == "ourselves":
        opened = subjects.ourselves(tmp_path)
    else:
        opened = subjects.real(tmp_path, name, _REAL[name])
    async with opened as subject:
        yield subject
