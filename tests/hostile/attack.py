"""What an attack is, and what is counted while it runs."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tests.hostile.target import Target


class Tally:
    """What one attack tried, what became of it, and which of its own bounds did not hold."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.broken: list[str] = []

    def answered(self, status: int, number: int = 1) -> None:
        """A request of the attack was answered with this status."""
        self.outcomes[str(status)] += number

    def unanswered(self, error: BaseException) -> None:
        """A request of the attack got no answer."""
        self.outcomes[type(error).__name__] += 1

    def note(self, outcome: str, number: int = 1) -> None:
        """Anything else that is worth a column of the table."""
        self.outcomes[outcome] += number

    def require(self, holds: bool, otherwise: str) -> None:
        """A bound of the attack's own: where it does not hold, the run fails with the sentence `otherwise`."""
        if not holds:
            self.broken.append(otherwise)


#: Runs the attack for so many seconds, and returns soon after.
Run: TypeAlias = "Callable[[Target, Tally, float], Awaitable[None]]"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bounds:
    """How long bystanders may wait while an attack runs, in seconds (99th percentile), and how many of their requests
    may fail. Wide enough for two cores that have other work.
    """

    health: float = 2.0
    """`GET /healthcheck`, without a token."""
    known: float = 2.0
    """A read with a token that is already known."""
    login: float = 5.0
    """A login at Keystone and the first request with the new token, together."""
    failures: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack. A module of `tests.hostile.attacks` lists its own in `ATTACKS`."""

    name: str
    """One or two words, for `--only` and the table."""
    tries: str
    """What is tried, in one sentence."""
    run: Run
    seconds: float = 20.0
    """How long it lasts."""
    short: float | None = 5.0
    """How long it lasts in the short form; None leaves it out there."""
    bounds: Bounds = Bounds()
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Environment variables (`FRACTUS_<SECTION>_<FIELD>`) of the fractus that is attacked. All attacks without `alone`
    share one, and so these."""
    alone: bool = False
    """Has a fractus of its own, which is stopped after it: for what is not undone by ending the attack."""
    disk: int = 0
    """MiB of a file system of its own (a tmpfs, which only root may mount) for the state of the fractus that is
    attacked; it is left out, with a sentence, where there can be none. 0: the machine's. Only with `alone`."""
