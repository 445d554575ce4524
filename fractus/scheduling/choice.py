"""Which cloud gets a resource.

Filters take clouds out, each with a sentence; among those left the one with most of the resource's peers wins, and
among equals the one with the least load for its weight. The count of what each cloud holds is read in the same
transaction that writes the choice, so a burst spreads evenly.

Members of a group are counted before peers: its user has asked for it by name (`GroupPolicy`). Between clouds it is
decided here, and within one by the cloud's own group.

Peers are resources on the same networks. Clouds have no path between them, so servers of one network that are in
different clouds do not reach each other (`Affinity`).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from operator import itemgetter

from msgspec import Struct


class Affinity(Enum):
    """How much the clouds of a resource's peers count where its user names no zone.

    PREFER: their clouds come first, others follow where those have no room or are away. REQUIRE: no other cloud is
    chosen as long as there are peers. OFF: peers are not looked at.
    """

    PREFER = "prefer"
    REQUIRE = "require"
    OFF = "off"


class GroupPolicy(Enum):
    """How a group's members are placed, by Nova's names. AFFINITY: all in one cloud. SOFT_AFFINITY: where most are, if
    there is room. ANTI_AFFINITY and SOFT_ANTI_AFFINITY: where the fewest are; on how many hosts of one cloud is that
    cloud's to say.
    """

    AFFINITY = "affinity"
    ANTI_AFFINITY = "anti-affinity"
    SOFT_AFFINITY = "soft-affinity"
    SOFT_ANTI_AFFINITY = "soft-anti-affinity"


class Group(Struct, frozen=True):
    """A group of resources: its own kind and id, and how its members are placed."""

    kind: str
    id: str
    policy: GroupPolicy


class Candidate(Struct, frozen=True):
    """A cloud as the scheduler sees it. `weight` is its share of the load against the others.

    `near`: how many of the networks that the resource is on have peers of it there.
    """

    name: str
    enabled: bool = True
    closed: str = ""
    """Why its operator lets nothing new in at present."""
    healthy: bool = True
    kinds: frozenset[str] = frozenset()
    held: int = 0
    weight: float = 1.0
    near: int = 0
    members: int = 0
    """How many members of the resource's group are there."""


class Verdict(Struct, frozen=True):
    """The chosen cloud, or empty; why; and for every other cloud why not.

    `may_pass`: nothing was found now, but only for reasons that pass by themselves (a cloud that is down).
    """

    cloud: str
    why: str
    why_not: dict[str, str]
    may_pass: bool = False


def choose(
    candidates: Iterable[Candidate],
    *,
    asked: str,
    kinds: frozenset[str],
    refused: dict[str, str],
    avoided: dict[str, str],
    listed: int = 1000,
    affinity: Affinity = Affinity.PREFER,
    group: GroupPolicy | None = None,
) -> Verdict:
    """Choose for a resource that asks for the cloud `asked` (empty: any) and needs `kinds` supported there.

    `listed`: of so many that have more load it is said, the nearest first.

    `refused`: clouds that said no, for good; `avoided`: clouds that are not to be tried just now. A cloud the user
    asked for by name is chosen even while it is down: the work waits for it.
    """
    why_not: dict[str, str] = {}
    left: list[Candidate] = []
    may_pass = False
    candidates = list(candidates)
    most = max((one.members for one in candidates), default=0)
    nearest = 0 if asked or affinity is Affinity.OFF else max((one.near for one in candidates), default=0)
    for one in candidates:
        reason, passing = _against(one, asked, kinds, refused, avoided)
        if not reason and affinity is Affinity.REQUIRE and one.near < nearest:
            reason = "others of its networks are in another cloud"
        if not reason and group is GroupPolicy.AFFINITY and one.members < most:
            reason = "the others of its group are in another cloud"
        if reason:
            why_not[one.name] = reason
            may_pass = may_pass or passing
        else:
            left.append(one)
    if not left:
        return Verdict("", "no cloud is left", why_not, may_pass)
    ranked = sorted(
        [
            (
                _by_group(group, one),
                -one.near if nearest else 0,
                one.held / max(one.weight, 0.001),
                one.name,
                one,
            )
            for one in left
        ],
        key=itemgetter(0, 1, 2, 3),
    )
    best = ranked[0][4]
    if asked:
        return Verdict(best.name, "asked for by its zone", why_not)
    for _, _, _, name, one in ranked[1 : listed + 1]:
        why_not[name] = _behind(one, best, group, nearest)
    if group is not None and most:
        return Verdict(best.name, f"has {best.members} of its group", why_not)
    if nearest and best.near:
        return Verdict(best.name, f"has others of {best.near} of its networks", why_not)
    return Verdict(best.name, f"least load: holds {best.held} at weight {best.weight:g}", why_not)


def _by_group(group: GroupPolicy | None, one: Candidate) -> int:
    """What a cloud is ranked by because of its members of the group: the lowest first."""
    if group is None:
        return 0
    together = group in (GroupPolicy.AFFINITY, GroupPolicy.SOFT_AFFINITY)
    return -one.members if together else one.members


def _behind(one: Candidate, best: Candidate, group: GroupPolicy | None, nearest: int) -> str:
    """Why a cloud comes after the best one."""
    if group is not None and one.members != best.members:
        return f"has {one.members} of its group"
    if nearest and one.near < best.near:
        return f"has others of {one.near} of its networks"
    return f"holds {one.held} at weight {one.weight:g}"


def _against(
    one: Candidate, asked: str, kinds: frozenset[str], refused: dict[str, str], avoided: dict[str, str]
) -> tuple[str, bool]:
    """Why not this cloud (empty: nothing against it), and whether that may pass by itself."""
    if asked and one.name != asked:
        return "another zone was asked for", False
    if one.name in refused:
        return refused[one.name], False
    if not one.enabled:
        return "disabled", False
    if one.closed:
        return one.closed, True
    missing = kinds - one.kinds
    if missing and one.kinds:
        return f"does not support {', '.join(sorted(missing))}", False
    if asked:
        return "", False
    if one.name in avoided:
        return avoided[one.name], True
    if not one.healthy:
        return "does not answer", True
    return "", False
