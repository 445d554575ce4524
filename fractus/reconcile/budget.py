"""Whole listings of each cloud, of all kinds together: one budget, spent by priority (decision 0024).

1. What is under way is listed at its kind's own interval, and charged. Half of the budget is kept for the rest.
2. What is held is listed as far as the budget goes: whichever kind has waited the most of its own interval comes first,
   so what hardly changes (flavors) waits longer and is never forgotten.
3. A kind of which nothing is held in a cloud is left to the inventory: each kind of each cloud is listed whole once in
   `Pace.inventory`, one kind after the other.

What a child can tell by a cursor costs it little, and is not charged.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Protocol, TypeVar

from msgspec import Struct

from fractus.base.clock import Clock

#: A kind is under way for so long after something of it was last unsettled or seen to change. Seconds.
_ACTIVE = 60.0

#: So much may be spent beyond what there is, and is waited for afterwards.
_DEBT = 3.0

#: A kind that could not be listed is tried again after so many seconds, and after each further failure so many times
#: later, up to the interval of inventories.
_RETRY, _LATER = 10.0, 2.0

#: The inventory takes at most this part of the budget, so that as much is left for what is held.
_SHARE = 0.5


class Candidate(Protocol):
    """A listing that is due by its kind's own interval."""

    kind: str

    @property
    def lateness(self) -> float:
        """How many of its intervals have passed since it was last asked for."""
        ...


C = TypeVar("C", bound=Candidate)


class _Account(Struct):
    """What one cloud may still be asked for."""

    tokens: float
    reserved: float
    """Of that, for what is held alone, however much is under way."""
    at: float


class _Failure(Struct):
    """Listings of one kind that failed, one after the other."""

    pause: float
    """Seconds that were waited after the latest."""
    until: float


class Budget:
    """How many whole listings each cloud may be asked for now, and when each of its kinds was listed."""

    def __init__(self, clock: Clock, a_minute: float) -> None:
        """`a_minute`: whole listings a minute of one cloud; so many may have been saved up."""
        self._clock = clock
        self.a_minute = a_minute
        self._accounts: dict[str, _Account] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._listed: dict[tuple[str, str], float] = {}
        self._failures: dict[tuple[str, str], _Failure] = {}
        self._active: dict[tuple[str, str], float] = {}
        self._latest: dict[str, float] = {}
        self._swept: set[tuple[str, str]] = set()
        """What quick sweeps list whole, so that the inventory need not."""

    # ------------------------------------------------------------------ what happens

    def spend(self, cloud: str, kind: str, *, quick: bool = False) -> None:
        """A cloud is being asked for all of a kind: by a quick sweep, or an inventory."""
        account = self._account(cloud)
        account.tokens = max(-_DEBT, account.tokens - 1.0)
        self._asked[cloud, kind] = self._latest[cloud] = account.at
        (self._swept.add if quick else self._swept.discard)((cloud, kind))

    def listed(self, cloud: str, kind: str, at: float) -> None:
        """All of a kind was listed, in a listing that began then."""
        self._listed[cloud, kind] = at
        self._failures.pop((cloud, kind), None)

    def failed(self, cloud: str, kind: str, after: float = 0.0) -> None:
        """All of a kind could not be listed. It is tried again soon, and less and less often; `after`: not before so
        many seconds, for the cloud said so.
        """
        before = self._failures.get((cloud, kind))
        pause = max(after, _RETRY if before is None else before.pause * _LATER)
        self._failures[cloud, kind] = _Failure(pause, self._clock.monotonic() + pause)

    def note_activity(self, cloud: str, kinds: Iterable[str]) -> None:
        """Something of these kinds is unsettled, or has changed."""
        now = self._clock.monotonic()
        for kind in kinds:
            self._active[cloud, kind] = now

    # ------------------------------------------------------------------ what follows

    def asked_at(self, cloud: str, kind: str) -> float:
        """When a cloud was last asked for all of a kind, whether it answered or not."""
        return self._asked.get((cloud, kind), -math.inf)

    def choose(self, cloud: str, due: Collection[C], held: Collection[str]) -> list[C]:
        """Those whole listings that are to be made now, charged. `held`: kinds of which we hold anything there."""
        chosen = [one for one in due if self._is_under_way(cloud, one.kind)]
        for one in chosen:
            self.spend(cloud, one.kind, quick=True)
        rest = [one for one in due if one.kind in held and one not in chosen]
        for one in sorted(rest, key=lambda each: each.lateness, reverse=True):
            account = self._account(cloud)
            if max(account.tokens, account.reserved) < 1.0:
                break
            self.spend(cloud, one.kind, quick=True)
            account.reserved = max(0.0, account.reserved - 1.0)
            chosen.append(one)
        return chosen

    def liveness(self, cloud: str, due: Collection[C], after: float) -> list[C]:
        """One of the listings that are due, where a cloud has not been asked for anything for `after` seconds."""
        if not due or self._clock.monotonic() - self._latest.get(cloud, -math.inf) < after:
            return []
        chosen = max(due, key=lambda each: each.lateness)
        self.spend(cloud, chosen.kind)
        return [chosen]

    def inventory(self, cloud: str, kinds: Collection[str], interval: float) -> list[str]:
        """The kinds that the inventory lists next, in this order; none while all can still be listed in time.

        One is listed after the other, `spacing` apart, so the last one must not be begun with only when its time is up.
        What has failed is not waited for, and comes first once it is to be tried again.
        """
        now, apart = self._clock.monotonic(), self.spacing(len(kinds), interval)
        failing = {kind for kind in kinds if (cloud, kind) in self._failures}
        again = [kind for kind in kinds if kind in failing and self._is_tried_again(cloud, kind, interval)]
        ages = {
            kind: now - self._listed.get((cloud, kind), -math.inf) for kind in kinds if kind not in failing
        }
        queue = [kind for kind in ages if ages[kind] >= interval or (cloud, kind) not in self._swept]
        queue.sort(key=lambda kind: self.asked_at(cloud, kind))
        late = any(ages[kind] + at * apart >= interval for at, kind in enumerate(queue))
        return again + (queue if late else [])

    def spacing(self, kinds: int, interval: float) -> float:
        """Seconds between two listings of the inventory, so that it takes its share and is done within `interval`."""
        return min(60.0 / (self.a_minute * _SHARE), interval / max(1, kinds))

    # ------------------------------------------------------------------ inside

    def _is_tried_again(self, cloud: str, kind: str, interval: float) -> bool:
        now = self._clock.monotonic()
        return now >= min(self._failures[cloud, kind].until, self.asked_at(cloud, kind) + interval)

    def _is_under_way(self, cloud: str, kind: str) -> bool:
        return self._clock.monotonic() - self._active.get((cloud, kind), -math.inf) < _ACTIVE

    def _account(self, cloud: str) -> _Account:
        """What is left of it now."""
        now = self._clock.monotonic()
        account = self._accounts.get(cloud)
        if account is None:
            account = self._accounts[cloud] = _Account(self.a_minute, 1.0, now)
        earned = (now - account.at) * self.a_minute / 60.0
        account.tokens = min(self.a_minute, account.tokens + earned)
        account.reserved = min(1.0, account.reserved + earned * (1.0 - _SHARE))
        account.at = now
        return account
