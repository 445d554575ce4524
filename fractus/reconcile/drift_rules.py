"""Rules about findings, applied when a sweep is over. The first rule that is about a finding decides.

A rule is for the few things that somebody changes now and then. If one would change more at once than one command may
(`brakes.at_most`), something else is the matter (a restored cloud, another administrator's script), and it changes none:
that is said in the log, and left to an operator.
"""

from __future__ import annotations

from fractus.base.log import logger
from fractus.reconcile import drift
from fractus.reconcile.machine import Machine
from fractus.reconcile.remedy import IGNORE, Remedies
from fractus.store import drift_rules, findings, presences
from fractus.store.drift_rules import DriftRule
from fractus.store.findings import OPEN, Finding

log = logger("reconcile.drift_rules")


async def apply(machine: Machine, cloud: str) -> int:
    """Do what the rules say about the open findings of a cloud; with how many things something was done."""
    rules = [one for one in await drift_rules.every(machine.store) if one.cloud in ("", cloud)]
    if not rules:
        return 0
    remedies = Remedies(machine.resources, machine.lifecycles, machine.bell)
    done = 0
    decided: set[tuple[str, str]] = set()
    for rule in rules:
        found = [one for one in await _about(machine, remedies, cloud, rule) if _key(one) not in decided]
        most = machine.pace.at_most
        if rule.verb != IGNORE and len(found) > most:
            log.error(
                "a rule would change too many things, and changes none",
                rule=rule.id,
                cloud=cloud,
                things=len(found),
            )
            decided |= {_key(one) for one in found}
            continue
        for one in found:
            decided.add(_key(one))
            async with machine.store.transaction() as tx:
                deed = await remedies.do(tx, one, rule.verb, _fields(rule))
            done += deed.able
            if deed.able:
                log.info("by rule", rule=rule.id, verb=rule.verb, cloud=cloud, kind=one.kind, finding=one.id)
    return done


def _key(finding: Finding) -> tuple[str, str]:
    return finding.kind, finding.remote_id


def _fields(rule: DriftRule) -> tuple[str, ...]:
    return (rule.field,) if rule.field else ()


async def _about(machine: Machine, remedies: Remedies, cloud: str, rule: DriftRule) -> list[Finding]:
    """The open findings that a rule is about and has something to do with."""
    filters = {"cloud": cloud, "state": OPEN, "what": rule.what, "kind": rule.kind}
    found: list[Finding] = []
    after: Finding | None = None
    while page := await findings.page(machine.store, filters, after=after):
        after = page[-1]
        able = [
            one for one in page if rule.meets(one) and remedies.foresee(one, rule.verb, _fields(rule)).able
        ]
        found += [one for one in able if await _is_new(machine, one, rule)]
    return found


async def _is_new(machine: Machine, one: Finding, rule: DriftRule) -> bool:
    """Whether it was not done already: ignored for this field, being repaired, or refused by the cloud."""
    fields = [each for each in one.differences if rule.field in ("", each["field"])]
    if fields and all(each["ignored"] for each in fields):
        return False
    if rule.verb == IGNORE:
        return True
    presence = await presences.by_remote(machine.store, one.cloud, one.kind, one.remote_id)
    memory = presence.memory if presence is not None else {}
    return drift.REPAIR not in memory and "repair_refused" not in memory
