"""What is done about drift; single things that sweeps found are taken over as `fractus cloud adopt` does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from fractus.base.clock import iso
from fractus.model.errors import Invalid, NotFound
from fractus.operations import cloud_rows
from fractus.operations.identity_mapping import map_identities, projects_of
from fractus.operations.parts import OperatorParts
from fractus.reconcile.adopt.adopt import Report, adopt, survey
from fractus.reconcile.sweep.remedy import REOPEN, Deed, Remedies
from fractus.store import clouds, findings
from fractus.store.findings import FOREIGN, IGNORED, OPEN, ORPHAN, Finding
from fractus.store.retrying import rerun_unless_written


async def adopt_unmatched(
    parts: OperatorParts, unmatched: Sequence[Finding], *, dry_run: bool
) -> list[Report]:
    """What came of it, or would, cloud by cloud. The clouds are only read; `CloudError` where one does not answer."""
    by_cloud: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in unmatched:
        by_cloud[one.cloud].add((one.kind, one.remote_id))
    return [await _adopt(parts, cloud, keys, dry_run=dry_run) for cloud, keys in sorted(by_cloud.items())]


async def _adopt(parts: OperatorParts, cloud: str, keys: set[tuple[str, str]], *, dry_run: bool) -> Report:
    row = await cloud_rows.known(parts.store, cloud)
    await parts.children.refresh(parts.store)
    child = parts.children.get(cloud)
    if child is None:
        raise Invalid(f"{cloud} cannot be connected to: see fractus cloud check {cloud}.")
    found = await survey(child, parts.adoptions)
    # Projects that somebody mapped before are known; for others `fractus cloud adopt` takes --project.
    said = await map_identities(row, await projects_of(child), found, (), (), _nobody)
    return await adopt(parts, found, said, only=keys, dry_run=dry_run)


async def _nobody(text: str) -> str:
    raise Invalid(f"{text} is not asked for here")


async def check_names(parts: OperatorParts, cloud: str, kind: str) -> None:
    """`NotFound` or `Invalid` for a name that there is not: an empty list would look like good news."""
    if cloud and await clouds.fetch(parts.store, cloud) is None:
        names = ", ".join(one.name for one in await clouds.every(parts.store)) or "none yet"
        raise NotFound(f"There is no cloud named '{cloud}'. There are: {names}.")
    if kind and kind not in parts.lifecycles:
        raise Invalid(f"There is no kind '{kind}'. There are: {', '.join(parts.lifecycles)}.")


async def listed_at(parts: OperatorParts) -> dict[tuple[str, str], float]:
    """(cloud, kind) -> when it was last listed whole."""
    found = {}
    for row in await clouds.every(parts.store):
        for name, at in row.cursors.items():
            if name.endswith("@"):
                found[row.name, name[:-1]] = float(at)
    return found


def finding_document(one: Finding, listed: dict[tuple[str, str], float]) -> dict[str, Any]:
    """A finding as it is shown; `listed`: when each kind of each cloud was last listed whole."""
    last = max(one.seen_at, listed.get((one.cloud, one.kind), 0.0))
    document: dict[str, Any] = msgspec.to_builtins(one)
    del document["seen_at"], document["first_seen_at"], document["detail"]
    document["differences"] = [{**each, "since": iso(each["since"])} for each in one.differences]
    return {**document, "name": one.detail, "first_seen": iso(one.first_seen_at), "last_seen": iso(last)}


async def known(parts: OperatorParts, id: str) -> Finding:
    """The finding; `NotFound` without one."""
    one = await findings.by_id(parts.store, id)
    if one is None:
        raise NotFound(no_such(id))
    return one


def no_such(id: str) -> str:
    """That there is no such finding."""
    return f"There is no finding {id}; `fractus drift list` shows those that there are."


def remedies_of(parts: OperatorParts) -> Remedies:
    """What can be done about findings."""
    return Remedies(parts.resources, parts.lifecycles, parts.notifier)


def as_reported(one: Finding, deed: Deed, report: Report) -> Deed:
    """What taking over came to for one thing."""
    for clash in report.conflicts:
        if (clash.kind, clash.remote_id) == (one.kind, one.remote_id):
            return Deed(False, clash.reason)
    return deed


@rerun_unless_written
async def apply(
    parts: OperatorParts, remedies: Remedies, one: Finding, verb: str, fields: Sequence[str]
) -> Deed:
    """Do one thing about one finding."""
    async with parts.store.transaction() as tx:
        return await remedies.do(tx, one, verb, fields)


def is_meant(one: Finding, verb: str, what: str | None) -> bool:
    """Whether `--all` selects it: what is open, and surely ours unless `what` names it."""
    state = IGNORED if verb == REOPEN else OPEN
    some = any(each["ignored"] for each in one.differences) if verb == REOPEN else False
    return (one.state == state or some) and (one.what not in (FOREIGN, ORPHAN) or what == one.what)
