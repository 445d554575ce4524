"""Automatic changes in a cloud (nobody asked for them) are counted and limited: a mistake must not go through all of
it.

Whatever moves, makes anew or repairs by itself asks `may` first. Above the limit a hold is placed that only an operator
takes off (`fractus cloud allow`).
"""

from __future__ import annotations

from fractus.base.log import logger
from fractus.reconcile.machine import Machine
from fractus.store import holds, presences
from fractus.store.transaction import Transaction

log = logger("reconcile.automatic_changes")


async def may(machine: Machine, tx: Transaction, cloud: str, kind: str, id: str, what: str) -> bool:
    """Whether `what` may be done to (kind, id) in a cloud automatically; if so, it is counted.

    Doing the same to one thing again is not counted twice.
    """
    name = holds.of_automatic_changes(cloud)
    if await holds.fetch(tx, name) is not None:
        return False
    since = tx.now() - machine.pace.automatic_window
    held = sum((await presences.left_in(tx, cloud)).values())
    most = max(machine.pace.automatic_least, int(held * machine.pace.automatic_percent / 100))
    done = await holds.automatic_changes(tx, cloud, since)
    if done >= most:
        reason = (
            f"{done} of the {held} things that {cloud} holds were changed within {machine.pace.automatic_window:g} s "
            f"that no user asked for, the last to {what}; more needs an operator: fractus cloud allow {cloud}"
        )
        await holds.place(tx, name, reason)
        log.error("too many automatic changes", cloud=cloud, done=done, held=held, what=what)
        return False
    await holds.note_automatic_change(tx, cloud, kind, id, what, since)
    return True
