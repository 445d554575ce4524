"""Between two sweeps of a cloud: what was just sent there is not to wait for the next one.

A cloud does not say when it is done. Where few things are on their way there (a server that is being built), just
those are asked for, one by one: that costs their cloud a fraction of what listing all that has changed does, so it can
be done sooner and more often. Where many are, sweeps follow one another faster. Both at the pace of `Tempo`. What is
seen so is taken in like what a sweep sees; sweeps go on beside it, and find everything without it.
"""

from __future__ import annotations

from fractus.base.log import logger
from fractus.model.cloud import Cloud, Observed
from fractus.model.errors import CloudError, Missing
from fractus.model.resource import Presence
from fractus.reconcile.machine import Machine
from fractus.reconcile.sweep.sweep import Turn, ingest, wake_all
from fractus.reconcile.tempo import Tempo
from fractus.store import presences

log = logger("reconcile.targeted_polls")

#: So many things are asked for one by one: listing what changed costs a Nova about five times as much as one server.
_FEW = 3


async def between(machine: Machine, tempo: Tempo, cloud: str, *, answers: bool, before: float = 0.0) -> None:
    """Return when the next sweep of a cloud is due; look closely at what few things are under way there until then.

    `answers`: it answered the sweep before. `before`: how much of the pause after a sweep has passed already, where
    nothing is being built.
    """
    ended = machine.clock.monotonic()
    began = ended - before
    took = 0.0
    while True:
        machine.sent.taken(cloud)
        number, few = await _under_way(machine, cloud)
        passed = machine.clock.monotonic() - began
        if answers and few:
            pause, left = tempo.pause(cloud, took, machine.sent.age(cloud)), machine.pace.sweep - passed
            await machine.clock.sleep(max(0.0, min(pause, left)))
            if left <= pause:
                return
            asked = machine.clock.monotonic()
            answers = await _look(machine, cloud, few)
            took = machine.clock.monotonic() - asked
        elif number:
            rested = machine.clock.monotonic() - ended
            await machine.clock.sleep(max(0.0, tempo.pause(cloud, _listing(machine, cloud)) - rested))
            return
        elif not await machine.sent.rest(cloud, max(0.0, tempo.pause(cloud, None) - passed)):
            return


def _listing(machine: Machine, cloud: str) -> float:
    """How long the last listing took of what sweeps would show arrive."""
    swept = [
        machine.rounds.get((cloud, kind))
        for kind, life in machine.lifecycles.items()
        if life.traits.trust_sweeps
    ]
    return sum(latest.took for latest in swept if latest is not None)


async def _under_way(machine: Machine, cloud: str) -> tuple[int, list[Presence]]:
    """How many things change there now, and which of them to ask for, if they are few: else none."""
    some: list[Presence] = []
    for kind, life in machine.lifecycles.items():
        if life.traits.trust_sweeps:
            some += await presences.unsettled(machine.store, cloud, kind, _FEW + 1)
    if len(some) > _FEW:
        return len(some), []
    return len(some), [one for one in some if one.wanted or "delete_asked_at" in one.memory]


async def _look(machine: Machine, cloud: str, few: list[Presence]) -> bool:
    """Ask for each, and take in what is seen. False where the cloud does not answer: the next sweep will tell."""
    child = machine.children.get(cloud)
    if child is None or machine.away(cloud):
        return False
    try:
        for presence in few:
            await _one(machine, child, presence)
    except CloudError as error:
        log.info("not looked at closely", cloud=cloud, error=error.reason)
        return False
    return True


async def _one(machine: Machine, child: Cloud, presence: Presence) -> None:
    life, actuator = machine.lifecycles[presence.kind], child.actuators().get(presence.kind)
    resource = await machine.resources.fetch(machine.store, presence.kind, presence.id)
    if actuator is None or resource is None or presence.remote_id is None:
        return
    turn = Turn(machine, child.name, life, actuator, lists=False)
    try:
        observed: Observed = await actuator.observe(
            await machine.scope_of(resource.project_id), presence.remote_id
        )
    except Missing:
        # Whether it is gone is for a look to judge, which has a lease. One that is to be there waits for its own.
        if not presence.wanted:
            await wake_all(machine, child.name, [(presence.kind, presence.id)])
        return
    if not observed.unread:
        await ingest(turn, [observed])
