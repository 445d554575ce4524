"""Accidents of a laboratory, without one: each is mended, and no two of them take a majority away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults import lab_accidents
from tests.faults.lab_accidents import Accidents
from tests.faults.stage import TooLate
from tools.lab import measure, net
from tools.lab.place import ADDRESSES, NODES, Place
from tools.lab.scenarios import State

_TAKES_A_DATABASE = ("database", "cable", "database blocked", "deaf blocked")


class Pretended:
    """A laboratory that is only written down: what is broken in it just now."""

    def __init__(self) -> None:
        self.broken: set[tuple[str, str]] = set()
        self.most_databases = 0
        self.touched: set[str] = set()

    def breaks(self, what: str, node: str) -> None:
        assert node in ADDRESSES, f"{node} is not there"
        self.touched.add(f"{what} {node}")
        self.broken.add((what, node))
        away = {name for what, name in self.broken if what in _TAKES_A_DATABASE and name in NODES}
        self.most_databases = max(self.most_databases, len(away))

    def mends(self, what: str, node: str) -> None:
        self.broken.discard((what, node))

    def send_command(self, _place: Place, node: str, do: str, service: str) -> None:
        (self.mends if do in ("start", "resume") else self.breaks)(service, node)


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Pretended:
    lab = Pretended()
    monkeypatch.setattr(lab_accidents, "send_command", lab.send_command)
    monkeypatch.setattr(lab_accidents, "run", lambda *_, **__: _Done())
    monkeypatch.setattr(net, "block", lambda _p, node, name, **_: lab.breaks(f"{name} blocked", node))
    monkeypatch.setattr(net, "unblock", lambda _p, node, name: lab.mends(f"{name} blocked", node))
    monkeypatch.setattr(net, "partition", lambda _p, node: lab.breaks("cable", node))
    monkeypatch.setattr(net, "heal", lambda _p, node: lab.mends("cable", node))
    monkeypatch.setattr(measure, "state", lambda _p: State("n2", ["n1", "n3"], "lb1"))
    monkeypatch.setattr(lab_accidents, "_NOTICES", 0.01)
    monkeypatch.setattr(lab_accidents, "_LOOKS", {})
    return lab


class _Done:
    stdout = "503"


async def _token() -> str:
    return "token"


def _accidents(wrongs: list[str] | None = None, *, over: bool = False) -> Accidents:
    return Accidents(Place(Path("/nowhere")), _token, wrongs if wrongs is not None else [], lambda: over)


async def test_every_accident_breaks_something_and_mends_it_again(pretended: Pretended) -> None:
    for sort, own in _accidents().sorts().items():
        for target in own.targets:
            pretended.touched.clear()
            await own.befall(target, 0.01)
            assert pretended.touched, f"{sort} ({target}) did nothing"
            assert not pretended.broken, f"{sort} ({target}) was not mended"


async def test_the_writer_is_whoever_it_is_just_now(pretended: Pretended) -> None:
    await _accidents().sorts()["writer of the database killed"].befall("database writer", 0.01)
    assert pretended.touched == {"database n2"}


async def test_all_at_once_they_leave_a_majority_of_databases(pretended: Pretended) -> None:
    sorts = {sort: own for sort, own in _accidents().sorts().items() if sort != "every database killed"}
    assert len(sorts) > 20
    await asyncio.gather(*(own.befall(target, 0.01) for own in sorts.values() for target in own.targets))
    assert pretended.most_databases == 1
    assert not pretended.broken


async def test_what_waits_for_others_when_all_is_over_does_not_begin(pretended: Pretended) -> None:
    with pytest.raises(TooLate):
        await _accidents(over=True).sorts()["node cut off"].befall("node n1", 0.01)
    assert not pretended.touched


async def test_a_node_that_is_alone_and_answers_breaks_a_promise(
    pretended: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrongs: list[str] = []
    answered = _Done()
    answered.stdout = "200"
    monkeypatch.setattr(lab_accidents, "run", lambda *_, **__: answered)
    await _accidents(wrongs).sorts()["node cut off"].befall("node n3", 0.01)
    assert len(wrongs) == 2
    assert all(why.startswith("split: n3 ") for why in wrongs)
