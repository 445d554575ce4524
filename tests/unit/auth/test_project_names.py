"""Names of projects, asked of Keystone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fractus.auth.calls import CallFailed
from fractus.auth.project_names import KeystoneProjects
from fractus.auth.tokens import ServiceCredential
from fractus.model.cloud import Scope

_WHO = ServiceCredential(auth_url="http://127.0.0.1:1/v3", username="fractus", password="secret")


class Keystone:
    """Answers when it is asked to, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.answers = asyncio.Event()
        self.fails = False
        monkeypatch.setattr(KeystoneProjects, "_read", lambda _asker, path: self.read(path))

    async def read(self, path: str) -> Any:
        self.asked.append(path)
        await self.answers.wait()
        if self.fails:
            raise CallFailed("Keystone is away")
        return {"project": {"name": f"name of {path}"}}


async def test_many_who_want_a_name_at_once_ask_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    keystone, known = Keystone(monkeypatch), KeystoneProjects(_WHO)
    asking = [asyncio.create_task(known.scope_of("p1")) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    keystone.answers.set()
    found = await asyncio.gather(*asking[1:])
    assert set(found) == {Scope("p1", "name of projects/p1")}, "though who asked first does not wait any more"
    await known.scope_of("p1")
    assert keystone.asked == ["projects/p1"]


async def test_a_name_that_was_not_to_be_had_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    keystone, known = Keystone(monkeypatch), KeystoneProjects(_WHO)
    keystone.answers.set()
    keystone.fails = True
    assert await known.scope_of("p1") == Scope("p1")
    keystone.fails = False
    assert await known.scope_of("p1") == Scope("p1", "name of projects/p1")
