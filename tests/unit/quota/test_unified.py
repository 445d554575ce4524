"""Keystone's limits: taken as a whole, shared by the projects of a domain where its model says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from fractus.model.errors import QuotaExceeded, Unavailable
from fractus.quota.quota import Quota
from fractus.quota.unified import STRICT_TWO_LEVEL, Snapshot, UnifiedLimits
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from tests.unit.quota.test_accounts import BOX, COSTS, PEN, Yard

FLAT = Snapshot(registered={"boxes": 2}, projects={"rich": {"boxes": 3}})
SHARED = Snapshot(
    registered={"boxes": 2},
    projects={"rich": {"boxes": 3}},
    domains={"d": {"boxes": 4}},
    model=STRICT_TWO_LEVEL,
    domain_of={"rich": "d", "poor": "d", "far": "e", "away": "e"},
)


class _Notifier:
    def notify(self, cloud: str) -> None:
        """Nobody works here."""


@pytest.fixture
def limits() -> UnifiedLimits:
    return UnifiedLimits({"boxes": 9, "volume": 5})


@pytest.fixture
def yard(tmp_path: Path, limits: UnifiedLimits) -> Yard:
    made = Yard(tmp_path)
    made.quota = Quota(COSTS, {"box": BOX, "pen": PEN}, limits)
    made.resources = Resources(made.resources.tables, made.quota)
    made.ledger = Ledger(made.resources, _Notifier())
    return made


async def test_nothing_is_made_before_the_limits_are_known(yard: Yard, limits: UnifiedLimits) -> None:
    with pytest.raises(Unavailable, match="not sent the limits"):
        await yard.box()
    assert await yard.used() == {}
    await yard.box(limited=False)
    limits.take(FLAT)
    await yard.box()
    assert await yard.used() == {"boxes": 2, "volume": 2}


async def test_a_projects_own_limit_goes_before_the_registered_one_and_that_before_ours(
    yard: Yard, limits: UnifiedLimits
) -> None:
    limits.take(FLAT)
    assert await limits.shown(yard.store, "rich") == {"boxes": 3, "volume": 5}
    assert (
        await limits.shown(yard.store, "poor")
        == await limits.defaults(yard.store)
        == {"boxes": 2, "volume": 5}
    )
    for _ in range(2):
        await yard.box(project="poor")
    with pytest.raises(QuotaExceeded, match=r"^boxes: 1 more than 2 of 2$"):
        await yard.box(project="poor")
    with pytest.raises(QuotaExceeded, match=r"^volume: 6 more than 0 of 5$"):
        await yard.box(60, project="rich")


async def test_projects_of_a_domain_share_its_limit(yard: Yard, limits: UnifiedLimits) -> None:
    limits.take(SHARED)
    for project in ("rich", "rich", "rich", "poor"):
        await yard.box(project=project)
    with pytest.raises(QuotaExceeded, match=r"^boxes: 1 more than 4 of 4$"):
        await yard.box(project="poor")
    await yard.remove("b1")
    async with yard.store.transaction() as tx:
        room = await yard.quota.room(tx, "box", "poor", "u", {"boxes": 1}, 5)
    assert room.allowed == 1, "it is what the domain has left"
    await yard.box(project="poor")
    assert await yard.differences() == []


async def test_a_domain_without_a_limit_has_the_registered_one(yard: Yard, limits: UnifiedLimits) -> None:
    limits.take(SHARED)
    await yard.box(project="far")
    await yard.box(project="away")
    for project in ("far", "away"):
        with pytest.raises(QuotaExceeded, match=r"^boxes: 1 more than 2 of 2$"):
            await yard.box(project=project)


async def test_a_project_that_keystone_got_a_moment_ago_waits(yard: Yard, limits: UnifiedLimits) -> None:
    limits.take(SHARED)
    with pytest.raises(Unavailable, match="not known yet"):
        await yard.box(project="new")
