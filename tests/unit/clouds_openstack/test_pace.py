from __future__ import annotations

import asyncio

import msgspec
import pytest

from fractus.clouds.openstack.pace import Lanes, Limits, Rate
from tests.unit.clouds_openstack.fake import Clock


async def test_a_burst_of_one_second_passes_and_then_the_rate_holds(clock: Clock) -> None:
    rate = Rate(clock, 10)
    for _ in range(10):
        await rate.take()
    assert clock.slept == []
    began = clock.time
    for _ in range(20):
        await rate.take()
    assert clock.time - began == pytest.approx(2.0)


async def test_no_rate_is_no_limit(clock: Clock) -> None:
    rate = Rate(clock, 0)
    for _ in range(1000):
        await rate.take()
    assert clock.slept == []


async def test_lanes_do_not_hold_each_other_up() -> None:
    lanes = Lanes(Limits(max_calls=1, max_live_calls=1, max_uploads=1))
    async with lanes["work"], lanes["bulk"], asyncio.timeout(1), lanes["live"]:
        assert lanes["work"].locked()


def test_limits_are_read_from_settings_among_others() -> None:
    limits = Limits.of({"max_calls": "3", "call_timeout": 5, "colour": "blue"})
    assert (limits.max_calls, limits.call_timeout, limits.max_uploads) == (3, 5.0, Limits().max_uploads)
    with pytest.raises(msgspec.ValidationError):
        Limits.of({"max_calls": "many"})
