"""Who should run what: evenly, the same for everybody, with few moves."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest

from fractus.reconcile.queue.spread import spread

LANES = ["", *(f"cloud{number}" for number in range(100))]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
def test_nobody_has_more_than_a_fair_share(number: int) -> None:
    workers = [f"w{n}" for n in range(number)]
    firsts = Counter(ranking[0] for ranking in spread(LANES, workers).values())
    assert sum(firsts.values()) == len(LANES)
    assert max(firsts.values()) <= ceil(len(LANES) / number)
    assert all(sorted(ranking) == workers for ranking in spread(LANES, workers).values())


def test_everybody_comes_to_the_same_answer() -> None:
    workers = ["w1", "w2", "w3"]
    assert spread(LANES, workers) == spread(set(LANES), workers[::-1])


def test_who_comes_takes_its_share_and_little_else_moves() -> None:
    before, after = spread(LANES, ["a", "b"]), spread(LANES, ["a", "b", "c"])
    moved = [lane for lane in LANES if before[lane][0] != after[lane][0]]
    to_new = [lane for lane in LANES if after[lane][0] == "c"]
    assert len(to_new) >= len(LANES) // 3 - 1
    assert len(set(moved) - set(to_new)) <= 10


def test_a_new_cloud_moves_few_others() -> None:
    before, after = spread(LANES, ["a", "b", "c"]), spread([*LANES, "new"], ["a", "b", "c"])
    assert sum(before[lane][0] != after[lane][0] for lane in LANES) <= 5


def test_without_workers_nobody_is_first() -> None:
    assert spread(["a"], []) == {"a": []}
