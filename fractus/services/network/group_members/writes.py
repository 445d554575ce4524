"""How the members of groups elsewhere are written: by the groups, once they are in a second cloud."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fractus.model.resource import BLOCKED, Resource
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.group_members.kind import NAME, members_id, members_of, needs, summarise
from fractus.services.network.group_members.queries import elsewhere, of_port
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Transaction

#: What of a port says whose member it is, and by which addresses.
_ABOUT = ("security_groups", "fixed_ips", "allowed_address_pairs")

#: What of a choice is said of an end.
_OF_END = ("detached", "gone_at")


class GroupMemberWrites(Writer):
    """Writes the members that groups have elsewhere, and knows how a cloud is sent them."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, NAME, summarise, follows=True)

    async def begin(self, tx: Transaction, group: Resource) -> None:
        """Rules name a group: where it is in several clouds, each is sent its members elsewhere from now on."""
        there = await presences.of_resource(tx, group.kind, group.id)
        if sum(one.wanted for one in there) < 2:
            return
        members = members_of(group)
        found = await self.ledger.resources.fetch(tx, NAME, members.id)
        if found is None:
            await self.create(tx, members, needs(members))
        elif not found.wanted:
            # They ended with their group, which is back (of a cloud that was dropped, or a default group).
            found.wanted, found.deleted_at = True, None
            found.choice = {name: value for name, value in found.choice.items() if name not in _OF_END}
            await self.change(tx, found, needs(found))

    async def end(self, tx: Transaction, group_id: str) -> None:
        """A group is no more."""
        found = await self.ledger.resources.fetch(tx, NAME, members_id(group_id))
        if found is not None and found.wanted:
            await self.remove(tx, found)

    async def in_cloud(self, reader: Reader, group_ids: Collection[str], cloud: str) -> Mapping[str, Any]:
        """How a cloud is sent the members that these groups have elsewhere: group -> the id of an address group
        there, or, where the cloud takes none, their addresses.
        """
        found: dict[str, Any] = {}
        for group_id in sorted(group_ids):
            one = await presences.fetch(reader, NAME, members_id(group_id), cloud)
            if one is None or not one.wanted:
                continue
            if one.remote_id is not None:
                found[group_id] = one.remote_id
            elif one.state == BLOCKED:
                found[group_id] = await self.addresses(reader, group_id, cloud)
        return found

    async def addresses(self, reader: Reader, group_id: str, cloud: str) -> list[str]:
        """The addresses of the members of a group that are in other clouds than this one."""
        return await elsewhere(reader, self.ledger.resources.tables["port"], group_id, cloud)

    async def groups_of(self, reader: Reader, kind: str, id: str) -> list[str]:
        """The groups whose members are sent otherwise, as far as rules are: where (kind, id), one of these or a
        port, has changed.
        """
        if kind == NAME:
            found = await self.ledger.resources.fetch(reader, NAME, id)
            return [] if found is None else [found.desired["security_group_id"]]
        groups = []
        for members, group_id in await of_port(reader, id):
            there = await presences.of_resource(reader, NAME, members)
            groups += [group_id] if any(one.state == BLOCKED for one in there) else []
        return groups

    # --- ports -----------------------------------------------------------------------------------

    async def check_update(self, tx: Transaction, port: Resource, values: Mapping[str, Any]) -> None:
        """Any change is welcome."""

    async def check_delete(self, tx: Transaction, port: Resource) -> None:
        """So is an end."""

    async def port_updated(self, tx: Transaction, port: Resource, before: Mapping[str, Any]) -> None:
        """Its addresses, or its groups, are others: all clouds of those groups look."""
        after = port.desired
        if all(before.get(name) == after.get(name) for name in _ABOUT):
            return
        for group_id in sorted({*before["security_groups"], *after["security_groups"]}):
            found = await self.ledger.resources.fetch(tx, NAME, members_id(group_id))
            if found is not None and found.wanted:
                await self.change(tx, found)

    async def port_removed(self, tx: Transaction, port: Resource) -> None:
        """As it leaves its cloud."""
