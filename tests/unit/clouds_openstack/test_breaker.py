from __future__ import annotations

from fractus.clouds.openstack.breaker import Breaker
from tests.unit.clouds_openstack.fake import Clock


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock, threshold=3, shortest=10, longest=60)
    for _ in range(3):
        assert breaker.enter()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_only(clock: Clock) -> None:
    breaker = Breaker(clock, threshold=3)
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert not breaker.open
    breaker.failed()
    assert breaker.open
    assert not breaker.enter()


def test_one_probe_is_let_through_when_its_time_has_come(clock: Clock) -> None:
    breaker = opened(clock)
    assert 5 <= breaker.wait() <= 10  # jittered over its upper half
    clock.time += 10
    assert not breaker.open
    assert breaker.enter()
    assert not breaker.enter()
    breaker.succeeded()
    assert breaker.enter()
    assert not breaker.open


def test_a_failed_probe_opens_it_for_longer(clock: Clock) -> None:
    breaker = opened(clock)
    clock.time += 10
    assert breaker.enter()
    breaker.failed()
    assert 10 <= breaker.wait() <= 20
    for _ in range(8):
        clock.time += 60
        assert breaker.enter()
        breaker.failed()
    assert breaker.wait() <= 60


def test_a_probe_that_was_given_up_leaves_the_place_to_the_next(clock: Clock) -> None:
    breaker = opened(clock)
    clock.time += 10
    assert breaker.enter()
    breaker.abandoned()
    assert breaker.enter()


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_wait(clock: Clock) -> None:
    breaker = opened(clock)
    before = breaker.wait()
    for _ in range(10):
        breaker.failed()
    assert breaker.wait() == before
