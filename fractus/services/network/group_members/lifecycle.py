"""Members elsewhere as the machine sees them: an address group with just the addresses of those that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.cloud import Step
from fractus.model.network import GROUP_MEMBERS, GroupMembersObserved, GroupMembersWanted
from fractus.model.placement import follows
from fractus.model.resource import Presence, Resource
from fractus.reconcile.kind import Apply, Difference, Done, Item, Plan
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.group_members.kind import summarise
from fractus.services.network.group_members.queries import of_port
from fractus.services.network.group_members.writes import GroupMemberWrites
from fractus.store.transaction import Reader

#: So many addresses are said with one request.
_AT_ONCE = 500


class GroupMembersLifecycle(CrudLifecycle[GroupMembersWanted, GroupMembersObserved]):
    """The kind `group_members`."""

    traits = follows("security_group")
    facts_from = frozenset({"port"})

    def __init__(self, members: GroupMemberWrites) -> None:
        super().__init__(GROUP_MEMBERS, summarise)
        self._members = members

    async def facts(self, reader: Reader, resource: Resource, presence: Presence) -> Mapping[str, Any]:
        """The addresses of the members that are not in this cloud."""
        group_id = resource.desired["security_group_id"]
        return {"addresses": await self._members.addresses(reader, group_id, presence.cloud)}

    async def concerns(self, reader: Reader, kind: str, id: str) -> list[str]:
        """Those of the groups of a port."""
        return [members for members, _ in await of_port(reader, id)]

    def fields(self, item: Item) -> dict[str, Any]:
        """As facts say."""
        return {"addresses": list(item.facts.get("addresses", ()))}

    def differences(self, item: Item, observed: GroupMembersObserved) -> list[Difference]:
        """Addresses are reported as those that are missing, and those that should not be there."""
        missing, surplus = self._apart_addresses(item, observed)
        if not (missing or surplus):
            return []
        return [Difference("addresses", missing, surplus, adopts=False)]

    def plan(self, item: Item, observed: GroupMembersObserved) -> Plan:
        """What should not be let in goes first."""
        missing, surplus = self._apart_addresses(item, observed)
        if surplus:
            return Apply(Step("remove_addresses", {"addresses": surplus[:_AT_ONCE]}))
        if missing:
            return Apply(Step("add_addresses", {"addresses": missing[:_AT_ONCE]}))
        return Done()

    @staticmethod
    def _apart_addresses(item: Item, observed: GroupMembersObserved) -> tuple[list[str], list[str]]:
        if observed.addresses is None or "addresses" not in item.facts:
            return [], []
        wanted, there = set(item.facts["addresses"]), set(observed.addresses)
        return sorted(wanted - there), sorted(there - wanted)
