"""Delete an orphan from its cloud: a thing with our marker that we know nothing of, and that an operator wants gone.

It gets a presence without a resource, so that it is written down before the cloud is called, done under a lease, and
stopped by holds like anything else.
"""

from __future__ import annotations

from typing import Any

from fractus.base.log import logger
from fractus.base.retry import backoff
from fractus.model.cloud import HOME, Actuator
from fractus.model.errors import CloudError, Missing, Throttled
from fractus.model.resource import PENDING, Presence
from fractus.reconcile.machine import Machine
from fractus.reconcile.outcome import Outcome, Retry, Settled, Waiting
from fractus.store import presences
from fractus.store.retrying import rerun
from fractus.store.work import Claim

log = logger("reconcile.orphans")

#: The key in the memory of such a presence: the marker that the thing must carry.
ORPHAN = "orphan"

#: Between asking for its end and looking whether it came. Seconds.
_PAUSE = 2.0


def seeing_off(cloud: str, kind: str, remote_id: str, marker: str) -> Presence:
    """The presence of an orphan on its way out. Its id is nobody's."""
    return Presence(
        kind=kind,
        id=f"orphan:{remote_id}"[:255],
        cloud=cloud,
        wanted=False,
        state=PENDING,
        remote_id=remote_id,
        memory={ORPHAN: marker},
    )


async def see_off(
    machine: Machine, claim: Claim, presence: Presence, actuator: Actuator[Any, Any]
) -> Outcome:
    """One look at it. It is deleted only while it carries the marker that it was found with (law 6)."""
    remote_id, marker = presence.remote_id or "", presence.memory[ORPHAN]
    try:
        observed = await actuator.observe(HOME, remote_id)
        if observed.gone:
            return await _leave(machine, claim, presence)
        if observed.marker != marker:
            log.warning(
                "no longer ours, left alone", cloud=presence.cloud, kind=presence.kind, remote_id=remote_id
            )
            return await _leave(machine, claim, presence)
        await actuator.delete(HOME, remote_id)
    except Missing:
        return await _leave(machine, claim, presence)
    except Throttled as error:
        return Retry(error.reason, after=error.after)
    except CloudError as error:
        return Retry(error.reason, after=backoff(claim.attempts + 1, cap=60.0))
    return Waiting(again_in=_PAUSE, reason="the cloud is deleting it")


@rerun
async def _leave(machine: Machine, claim: Claim, presence: Presence) -> Outcome:
    async with machine.store.transaction() as tx:
        await machine.hold(tx, claim)
        await presences.drop(tx, presence)
    return Settled()
