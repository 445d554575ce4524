"""The API of security groups and their rules, as far as it is particular: default groups, and which rules are twice."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from fractus.auth.principal import Principal
from fractus.model.resource import Resource
from fractus.quota.limits import is_project_id
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.subresources import SubresourceApi
from fractus.services.network.dialect.schema import rules
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict, invalid, not_found
from fractus.services.network.security_groups import schema
from fractus.services.network.security_groups.kind import (
    DEFAULT,
    KIND,
    RULE,
    RULES,
)
from fractus.services.network.security_groups.writes import GroupWrites
from fractus.store import presences
from fractus.store.listing import Filters
from fractus.store.transaction import Transaction, Unwritable
from fractus.web.routing import Call


class SecurityGroupApi(CollectionApi):
    """Handlers of security groups."""

    kind = KIND
    core = False

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._groups = at.own(GroupWrites)

    async def conditions(self, call: Call) -> Filters:
        """A project gets its default group when somebody first looks at its groups: one of its own, or an admin.

        Neutron's one read that may write: clients look for a group by the name `default` before they do anything. It
        writes once in the life of a project; after that one indexed select finds the group there. As long as nothing
        can be written it is read without that group.
        """
        asked = call.query.all("project_id") or call.query.all("tenant_id") or [call.principal.project_id]
        project_id = asked[0]
        if _may_make_one(call.principal, project_id) and not await self._groups.has_default(
            self._store, project_id
        ):
            with contextlib.suppress(Unwritable):
                async with self._store.transaction() as tx:
                    await self._groups.ensure_default(tx, project_id)
        return ()

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its project has a default group."""
        await self._groups.ensure_default(tx, resource.project_id)

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """No port and no cloud has one that is stateful no longer; a default group keeps its name."""
        stateful = item.values.get("stateful", resource.desired["stateful"])
        if stateful != resource.desired["stateful"] and (
            await self._used(tx, resource.id) or await presences.of_resource(tx, KIND.name, resource.id)
        ):
            raise schema.in_use(resource.id)
        if resource.name == DEFAULT and "name" in item.values:
            raise conflict("Updating default security group not allowed.", "SecurityGroupCannotUpdateDefault")

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """No port has it; a default group is removed by an admin alone."""
        if await self._used(tx, resource.id):
            raise schema.in_use(resource.id)
        if resource.name == DEFAULT and not call.principal.is_admin:
            raise conflict(
                "Insufficient rights for removing default security group.",
                "SecurityGroupCannotRemoveDefault",
            )

    async def _used(self, tx: Transaction, group_id: str) -> bool:
        """Whether a port has the group."""
        for kind, id in await self._resources.needed_by(tx, KIND.name, group_id):
            port = await self._resources.fetch(tx, kind, id) if kind == "port" else None
            if port is not None and port.deleted_at is None:
                return True
        return False


def _may_make_one(principal: Principal, project_id: str) -> bool:
    """Neutron's rule `create_default_security_group`: the project's own members, and admins.

    Whether Keystone has the project is not asked, by Neutron neither; what could be no project's id has none.
    """
    own = project_id == principal.project_id
    return is_project_id(project_id) and (own or principal.is_admin)


class SecurityGroupRuleApi(SubresourceApi):
    """Handlers of rules."""

    kind = RULE
    core = False
    parents = SecurityGroupApi

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._groups = at.own(GroupWrites)

    async def conditions(self, call: Call) -> Filters:
        """Its project has a default group, with rules."""
        return await self._parents.conditions(call)

    async def add_all(self, tx: Transaction, call: Call, items: Sequence[Item]) -> list[Resource]:
        """Rules of one group."""
        if len({item.values["security_group_id"] for item in items}) > 1:
            raise invalid(
                "Only allowed to update rules for one security profile at a time",
                "SecurityGroupNotSingleGroupRules",
            )
        return await super().add_all(tx, call, items)

    async def complete(
        self, tx: Transaction, call: Call, parent: Resource, part: Resource, item: Item
    ) -> None:
        """Its parts fit each other, and its remote is there."""
        rule = part.desired
        rules.complete(rule)
        addresses, remote = rule["remote_address_group_id"], rule["remote_group_id"]
        if addresses is not None and not await self._groups.name_addresses(tx, parent, str(addresses)):
            raise not_found("address_group", str(addresses))
        foreign = remote is not None and remote != parent.id
        # Another project's group cannot stand in a rule: in a cloud it would be in another project too.
        if foreign and await self._groups.usable(tx, str(remote), parent.project_id) is None:
            raise not_found(KIND.name, str(remote))

    def check(self, parent: Resource, parts: Sequence[Resource]) -> None:
        """Each is there once."""
        new = [rules.rule_key(one.desired, itself=parent.id, exact=True) for one in parts]
        if len(set(new)) < len(new):
            raise conflict("Duplicate Security Group Rule in POST.", "DuplicateSecurityGroupRuleInPost")
        for old in RULES.among(parent):
            if rules.rule_key(old, itself=parent.id, exact=True) in new:
                raise schema.exists(old["id"])
