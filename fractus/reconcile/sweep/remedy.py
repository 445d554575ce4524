"""What an operator can do about a finding: adopt, ignore, repair, forget, reopen.

`foresee` says in words what a verb would do, or why it cannot; `do` writes it down, in the caller's transaction. No
cloud is called here: what has to be done there is work for the queue, and does not happen while a hold is in force.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from fractus.base.ids import new_id
from fractus.model.resource import Presence, Resource
from fractus.reconcile import drift
from fractus.reconcile.converge.orphans import seeing_off
from fractus.reconcile.kind import Lifecycle
from fractus.reconcile.relations import Relations
from fractus.store import findings, presences, work
from fractus.store.findings import CHANGED, FOREIGN, IGNORED, MISSING, OPEN, ORPHAN, Finding
from fractus.store.ledger import Ledger, Notifier
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction

ADOPT, IGNORE, REPAIR, FORGET, REOPEN = "adopt", "ignore", "repair", "forget", "reopen"
VERBS = (ADOPT, IGNORE, REPAIR, FORGET, REOPEN)


class Deed(Struct, frozen=True):
    """What a verb would do with a finding. `able`: it can; else `text` says why not. `fields`: those it is about."""

    able: bool
    text: str
    fields: tuple[str, ...] = ()


def _no(text: str) -> Deed:
    return Deed(False, text)


def foresee(finding: Finding, verb: str, fields: Collection[str], life: Lifecycle | None) -> Deed:
    """What `verb` would do. `fields`: only these of a changed thing; empty: all. Pure."""
    if life is None:
        return _no(f"fractus no longer serves the kind {finding.kind}")
    if fields and finding.what != CHANGED:
        return _no(f"it has no fields: it is {finding.what}")
    if verb in (IGNORE, REOPEN):
        chosen = _chosen(finding, fields)
        if finding.what == CHANGED and not chosen:
            return _no("none of these fields differs")
        shown = "is no longer listed as open" if verb == IGNORE else "is listed as open again"
        return Deed(True, shown, tuple(one["field"] for one in chosen))
    if finding.what == CHANGED:
        return _foresee_changed(finding, verb, fields)
    if finding.what == MISSING:
        return _foresee_missing(finding, verb, life)
    return _foresee_unmatched(finding, verb)


def _chosen(finding: Finding, fields: Collection[str]) -> list[dict[str, Any]]:
    return [one for one in finding.differences if not fields or one["field"] in fields]


def _foresee_changed(finding: Finding, verb: str, fields: Collection[str]) -> Deed:
    if verb == FORGET:
        return _no("it is there and ours: adopt, ignore or repair what was changed")
    able = "mends" if verb == REPAIR else "adopts"
    chosen = [one for one in _chosen(finding, fields) if one[able]]
    if not chosen:
        names = ", ".join(one["field"] for one in _chosen(finding, fields)) or "these fields"
        can = "be made as it is wanted from here" if verb == REPAIR else "be taken over"
        return _no(f"{names} cannot {can}")
    side = "wanted" if verb == REPAIR else "found"
    what = ", ".join(f"{one['field']} = {shown(one[side])}" for one in chosen)
    where = f"set in {finding.cloud}: {what}" if verb == REPAIR else f"becomes what is wanted: {what}"
    return Deed(True, where, tuple(one["field"] for one in chosen))


def _foresee_missing(finding: Finding, verb: str, life: Lifecycle) -> Deed:
    if verb == ADOPT:
        return _no("nothing is there to adopt: forget or repair it")
    if verb == FORGET:
        end = "and is marked deleted" if life.traits.holds_data else "and stays where else it is"
        return Deed(True, f"fractus drops it in {finding.cloud}, {end}")
    if life.traits.holds_data:
        return Deed(
            True,
            f"built anew in {finding.cloud}, with the same id and addresses, from its image: a first boot, "
            "what was on its disk is lost",
        )
    return Deed(True, f"made anew in {finding.cloud}")


def _foresee_unmatched(finding: Finding, verb: str) -> Deed:
    if verb == ADOPT:
        return Deed(True, "taken under management with what it needs, and not touched")
    if finding.what == FOREIGN:
        return _no("it is not ours: fractus never touches it; adopt or ignore it")
    if verb == FORGET:
        return Deed(True, "its report is dropped; the next full sweep reports it again if it is still there")
    return Deed(True, f"deleted in {finding.cloud}: it carries the marker of {finding.resource_id}")


def shown(value: Any) -> str:
    """A value as an operator reads it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class Remedies:
    """Writes down what operators, or their rules, decide."""

    def __init__(self, resources: Resources, lifecycles: Mapping[str, Lifecycle], notifier: Notifier) -> None:
        self._resources = resources
        self._lifecycles = lifecycles
        self._notifier = notifier
        self._ledger = Ledger(resources, notifier)
        self._relations = Relations(resources, lifecycles)

    def foresee(self, finding: Finding, verb: str, fields: Collection[str] = ()) -> Deed:
        """What `verb` would do with it."""
        return foresee(finding, verb, fields, self._lifecycles.get(finding.kind))

    async def do(self, tx: Transaction, finding: Finding, verb: str, fields: Collection[str] = ()) -> Deed:
        """Do it, as far as it is still true."""
        fresh = await findings.fetch(tx, finding.cloud, finding.kind, finding.remote_id)
        if fresh is None:
            return _no("it is no longer so")
        deed = self.foresee(fresh, verb, fields)
        if not deed.able:
            return deed
        if verb in (IGNORE, REOPEN):
            await _say(tx, fresh, deed.fields, ignored=verb == IGNORE)
            return deed
        if verb == ADOPT and fresh.what in (ORPHAN, FOREIGN):
            return _no("it has to be listed in its cloud first: that is a command's to do")
        if fresh.what == ORPHAN:
            return await self._orphan(tx, fresh, verb, deed)
        there = await presences.by_remote(tx, fresh.cloud, fresh.kind, fresh.remote_id)
        presence = resource = None
        if there is not None:
            resource = await self._resources.fetch(tx, there.kind, there.id, to_write=True)
            presence = await presences.fetch(tx, there.kind, there.id, there.cloud, to_write=True)
        if presence is None or resource is None or not presence.wanted:
            return _no("it is no longer so")
        if fresh.what == MISSING:
            await self._missing(tx, presence, resource, verb)
        elif verb == REPAIR:
            presence.memory[drift.REPAIR] = {"token": new_id(), "fields": list(deed.fields)}
            await presences.save(tx, presence)
            await self._wake(tx, presence.kind, presence.id, presence.cloud)
        else:
            await self._adopt(tx, presence, resource, deed.fields)
        return deed

    async def _wake(self, tx: Transaction, kind: str, id: str, cloud: str) -> None:
        await work.wake(tx, kind, id, cloud)
        tx.after_commit(lambda: self._notifier.notify(cloud))

    async def _adopt(
        self, tx: Transaction, presence: Presence, resource: Resource, fields: Collection[str]
    ) -> None:
        """What was found becomes what is wanted, everywhere."""
        life = self._lifecycles[resource.kind]
        held = presence.memory.get(drift.DRIFT, {})
        found = {name: held[name]["found"] for name in fields if name in held}
        needs = life.adopt(resource, found, tx.now())
        mark = drift.mark(presence.memory)
        drift.remember(presence, {name: one for name, one in held.items() if name not in found})
        await presences.save(tx, presence)
        await drift.keep(tx, presence, mark, resource)
        every = await presences.of_resource(tx, resource.kind, resource.id)
        after = msgspec.structs.replace(resource, generation=resource.generation + 1, updated_at=tx.now())
        await self._ledger.change(tx, resource, life.summarise(after, every), needs)
        await self._ledger.wake_all(tx, await self._relations.changed(tx, resource.kind, resource.id))

    async def _missing(self, tx: Transaction, presence: Presence, resource: Resource, verb: str) -> None:
        life = self._lifecycles[resource.kind]
        await findings.drop(tx, presence.cloud, presence.kind, presence.remote_id or "")
        if verb == REPAIR:
            drift.anew(presence, tx.now())
            presence.error = ""
            await presences.save(tx, presence)
            every = await presences.of_resource(tx, resource.kind, resource.id)
            await self._resources.save(tx, resource, life.summarise(resource, every))
            await self._wake(tx, presence.kind, presence.id, presence.cloud)
            return
        await presences.drop(tx, presence)
        await life.left(tx, resource, presence)
        # What follows it leaves that cloud too.
        await self._ledger.wake_all(tx, await self._relations.moved(tx, resource.kind, resource.id))
        every = await presences.of_resource(tx, resource.kind, resource.id)
        if life.traits.holds_data and not every:
            resource.wanted = False
            await self._ledger.remove(tx, resource, life.summarise(resource, every), hide=False)
        else:
            await self._resources.save(tx, resource, life.summarise(resource, every))
            await self._wake(tx, resource.kind, resource.id, "")

    async def _orphan(self, tx: Transaction, finding: Finding, verb: str, deed: Deed) -> Deed:
        await findings.drop(tx, finding.cloud, finding.kind, finding.remote_id)
        if verb == REPAIR:
            leaving = seeing_off(finding.cloud, finding.kind, finding.remote_id, finding.resource_id)
            await presences.add(tx, leaving)
            await self._wake(tx, leaving.kind, leaving.id, leaving.cloud)
        return deed


async def _say(tx: Transaction, finding: Finding, fields: Collection[str], *, ignored: bool) -> None:
    for one in finding.differences:
        if one["field"] in fields:
            one["ignored"] = ignored
    every = all(one["ignored"] for one in finding.differences) if finding.differences else ignored
    finding.state = IGNORED if every else OPEN
    await findings.put(tx, finding)


async def chosen(
    reader: Reader, ids: Collection[str], filters: Mapping[str, str], *, every: bool
) -> tuple[list[Finding], list[str]]:
    """The findings with these ids, or all that `filters` select; and the ids that there are not."""
    if not every:
        known = {id: await findings.by_id(reader, id) for id in ids}
        return [one for one in known.values() if one is not None], [
            id for id, one in known.items() if one is None
        ]
    found: list[Finding] = []
    after: Finding | None = None
    while page := await findings.page(reader, filters, after=after):
        found += page
        after = page[-1]
    return found, []
