"""Make the parent's database again from the clouds alone.

What fractus makes in a cloud carries our marker: our id of it. The project is the one it lies in there. So everything
that is in some cloud is listed, and taken over by the ids that it had; one resource in three clouds is one again. What
was in no cloud is lost, and so is what no cloud has a field for: `lost` says what, in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.model.errors import Conflict
from fractus.reconcile.adopt import adopt as taking
from fractus.reconcile.adopt.adopt import AdoptionDependencies, IdentityMapping, ProgressHook, Report, Survey
from fractus.reconcile.adopt.adoption import MadeByInstallation
from fractus.store.listing import Filter, page

#: What cannot be read off any cloud, beside the kinds that are in none.
_LOST = (
    "What was in no cloud when the database was lost: images and networks never used, servers that waited for a cloud.",
    "Quota limits, read-only and freeze holds, rules about drift.",
    "First passwords of servers, the history of their actions, locks, users' own tags of servers, addresses of access.",
    "Descriptions and tags of networks, subnets, ports and security groups; hints of availability zones.",
    "Which ports were users' own and which were made for a server: those without a name count as made for it.",
    "Ids of rules of security groups: each cloud has its own, and that of the first is taken.",
    "What was taken over without a marker: fractus cloud adopt NAME takes it again, by the same ids.",
)


def only_here(parts: AdoptionDependencies) -> list[str]:
    """The kinds of which nothing is ever in a cloud to be found."""
    return sorted(parts.resources.tables.keys() - parts.adoptions.keys())


def lost(parts: AdoptionDependencies) -> list[str]:
    """What cannot be read off any cloud: a sentence for each sort of it."""
    kinds = ", ".join(only_here(parts))
    local = (
        f"Kinds that are kept by fractus alone: {kinds}. Their resources have to be made again; with them is lost with "
        "whom networks and security groups were shared, and of which pool a subnet was."
    )
    return [local, *_LOST]


async def held(parts: AdoptionDependencies) -> dict[str, int]:
    """How many resources of each kind the database has already: more than none, and it is not an empty one."""
    found = {}
    for kind, table in parts.resources.tables.items():
        # A new installation has default security group rules, which no user made, and the default volume type.
        adoption: object = parts.adoptions.get(kind)
        of = [Filter("user_id", "ne", "")] if adoption is None else []
        if isinstance(adoption, MadeByInstallation):
            of = [Filter("id", "notin", adoption.made_by_installation)]
        rows = await page(parts.store, table, of, columns=("id",), limit=1)
        if rows:
            found[kind] = len(rows)
    return found


async def check_empty(parts: AdoptionDependencies) -> None:
    """`Conflict` where something is in the database."""
    there = await held(parts)
    if there:
        raise Conflict(
            f"The database is not empty (it has {', '.join(sorted(there))}). A rebuild is for a database that was "
            "lost; pass --into-existing to add what is missing in this one, and change nothing else."
        )


async def rebuild(
    parts: AdoptionDependencies,
    found: Sequence[Survey],
    identities: Mapping[str, IdentityMapping],
    *,
    dry_run: bool = False,
    progress: ProgressHook | None = None,
) -> dict[str, Report]:
    """Take back all that carries our marker, and what that needs, cloud by cloud. `identities`: by cloud."""
    if dry_run:
        async with taking.dry(parts) as copy:
            return await rebuild(copy, found, identities, progress=progress)
    reports = {}
    for one in found:
        reports[one.cloud] = await taking.adopt(
            parts, one, identities[one.cloud], only=taking.marked(one), progress=progress
        )
    return reports


def without_marker(found: Survey) -> dict[str, int]:
    """How many things of each kind a cloud has that do not carry our marker."""
    counts = {
        kind: sum(not observed.marker for observed in every.values()) for kind, every in found.things.items()
    }
    return {kind: count for kind, count in counts.items() if count}
