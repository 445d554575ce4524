"""The hostile suite's own parts: what is chosen, what counts as broken, and what the table says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import report, run
from tests.hostile.attack import Attack, Tally
from tests.hostile.bystanders import Bystanders, quantile
from tests.hostile.report import Result
from tests.hostile.target import Target


async def _idle(_target: Target, _tally: Tally, _seconds: float) -> None:
    await asyncio.sleep(0)


def others(target: Target, waited: float = 0.01) -> Bystanders:
    made = Bystanders(target)
    for waits in (made.health, made.known, made.login):
        waits.seconds = [0.01] * 98 + [waited] * 2
    return made


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path, {})


def result(target: Target, waited: float = 0.01, tally: Tally | None = None, **more: Any) -> Result:
    attack = Attack(name="one", tries="Something.", run=_idle, **more)
    return Result(attack, 1.0, tally or Tally(), others(target, waited))


def test_every_module_of_attacks_is_found_and_its_names_are_its_own() -> None:
    found = run.every()
    assert found[0].name == "nothing"
    assert {"malformed tokens", "unknown tokens"} <= {one.name for one in found}
    assert all(one.tries.endswith(".") for one in found)


def test_the_short_form_leaves_out_what_has_no_short_time() -> None:
    attacks = [
        Attack(name=name, tries="x.", run=_idle, short=short) for name, short in [("a", 1.0), ("b", None)]
    ]
    assert [one.name for one in run.chosen(attacks, run.options_of(["--short"]))] == ["a"]
    assert [one.name for one in run.chosen(attacks, run.options_of([]))] == ["a", "b"]
    assert [one.name for one in run.chosen(attacks, run.options_of(["--short", "--only", "b"]))] == ["b"]
    with pytest.raises(ValueError, match="no attack named c"):
        run.chosen(attacks, run.options_of(["--only", "c"]))


def test_attacks_that_want_other_settings_of_one_fractus_are_refused(tmp_path: Path) -> None:
    attacks = [
        Attack(name=name, tries="x.", run=_idle, settings={"FRACTUS_API_WORKERS": name}) for name in "12"
    ]
    with pytest.raises(ValueError, match="FRACTUS_API_WORKERS"):
        asyncio.run(run.run(attacks, tmp_path, short=True))


def test_who_waits_too_long_breaks_the_bound(target: Target) -> None:
    assert result(target).broken() == []
    assert result(target, 1.9).broken() == []
    assert [line.split(":")[0] for line in result(target, 2.1).broken()] == ["/healthcheck", "a known token"]
    assert len(result(target, 5.1).broken()) == 3


def test_a_request_of_the_others_that_fails_breaks_the_bound(target: Target) -> None:
    one = result(target)
    one.others.known.failures["503"] += 1
    (sentence,) = one.broken()
    assert sentence == "a known token: 1 of 100 failed (503 x 1)"


def test_an_attack_has_bounds_of_its_own(target: Target) -> None:
    tally = Tally()
    tally.require(True, "not this")
    tally.require(False, "this")
    assert result(target, tally=tally).broken() == ["this"]


def test_an_attack_that_does_not_end_has_failed(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_target: Target, _tally: Tally, _seconds: float) -> None:
        await asyncio.Event().wait()

    class Nobody(Bystanders):
        async def __aenter__(self) -> Bystanders:
            return self

        async def __aexit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(run, "Bystanders", Nobody)
    monkeypatch.setattr(run, "_GRACE", 0.05)
    attack = Attack(name="one", tries="Something.", run=hang)
    made = asyncio.run(run.launch(attack, target, 0.0))
    assert made.broken() == ["it had not ended 0.05 s after its time"]


def test_the_table_says_how_long_others_waited_and_what_became_of_the_attack(target: Target) -> None:
    tally = Tally()
    tally.answered(401, 3)
    tally.unanswered(TimeoutError())
    table = "\n".join(report.lines([result(target, 2.5, tally)]))
    assert "0.010/2.500" in table
    assert "401 x 3, TimeoutError x 1" in table
    assert "BROKEN one: /healthcheck: p99 is 2.50 s, the bound 2 s" in table


def test_quantiles_are_values_that_were_seen() -> None:
    assert quantile([], 0.99) == 0.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert quantile([float(number) for number in range(1, 201)], 0.99) == 198.0
