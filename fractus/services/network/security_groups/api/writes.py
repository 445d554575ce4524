"""How security groups are written: the group, its rules' rows, and what their remotes need, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractus.base.ids import new_id
from fractus.model.resource import CARRY_ASYNC, Need, Resource
from fractus.services.network.dialect.api.writing import Writer
from fractus.services.network.dialect.schema.errors import conflict
from fractus.services.network.dialect.view import is_shared_with
from fractus.services.network.security_groups.queries import groups_named, rule_add, rule_drop, rules_drop
from fractus.services.network.security_groups.schema import normalized
from fractus.services.network.security_groups.view import (
    DEFAULT,
    DEFAULT_DESCRIPTION,
    default_id,
    rule_row,
    summarise,
)
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Transaction


def needs_of(group: Resource) -> list[Need]:
    """Groups that rules name must be there too; loosely, for two may name each other."""
    remote = {rule["remote_group_id"] for rule in group.desired["rules"] if rule["remote_group_id"]}
    return [Need("security_group", id, mode=CARRY_ASYNC) for id in sorted(remote - {group.id})]


def _bare(direction: str, ethertype: str, remote_group_id: str | None = None) -> dict[str, Any]:
    return {
        "direction": direction,
        "ethertype": ethertype,
        "protocol": None,
        "port_range_min": None,
        "port_range_max": None,
        "remote_ip_prefix": None,
        "remote_group_id": remote_group_id,
        "description": None,
    }


class GroupWrites(Writer):
    """Writes security groups."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, "security_group", summarise)

    async def add(self, tx: Transaction, group: Resource) -> Resource:
        """A new group. All may go out; into a default group its own members may come in."""
        rules = [_bare("egress", ethertype) for ethertype in ("IPv4", "IPv6")]
        if group.id == default_id(group.project_id):
            rules += [_bare("ingress", ethertype, group.id) for ethertype in ("IPv4", "IPv6")]
        group.desired["rules"] = [self._complete(tx, rule) for rule in rules]
        # Neutron makes the default group by itself, where there is no room for it too: without it no port can be made.
        made = await self.create(tx, group, limited=group.id != default_id(group.project_id))
        for rule in group.desired["rules"]:
            await rule_add(tx, rule_row(group, rule))
        return made

    @staticmethod
    def _complete(tx: Transaction, rule: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **rule,
            "id": new_id(),
            "normalized_cidr": normalized(rule["remote_ip_prefix"]),
            "created_at": tx.now(),
        }

    async def add_rules(
        self, tx: Transaction, group: Resource, rules: list[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """More rules; they are in their canonical form and no group has them yet."""
        made = [self._complete(tx, rule) for rule in rules]
        group.desired["rules"] = [*group.desired["rules"], *made]
        await self.change(tx, group, needs_of(group))
        for rule in made:
            await rule_add(tx, rule_row(group, rule))
        return made

    async def remove_rule(self, tx: Transaction, group: Resource, rule_id: str) -> None:
        """One rule less."""
        group.desired["rules"] = [rule for rule in group.desired["rules"] if rule["id"] != rule_id]
        await self.change(tx, group, needs_of(group))
        await rule_drop(tx, rule_id)

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Delete a group, and with it the rules of others that name it."""
        for kind, id in await self.ledger.resources.needed_by(tx, "security_group", resource.id):
            other = await self.ledger.resources.fetch(tx, kind, id) if kind == "security_group" else None
            if other is None or not other.wanted:
                continue
            gone = [rule for rule in other.desired["rules"] if rule["remote_group_id"] == resource.id]
            for rule in gone:
                await rule_drop(tx, rule["id"])
            other.desired["rules"] = [rule for rule in other.desired["rules"] if rule not in gone]
            await self.change(tx, other, needs_of(other))
        await rules_drop(tx, resource.id)
        await super().remove(tx, resource)

    async def ensure_default(self, tx: Transaction, project_id: str) -> str:
        """The project's default group, made if there is none."""
        id = default_id(project_id)
        if await self.has_default(tx, project_id):
            return id
        found = await self.ledger.resources.fetch(tx, "security_group", id)
        if found is not None:  # an admin deleted it, and its tombstone still has the id
            await self._revive(tx, found)
            return id
        desired = {"name": DEFAULT, "description": DEFAULT_DESCRIPTION, "stateful": True, "tags": []}
        await self.add(
            tx,
            Resource(kind="security_group", id=id, project_id=project_id, name=DEFAULT, desired=desired),
        )
        return id

    async def has_default(self, reader: Reader, project_id: str) -> bool:
        """Whether the project has its default group."""
        found = await self.ledger.resources.fetch(reader, "security_group", default_id(project_id))
        return found is not None and found.deleted_at is None

    async def _revive(self, tx: Transaction, group: Resource) -> None:
        group.wanted, group.deleted_at = True, None
        group.desired["rules"] = [
            self._complete(tx, rule)
            for rule in (
                *(_bare("egress", ethertype) for ethertype in ("IPv4", "IPv6")),
                *(_bare("ingress", ethertype, group.id) for ethertype in ("IPv4", "IPv6")),
            )
        ]
        await self.change(tx, group, needs_of(group), limited=False)
        for rule in group.desired["rules"]:
            await rule_add(tx, rule_row(group, rule))

    # --- what ports and servers ask of groups ----------------------------------------------------

    async def usable(self, reader: Reader, id: str, project_id: str) -> Resource | None:
        """A group of the project by id, or one that is shared with it."""
        found = await self.ledger.resources.fetch(reader, "security_group", id)
        if found is None or found.deleted_at is not None:
            return None
        mine = found.project_id == project_id or is_shared_with(found.desired, project_id)
        return found if mine else None

    async def check_together(self, reader: Reader, ids: Sequence[str]) -> None:
        """A port has stateful groups or stateless ones: `Conflict` where there are both among these."""
        if len(ids) < 2:
            return
        found = [await self.ledger.resources.fetch(reader, "security_group", id) for id in ids]
        if len({group.desired["stateful"] for group in found if group is not None}) > 1:
            raise conflict(
                "Error Cannot apply both stateful and stateless security groups on the same port at the same time "
                "while attempting the operation.",
                "SecurityGroupConflict",
            )

    async def named(self, reader: Reader, project_id: str, name: str) -> list[str]:
        """Ids of the project's groups with a name: up to two, enough to see that it is not clear."""
        return await groups_named(reader, project_id, name)
