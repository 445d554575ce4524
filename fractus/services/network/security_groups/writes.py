"""How security groups are written, with their rules and the rules of others that name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fractus.base.ids import new_id
from fractus.model.resource import Need, Resource
from fractus.services.network.dialect.schema.errors import conflict
from fractus.services.network.dialect.view import is_shared_with
from fractus.services.network.dialect.writes.neighbours import DefaultRules, RemoteMembers
from fractus.services.network.dialect.writes.subresources import SubresourceWriter
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.security_groups.kind import (
    ADDRESSES,
    DEFAULT,
    DEFAULT_DESCRIPTION,
    KIND,
    RULE,
    RULES,
    default_id,
    needs,
)
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, page
from fractus.store.transaction import Reader, Transaction

#: The remote group of a declared rule that means the new group itself.
_ITSELF = "PARENT"


#: What a new group's rule has of a declared one.
_DECLARED = (
    "direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "normalized_cidr",
    "remote_group_id", "remote_address_group_id",
)  # fmt: skip


class GroupWrites(Writer):
    """Writes security groups; `rules` their rules."""

    def __init__(self, ledger: Ledger, defaults: DefaultRules, members: RemoteMembers) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise)
        self._defaults, self._members = defaults, members
        self.rules = SubresourceWriter(KIND, RULE, self)

    async def create(
        self, tx: Transaction, resource: Resource, needs: Sequence[Need] = (), *, limited: bool = True
    ) -> Resource:
        """A new group, with the rules that every new one has."""
        RULES.keep(resource, await self._first(tx, resource))
        # Neutron makes the default group by itself, where there is no room for it too: without it no port can be made.
        limited = limited and resource.id != default_id(resource.project_id)
        made = await super().create(tx, resource, KIND.needs(resource), limited=limited)
        await RULES.write(tx, resource, RULES.among(resource))
        return made

    async def _first(self, tx: Transaction, group: Resource) -> list[dict[str, Any]]:
        """Those that are declared for new groups, without those whose remote the group's project may not use."""
        found = []
        for rule in await self._defaults.of_new(tx, default=group.id == default_id(group.project_id)):
            entry = {name: rule[name] for name in _DECLARED}
            if entry["remote_group_id"] == _ITSELF:
                entry["remote_group_id"] = group.id
            remote, addresses = entry["remote_group_id"], entry["remote_address_group_id"]
            there = remote in (None, group.id) or await self.usable(tx, remote, group.project_id) is not None
            if there and (addresses is None or await self.name_addresses(tx, group, addresses)):
                found.append({**entry, "description": None, "id": new_id(), "created_at": tx.now()})
        return found

    async def change(
        self,
        tx: Transaction,
        resource: Resource,
        needs: Sequence[Need] | None = None,
        *,
        limited: bool = True,
    ) -> None:
        """What is desired of a group has changed. It keeps the addresses of the groups that its rules name now."""
        if ADDRESSES in resource.desired:
            named = {rule.get("remote_address_group_id") for rule in RULES.among(resource)}
            kept = {id: one for id, one in resource.desired[ADDRESSES].items() if id in named}
            resource.desired[ADDRESSES] = kept
        await super().change(tx, resource, needs, limited=limited)
        for id in sorted({one["remote_group_id"] or "" for one in RULES.among(resource)} - {""}):
            remote = await self.ledger.resources.fetch(tx, KIND.name, id)
            if remote is not None:
                await self._members.begin(tx, remote)

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Delete a group, and with it the rules of others that name it."""
        for kind, id in await self.ledger.resources.needed_by(tx, KIND.name, resource.id):
            other = await self.ledger.resources.fetch(tx, kind, id) if kind == KIND.name else None
            if other is not None and other.wanted:
                gone = [one["id"] for one in RULES.among(other) if one["remote_group_id"] == resource.id]
                await self.rules.remove_parts(tx, other, gone)
        await RULES.drop_of(tx, resource.id)
        await self._members.end(tx, resource.id)
        await super().remove(tx, resource)

    async def ensure_default(self, tx: Transaction, project_id: str) -> str:
        """The project's default group, made if there is none."""
        id = default_id(project_id)
        found = await self.ledger.resources.fetch(tx, KIND.name, id)
        if found is None:
            desired = {"name": DEFAULT, "description": DEFAULT_DESCRIPTION, "stateful": True, "tags": []}
            group = Resource(kind=KIND.name, id=id, project_id=project_id, name=DEFAULT, desired=desired)
            await self.create(tx, group)
        elif found.deleted_at is not None:  # an admin deleted it, and its tombstone still has the id
            await self._revive(tx, found)
        return id

    async def has_default(self, reader: Reader, project_id: str) -> bool:
        """Whether the project has its default group."""
        found = await self.ledger.resources.fetch(reader, KIND.name, default_id(project_id))
        return found is not None and found.deleted_at is None

    async def _revive(self, tx: Transaction, group: Resource) -> None:
        group.wanted, group.deleted_at = True, None
        RULES.keep(group, await self._first(tx, group))
        await self.change(tx, group, needs(group), limited=False)
        await RULES.write(tx, group, RULES.among(group))

    # --- address groups that rules name -----------------------------------------------------------

    async def name_addresses(self, tx: Transaction, group: Resource, id: str) -> bool:
        """A rule of the group names that address group: whether its project may use it. What it has is kept with the
        group, for clouds are sent a rule for each address.
        """
        found = await self.ledger.resources.fetch(tx, "address_group", id)
        mine = found is not None and (
            found.project_id == group.project_id or is_shared_with(found.desired, group.project_id)
        )
        if found is None or not mine:
            return False
        group.desired[ADDRESSES] = {**group.desired.get(ADDRESSES, {}), id: found.desired["addresses"]}
        return True

    async def naming(self, reader: Reader, address_group_id: str) -> list[str]:
        """Ids of the groups with rules that name an address group."""
        of = [Filter("remote_address_group_id", "eq", address_group_id)]
        rows = await page(reader, RULE.table, of, columns=("id", "security_group_id"), limit=1 << 31)
        return sorted({row[1] for row in rows})

    async def addresses_changed(self, tx: Transaction, addresses: Resource) -> None:
        """An address group has other addresses now. Rules that name it are as before, and so is a group's revision."""
        for id in await self.naming(tx, addresses.id):
            group = await self.ledger.resources.fetch(tx, KIND.name, id, to_write=True)
            if group is not None and await self.name_addresses(tx, group, addresses.id):
                group.desired["touched"] = int(group.desired.get("touched", 0)) - 1
                await self.change(tx, group)

    # --- what ports and servers ask of groups ----------------------------------------------------

    async def usable(self, reader: Reader, id: str, project_id: str) -> Resource | None:
        """A group of the project by id, or one that is shared with it."""
        found = await self.ledger.resources.fetch(reader, KIND.name, id)
        if found is None or found.deleted_at is not None:
            return None
        mine = found.project_id == project_id or is_shared_with(found.desired, project_id)
        return found if mine else None

    def check_together(self, groups: Sequence[Resource]) -> None:
        """A port has stateful groups or stateless ones: `Conflict` where there are both among these."""
        if len({group.desired["stateful"] for group in groups}) > 1:
            raise conflict(
                "Error Cannot apply both stateful and stateless security groups on the same port at the same time "
                "while attempting the operation.",
                "SecurityGroupConflict",
            )

    async def named(self, reader: Reader, project_id: str, name: str) -> list[str]:
        """Ids of the project's groups with a name: up to two, enough to see that it is not clear."""
        conditions = [
            Filter("project_id", "eq", project_id),
            Filter("name", "eq", name),
            Filter("deleted_at", "null"),
        ]
        return [row[0] for row in await page(reader, KIND.table, conditions, columns=("id",), limit=2)]
