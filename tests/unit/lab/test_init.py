"""The first process of a node, without a node."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lab.init import Init, Service
from tools.lab.place import Place


async def test_what_was_killed_a_moment_ago_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = Init("n1", Place(tmp_path))
    cache = init.services["cache"]
    cache.pid, cache.state = 4711, "running"
    started: list[int] = []

    def reap() -> None:
        cache.pid = 0

    def start(service: Service) -> None:
        started.append(service.pid)

    monkeypatch.setattr("os.killpg", lambda _group, _number: None)
    monkeypatch.setattr(init, "reap", reap)
    monkeypatch.setattr(init, "start", start)
    await init.reported({"do": "kill", "service": "cache"})
    assert cache.pid == 4711, "its end has not been seen yet"
    await init.reported({"do": "start", "service": "cache"})
    assert started == [0]
