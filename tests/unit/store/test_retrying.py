"""Who runs again, how long, and what may not be run twice."""

from __future__ import annotations

import asyncio

import pytest

from fractus.base.clock import SharedClock
from fractus.store.retrying import again, rerun, rerun_unless_written
from fractus.store.transaction import Away, CommitUnknown, Conflict, lost_before
from tests.unit.store.conftest import HandClock


class Loser:
    """Something that loses so many times."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles = list(troubles)
        self.runs = 0
        self.had_lost: list[bool] = []

    async def __call__(self) -> int:
        self.runs += 1
        self.had_lost.append(lost_before.get())
        if self.troubles:
            raise self.troubles.pop(0)
        return self.runs


async def test_what_lost_is_run_again_and_knows_that_it_has_lost() -> None:
    loser = Loser(Conflict("a"), Away("b"), Conflict("c"))
    assert await again(loser) == 4
    assert loser.had_lost == [False, True, True, True]
    assert not lost_before.get()


async def test_patience_ends() -> None:
    loser = Loser(*[Conflict(str(number)) for number in range(100)])
    with pytest.raises(Conflict):
        await again(loser, patience=0.05)
    assert 1 < loser.runs < 100
    assert not lost_before.get()


async def test_who_only_lost_has_some_tries_however_late_it_is() -> None:
    assert await again(Loser(*[Conflict("")] * 4), patience=0.0) == 5
    with pytest.raises(Conflict):
        await again(Loser(*[Conflict("")] * 5), patience=0.0)
    with pytest.raises(Away):
        await again(Loser(Away("")), patience=0.0)


async def test_another_fault_is_no_reason_to_run_again() -> None:
    loser = Loser(ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        await again(loser)
    assert loser.runs == 1


async def test_what_may_have_been_written_is_run_again_only_where_that_is_harmless() -> None:
    loser = Loser(Conflict(""), CommitUnknown("?"))
    with pytest.raises(CommitUnknown):
        await again(loser)
    assert await rerun(Loser(CommitUnknown("?")))() == 2
    with pytest.raises(CommitUnknown):
        await rerun_unless_written(Loser(CommitUnknown("?")))()
    assert await rerun_unless_written(Loser(Conflict("")))() == 2


async def test_who_is_cancelled_does_not_run_again() -> None:
    loser = Loser(*[Conflict("")] * 1000)
    task = asyncio.create_task(again(loser))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    runs = loser.runs
    await asyncio.sleep(0.05)
    assert loser.runs == runs


# --- one time for several machines ----------------------------------------------------------------


def test_the_time_is_that_of_the_database_once_it_was_heard() -> None:
    own = HandClock()
    clock = SharedClock(own)
    assert clock.now() == 1000.0
    clock.heard(5000.0, asked=1000.0, answered=1000.2)
    own.time = 1000.1
    assert clock.now() == pytest.approx(5000.0)
    own.time = 1060.1
    assert clock.now() == pytest.approx(5060.0)


def test_what_is_within_the_error_of_asking_moves_nothing() -> None:
    own = HandClock()
    clock = SharedClock(own)
    clock.heard(5000.0, asked=1000.0, answered=1000.0)
    clock.heard(5010.3, asked=1010.0, answered=1011.0)
    assert clock.now() == pytest.approx(5000.0)
    clock.heard(9000.0, asked=1010.0, answered=1011.0)
    own.time = 1010.5
    assert clock.now() == pytest.approx(9000.0)


def test_a_machine_whose_clock_jumps_notices_nothing() -> None:
    class Jumping(HandClock):
        def now(self) -> float:
            return self.time * 1e6

    own = Jumping()
    clock = SharedClock(own)
    clock.heard(5000.0, asked=1000.0, answered=1000.0)
    own.time = 1001.0
    assert clock.now() == pytest.approx(5001.0)
