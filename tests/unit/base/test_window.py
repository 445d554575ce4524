"""How many at once: fewer in trouble, more as it goes well."""

from __future__ import annotations

import pytest

from fractus.base.window import Window


class Hand:
    time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def now() -> Hand:
    return Hand()


def test_trouble_halves_it_once_for_all_that_were_under_way(now: Hand) -> None:
    window = Window(now, 16)
    for _ in range(10):
        window.troubled()
    assert window.size == 8
    now.time += 1
    window.troubled()
    assert window.size == 4
    for _ in range(10):
        now.time += 1
        window.troubled()
    assert window.size == 1


def test_it_recovers_one_for_each_round_that_goes_well(now: Hand) -> None:
    window = Window(now, 16)
    window.troubled()
    rounds = 0
    while window.size < 16:
        for _ in range(window.size):
            window.well()
        rounds += 1
    assert 8 <= rounds <= 10
    window.well()
    assert window.size == 16


def test_after_an_outage_it_starts_from_one_and_doubles(now: Hand) -> None:
    window = Window(now, 16)
    window.lost()
    sizes = [window.size]
    while window.size < 8:
        for _ in range(window.size):
            window.well()
        sizes.append(window.size)
    assert sizes == [1, 2, 4, 8]


def test_a_pause_is_kept_and_has_an_end(now: Hand) -> None:
    window = Window(now, 4)
    window.troubled(pause=7)
    assert window.pause == 7
    now.time += 3
    window.troubled(pause=1)
    assert window.pause == 4
    now.time += 5
    assert window.pause == 0
    window.troubled(pause=1e9)
    assert window.pause == 300


def test_answers_that_take_much_longer_than_usual_are_trouble_and_become_usual(now: Hand) -> None:
    window = Window(now, 16)
    for _ in range(100):
        window.well("GET", 0.1)
    assert window.size == 16
    least = 16
    for _ in range(30):
        now.time += 1
        window.well("GET", 3.0)
        least = min(least, window.size)
    assert least <= 2
    for _ in range(1000):
        now.time += 1
        window.well("GET", 3.0)
    assert window.size == 16


def test_what_was_always_slow_and_what_is_quick_still_are_no_trouble(now: Hand) -> None:
    window = Window(now, 16)
    for seconds in (5.0, 6.0, 5.0, 7.0):
        now.time += 2
        window.well("POST", seconds)
        window.well("GET", 0.001)
    for _ in range(20):
        now.time += 2
        window.well("GET", 0.5)
    assert window.size == 16


def test_what_it_is_at_most_may_be_changed(now: Hand) -> None:
    window = Window(now, 4)
    window.most = 10
    assert window.size == 10
    window.most = 3
    assert window.size == 3
    window.troubled()
    window.most = 20
    assert window.size < 3


def test_trouble_is_forgotten_where_nothing_more_is_done(now: Hand) -> None:
    window = Window(now, 16)
    window.lost()
    now.time += 59
    assert window.size == 1
    now.time += 2
    assert window.size == 16
