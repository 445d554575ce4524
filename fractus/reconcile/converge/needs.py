"""What a presence needs in its cloud: carried there on first use, and only there, or waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, structs

from fractus.base.ids import new_id
from fractus.model.action import Action
from fractus.model.placement import Placement
from fractus.model.resource import BLOCKED, NEEDS_CHANGED, PENDING, Need, Presence, Resource, at_home
from fractus.reconcile import drift
from fractus.reconcile.converge.ending import end
from fractus.reconcile.kind import USERS, Acts, Item
from fractus.reconcile.machine import Machine
from fractus.reconcile.outcome import Waiting
from fractus.store import findings, presences, work
from fractus.store.retrying import rerun
from fractus.store.transaction import Reader, Transaction
from fractus.store.work import Claim

#: A create that was refused again within this time, with the same things that it needs, is refused for good. Seconds.
_VERIFIED_FOR = 600.0


class Unmet(Struct, frozen=True):
    """A need that is not met yet. `hopeless`: nor will it be; `elsewhere`: but perhaps in another cloud.

    `on` is empty where nothing can come of waiting; `read` is its `Machine.face`. `written`: that it is waited for.
    `about`: (kind, id) of what is needed.
    """

    on: str
    reason: str
    hopeless: bool = False
    elsewhere: bool = False
    read: tuple[Any, ...] | None = None
    written: bool = False
    about: tuple[str, str] | None = None

    @property
    def waiting(self) -> Waiting:
        """How it is waited for, where that is not hopeless."""
        return Waiting(on=self.on, again_in=15.0, reason=self.reason, read=self.read)


async def meet(
    machine: Machine, claim: Claim, resource: Resource, presence: Presence
) -> dict[tuple[str, str], str] | Unmet:
    """The cloud's own ids of all that is needed there, or the first need that is not met.

    Needs that are carried and have no presence there yet get one, all in one transaction, so that they come into being
    side by side.
    """
    tables = machine.resources.tables
    known = await presences.of_needs(machine.store, resource.kind, resource.id, presence.cloud, tables)
    met = await _meet(machine, claim, known, presence.cloud, resource.project_id)
    if isinstance(met, Unmet) or presence.remote_id is None:
        return met
    return met | _still_used(known)


def _still_used(known: Mapping[Need, Presence | None]) -> dict[tuple[str, str], str]:
    """What is used where it is, and is being observed again. What is there already goes on using it: left out, it would
    be taken from it there (a rule that names another group).
    """
    return {
        (need.kind, need.id): there.remote_id
        for need, there in known.items()
        if there is not None
        and there.remote_id is not None
        and there.wanted
        and not need.awaited
        and drift.UNVERIFIED in there.memory
        and not there.memory.get(drift.GONE)
    }


async def meet_changed(
    machine: Machine, claim: Claim, resource: Resource, presence: Presence
) -> dict[tuple[str, str], str] | Unmet:
    """The same for what is there already and outlives what it was made of. Of what it needs only that is met which came
    by changes that its presence has not reached; what else is there is reported with it. Nothing where no change did.
    """
    if not needs_changed(resource, presence):
        return {}
    tables = machine.resources.tables
    known = await presences.of_needs(machine.store, resource.kind, resource.id, presence.cloud, tables)
    new = {need: there for need, there in known.items() if need.since > presence.generation}
    met = await _meet(machine, claim, new, presence.cloud, resource.project_id)
    if isinstance(met, Unmet):
        return met
    old = ((need, there) for need, there in known.items() if need not in new)
    return {(need.kind, need.id): there.remote_id for need, there in old if there and there.remote_id} | met


async def meet_named(
    machine: Machine,
    claim: Claim,
    resource: Resource,
    presence: Presence,
    asked: Sequence[Action],
    remote: Mapping[tuple[str, str], str],
) -> dict[tuple[str, str], str] | Unmet:
    """The same for what open actions name (the image of a rebuild) beside what is met already (`remote`): of what else
    it needs, it needs nothing now.
    """
    life = machine.lifecycles[resource.kind]
    named = {key for one in asked for key in life.names(one)} if isinstance(life, Acts) else set()
    if named <= remote.keys():
        return {}
    tables = machine.resources.tables
    known = await presences.of_needs(machine.store, resource.kind, resource.id, presence.cloud, tables)
    those = {need: there for need, there in known.items() if (need.kind, need.id) in named}
    return await _meet(machine, claim, those, presence.cloud, resource.project_id)


def needs_changed(resource: Resource, presence: Presence) -> bool:
    """Whether a change that its presence has not reached made the resource need other things than before."""
    at: int = resource.choice.get(NEEDS_CHANGED, 0)
    return at > presence.generation


async def _meet(
    machine: Machine,
    claim: Claim,
    known: Mapping[Need, Presence | None],
    cloud: str,
    project_id: str,
) -> dict[tuple[str, str], str] | Unmet:
    absent = [need for need, there in known.items() if _lacks(machine, need, there, project_id)]
    if absent:
        return await _carry_all(machine, claim, known, absent, cloud, project_id)
    return await _met(machine, machine.store, known, cloud, project_id)


def _brings(machine: Machine, need: Need) -> bool:
    """Whether it is carried to where it is needed. What has a cloud of its own is never copied to another."""
    return need.carries and machine.traits(need.kind).placement is Placement.CARRIED


def _lacks(machine: Machine, need: Need, there: Presence | None, project_id: str) -> bool:
    """Whether something is to be written of what is needed there: it is to be carried, or its user to be noted."""
    brings = _brings(machine, need)
    if there is None:
        return brings
    return (brings and (_is_missing(there) or _lasts(machine, need, there))) or _is_unnoted(
        machine, there, project_id
    )


def _is_unnoted(machine: Machine, there: Presence, project_id: str) -> bool:
    """Whether its cloud has yet to be informed that this project uses it."""
    if not there.wanted or machine.admits(there, project_id):
        return False
    noted: dict[str, int] = there.memory.get(USERS, {})
    return noted.get(project_id, 0) < max(there.asked, 1)


async def _met(
    machine: Machine, reader: Reader, known: Mapping[Need, Presence | None], cloud: str, project_id: str
) -> dict[tuple[str, str], str] | Unmet:
    remote: dict[tuple[str, str], str] = {}
    waiting: Unmet | None = None
    for need, there in known.items():
        if (
            there is not None
            and there.remote_id is not None
            and there.wanted
            and _usable(machine, need, there, project_id)
        ):
            remote[need.kind, need.id] = there.remote_id
        elif need.awaited and (waiting is None or not waiting.hopeless):
            # The last of them, unless one is hopeless: by their names that is the one that itself waits for the others
            # (a subnet for its network, a server's port for both), so few are woken only to go on waiting.
            if there is None:
                waiting = await _absent(machine, reader, need, cloud)
            else:
                waiting = await _unmet(machine, reader, need, there)
            waiting = structs.replace(waiting, about=(need.kind, need.id))
    return remote if waiting is None else waiting


def all_met(machine: Machine, known: Mapping[Need, Presence | None], project_id: str) -> bool:
    """Whether all that is needed is there and can be used, so that a look would find nothing to carry or wait for."""
    return all(
        not need.awaited
        or (
            there is not None
            and there.wanted
            and there.remote_id is not None
            and _usable(machine, need, there, project_id)
        )
        for need, there in known.items()
    )


def _is_missing(there: Presence) -> bool:
    """Whether somebody else deleted it there: what needs it now has it made anew."""
    return there.wanted and there.remote_id is not None and bool(there.memory.get(drift.GONE))


def _lasts(machine: Machine, need: Need, there: Presence) -> bool:
    """Whether it leaves, but not before what still needs it there."""
    return (
        machine.lifecycles[need.kind].traits.needed_after_delete
        and not there.wanted
        and there.remote_id is not None
    )


async def _make_anew(machine: Machine, tx: Transaction, there: Presence) -> None:
    await findings.drop(tx, there.cloud, there.kind, there.remote_id or "")
    drift.anew(there, machine.clock.now())
    await presences.save(tx, there)
    await machine.wake(tx, there.kind, there.id, there.cloud)


async def verify(machine: Machine, claim: Claim, item: Item) -> bool:
    """Have all that a refused change needs observed again, for it may be gone: a cloud that was put back to an earlier
    state has lost what we believe to be there. Until each was observed it is a need that is not met.

    False where that was done not long ago and the change was made with the same ids: then the refusal is final.
    """
    presence, now = item.presence, machine.clock.now()
    used = sorted(item.remote.values())
    verified = presence.memory.get("verified", {})
    if verified.get("ids") == used and machine.age(verified.get("at")) < _VERIFIED_FOR:
        return False
    presence.memory["verified"] = {"at": now, "ids": used}
    await _mark_unverified(machine, claim, presence)
    return True


@rerun
async def _mark_unverified(machine: Machine, claim: Claim, presence: Presence) -> None:
    async with machine.store.transaction() as tx:
        await machine.hold(tx, claim)
        needs = await presences.of_needs(tx, presence.kind, presence.id, presence.cloud)
        for there in needs.values():
            if there is not None and there.wanted and there.remote_id is not None:
                there.memory[drift.UNVERIFIED] = new_id()
                await presences.save(tx, there)
                await machine.wake(tx, there.kind, there.id, there.cloud)


async def carry_with(machine: Machine, tx: Transaction, resource: Resource, cloud: str) -> Unmet | None:
    """Have what a resource needs carried to the cloud that was just chosen for it: what it then waits for, if that can
    be informed. Else it is for its first look to find out.
    """
    tables, project_id = machine.resources.tables, resource.project_id
    known = await presences.of_needs(tx, resource.kind, resource.id, cloud, tables)
    for need, there in known.items():
        if _lacks(machine, need, there, project_id):
            made = await _carry(machine, tx, need, cloud, project_id, new=there is None)
            if isinstance(made, Unmet):
                return None
            known[need] = made
    met = await _met(machine, tx, known, cloud, project_id)
    return met if isinstance(met, Unmet) and met.on and not met.hopeless else None


@rerun
async def _carry_all(
    machine: Machine,
    claim: Claim,
    known: Mapping[Need, Presence | None],
    absent: Sequence[Need],
    cloud: str,
    project_id: str,
) -> dict[tuple[str, str], str] | Unmet:
    """Carry what is absent; what is then waited for is written in the same transaction."""
    made = dict(known)
    async with machine.store.transaction() as tx:
        for need in absent:
            there = await _carry(machine, tx, need, cloud, project_id, new=known[need] is None)
            if isinstance(there, Unmet):
                await machine.hold(tx, claim)
                return structs.replace(there, about=(need.kind, need.id))
            made[need] = there
        met = await _met(machine, tx, made, cloud, project_id)
        if isinstance(met, Unmet) and not met.hopeless:
            await end(machine, tx, claim, met.waiting)
            return structs.replace(met, written=True)
        await machine.hold(tx, claim)
        return met


def _usable(machine: Machine, need: Need, there: Presence, project_id: str) -> bool:
    if there.memory.get(drift.GONE) or drift.UNVERIFIED in there.memory:
        return False
    if not need.awaited:
        return True
    observed = machine.observation_of(there)
    return (
        observed is not None
        and machine.lifecycles[need.kind].settled(there, observed)
        and machine.arrived(there)
        and machine.admits(there, project_id)
    )


async def _unmet(machine: Machine, reader: Reader, need: Need, there: Presence) -> Unmet:
    on, read = f"{need.kind}/{need.id}", machine.readiness_of(there)
    if not there.wanted:
        # It leaves. If only this cloud, it comes back at once; if its user has removed it, others may keep it for long.
        resource = await machine.resources.fetch(reader, need.kind, need.id)
        if resource is None or not resource.wanted:
            return _deleted(need)
    if there.wanted and there.state == BLOCKED:
        # A blocked need that still retries (its cloud is away) may yet be met: those who can, go elsewhere.
        reason = f"{need.kind} {need.id}: {there.error}"
        return Unmet(on, reason, hopeless=True, elsewhere=True, read=read)
    if there.wanted and there.remote_id is not None and there.error:
        # It is there, and its cloud has not answered for a while to what is to be changed of it.
        reason = f"{need.kind} {need.id} is to be changed there first: {there.error}"
        return Unmet(on, reason, hopeless=True, elsewhere=True, read=read)
    return Unmet(on, f"waits for {need.kind} {need.id}", read=read)


async def _absent(machine: Machine, reader: Reader, need: Need, cloud: str) -> Unmet:
    """What is not in this cloud, and is not brought there."""
    name = f"{need.kind} {need.id}"
    resource = await machine.resources.fetch(reader, need.kind, need.id)
    if resource is None or not resource.wanted:
        return _deleted(need)
    traits = machine.traits(need.kind)
    if traits.placement is Placement.LOCAL:
        return Unmet("", f"{name} is in no cloud", hopeless=True)
    every = await presences.of_resource(reader, need.kind, need.id) if traits.assigned else []
    here = at_home(resource.home, every)
    if here is not None and here.wanted and here.cloud != cloud:
        reason = f"{name} is in {here.cloud}, and cannot be used in {cloud}"
        return Unmet(f"{need.kind}/{need.id}", reason, hopeless=True, elsewhere=True)
    return Unmet(f"{need.kind}/{need.id}", f"waits for {name} to come to {cloud}")


def _deleted(need: Need) -> Unmet:
    return Unmet("", f"{need.kind} {need.id} was deleted", hopeless=True)


def _listed(names: list[str]) -> str:
    return ", ".join(sorted(names))


async def _carry(
    machine: Machine, tx: Transaction, need: Need, cloud: str, project_id: str, *, new: bool
) -> Presence | Unmet | None:
    """Something of a project needs it in a cloud: have it carried there, and let that project use it.

    `new`: a moment ago there was none, so there is no looking for one before it is made.
    """
    there = None if new else await presences.fetch(tx, need.kind, need.id, cloud, to_write=True)
    if there is not None:
        brings = _brings(machine, need)
        if brings and _is_missing(there):
            await _make_anew(machine, tx, there)
        elif brings and _lasts(machine, need, there):
            there.wanted, there.state = True, PENDING
            there.memory["passing"] = True
            await presences.save(tx, there)
            await machine.wake(tx, there.kind, there.id, cloud)
        await _note_user(machine, tx, there, project_id)
        return there
    resource = await machine.resources.fetch(tx, need.kind, need.id)
    needed_after_delete = machine.lifecycles[need.kind].traits.needed_after_delete
    if resource is None or (not resource.wanted and not needed_after_delete):
        if not need.awaited:
            return None
        return _deleted(need)
    only = resource.choice.get("only")
    if only and cloud not in only:
        return Unmet("", f"{need.kind} {need.id} is only in {_listed(only)}", hopeless=True, elsewhere=True)
    made = await machine.place(tx, resource, cloud, project_id)
    if made is None:
        return await presences.fetch(tx, need.kind, need.id, cloud)
    if not resource.wanted:
        made.memory = {**made.memory, "passing": True}
        await presences.save(tx, made)
    await first_look(machine, tx, resource, cloud)
    return made


async def _note_user(machine: Machine, tx: Transaction, there: Presence, project_id: str) -> None:
    """Have its cloud informed that a project uses it, unless it knows."""
    resource = await machine.resources.fetch(tx, there.kind, there.id)
    there.asked = resource.generation if resource is not None else 0
    if resource is None or not _is_unnoted(machine, there, project_id):
        return
    there.memory[USERS] = {**there.memory.get(USERS, {}), project_id: resource.generation}
    await presences.save(tx, there)
    await machine.wake(tx, there.kind, there.id, there.cloud)


async def first_look(machine: Machine, tx: Transaction, resource: Resource, cloud: str) -> None:
    """Have a presence that was just made looked at: at once, or when what it needs there, and is carried too, is."""
    key = resource.kind, resource.id, cloud
    unmet = await carry_with(machine, tx, resource, cloud)
    if unmet is None:
        await machine.wake(tx, *key)
    else:
        await work.wait(tx, *key, unmet.on, machine.clock.now() + unmet.waiting.again_in)
