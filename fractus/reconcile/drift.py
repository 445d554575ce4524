"""What somebody else changed in a cloud: reported, and not reverted, until an operator says what shall be done about
it.

A presence that was settled and yet differs has drifted. What is found there is kept in its memory (`drift`: field ->
`wanted`, `found` ...; `missing`: the thing itself is gone), so that views show it, and as a finding, so that operators
see it. `repair` names the fields that an operator wants to have as they should be: those are worked off like any change
of a user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from fractus.model.resource import INSISTS, PENDING, SETTLED, Need, Presence, Resource
from fractus.reconcile.kind import ADMITTED, ARRIVED, FACTS, OWNER, Done, Item, Lifecycle, Plan, fingerprint
from fractus.store import findings, presences
from fractus.store.findings import CHANGED, IGNORED, MISSING, OPEN, Finding
from fractus.store.transaction import Reader, Transaction

DRIFT, GONE, REPAIR, REPAIRED = "drift", "missing", "repair", "repaired"
"""Keys in the memory of a presence. A repair has a `token`; `repaired` is that of the last one that was done."""

UNVERIFIED, VERIFIED = "unverified", "verified_token"
"""Keys in the memory of a presence: the token of a request to observe it before it is used again, because a cloud
refused what was to be made of it; and the token of the last such request that was met.
"""


class Judged(Struct, frozen=True):
    """What of a presence has drifted, and what was seen as if it had not: what is left is work."""

    drift: dict[str, dict[str, Any]]
    observed: Any


def judge(life: Lifecycle, item: Item, observed: Any) -> Judged:
    """Tell drift from work: of what was settled, every difference is drift; of what was not, what was drift before."""
    presence = item.presence
    steady = is_steady(item)
    held: Mapping[str, Any] = presence.memory.get(DRIFT, {})
    mending = presence.memory.get(REPAIR, {}).get("fields", ())
    drift = {}
    for one in life.differences(item, observed):
        reported = msgspec.to_builtins(one)
        before = held.get(one.field)
        old = before is not None and before["wanted"] == reported["wanted"]
        asked = one.field in mending or insisted(item, one.field)
        if not one.mends or (not asked and (steady or old)):
            del reported["field"]
            drift[one.field] = reported
    return Judged(drift, life.as_desired(item, observed, drift) if drift else observed)


def insisted(item: Item, field: str) -> bool:
    """Whether its user has asked again for what was wanted already, because another value was shown."""
    at: int = item.resource.desired.get(INSISTS, {}).get(field, 0)
    return at > item.presence.generation


def is_steady(item: Item) -> bool:
    """Whether it was as its user wants it, with the facts of today, and the user has wanted nothing else since."""
    presence = item.presence
    return (
        presence.state == SETTLED
        and presence.generation == item.resource.generation
        and presence.memory.get(FACTS, "") == fingerprint(item.facts)
    )


def remember(presence: Presence, drift: Mapping[str, Any]) -> None:
    """Put what has drifted into the memory."""
    if drift:
        presence.memory[DRIFT] = dict(drift)
    else:
        presence.memory.pop(DRIFT, None)


def repaired(presence: Presence) -> None:
    """What an operator wanted to have repaired is done, as far as it can be."""
    asked = presence.memory.pop(REPAIR, None)
    if asked is not None:
        presence.memory[REPAIRED] = asked["token"]


def settle(life: Lifecycle, item: Item, done: Done) -> None:
    """It is as it is wanted: nothing is left to do."""
    presence = item.presence
    if REPAIR in presence.memory:
        repaired(presence)
        presence.memory.pop("repair_refused", None)
    presence.memory.update(done.memory)
    if item.facts or FACTS in presence.memory:
        presence.memory[FACTS] = fingerprint(item.facts)
    if life.traits.assigned:
        presence.memory["ran"] = True
    presence.state, presence.error = SETTLED, ""
    presence.generation = item.resource.generation


def verified(presence: Presence) -> None:
    """It was observed, as was asked for."""
    asked = presence.memory.pop(UNVERIFIED, None)
    if asked is not None:
        presence.memory[VERIFIED] = asked


def anew(presence: Presence, now: float) -> None:
    """It is not there, and is to be made anew; looked for before, as after a lost create."""
    presence.remote_id = None
    presence.creating_since = now
    presence.observed = None
    presence.observed_at = None
    presence.state = PENDING
    for key in (DRIFT, GONE, ADMITTED, ARRIVED, OWNER):
        presence.memory.pop(key, None)
    repaired(presence)
    verified(presence)


def next_step(life: Lifecycle, item: Item, observed: Any) -> Plan | None:
    """Take in what a sweep saw: the next step, or None where only a look can tell."""
    presence = item.presence
    presence.memory.pop(GONE, None)
    if not presence.wanted:
        return None
    if observed.gone:
        presence.memory[GONE] = True
        return None
    judged = judge(life, item, observed)
    remember(presence, judged.drift)
    return life.plan(item, judged.observed)


async def item_of(reader: Reader, resource: Resource, presence: Presence) -> Item:
    """All that is known of one presence. What it needs and is not there has an empty id."""
    needs = await presences.of_needs(reader, resource.kind, resource.id, presence.cloud)
    return Item(resource, presence, remote_of(needs))


def remote_of(needs: Mapping[Need, Presence | None]) -> dict[tuple[str, str], str]:
    """The ids there of what is needed; of what is not there an empty one."""
    remote: dict[tuple[str, str], str] = defaultdict(str)
    for need, there in needs.items():
        if there is not None and there.remote_id is not None:
            remote[need.kind, need.id] = there.remote_id
    return remote


def mark(memory: Mapping[str, Any]) -> tuple[Any, bool]:
    """What of a memory is reported as a finding."""
    return memory.get(DRIFT) or {}, bool(memory.get(GONE))


async def keep(
    tx: Transaction, presence: Presence, before: tuple[Any, bool], resource: Resource | None
) -> bool:
    """Bring the finding about a presence in line with its memory, which was `before`; whether that had changed."""
    if mark(presence.memory) == before:
        return False
    if presence.remote_id is not None:
        await write(tx, presence, resource)
    return True


async def write(tx: Transaction, presence: Presence, resource: Resource | None) -> None:
    """Write the finding that a presence's memory stands for, or remove it."""
    assert presence.remote_id is not None
    drift, gone = mark(presence.memory)
    if not (drift or gone) or not presence.wanted:
        await findings.drop(tx, presence.cloud, presence.kind, presence.remote_id)
        return
    there = await findings.fetch(tx, presence.cloud, presence.kind, presence.remote_id)
    what = MISSING if gone else CHANGED
    if there is None or there.what != what:
        there = Finding(cloud=presence.cloud, kind=presence.kind, remote_id=presence.remote_id, what=what)
    reported = [] if gone else _reported(drift, there.differences, tx.now())
    there.differences = reported
    there.resource_id = presence.id
    if resource is not None:
        there.project_id, there.detail = resource.project_id, resource.desired.get("name") or presence.id
    if reported:
        there.state = IGNORED if all(one["ignored"] for one in reported) else OPEN
    await findings.put(tx, there)


def _reported(drift: Mapping[str, Any], before: list[dict[str, Any]], now: float) -> list[dict[str, Any]]:
    """Differences as they stand in a finding. What an operator said of one holds while it is the same difference."""
    known = {one["field"]: one for one in before}
    reported = []
    for field, one in sorted(drift.items()):
        old = known.get(field)
        same = old is not None and (old["wanted"], old["found"]) == (one["wanted"], one["found"])
        said = {"ignored": old["ignored"], "since": old["since"]} if same and old else {}
        reported.append({"field": field, **one, "ignored": False, "since": now, **said})
    return reported
