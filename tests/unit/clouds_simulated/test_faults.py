"""Faults on request: what the caller is answered, and what has happened in the cloud all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fractus.base.ids import new_id
from fractus.clouds.simulated.faults import Faults, OutsideCall
from fractus.model.cloud import HOME
from fractus.model.compute import FlavorWanted
from fractus.model.errors import (
    CloudError,
    CredentialsRejected,
    Missing,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unreachable,
)
from fractus.model.network import NetworkWanted
from fractus.testing.clock import VirtualClock
from fractus.testing.live import console_of
from tests.unit.clouds_simulated.conftest import ANN, Place

BACK, GONE = 1, 0


@pytest.mark.parametrize(
    ("fault", "error", "made"),
    [
        (lambda faults: faults.loses_reply_once("network"), OutcomeUnknown, 1),
        (lambda faults: faults.loses_request_once("network"), OutcomeUnknown, 0),
        (lambda faults: faults.refuses_once("No."), Refused, 0),
        (lambda faults: faults.unreachable(), Unreachable, 0),
        (lambda faults: faults.throttles(7.0), Throttled, 0),
        (lambda faults: faults.credentials_rejected(), CredentialsRejected, 0),
        (lambda faults: faults.garbage(), OutcomeUnknown, 1),
    ],
)
async def test_a_create_meets_a_fault(
    place: Place, fault: Callable[[Faults], None], error: type[CloudError], made: int
) -> None:
    fault(place.faults)
    wanted = NetworkWanted(id=new_id())
    with pytest.raises(error):
        await place["network"].create(ANN, wanted)
    assert len(place.backend.networks) == made
    place.faults.heals()
    found = await place["network"].find(ANN, wanted)
    assert (found is not None) == bool(made), "looking for it tells what has happened"


async def test_what_may_be_repeated_is_merely_unreachable(place: Place) -> None:
    made = await place["network"].create(ANN, NetworkWanted(id=new_id()))
    place.faults.loses_reply_once(method="delete")
    with pytest.raises(Unreachable):
        await place["network"].delete(ANN, made.remote_id)
    with pytest.raises(Missing):
        await place["network"].delete(ANN, made.remote_id)


async def test_a_fault_strikes_only_what_it_is_for(place: Place) -> None:
    place.faults.refuses_once("No.", kind="server", method="create")
    await place["network"].create(ANN, NetworkWanted(id=new_id()))
    with pytest.raises(Refused, match=r"^No\.$"):
        await place.server()
    await place.server()


async def test_a_slow_cloud_answers_late(place: Place, clock: VirtualClock) -> None:
    place.faults.slow(5.0)
    task = asyncio.create_task(place["network"].create(ANN, NetworkWanted(id=new_id())))
    await clock.advance(4.9)
    assert not task.done()
    await clock.advance(0.2)
    await task


async def test_a_frozen_cloud_does_what_it_had_taken_when_it_thaws(place: Place, clock: VirtualClock) -> None:
    place.faults.hangs(30.0)
    wanted = NetworkWanted(id=new_id())
    task = asyncio.create_task(place["network"].create(ANN, wanted))
    await asyncio.sleep(0)
    await clock.advance(31)
    with pytest.raises(OutcomeUnknown, match="no answer within 30 seconds"):
        await task
    assert not place.backend.networks
    place.faults.resumes()
    assert len(place.backend.networks) == 1, "nobody waits for it any more, and it is done"


async def test_who_has_patience_is_answered_when_it_thaws(place: Place, clock: VirtualClock) -> None:
    place.faults.hangs(30.0)
    task = asyncio.create_task(place["network"].create(ANN, NetworkWanted(id=new_id())))
    await asyncio.sleep(0)
    await clock.advance(10)
    place.faults.resumes()
    await task
    assert len(place.backend.networks) == 1


async def test_after_three_failures_calls_fail_at_once_for_a_while(place: Place, clock: VirtualClock) -> None:
    place.faults.unreachable()
    for _ in range(3):
        assert place.cloud.healthy()
        with pytest.raises(Unreachable):
            await place.listed("network")
    assert not place.cloud.healthy()
    place.faults.heals()
    calls = len(place.faults.log)
    with pytest.raises(Unreachable):
        await place.listed("network")
    assert len(place.faults.log) == calls, "the call never left"
    await clock.advance(10)
    assert await place.listed("network") == {}


async def test_every_call_is_logged_and_hooks_see_every_change(place: Place) -> None:
    before: list[OutsideCall] = []
    after: list[OutsideCall] = []
    place.faults.before_change, place.faults.after_change = before.append, after.append
    wanted = FlavorWanted(id=new_id(), vcpus=1, ram=1, disk=1)
    made = await place["flavor"].create(HOME, wanted)
    await place["flavor"].observe(HOME, made.remote_id)
    await place["flavor"].delete(HOME, made.remote_id)
    assert [(call.method, call.id, call.change) for call in place.faults.calls("flavor")] == [
        ("create", wanted.id, True),
        ("observe", made.remote_id, False),
        ("delete", made.remote_id, True),
    ]
    assert before == after == place.faults.changes()


class Kill(BaseException):
    pass


async def test_a_hook_may_kill_before_and_after_a_change(place: Place) -> None:
    def die(call: OutsideCall) -> None:
        raise Kill

    place.faults.before_change = die
    with pytest.raises(Kill):
        await place["network"].create(ANN, NetworkWanted(id=new_id()))
    assert not place.backend.networks
    place.faults.before_change, place.faults.after_change = None, die
    with pytest.raises(Kill):
        await place["network"].create(ANN, NetworkWanted(id=new_id()))
    assert len(place.backend.networks) == 1


async def test_the_console_has_a_deadline(place: Place, clock: VirtualClock) -> None:
    made = await place.server()
    await clock.advance(10)
    place.faults.hangs(60.0)
    task = asyncio.create_task(console_of(place.cloud, ANN, made.remote_id, None, 2.0))
    await asyncio.sleep(0)
    await clock.advance(2)
    with pytest.raises(Unreachable, match="did not give the console log within 2 s"):
        await task


async def test_check_says_what_it_is(place: Place) -> None:
    report = await place.cloud.check()
    assert report.reachable
    assert all(finding.ok for finding in report.findings)
    place.faults.unreachable()
    report = await place.cloud.check()
    assert not report.reachable
    assert [finding.text for finding in report.findings] == ["sim does not answer: connection refused"]
