"""What resources cost is counted with them, refused where it is too much, and free again when they are gone."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fractus.model.errors import QuotaExceeded
from fractus.model.resource import Resource, Summary
from fractus.quota import limits, usage
from fractus.quota.costs import Costs, Over
from fractus.quota.limits import StoredLimits
from fractus.quota.quota import Quota
from fractus.quota.recount import Difference, recount
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.schema import resource_table
from fractus.store.sqlite import SqliteStore
from fractus.testing.clock import VirtualClock
from tests.unit.own_tables import OWN, every_table

BOX = resource_table("test_quota_box", metadata=OWN)
PEN = resource_table("test_quota_pen", metadata=OWN)
GIVEN = {"boxes": 3, "volume": 100, "pens": 2}


def _refuse(project_id: str, overs: Sequence[Over]) -> QuotaExceeded:
    return QuotaExceeded("; ".join(f"{o.name}: {o.requested} more than {o.used} of {o.limit}" for o in overs))


def _box(box: Resource) -> Mapping[str, int]:
    return {"boxes": 1, "volume": box.desired["volume"]}


COSTS = {
    "box": Costs(service="compute", names=("boxes", "volume"), of=_box, refuse=_refuse, units={"volume": 10}),
    "pen": Costs(service="compute", names=("pens",), of=lambda _: {"pens": 1}, refuse=_refuse, per_user=True),
}


class _Notifier:
    def notify(self, cloud: str) -> None:
        """Nobody works here."""


class Yard:
    """A store with boxes (of a project) and pens (of a user)."""

    def __init__(self, directory: Path, given: Mapping[str, int] = GIVEN) -> None:
        self.store = SqliteStore(directory / "yard.db", VirtualClock())
        self.store.create(every_table())
        tables = {"box": BOX, "pen": PEN}
        self.limits = StoredLimits(given)
        self.quota = Quota(COSTS, tables, self.limits)
        self.resources = Resources(tables, self.quota)
        self.ledger = Ledger(self.resources, _Notifier())
        self._ids = itertools.count(1)

    async def box(
        self, volume: int = 1, project: str = "p", user: str = "u", *, limited: bool = True
    ) -> Resource:
        box = Resource(
            kind="box",
            id=f"b{next(self._ids)}",
            project_id=project,
            user_id=user,
            desired={"volume": volume},
        )
        async with self.store.transaction() as tx:
            return await self.ledger.create(tx, box, Summary("", {}), assign=False, limited=limited)

    async def resize(self, id: str, volume: int) -> None:
        async with self.store.transaction() as tx:
            box = await self.fetch(id)
            box.desired["volume"] = volume
            await self.ledger.change(tx, box, Summary("", {}))

    async def remove(self, id: str, *, hide: bool = True) -> None:
        async with self.store.transaction() as tx:
            await self.ledger.remove(tx, await self.fetch(id), hide=hide)

    async def fetch(self, id: str) -> Resource:
        found = await self.resources.fetch(self.store, "box", id)
        assert found is not None
        return found

    async def used(self, project: str = "p") -> dict[str, int]:
        return {name: n for name, n in (await usage.of(self.store, ("project", project))).items() if n}

    async def differences(self, **more: Any) -> list[Difference]:
        return [one async for found in recount(self.store, self.quota, **more) for one in found]

    async def set(self, scope: str, owner: str, name: str, amount: int) -> None:
        async with self.store.transaction() as tx:
            await limits.set_limit(tx, scope, owner, name, amount)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


async def test_what_is_made_is_counted_and_what_is_deleted_is_free(yard: Yard) -> None:
    made = [await yard.box(100), await yard.box(200)]
    assert await yard.used() == {"boxes": 2, "volume": 300}
    await yard.resize(made[0].id, 50)
    assert await yard.used() == {"boxes": 2, "volume": 250}
    await yard.remove(made[1].id)
    assert await yard.used() == {"boxes": 1, "volume": 50}
    await yard.remove(made[0].id)
    assert await yard.used() == {}


async def test_what_only_is_not_wanted_any_more_still_takes_its_place(yard: Yard) -> None:
    box = await yard.box()
    await yard.remove(box.id, hide=False)
    assert await yard.used() == {"boxes": 1, "volume": 1}
    async with yard.store.transaction() as tx:
        gone = await yard.fetch(box.id)
        gone.deleted_at = tx.now()
        await yard.resources.save(tx, gone)
    assert await yard.used() == {}


async def test_the_limit_can_be_reached_and_not_passed_and_a_refusal_leaves_nothing(yard: Yard) -> None:
    for _ in range(3):
        await yard.box()
    with pytest.raises(QuotaExceeded, match=r"^boxes: 1 more than 3 of 3$"):
        await yard.box()
    assert await yard.used() == {"boxes": 3, "volume": 3}
    await yard.remove("b1")
    await yard.box()
    with pytest.raises(QuotaExceeded):
        await yard.box()
    assert await yard.differences() == []


async def test_growing_is_limited_as_making_is_and_shrinking_never_is(yard: Yard) -> None:
    box = await yard.box(900)
    with pytest.raises(QuotaExceeded, match=r"^volume: 11 more than 90 of 100$"):
        await yard.resize(box.id, 1001)
    await yard.resize(box.id, 1000)
    await yard.set("project", "p", "volume", 10)
    await yard.resize(box.id, 500)
    with pytest.raises(QuotaExceeded):
        await yard.resize(box.id, 501)
    assert await yard.used() == {"boxes": 1, "volume": 500}


async def test_what_is_there_already_is_counted_and_never_refused(yard: Yard) -> None:
    for _ in range(5):
        await yard.box(limited=False)
    assert await yard.used() == {"boxes": 5, "volume": 5}
    with pytest.raises(QuotaExceeded, match="1 more than 5 of 3"):
        await yard.box()


async def test_all_that_is_broken_is_reported(yard: Yard) -> None:
    await yard.set("project", "p", "boxes", 0)
    with pytest.raises(QuotaExceeded, match=r"^boxes: 1 more than 0 of 0; volume: 101 more than 0 of 100$"):
        await yard.box(1001)


async def test_a_projects_limit_goes_before_the_class_and_that_before_the_settings(yard: Yard) -> None:
    await yard.set("class", "default", "boxes", 1)
    await yard.box()
    with pytest.raises(QuotaExceeded, match="of 1"):
        await yard.box()
    await yard.set("project", "p", "boxes", -1)
    for _ in range(5):
        await yard.box()
    assert (await yard.limits.shown(yard.store, "p"))["boxes"] == -1
    assert (await yard.limits.shown(yard.store, "q"))["boxes"] == 1
    async with yard.store.transaction() as tx:
        await limits.drop_limits(tx, "project", "p", ["boxes"])
    with pytest.raises(QuotaExceeded, match="1 more than 6 of 1"):
        await yard.box()


async def test_a_users_own_limit_holds_beside_the_projects(yard: Yard) -> None:
    await yard.set("user", "p/u", "boxes", 1)
    await yard.box()
    with pytest.raises(QuotaExceeded, match="1 more than 1 of 1"):
        await yard.box()
    await yard.box(user="v")
    await yard.box(user="v")
    with pytest.raises(QuotaExceeded, match="1 more than 3 of 3"):
        await yard.box(user="v")


async def test_what_is_a_users_is_counted_in_whatever_project(yard: Yard) -> None:
    async def pen(id: str, payer: str) -> None:
        row = Resource(kind="pen", id=id, user_id="u", desired={})
        async with yard.store.transaction() as tx:
            await yard.ledger.create(tx, row, Summary("", {}), assign=False, paid_by=payer)

    await pen("1", "p")
    await pen("2", "q")
    with pytest.raises(QuotaExceeded, match="1 more than 2 of 2"):
        await pen("3", "p")
    await yard.set("project", "q", "pens", 3)
    await pen("3", "q")
    assert await usage.of(yard.store, ("user", "u")) == {"pens": 3}
    assert await yard.used("p") == await yard.used("q") == {}
    assert await yard.differences() == []


async def test_room_tells_for_how_many_there_is_quota(yard: Yard) -> None:
    await yard.box(995)
    async with yard.store.transaction() as tx:
        room = await yard.quota.room(tx, "box", "p", "u", {"boxes": 1, "volume": 0}, 5)
        assert (room.allowed, [(o.name, o.requested, o.used, o.limit) for o in room.overs]) == (
            2,
            [("boxes", 5, 1, 3)],
        )
        room = await yard.quota.room(tx, "box", "p", "u", {"boxes": 1, "volume": 3}, 2)
        assert (room.allowed, [o.name for o in room.overs]) == (1, ["volume"])
        room = await yard.quota.room(tx, "box", "p", "u", {"boxes": 1, "volume": 2}, 2)
        assert (room.allowed, list(room.overs)) == (2, [])


async def test_a_recount_finds_and_mends_what_is_wrong(yard: Yard) -> None:
    await yard.box(7)
    async with yard.store.transaction() as tx:
        await usage.add(tx, ("project", "p"), {"boxes": 4})
        await usage.add(tx, ("project", "ghost"), {"volume": 9})
    found = [
        Difference("project", "ghost", "volume", 9, 0),
        Difference("project", "p", "boxes", 5, 1),
    ]
    assert await yard.differences(dry_run=True) == found
    assert await yard.differences(project_id="p", dry_run=True) == found[1:]
    assert await yard.differences() == found
    assert await yard.differences() == []
    assert await yard.used() == {"boxes": 1, "volume": 7}


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["make", "adopt", "resize", "remove", "revive", "give", "drop", "fail"]),
        st.integers(0, 7),
        st.integers(0, 600),
        st.sampled_from(["p", "q"]),
    ),
    max_size=25,
)


@given(_STEPS)
@settings(max_examples=40, deadline=None)
def test_after_any_history_usage_is_what_a_recount_finds(steps: list[tuple[str, int, int, str]]) -> None:
    asyncio.run(_whole(steps))


async def _whole(steps: list[tuple[str, int, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        yard = Yard(Path(directory))
        try:
            await _history(yard, steps)
        finally:
            await yard.store.close()


async def _history(yard: Yard, steps: list[tuple[str, int, int, str]]) -> None:
    ids: list[str] = []
    for verb, which, volume, project in steps:
        id = ids[which % len(ids)] if ids else ""
        if verb not in ("make", "adopt", "fail") and not id:
            continue
        try:
            if verb in ("make", "adopt"):
                ids.append((await yard.box(volume, project, limited=verb == "make")).id)
            elif verb == "fail":
                await _fails(yard, volume, project)
            else:
                await _write(yard, verb, id, volume, project)
        except QuotaExceeded:
            pass
        if verb == "drop" and id in ids:
            ids.remove(id)
    expected: dict[str, Counter[str]] = {"p": Counter(), "q": Counter()}
    for id in ids:
        box = await yard.fetch(id)
        if box.deleted_at is None:
            expected[box.project_id].update(boxes=1, volume=box.desired["volume"])
    for project, counted in expected.items():
        assert await yard.used(project) == {name: n for name, n in counted.items() if n}
    assert await yard.differences() == []


async def _write(yard: Yard, verb: str, id: str, volume: int, project: str) -> None:
    async with yard.store.transaction() as tx:
        if verb == "drop":
            return await yard.resources.drop(tx, "box", id)
        box = await yard.fetch(id)
        if verb == "resize":
            box.desired["volume"] = volume
        elif verb == "remove":
            box.deleted_at = tx.now()
        elif verb == "revive":
            box.deleted_at = None
        elif verb == "give":
            box.project_id = project
        await yard.resources.save(tx, box, within=box.project_id if volume % 2 else None)


class _Failed(Exception):
    pass


async def _fails(yard: Yard, volume: int, project: str) -> None:
    """A transaction that breaks off after it has spent."""
    box = Resource(kind="box", id="never", project_id=project, desired={"volume": volume})
    with suppress(_Failed):
        async with yard.store.transaction() as tx:
            await yard.resources.add(tx, box, Summary("", {}))
            raise _Failed
