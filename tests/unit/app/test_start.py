"""The start of an API process where something is amiss on its node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fractus.app import serve
from fractus.base import collector, log
from fractus.model.errors import NoSpace, StorageFull
from fractus.settings.loading import load
from fractus.store.transaction import Away


@pytest.mark.parametrize(
    "trouble", [Away("no database"), StorageFull("full"), NoSpace("read-only"), OSError(5, "a failing disk")]
)
async def test_uploads_that_cannot_be_looked_for_keep_nobody_from_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    monkeypatch.setattr(log, "configure", lambda *_, **__: None)
    monkeypatch.setattr(collector, "settle", lambda: None)
    application = serve._Application(load(tmp_path / "state", environ={}))

    async def recover() -> int:
        raise trouble

    monkeypatch.setattr(application._parts.kinds.images_api, "recover", recover)
    stages = iter(["startup", "shutdown"])
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": f"lifespan.{next(stages)}"}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event["type"])

    await application({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
