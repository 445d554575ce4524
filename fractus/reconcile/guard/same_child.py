"""Clouds that are one and the same child under two names: what the other row holds there is not ours to touch.

`fractus cloud add` refuses that. Stores of earlier versions may have it, and markers of that time do not say whose they
are: a thing with the marker of a resource, which is held under the other name, is then that one's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fractus.model.cloud import Actuator, Observed, Scope, Wanted
from fractus.model.installation import same
from fractus.model.resource import Presence
from fractus.reconcile.machine import Machine
from fractus.store import clouds, presences
from fractus.store.transaction import Reader


async def held_by_others(
    reader: Reader, cloud: str, kind: str, observed: Sequence[Observed], *, certain: bool = False
) -> set[str]:
    """The ids there of those that we hold under another name of the same child.

    As long as nobody has looked which children they are, an equal id is enough: children choose their ids by chance.
    `certain`: then it is not, for some kinds have ids that we choose.
    """
    marked = {one.marker: one.remote_id for one in observed if one.marker}
    if not marked:
        return set()
    held = await presences.of_resources(reader, kind, list(marked))
    there = {one.remote_id for one in observed}
    others = [
        one for every in held.values() for one in every if one.cloud != cloud and one.remote_id in there
    ]
    if not others:
        return set()
    rows = {row.name: row.identity_seen for row in await clouds.every(reader)}
    mine = rows.get(cloud)
    found = set()
    for one in others:
        theirs = rows.get(one.cloud)
        unknown = mine is None or theirs is None
        if (unknown and not certain) or (mine and theirs and same(mine, theirs)):
            found.add(one.remote_id or "")
    return found


async def not_held_by_others(
    reader: Reader, cloud: str, kind: str, unmatched: list[Observed]
) -> list[Observed]:
    """What of a listing matches no presence; what is held under another name is without its marker."""
    theirs = await held_by_others(reader, cloud, kind, unmatched)
    return [
        msgspec.structs.replace(one, marker="", managed_by=cloud) if one.remote_id in theirs else one
        for one in unmatched
    ]


async def find(
    machine: Machine, presence: Presence, actuator: Actuator[Wanted, Observed], scope: Scope, wanted: Wanted
) -> Observed | None:
    """What a lost create of this presence made, if anything did."""
    observed = await actuator.find(scope, wanted)
    if observed is None or not observed.marker:
        return observed
    theirs = await held_by_others(machine.store, presence.cloud, presence.kind, [observed])
    return None if observed.remote_id in theirs else observed


async def is_held_twice(machine: Machine, presence: Presence) -> bool:
    """Whether the very thing is held under another name of the same child too: then it is not to be deleted."""
    one = Observed(remote_id=presence.remote_id or "", marker=presence.id)
    return bool(await held_by_others(machine.store, presence.cloud, presence.kind, [one], certain=True))
