"""The outcome of a look is written: the item is released, or scheduled to be looked at again.

Where a look has learnt something, both are one transaction; nobody sees the one without the other, and it costs one
commit.
"""

from __future__ import annotations

from fractus.base.retry import backoff
from fractus.reconcile.guard import holds
from fractus.reconcile.machine import Machine
from fractus.reconcile.outcome import Again, Blocked, Held, Outcome, Retry, Settled, Waiting
from fractus.store import holds as stored_holds
from fractus.store import presences, work
from fractus.store.transaction import Transaction
from fractus.store.work import Claim, LeaseLost

#: A blocked thing for which no cloud is chosen is tried again this often: an operator may have helped. Seconds.
_BLOCKED_AGAIN = 120.0
#: An item under a hold is looked at again so seldom, should the wake-up at its release get lost. Seconds.
_HELD_AGAIN = 1200.0
#: However soon, or late, a child asks us to come back (`Retry-After: 0`, or next year). Seconds.
_SOONEST, _LATEST = 0.1, 300.0


async def end(machine: Machine, tx: Transaction, claim: Claim, outcome: Outcome) -> None:
    """Write an outcome. `LeaseLost` where the item is not ours any more: then nothing of this is written."""
    left = await _write(machine, tx, claim, outcome)
    if left is None:
        raise LeaseLost(f"{claim.kind}/{claim.id}@{claim.cloud}")
    if not left:
        # It is due at once, and whoever woke it notified when nobody could take it yet.
        tx.after_commit(lambda: machine.notifier.notify(claim.cloud))


async def _write(machine: Machine, tx: Transaction, claim: Claim, outcome: Outcome) -> bool | None:
    """As `work.release`: False where it is due at once."""
    now = machine.clock.now()
    if isinstance(outcome, Settled):
        return await work.finish(tx, claim)
    if isinstance(outcome, Again):
        return await work.release(tx, claim, due=now) and False
    if isinstance(outcome, Waiting):
        return await _write_waiting(machine, tx, claim, outcome, now)
    if isinstance(outcome, Held):
        return await _write_held(machine, tx, claim, outcome, now)
    if isinstance(outcome, Retry):
        attempts = claim.attempts + 1
        asked = backoff(attempts) if outcome.after is None else outcome.after
        pause = min(max(asked, _SOONEST), _LATEST)
        return await work.release(
            tx, claim, due=now + pause, waits_on=outcome.on, attempts=attempts, reason=outcome.error
        )
    if isinstance(outcome, Blocked):
        return await _write_blocked(machine, tx, claim, outcome, now)
    raise TypeError(f"not an outcome to be written: {outcome!r}")


async def _write_waiting(
    machine: Machine, tx: Transaction, claim: Claim, outcome: Waiting, now: float
) -> bool | None:
    missed = await _missed(machine, tx, claim, outcome)
    due = now if missed else now + max(outcome.again_in, _SOONEST)
    left = await work.release(tx, claim, due=due, waits_on=outcome.on, reason=outcome.reason)
    return left and not missed


async def _missed(machine: Machine, tx: Transaction, claim: Claim, outcome: Waiting) -> bool:
    """Whether what is to be waited on has changed since it was read: then nothing will wake this item."""
    if outcome.read is None:
        return False
    kind, id = outcome.on.split("/", 1)
    return machine.readiness_of(await presences.fetch(tx, kind, id, claim.cloud)) != outcome.read


async def _write_held(
    machine: Machine, tx: Transaction, claim: Claim, outcome: Held, now: float
) -> bool | None:
    """It is woken when the hold is released; had that happened since it was looked at, nothing would wake it."""
    if outcome.hold:
        still = await stored_holds.fetch(tx, outcome.hold) is not None
    else:
        presence = await presences.fetch(tx, claim.kind, claim.id, claim.cloud)
        still = presence is not None and bool(await holds.reason_held(tx, presence))
    due = now + backoff(1, base=_HELD_AGAIN, cap=_HELD_AGAIN) if still else now
    left = await work.release(tx, claim, due=due, waits_on=holds.key(outcome.cloud), reason=outcome.reason)
    return left and still


async def _write_blocked(
    machine: Machine, tx: Transaction, claim: Claim, outcome: Blocked, now: float
) -> bool | None:
    life = machine.lifecycles.get(claim.kind)
    if life is None or life.traits.assigned:
        return await work.finish(tx, claim)
    return await work.release(tx, claim, due=now + _BLOCKED_AGAIN, reason=outcome.reason)
