"""Whole listings of each cloud: one budget for all kinds, and everything is seen in time all the same."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fractus.model.errors import Refused, Throttled
from fractus.model.resource import PENDING
from fractus.reconcile.budget import Budget
from fractus.reconcile.machine import Pace
from fractus.reconcile.queue import loop
from fractus.store import presences, work
from fractus.store.transaction import StoreTrouble
from fractus.testing.clock import VirtualClock
from fractus.testing.toys import ToyCloud, ToyClouds
from tests.unit.reconcile.toy import HandClock, World

MINUTE = 60.0


class Clock(VirtualClock):
    """Who was woken may take a whole sweep before time moves on."""

    @staticmethod
    async def _turns() -> None:
        for _ in range(200):
            await asyncio.sleep(0)


@asynccontextmanager
async def swept(
    path: Path,
    *,
    kinds: int,
    held: int,
    clouds: int = 1,
    slow: int = 0,
    pace: Pace | None = None,
) -> AsyncIterator[ToyClouds]:
    """Toy clouds with their sweepers running, each in virtual time. The first `slow` kinds hardly change."""
    clock = Clock()
    toys = ToyClouds(
        path / "toys.db", clock, kinds=kinds, clouds=clouds, pace=pace or Pace(), slow=lambda at: at < slow
    )
    await toys.open(held, 2)
    tasks = [asyncio.create_task(toys.worker._sweeper(name)) for name in toys.clouds]
    try:
        await clock.advance(0.0)
        yield toys
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await toys.close()


async def minutes(toys: ToyClouds, number: int) -> None:
    clock = toys.clock
    assert isinstance(clock, Clock)
    await clock.advance(number * MINUTE)


def by_minute(cloud: ToyCloud, since: float = 0.0) -> Counter[int]:
    return Counter(int(at // MINUTE) for at, _ in cloud.listed if at >= since)


def gaps(cloud: ToyCloud, until: float) -> dict[str, float]:
    """The longest time between two listings of each kind, from when it was first listed until then."""
    times: dict[str, list[float]] = defaultdict(list)
    for at, kind in cloud.listed:
        times[kind].append(at)
    return {
        kind: max(b - a for a, b in zip(every, [*every[1:], until], strict=True))
        for kind, every in times.items()
    }


# --- as it runs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("held", "slow"), [(60, 0), (8, 2), (0, 0), (60, 60)])
async def test_an_idle_cloud_of_sixty_kinds_is_asked_for_twelve_listings_a_minute(
    tmp_path: Path, held: int, slow: int
) -> None:
    async with swept(tmp_path, kinds=60, held=held, slow=slow) as toys:
        await minutes(toys, 40)
        (cloud,) = toys.clouds.values()
        assert by_minute(cloud)[0] >= 60, "at first everything, so that it is known"
        later = by_minute(cloud, since=2 * MINUTE)
        assert max(later.values()) <= 12
        seen = gaps(cloud, toys.clock.monotonic())
        assert seen.keys() == set(toys.kinds)
        assert max(seen.values()) <= 1.1 * Pace().inventory, "nothing is unseen for longer than the inventory"


async def test_what_is_held_is_listed_more_often_than_what_is_not_and_what_hardly_changes_less(
    tmp_path: Path,
) -> None:
    async with swept(tmp_path, kinds=60, held=8, slow=2) as toys:
        await minutes(toys, 40)
        (cloud,) = toys.clouds.values()
        seen = gaps(cloud, toys.clock.monotonic())
        slow, held, other = (toys.kinds[:2], toys.kinds[2:8], toys.kinds[8:])
        assert max(seen[kind] for kind in held) <= 90.0
        assert max(seen[kind] for kind in slow) <= 450.0
        assert min(seen[kind] for kind in other) >= 540.0
        assert max(seen[kind] for kind in held) < min(seen[kind] for kind in slow)


async def test_the_kinds_that_there_are_today_are_seen_within_half_a_minute(tmp_path: Path) -> None:
    """Four of Neutron's, flavors and keys: what is held of them in an idle cloud."""
    async with swept(tmp_path, kinds=6, held=6, slow=2) as toys:
        await minutes(toys, 30)
        (cloud,) = toys.clouds.values()
        seen = gaps(cloud, toys.clock.monotonic())
        assert max(seen[kind] for kind in toys.kinds[2:]) <= 30.0
        assert max(seen[kind] for kind in toys.kinds[:2]) <= 180.0
        assert max(by_minute(cloud, since=2 * MINUTE).values()) <= 12


async def test_each_of_many_clouds_has_its_own_budget(tmp_path: Path) -> None:
    async with swept(tmp_path, kinds=20, held=20, clouds=12) as toys:
        await minutes(toys, 8)
        for cloud in toys.clouds.values():
            later = by_minute(cloud, since=2 * MINUTE)
            assert max(later.values()) <= 12
            assert sum(later[minute] for minute in range(3, 8)) >= 5 * 11, "and what it has is used"


async def test_what_is_under_way_is_listed_at_its_own_interval_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with swept(tmp_path, kinds=60, held=60) as toys:
        await minutes(toys, 3)
        (cloud,) = toys.clouds.values()
        async with toys.store.transaction() as tx:
            for kind in toys.kinds[:3]:
                presence = await presences.fetch(tx, kind, f"{kind}-0", cloud.name)
                assert presence is not None
                presence.state = PENDING
                await presences.save(tx, presence)
        cloud.listed.clear()
        await minutes(toys, 10)
        counts = Counter(kind for _, kind in cloud.listed)
        assert all(50 <= counts[kind] <= 60 for kind in toys.kinds[:3]), "every ten seconds"
        rest = sum(counts[kind] for kind in toys.kinds[3:])
        assert 50 <= rest <= 70, "half of the budget is kept for the rest"
        assert all(counts[kind] for kind in toys.kinds)


async def test_what_ends_an_inventory_is_done_where_quick_sweeps_list_everything(tmp_path: Path) -> None:
    """What is unsettled and nobody's work is found, though no kind is left to the inventory."""
    async with swept(tmp_path, kinds=4, held=4) as toys:
        await minutes(toys, 15)
        (cloud,) = toys.clouds.values()
        kind = toys.kinds[0]
        async with toys.store.transaction() as tx:
            presence = await presences.fetch(tx, kind, f"{kind}-0", cloud.name)
            assert presence is not None
            presence.state = PENDING
            await presences.save(tx, presence)
        await minutes(toys, 11)
        assert await presences.unattended(toys.store, cloud.name) == []
        (due,) = await work.due(toys.store, cloud.name, toys.clock.now(), 10)
        assert (due.kind, due.id) == (kind, f"{kind}-0")


async def test_a_short_interval_of_inventories_is_kept_and_spread(tmp_path: Path) -> None:
    """An operator who wants all of it every minute gets that, evenly, whatever the budget says."""
    async with swept(tmp_path, kinds=30, held=0, pace=Pace(inventory=MINUTE)) as toys:
        await minutes(toys, 10)
        (cloud,) = toys.clouds.values()
        assert max(gaps(cloud, toys.clock.monotonic()).values()) <= 1.2 * MINUTE
        assert max(by_minute(cloud, since=3 * MINUTE).values()) <= 33


async def test_a_kind_that_is_throttled_is_listed_soon_after_that_is_over(tmp_path: Path) -> None:
    """A 429 or 503 puts it off by seconds to minutes, not by the interval of inventories."""
    async with swept(tmp_path, kinds=8, held=2) as toys:
        await minutes(toys, 1)
        (cloud,) = toys.clouds.values()
        cloud.failing["kind03"] = Throttled("slow down", after=1.0)
        await minutes(toys, 11)
        assert {kind for at, kind in cloud.listed if at > MINUTE} == set(toys.kinds) - {"kind03"}
        cloud.failing.clear()
        await minutes(toys, 3)
        assert "kind03" in {kind for at, kind in cloud.listed if at > MINUTE}


async def test_an_inventory_whose_end_failed_is_ended_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = 0

    async def finish(*_: Any) -> None:
        nonlocal ends
        ends += 1
        if ends == 1:
            raise StoreTrouble("locked")

    monkeypatch.setattr(loop, "finish_inventory", finish)
    async with swept(tmp_path, kinds=4, held=4) as toys:
        await minutes(toys, 1)
        assert ends == 2
        await minutes(toys, 5)
        assert ends == 2


# --- by hand ----------------------------------------------------------------------------------------


async def test_a_kind_of_which_nothing_is_held_is_left_to_the_inventory(world: World) -> None:
    east = await world.cloud("east")
    east.cursors = False
    await world.want("box", "b1")
    await world.settle()
    await world.sweep("east", full=True)
    before = east.calls.count("list")
    for _ in range(12):
        world.clock.time += 10
        await world.sweep("east")
    assert east.calls.count("list") - before == 12, "boxes; nobody has a net or a plug there"
    await world.box("b2")
    world.clock.time += 10
    await world.sweep("east")
    await world.settle()
    world.clock.time += 10
    await world.sweep("east")
    assert east.calls.count("list") - before >= 12 + 2 * 3 - 2, "and now somebody has"


async def test_a_kind_that_others_change_is_listed_at_its_own_interval_while_they_do(world: World) -> None:
    east = await world.cloud("east")
    east.cursors = False
    await world.box()
    await world.settle()
    await world.sweep("east", full=True)
    (net,) = east.here("net")

    async def shown(size: int, seconds: float) -> bool:
        """Whether a change there is seen within so long, while others use the budget up."""
        east.change(net.remote_id, size=size)
        for _ in range(int(seconds / 5)):
            for _ in range(20):
                world.machine.budget.spend("east", "other")
            world.clock.time += 5
            await world.sweep("east")
        presence = await world.presence("net", "n1", "east")
        assert presence is not None
        assert presence.observed is not None
        return bool(presence.observed["size"] == size)

    world.clock.time += 120
    world.machine.budget._account("east").reserved = 0.0
    assert not await shown(7, 5.0)
    assert await shown(8, 60.0)
    assert await shown(9, 10.0)


async def test_an_empty_cloud_is_asked_for_something_so_that_it_is_known_whether_it_answers(
    world: World,
) -> None:
    east = await world.cloud("east", kinds=("net", "plug"))
    east.cursors = False
    await world.sweep("east", full=True)
    east.calls.clear()
    for _ in range(12):
        world.clock.time += 5
        await world.sweep("east")
    assert east.calls.count("list") == 6


async def test_a_kind_that_cannot_be_listed_takes_no_more_than_its_own_part(world: World) -> None:
    east = await world.cloud("east")
    east.cursors = False
    await world.box()
    await world.settle()
    await world.sweep("east", full=True)
    world.clock.time += 3600
    tried: list[str] = []
    for actuator in ("net", "plug", "box"):
        _refuse(world, east.name, actuator, tried)
    for _ in range(24):
        world.clock.time += 5
        await world.sweep("east")
    assert Counter(tried)["net"] <= 12
    assert min(Counter(tried).values()) >= 6


def _refuse(world: World, cloud: str, kind: str, tried: list[str]) -> None:
    life = world.lives[kind]
    assert life.name == kind
    child = world.children.clouds[cloud]
    assert child is not None
    given = child.actuators()[kind]

    async def refused() -> None:
        tried.append(kind)
        raise Refused("not for you", status=403)

    class Refusing:
        async def has_cursor(self) -> bool:
            return False

        async def list_changed(self, since: str) -> AsyncIterator[object]:
            await refused()
            yield given

    every = {**child.actuators(), **getattr(child, "replaced", {})}
    every[kind] = Refusing()  # type: ignore[assignment]
    child.replaced = every  # type: ignore[attr-defined]
    child.actuators = lambda: every  # type: ignore[method-assign]


# --- the rule ---------------------------------------------------------------------------------------


class One:
    """A listing that is due."""

    def __init__(self, kind: str, lateness: float = 1.0) -> None:
        self.kind = kind
        self.lateness = lateness


def test_a_minutes_worth_is_saved_up_and_no_more() -> None:
    clock = HandClock()
    budget = Budget(clock, 12.0)
    due = [One(f"k{at}") for at in range(60)]
    held = {one.kind for one in due}
    clock.time += 3600
    assert len(budget.choose("east", due, held)) == 12
    assert len(budget.choose("west", due, held)) == 12
    clock.time += 15
    assert len(budget.choose("east", due, held)) == 3


def test_whoever_waited_the_most_of_its_own_interval_comes_first() -> None:
    clock = HandClock()
    budget = Budget(clock, 2.0)
    due = [One("a", 1.0), One("b", 3.0), One("c", 2.0)]
    assert [one.kind for one in budget.choose("east", due, {"a", "b", "c"})] == ["b", "c"]


def test_what_is_under_way_comes_before_all_else_and_leaves_half_to_it() -> None:
    clock = HandClock()
    budget = Budget(clock, 12.0)
    busy = [One(f"busy{at}") for at in range(5)]
    rest = [One(f"rest{at}", 9.0) for at in range(5)]
    held = {one.kind for one in [*busy, *rest]}
    budget.spend("east", "other")
    made: Counter[str] = Counter()
    for _ in range(60):
        clock.time += 10
        budget.note_activity("east", [one.kind for one in busy])
        made.update(one.kind[:4] for one in budget.choose("east", [*busy, *rest], held))
    assert made["busy"] == 5 * 60
    assert 55 <= made["rest"] <= 75


def test_the_inventory_takes_its_share_and_is_done_in_time() -> None:
    budget = Budget(HandClock(), 12.0)
    assert budget.spacing(60, 600.0) == 10.0
    assert budget.spacing(8, 600.0) == 10.0
    assert budget.spacing(100, 600.0) == 6.0


def test_the_inventory_begins_so_early_that_the_last_kind_is_listed_in_time() -> None:
    clock = HandClock()
    budget = Budget(clock, 12.0)
    kinds = [f"k{at}" for at in range(30)]
    for kind in kinds:
        budget.spend("east", kind)
        budget.listed("east", kind, clock.monotonic())
    clock.time += 600.0 - 29 * 10.0 - 1.0
    assert budget.inventory("east", kinds, 600.0) == []
    clock.time += 1.0
    assert budget.inventory("east", kinds, 600.0)[0] == "k0"
    assert budget.inventory("east", kinds[:20], 600.0) == []


def test_what_quick_sweeps_list_whole_is_not_listed_again_by_the_inventory() -> None:
    clock = HandClock()
    budget = Budget(clock, 12.0)
    budget.choose("east", [One("a"), One("b")], {"a", "b"})
    for kind in ("a", "b", "c"):
        budget.listed("east", kind, clock.monotonic())
    clock.time += 599
    budget.listed("east", "a", clock.monotonic())
    clock.time += 1
    assert set(budget.inventory("east", ("a", "b", "c"), 600.0)) == {"b", "c"}


def test_what_fails_is_not_tried_before_what_was_not_tried_at_all() -> None:
    clock = HandClock()
    budget = Budget(clock, 12.0)
    for kind in ("a", "b", "c"):
        budget.spend("east", kind)
        budget.listed("east", kind, clock.monotonic())
        clock.time += 1
    clock.time += 600
    assert budget.inventory("east", ("a", "b", "c"), 600.0) == ["a", "b", "c"]
    budget.spend("east", "a")
    assert budget.inventory("east", ("a", "b", "c"), 600.0) == ["b", "c", "a"]


def test_what_could_not_be_listed_is_tried_again_soon_and_then_less_and_less_often() -> None:
    clock = HandClock()
    budget = Budget(clock, 12.0)
    for kind in ("a", "b", "c"):
        budget.spend("east", kind)
        budget.listed("east", kind, clock.monotonic())
    pauses = []
    for _ in range(8):
        budget.spend("east", "a")
        budget.failed("east", "a")
        began = clock.monotonic()
        while budget.inventory("east", ("a", "b", "c"), 600.0)[:1] != ["a"]:
            clock.time += 5
            for kind in ("b", "c"):
                budget.listed("east", kind, clock.monotonic())
        assert budget.inventory("east", ("a", "b", "c"), 600.0) == ["a"], "and no other with it"
        pauses.append(clock.monotonic() - began)
    assert pauses == [10, 20, 40, 80, 160, 320, 600, 600]
    budget.listed("east", "a", clock.monotonic())
    assert budget.inventory("east", ("a", "b", "c"), 600.0) == []


def test_a_cloud_that_says_when_to_come_back_is_not_asked_before() -> None:
    clock = HandClock()
    budget = Budget(clock, 12.0)
    budget.spend("east", "a")
    budget.failed("east", "a", 45.0)
    clock.time += 44
    assert budget.inventory("east", ("a",), 600.0) == []
    clock.time += 1
    assert budget.inventory("east", ("a",), 600.0) == ["a"]
