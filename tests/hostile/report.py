"""What a run found, as a table and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tests.hostile.attack import Attack, Tally
from tests.hostile.bystanders import Bystanders, Waits

_HEADS = ("attack", "healthcheck", "known token", "fresh login", "what became of it")


@dataclasses.dataclass(frozen=True)
class Result:
    """One attack, as it went."""

    attack: Attack
    seconds: float
    tally: Tally
    others: Bystanders

    def broken(self) -> list[str]:
        """Which bounds did not hold, in sentences."""
        found = list(self.tally.broken)
        bounds = self.attack.bounds
        for name, waits, most in (
            ("/healthcheck", self.others.health, bounds.health),
            ("a known token", self.others.known, bounds.known),
            ("fresh logins", self.others.login, bounds.login),
        ):
            waited = waits.quantile(0.99)
            if waited > most:
                found.append(f"{name}: p99 is {waited:.2f} s, the bound {most:g} s")
            failed = sum(waits.failures.values())
            if failed > bounds.failures:
                how = ", ".join(f"{what} x {number}" for what, number in sorted(waits.failures.items()))
                found.append(f"{name}: {failed} of {len(waits.seconds)} failed ({how})")
        return found


def lines(results: Sequence[Result]) -> list[str]:
    """The table: how long others waited, p50 and p99 in seconds, and what became of the attack's own requests."""
    rows = [_HEADS]
    for one in results:
        waits = [_cell(each) for each in (one.others.health, one.others.known, one.others.login)]
        rows.append((one.attack.name, *waits, _outcomes(one.tally)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS) - 1)]
    table = ["  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]])
             for row in rows]  # fmt: skip
    table.insert(0, "How long others waited: p50/p99 in seconds, and how many of their requests failed.")
    for one in results:
        table.append(f"{one.attack.name} ({one.seconds:.0f} s): {one.attack.tries}")
    for one in results:
        table += [f"BROKEN {one.attack.name}: {sentence}" for sentence in one.broken()]
    return table


def plain(results: Sequence[Result]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "attack": one.attack.name,
            "tries": one.attack.tries,
            "seconds": round(one.seconds, 1),
            "outcomes": dict(one.tally.outcomes),
            "others": {
                name: {
                    "requests": len(waits.seconds),
                    "p50": round(waits.quantile(0.5), 4),
                    "p99": round(waits.quantile(0.99), 4),
                    "failures": dict(waits.failures),
                }
                for name, waits in (
                    ("health", one.others.health),
                    ("known", one.others.known),
                    ("login", one.others.login),
                )
            },
            "broken": one.broken(),
        }
        for one in results
    ]


def _cell(waits: Waits) -> str:
    failed = sum(waits.failures.values())
    text = f"{waits.quantile(0.5):.3f}/{waits.quantile(0.99):.3f}"
    return f"{text} {failed} failed" if failed else text


def _outcomes(tally: Tally) -> str:
    return ", ".join(f"{what} x {number}" for what, number in sorted(tally.outcomes.items())) or "-"
