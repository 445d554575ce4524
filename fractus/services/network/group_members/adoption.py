"""Members that a group has in other clouds are ours again, where their address group carries our marker.

All of them follow from their group, so nothing is read off the cloud but whose they are. Address groups of a cloud's
own stay the cloud's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fractus.model.network import GROUP_MEMBERS, GroupMembersObserved
from fractus.model.resource import Resource
from fractus.reconcile.adopt.adoption import (
    Adopt,
    AdoptionContext,
    Conflict,
    Ignore,
    Merge,
    Verdict,
    stamp,
    unmapped,
)
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.group_members.kind import NAME, members_id, members_of, needs
from fractus.store import work
from fractus.store.transaction import Transaction

_GROUP = "security_group"


class GroupMembersAdoption(CrudAdoption[GroupMembersObserved]):
    """Taking back the members that groups have in other clouds."""

    after: tuple[str, ...] = (_GROUP,)

    def __init__(self) -> None:
        super().__init__(GROUP_MEMBERS)

    def needed(
        self, observed: GroupMembersObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Their group. One without our marker may be ours by another id than it has there (a default group), so all of
        those in the project come along where no other is it.
        """
        if not observed.marker:
            return []
        groups = list(_in_project(observed, listed.get(_GROUP, {})))
        found = [one for one in groups if _is_of(observed, one)] or [one for one in groups if not one.marker]
        return [(_GROUP, one.remote_id) for one in found]

    async def judge(
        self, tx: Transaction, observed: GroupMembersObserved, context: AdoptionContext
    ) -> Verdict:
        """What is to be in it is known by what has been taken over besides, and may be something else than is there:
        it is looked at.
        """
        if not observed.marker:
            return Ignore("address groups are taken over from no cloud")
        if context.project(observed.project_id) is None:
            return unmapped()
        group = await self._group(tx, observed, context)
        if group is None:
            return Conflict("its security group is not taken over")
        await work.wake(tx, NAME, observed.marker, context.cloud)
        known = await context.resource(tx, NAME, observed.marker)
        if known is not None:
            return Merge(known.id)
        members = members_of(group)
        members.created_at = stamp(observed.created_at)
        return Adopt(members, needs(members))

    async def _group(
        self, tx: Transaction, observed: GroupMembersObserved, context: AdoptionContext
    ) -> Resource | None:
        """The group there that they are of, as it is here."""
        for _, id in self.needed(observed, {_GROUP: context.listed(_GROUP)}):
            ours = await context.taken(tx, _GROUP, id)
            if ours is not None and members_id(ours.id) == observed.marker:
                return ours
        return None


def _in_project(observed: GroupMembersObserved, groups: Mapping[str, Any]) -> Iterator[Any]:
    return (one for one in groups.values() if one.project_id == observed.project_id)


def _is_of(observed: GroupMembersObserved, group: Any) -> bool:
    return members_id(group.marker or group.remote_id) == observed.marker
