"""Rules about findings, applied when a sweep is over: for a thing, or each field that was changed, the oldest decides.

A rule is for the few things that somebody changes now and then. If one would change more at once than one command may
(`holds.at_most`), something else is the matter (a restored cloud, another administrator's script), and it changes
none: that is said in the log, and left to an operator.
"""

from __future__ import annotations

from collections.abc import Collection

from fractus.base.log import logger
from fractus.reconcile import drift
from fractus.reconcile.guard.automatic_changes import may
from fractus.reconcile.machine import Machine
from fractus.reconcile.sweep.remedy import IGNORE, REPAIR, Deed, Remedies
from fractus.store import drift_rules, findings, presences
from fractus.store.drift_rules import DriftRule
from fractus.store.findings import OPEN, Finding
from fractus.store.retrying import rerun

log = logger("reconcile.drift_rules")


async def apply(machine: Machine, cloud: str, *, full: bool) -> int:
    """Do what the rules say about the open findings of a cloud; with how many things something was done.

    Not `full`: of each rule's findings only a page, for quick sweeps.
    """
    rules = [one for one in await drift_rules.every(machine.store) if one.cloud in ("", cloud)]
    if not rules:
        return 0
    remedies = Remedies(machine.resources, machine.lifecycles, machine.notifier)
    done = 0
    decided: set[tuple[str, str, str]] = set()
    for rule in rules:
        about = await _about(machine, remedies, cloud, rule, decided, full=full)
        decided |= {(one.kind, one.remote_id, name) for one, names in about for name in names or [""]}
        if rule.verb != IGNORE and len(about) > machine.pace.at_most:
            log.warning(
                "a rule would change too many things, and changes none",
                rule=rule.id,
                cloud=cloud,
                things=len(about),
            )
            continue
        for one, names in about:
            deed = await _do(machine, remedies, one, rule, names)
            done += deed.able
            if deed.able:
                log.info("by rule", rule=rule.id, verb=rule.verb, cloud=cloud, kind=one.kind, finding=one.id)
    return done


@rerun
async def _do(machine: Machine, remedies: Remedies, one: Finding, rule: DriftRule, names: list[str]) -> Deed:
    async with machine.store.transaction() as tx:
        if rule.verb == REPAIR and not await may(
            machine, tx, one.cloud, one.kind, one.resource_id, "repair by rule"
        ):
            return Deed(False, "too many automatic changes were made there")
        return await remedies.do(tx, one, rule.verb, names)


async def _about(
    machine: Machine,
    remedies: Remedies,
    cloud: str,
    rule: DriftRule,
    decided: Collection[tuple[str, str, str]],
    *,
    full: bool,
) -> list[tuple[Finding, list[str]]]:
    """The open findings that a rule is about and has something to do with, and with which of their fields."""
    filters = {"cloud": cloud, "state": OPEN, "what": rule.what, "kind": rule.kind}
    found: list[tuple[Finding, list[str]]] = []
    after: Finding | None = None
    while page := await findings.page(machine.store, filters, after=after):
        after = page[-1]
        for one in page:
            names = [
                each["field"]
                for each in one.differences
                if rule.field in ("", each["field"])
                and not each["ignored"]
                and (one.kind, one.remote_id, each["field"]) not in decided
            ]
            if not names and (one.differences or (one.kind, one.remote_id, "") in decided):
                continue
            if remedies.foresee(one, rule.verb, names).able and await _is_new(machine, one, rule):
                found.append((one, names))
        if not full:
            break
    return found


async def _is_new(machine: Machine, one: Finding, rule: DriftRule) -> bool:
    """Whether it is not under way already, and was not refused by the cloud."""
    if rule.verb == IGNORE:
        return True
    presence = await presences.by_remote(machine.store, one.cloud, one.kind, one.remote_id)
    memory = presence.memory if presence is not None else {}
    return drift.REPAIR not in memory and "repair_refused" not in memory
