"""Which projects and users of a child are which of ours, as an operator says it on the command line.

A child that shares our Keystone has the same: then names and ids only say which of them are meant. One with a Keystone
of its own has others: those that fractus made there are named after ours, and for all others somebody has to say
`CHILD=OURS`. What was said is kept with the cloud, for calls there are made in the child's project from then on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fractus.model.cloud import Cloud
from fractus.model.errors import CloudError, Invalid
from fractus.reconcile.adopt.adopt import IdentityMapping, Survey
from fractus.store.clouds import CloudRecord

#: Before our id in the name of a project that fractus made in a child.
PREFIX = "fractus-"

Named = Callable[[str], Awaitable[str]]
"""A project of ours by name or id -> its id; `Invalid` where there is none."""


async def projects_of(cloud: Cloud) -> dict[str, str]:
    """The child's projects, name by id; none where it may not be asked."""
    try:
        return dict(await cloud.projects())
    except CloudError:
        return {}


async def map_identities(
    row: CloudRecord,
    names: Mapping[str, str],
    found: Survey,
    given: Sequence[str],
    users: Sequence[str],
    ours: Named,
) -> IdentityMapping:
    """What follows from the cloud's row, its projects' names and what was `given`; `Invalid` where that cannot be."""
    said_users = dict(_pair(one, "--user") for one in users)
    if row.identity == "shared":
        if any("=" in one for one in given):
            raise Invalid(
                f"{row.name} shares the Keystone of fractus: say --project NAME, there is nothing to map."
            )
        seen = {thing.project_id for every in found.things.values() for thing in every.values()}
        every = {*names, *seen} - {""}
        chosen = {_child(one, names, row.name) for one in given} if given else every
        return IdentityMapping({one: one for one in sorted(chosen)}, said_users, same_users=True)
    mapped = {id: name.removeprefix(PREFIX) for id, name in names.items() if name.startswith(PREFIX)}
    mapped |= {theirs: mine for mine, theirs in kept(row).items()}
    for one in given:
        theirs, mine = _pair(one, "--project")
        mapped = _added(mapped, _child(theirs, names, row.name), await ours(mine), names, row.name)
    return IdentityMapping(mapped, said_users)


def kept(row: CloudRecord) -> dict[str, str]:
    """What was said before: our id -> the child's."""
    said: Any = row.settings.get("projects")
    return dict(said) if isinstance(said, dict) else {}


def to_keep(row: CloudRecord, said: IdentityMapping, names: Mapping[str, str]) -> dict[str, str] | None:
    """The mapping as it is to be kept with the cloud; None where nothing is new."""
    if row.identity == "shared":
        return None
    own = {id for id, name in names.items() if name.startswith(PREFIX)}
    now = {mine: theirs for theirs, mine in said.projects.items() if theirs not in own}
    return None if now == kept(row) else now


def others(names: Mapping[str, str], found: Survey, said: IdentityMapping) -> list[str]:
    """The child's projects that have things and are nobody's here, by name where it tells that."""
    ids = {thing.project_id for every in found.things.values() for thing in every.values()} - {""}
    return sorted(names.get(id) or id for id in ids if id not in said.projects)


def _added(
    mapped: Mapping[str, str], theirs: str, mine: str, names: Mapping[str, str], cloud: str
) -> dict[str, str]:
    """One more: a project of ours is one project there, and the other way round."""
    for other, known in mapped.items():
        if known == mine and other != theirs:
            raise Invalid(
                f"Project {mine} of fractus is {names.get(other, other)} in {cloud} already: it cannot be two there."
            )
    if mapped.get(theirs, mine) != mine:
        raise Invalid(f"Project {theirs} of {cloud} is {mapped[theirs]} of fractus already.")
    return {**mapped, theirs: mine}


def _child(text: str, names: Mapping[str, str], cloud: str) -> str:
    if text in names:
        return text
    found = [id for id, name in names.items() if name == text]
    if len(found) == 1:
        return found[0]
    if found:
        raise Invalid(f"{cloud} has {len(found)} projects named '{text}'. Say which by its id.")
    known = (
        ", ".join(sorted(name for name in names.values() if not name.startswith(PREFIX)))
        or "none that it tells"
    )
    raise Invalid(f"{cloud} has no project '{text}'. It has: {known}.")


def _pair(text: str, option: str) -> tuple[str, str]:
    theirs, sep, mine = text.partition("=")
    if not (theirs and sep and mine):
        raise Invalid(
            f"'{text}' is not of the form CHILD=OURS: {option} names one of the cloud and one of fractus."
        )
    return theirs, mine
