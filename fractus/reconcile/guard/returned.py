"""What is in a cloud again, or twice, and must not be: the end that was asked for holds (law 5).

A cloud that is put back to an old backup has again what was deleted since. A request that was held up on the way is
done when nobody waits for it any more; one that a network delivers twice is done twice. What such things leave carries
our marker, but so does what an operator let us forget. So it is sent away only where it is known how it came there:

- it left this very cloud before, by our own hand: `Resource.choice["left"]` holds cloud -> the ids that it had
  there, as what is carried comes and goes; an empty one where it was never learnt (a create that was given up);
- or it stands beside the one that is ours. What is carried goes by itself if nothing uses it, for its cloud refuses
  otherwise. What holds data goes only where a create of it was sent more than once, or where its kind can tell that
  what is in it is in ours too (`JudgesDoubles`: snapshots and backups, which nothing writes to).

All else is reported, as ever, and left alone (law 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.base.log import logger
from fractus.model.cloud import Observed
from fractus.model.resource import Presence, Resource
from fractus.reconcile.kind import JudgesDoubles
from fractus.reconcile.machine import Machine
from fractus.store import presences
from fractus.store.retrying import rerun
from fractus.store.transaction import Transaction

log = logger("reconcile.returned")

#: In `Resource.choice`: cloud -> the ids there of what we saw out of it, the newest last.
LEFT = "left"
#: So many of them are remembered for each cloud: a backup that is older than so many comings and goings is reported.
_REMEMBERED = 64
#: In a presence's memory: ids there of others that carry the same marker, to be sent away.
OTHERS = "others"
#: In a presence's memory: its create was sent a second time, after the first was lost.
SENT_AGAIN = "sent_again"


def note_left(resource: Resource, presence: Presence) -> None:
    """Remember that we saw this presence out of its cloud, should it come back."""
    if presence.memory.get("borrowed"):
        return
    id, known = presence.remote_id or "", _left_ids(resource.choice, presence.cloud)
    ids = [*(one for one in known if one != id), id][-_REMEMBERED:]
    resource.choice = {**resource.choice, LEFT: {**resource.choice.get(LEFT, {}), presence.cloud: ids}}


def has_left(choice: Mapping[str, Any], cloud: str, remote_id: str) -> bool:
    """Whether we saw the thing with this id out of this cloud, or one whose id we never learnt.

    `choice` is a resource's.
    """
    return not {"", remote_id}.isdisjoint(_left_ids(choice, cloud))


def _left_ids(choice: Mapping[str, Any], cloud: str) -> list[str]:
    ids = choice.get(LEFT, {}).get(cloud, [])
    # A store that is older than this has the newest alone.
    return [ids] if isinstance(ids, str) else list(ids)


async def send_away(machine: Machine, cloud: str, kind: str, unmatched: Iterable[Observed]) -> None:
    """Have those of a full listing that match no presence leave that came back, or are there beside ours."""
    for observed in unmatched:
        if observed.marker and not observed.unread and not observed.gone:
            await _send_one_away(machine, cloud, kind, observed)


@rerun
async def _send_one_away(machine: Machine, cloud: str, kind: str, observed: Observed) -> None:
    async with machine.store.transaction() as tx:
        await _send_away(machine, tx, cloud, kind, observed)


async def _send_away(machine: Machine, tx: Transaction, cloud: str, kind: str, observed: Observed) -> None:
    resource = await machine.resources.fetch(tx, kind, observed.marker)
    if resource is None:
        return
    here = await presences.fetch(tx, kind, resource.id, cloud)
    left_before = has_left(resource.choice, cloud, observed.remote_id)
    if here is None:
        if left_before:
            log.warning("it is back, and is sent away", cloud=cloud, kind=kind, id=resource.id)
            await _hold_and_let_go(machine, tx, cloud, resource, observed)
        return
    if here.remote_id in (None, observed.remote_id) or not here.wanted:
        return
    if left_before or _is_doubled(machine, here, observed):
        log.warning("there is another of it, which is sent away", cloud=cloud, kind=kind, id=resource.id)
        others = here.memory.setdefault(OTHERS, [])
        if observed.remote_id not in others:
            others.append(observed.remote_id)
            await presences.save(tx, here)
        await machine.wake(tx, kind, resource.id, cloud)


def _is_doubled(machine: Machine, here: Presence, observed: Observed) -> bool:
    if here.memory.get(SENT_AGAIN):
        return True
    ours, life = machine.observation_of(here), machine.lifecycles[here.kind]
    if ours is None:
        return False
    if life.traits.holds_data:
        return isinstance(life, JudgesDoubles) and life.is_double(ours, observed)
    same: bool = ours.name == observed.name
    return same


async def _hold_and_let_go(
    machine: Machine, tx: Transaction, cloud: str, resource: Resource, observed: Observed
) -> None:
    """Take it as a presence that is no longer wanted: from there on it leaves as any other does."""
    presence = Presence(
        kind=resource.kind, id=resource.id, cloud=cloud, wanted=False, remote_id=observed.remote_id
    )
    machine.record_observed(presence, observed)
    await presences.add(tx, presence)
    await machine.wake(tx, resource.kind, resource.id, cloud)
