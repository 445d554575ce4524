"""Findings that were left behind."""

from __future__ import annotations

import pytest

from fractus.model.resource import Presence
from fractus.reconcile import drift
from fractus.reconcile.sweep import unmatched
from fractus.store import findings, presences
from fractus.store.findings import CHANGED, Finding
from tests.unit.reconcile.toy import World


async def reported(world: World) -> list[str]:
    return sorted(await findings.of_kind(world.store, "east", "box"))


async def box(world: World) -> str:
    """A box that is there and as it should be, and a finding that says otherwise; its id there."""
    await world.cloud("east")
    await world.box()
    await world.settle()
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.remote_id is not None
    async with world.sqlite.transaction() as tx:
        about = Finding(
            cloud="east", kind="box", remote_id=presence.remote_id, what=CHANGED, resource_id="b1"
        )
        await findings.put(tx, about)
    return presence.remote_id


async def test_a_finding_about_what_is_as_it_should_be_is_dropped(world: World) -> None:
    id = await box(world)
    assert await reported(world) == [id]
    await unmatched.report(world.machine, "east", "box", [], {id})
    assert await reported(world) == []


async def test_one_that_is_right_since_a_moment_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    id = await box(world)
    before = presences.by_remotes

    async def and_then_it_changes(*what: object) -> dict[str, Presence]:
        found = await before(*what)  # type: ignore[arg-type]
        async with world.sqlite.transaction() as tx:
            presence = await presences.by_remote(tx, "east", "box", id)
            assert presence is not None
            presence.memory = {**presence.memory, drift.GONE: True}
            await presences.save(tx, presence)
        return found

    monkeypatch.setattr(presences, "by_remotes", and_then_it_changes)
    await unmatched.report(world.machine, "east", "box", [], {id})
    assert await reported(world) == [id]
