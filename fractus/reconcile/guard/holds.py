"""What stops outside changes: holds that an operator placed, and what may go on all the same.

Every look at a presence begins with this question, asked of the store, so that once a freeze is written no look begins
a change any more. One that had begun ends by itself: it makes one call at most.
"""

from __future__ import annotations

from fractus.model.resource import PENDING, Presence
from fractus.store import holds, work
from fractus.store.transaction import Reader, Transaction

#: The first half of what held items wait on; the second is the cloud.
_KEY = "brake"
#: In place of a cloud: any that opens again.
ANYWHERE = "*"


def key(cloud: str) -> str:
    """What items wait on that are held up in a cloud."""
    return f"{_KEY}/{cloud}"


def begun(presence: Presence) -> bool:
    """Whether a change is under way in the cloud: it was begun there and has not come to its end."""
    if presence.creating_since is not None or presence.memory.get("doing"):
        return True
    if not presence.wanted:
        return "delete_asked_at" in presence.memory
    return presence.remote_id is not None and presence.state == PENDING


def never_there(presence: Presence) -> bool:
    """Whether nothing of it can be in the cloud, so that its end is no outside change."""
    return not presence.wanted and presence.remote_id is None and presence.creating_since is None


async def reason_held(reader: Reader, presence: Presence) -> str:
    """Why no change of this presence may be made now, in words; empty where it may."""
    if never_there(presence):
        return ""
    on = await holds.against(reader, presence.kind, presence.id, presence.cloud)
    draining = on.pop(holds.DRAINING, None)
    for name, why in on.items():
        if name == holds.ALL_FROZEN:
            return _reason("all clouds are frozen", why)
        if name == holds.FROZEN:
            return _reason(f"{presence.cloud} is frozen", why)
        return _reason("it is frozen by an operator", why)
    if draining is not None and not begun(presence):
        return _reason(f"no new changes are begun in {presence.cloud} at present", draining)
    return ""


def _reason(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what


async def wake(tx: Transaction, cloud: str) -> list[str]:
    """Have looked at what was held up in a cloud, and what found no cloud; the queues that have got something to do."""
    return [*await work.wake_waiting(tx, _KEY, cloud), *await work.wake_waiting(tx, _KEY, ANYWHERE)]
