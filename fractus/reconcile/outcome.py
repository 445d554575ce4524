"""What one look at one presence came to. Outcomes are values; exceptions are for surprises."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Settled(Struct, frozen=True):
    """Observed equals desired and nothing is left to do."""


class Again(Struct, frozen=True):
    """A step was done and the next can follow at once."""


class Waiting(Struct, frozen=True):
    """Nothing to do until `on` (a `kind/id` key) changes, or `again_in` seconds have passed.

    `read` is the awaited presence's `Machine.face` as it was when waiting was decided on: if it has changed by the time
    that the waiting is written down, its wake-up went by already, and there is nothing to wait for.
    """

    on: str = ""
    again_in: float = 30.0
    reason: str = ""
    read: tuple[Any, ...] | None = None


class Held(Struct, frozen=True):
    """A hold is in force, so nothing was done: looked at again when it is released. Nothing has failed.

    `cloud` is the one it is held in; `hold` names the hold where no operator placed it.
    """

    cloud: str
    reason: str
    hold: str = ""


class Retry(Struct, frozen=True):
    """It went wrong in a way that may pass: again after backoff, without any limit of age (law 9).

    `on`: something that, when it changes, is worth a try before that.
    """

    error: str
    after: float | None = None
    on: str = ""


class Blocked(Struct, frozen=True):
    """It cannot be done as asked; only a change by its user can help."""

    reason: str


class Written(Struct, frozen=True):
    """An outcome that was written in the transaction of what the look learnt: there is nothing left to write."""

    outcome: Settled | Waiting | Held | Retry | Blocked


Outcome = Settled | Again | Waiting | Held | Retry | Blocked | Written
