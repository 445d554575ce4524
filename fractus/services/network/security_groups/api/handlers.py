"""The routes of security groups and of their rules."""

from __future__ import annotations

import contextlib
from typing import Any

from fractus.auth.principal import Principal
from fractus.base.ids import new_id
from fractus.model.errors import NotAllowed
from fractus.model.resource import Resource
from fractus.quota.limits import is_project_id
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import (
    authorise,
    refuse_body,
    refuse_constraint,
    seen,
    shown_to,
)
from fractus.services.network.dialect.api.lists import Lists
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.replies import collection_routes, created
from fractus.services.network.dialect.api.tags import Tags
from fractus.services.network.dialect.schema.attributes import Item, read
from fractus.services.network.dialect.schema.errors import conflict, invalid, not_carried, not_found
from fractus.services.network.security_groups.api.writes import GroupWrites
from fractus.services.network.security_groups.queries import group_scope, rule_group, rule_scope
from fractus.services.network.security_groups.schema import (
    GROUP_ATTRIBUTES,
    RULE_ATTRIBUTES,
    exists,
    in_use,
    rule_key,
    rule_of,
)
from fractus.services.network.security_groups.table import SECURITY_GROUP, SECURITY_GROUP_RULE
from fractus.services.network.security_groups.view import DEFAULT, rule_document, target
from fractus.store import presences
from fractus.store.transaction import Reader, Store, Transaction, Unwritable
from fractus.web.routing import Call, Reply, Route


def _missing(id: str) -> Any:
    return not_found("security_group", id)


def _missing_rule(id: str) -> Any:
    return not_found("security_group_rule", id)


GROUPS = Lists(
    collection="security_groups",
    table=SECURITY_GROUP,
    attributes=GROUP_ATTRIBUTES,
    scope=lambda principal: group_scope(principal.project_id),
    missing=_missing,
)

RULES = Lists(
    collection="security_group_rules",
    table=SECURITY_GROUP_RULE,
    attributes=RULE_ATTRIBUTES,
    scope=lambda principal: rule_scope(principal.project_id),
    missing=_missing_rule,
    tombstones=False,
)


class Groups:
    """What handlers of groups and of rules both need."""

    def __init__(self, store: Store, writes: GroupWrites) -> None:
        self.store = store
        self.writes = writes

    async def permitted(self, reader: Reader, call: Call, id: str, rule: str) -> Resource:
        """The group, where the caller may see it and do `rule` to it."""
        found = await self.writes.ledger.resources.fetch(reader, "security_group", id)
        group = seen(call, found, target, _missing(id))
        call.enforce(rule, target(group))
        return group

    async def make_default(self, call: Call) -> None:
        """A project gets its default group when somebody first looks at its groups: one of its own, or an admin.

        Neutron's one read that may write: clients look for a group by the name `default` before they do anything. It
        writes once in the life of a project; after that one indexed select finds the group there. As long as nothing
        can be written it is read without that group.
        """
        asked = call.query.all("project_id") or call.query.all("tenant_id") or [call.principal.project_id]
        project_id = asked[0]
        if not _may_make_one(call.principal, project_id):
            return
        if not await self.writes.has_default(self.store, project_id):
            with contextlib.suppress(Unwritable):
                async with self.store.transaction() as tx:
                    await self.writes.ensure_default(tx, project_id)


def _may_make_one(principal: Principal, project_id: str) -> bool:
    """Neutron's rule `create_default_security_group`: the project's own members, and admins.

    Whether Keystone has the project is not asked, by Neutron neither; what could be no project's id has none.
    """
    own = project_id == principal.project_id
    return is_project_id(project_id) and (own or principal.is_admin)


class SecurityGroupApi:
    """Handlers of security groups."""

    def __init__(self, at: NetworkNeighbours) -> None:
        self._store = at.store
        self._writes = at.own(GroupWrites)
        self._groups = Groups(at.store, self._writes)
        self._resources = at.ledger.resources
        self._tags = Tags(
            "security_group", "security-groups", at.store, self._groups.permitted, self._writes.touch
        )

    def routes(self) -> list[Route]:
        """All of them, with those of the rules."""
        rules = SecurityGroupRuleApi(self._groups)
        return [
            *collection_routes(
                self, "security_group", "security-groups", GROUP_ATTRIBUTES, update=self.update, core=False
            ),
            *self._tags.routes(),
            *collection_routes(
                rules, "security_group_rule", "security-group-rules", RULE_ATTRIBUTES, update=None, core=False
            ),
            Route(
                method="PUT", path="/security-group-rules/{id}", handler=rules.update,
                rule="get_security_group_rule", summary="Refused: a rule is never changed.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """GET security-groups."""
        await self._groups.make_default(call)
        return await lists.reply(self._store, call, GROUPS)

    async def show(self, call: Call) -> Reply:
        """GET a security group."""
        group = await self._groups.permitted(self._store, call, call.params["id"], "get_security_group")
        return lists.one("security_group", shown_to(call, group), call.query)

    async def create(self, call: Call) -> Reply:
        """POST security groups, one or several: all of them or none."""
        request = read("security_group", GROUP_ATTRIBUTES, call.body, call.principal, create=True, core=False)
        for item in request.items:
            about = {**item.values, "security_group:project_id": item.values["project_id"]}
            authorise(call, "create_security_group", GROUP_ATTRIBUTES, item, about, create=True)
        async with self._store.transaction() as tx:
            made = []
            for item in request.items:
                await self._writes.ensure_default(tx, item.values["project_id"])
                made.append(await self._writes.add(tx, self._resource(call, item)))
        return created("security_group", made, bulk=request.bulk)

    @staticmethod
    def _resource(call: Call, item: Item) -> Resource:
        desired = {name: item.values[name] for name in ("name", "description", "stateful")}
        return Resource(
            kind="security_group",
            id=new_id(),
            project_id=item.values["project_id"],
            user_id=call.principal.user_id,
            name=item.values["name"],
            desired={**desired, "tags": []},
            request_id=call.request_id,
        )

    async def update(self, call: Call) -> Reply:
        """PUT a security group."""
        refuse_constraint(call)
        item = read(
            "security_group", GROUP_ATTRIBUTES, call.body, call.principal, create=False, core=False
        ).items[0]
        async with self._store.transaction() as tx:
            group = await self._groups.permitted(tx, call, call.params["id"], "update_security_group")
            stateful = item.values.get("stateful", group.desired["stateful"])
            if stateful != group.desired["stateful"] and await self._used(tx, group.id, anywhere=True):
                raise in_use(group.id)
            if group.name == DEFAULT and "name" in item.values:
                raise conflict(
                    "Updating default security group not allowed.", "SecurityGroupCannotUpdateDefault"
                )
            await self._writes.update(tx, group, item.values)
        return lists.one("security_group", shown_to(call, group), call.query)

    async def _used(self, tx: Transaction, group_id: str, *, anywhere: bool = False) -> bool:
        """Whether a port has the group; `anywhere`: or a cloud has it, where some things cannot be changed."""
        for kind, id in await self._resources.needed_by(tx, "security_group", group_id):
            port = await self._resources.fetch(tx, kind, id) if kind == "port" else None
            if port is not None and port.deleted_at is None:
                return True
        return anywhere and bool(await presences.of_resource(tx, "security_group", group_id))

    async def delete(self, call: Call) -> Reply:
        """DELETE a security group."""
        refuse_body(call)
        refuse_constraint(call)
        async with self._store.transaction() as tx:
            group = await self._groups.permitted(tx, call, call.params["id"], "delete_security_group")
            if await self._used(tx, group.id):
                raise in_use(group.id)
            if group.name == DEFAULT and not call.principal.is_admin:
                raise conflict(
                    "Insufficient rights for removing default security group.",
                    "SecurityGroupCannotRemoveDefault",
                )
            await self._writes.remove(tx, group)
        return Reply(204)


class SecurityGroupRuleApi:
    """Handlers of rules. A rule is a part of its group: writing one writes the group."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._store = groups.store
        self._writes = groups.writes

    async def index(self, call: Call) -> Reply:
        """GET security-group-rules."""
        await self._groups.make_default(call)
        return await lists.reply(self._store, call, RULES)

    async def _of(self, reader: Reader, call: Call, id: str, rule: str) -> tuple[Resource, dict[str, Any]]:
        """The group of a rule and the rule itself; as missing as one that is not there where it is not the caller's."""
        group_id = await rule_group(reader, id)
        found = None
        if group_id is not None:
            found = await self._writes.ledger.resources.fetch(reader, "security_group", group_id)
        group = seen(call, found, target, _missing_rule(id))
        if not call.allows("get_security_group_rule", target(group)):
            raise _missing_rule(id)
        call.enforce(rule, target(group))
        return group, next(one for one in group.desired["rules"] if one["id"] == id)

    async def show(self, call: Call) -> Reply:
        """GET a rule."""
        group, rule = await self._of(self._store, call, call.params["id"], "get_security_group_rule")
        only = lists.fields(call.query)
        document = rule_document(group, rule)
        return Reply(
            200,
            {
                "security_group_rule": {
                    name: value for name, value in document.items() if not only or name in only
                }
            },
        )

    async def create(self, call: Call) -> Reply:
        """POST rules of one group, one or several: all of them or none."""
        request = read(
            "security_group_rule", RULE_ATTRIBUTES, call.body, call.principal, create=True, core=False
        )
        group_ids = {item.values["security_group_id"] for item in request.items}
        if len(group_ids) > 1:
            raise invalid(
                "Only allowed to update rules for one security profile at a time",
                "SecurityGroupNotSingleGroupRules",
            )
        async with self._store.transaction() as tx:
            group = await self._groups.permitted(tx, call, group_ids.pop(), "get_security_group")
            rules = [await self._judge(tx, call, group, item) for item in request.items]
            self._check_new(group, rules)
            made = await self._writes.add_rules(tx, group, [*rules])
        documents = [rule_document(group, rule) for rule in made]
        if request.bulk:
            return Reply(201, {"security_group_rules": documents})
        return Reply(201, {"security_group_rule": documents[0]})

    async def update(self, call: Call) -> Reply:
        """PUT a rule: judged as any update is, and never made, for Neutron has none."""
        read("security_group_rule", RULE_ATTRIBUTES, call.body, call.principal, create=False, core=False)
        await self._of(self._store, call, call.params["id"], "get_security_group_rule")
        raise NotAllowed("A security group rule cannot be changed.")

    async def _judge(self, tx: Transaction, call: Call, group: Resource, item: Item) -> dict[str, Any]:
        about = {**item.values, "security_group:project_id": group.project_id}
        authorise(call, "create_security_group_rule", RULE_ATTRIBUTES, item, about, create=True)
        rule = rule_of(item)
        addresses, remote = item.values["remote_address_group_id"], rule["remote_group_id"]
        if addresses is not None:
            await self._refuse_addresses(tx, call, str(addresses))
        foreign = remote is not None and remote != group.id
        # Another project's group cannot stand in a rule: in a cloud it would be in another project too.
        if foreign and await self._writes.usable(tx, str(remote), group.project_id) is None:
            raise _missing(str(remote))
        return rule

    async def _refuse_addresses(self, tx: Transaction, call: Call, id: str) -> None:
        """Address groups are here alone, and a rule in a cloud would refer to one there."""
        found = await self._writes.ledger.resources.fetch(tx, "address_group", id)
        seen(call, found, neutron.target, not_found("address_group", id))
        raise not_carried("remote_address_group_id", "address groups are kept at this endpoint alone")

    @staticmethod
    def _check_new(group: Resource, rules: list[dict[str, Any]]) -> None:
        new = [rule_key(rule, itself=group.id, exact=True) for rule in rules]
        if len(set(new)) < len(new):
            raise conflict("Duplicate Security Group Rule in POST.", "DuplicateSecurityGroupRuleInPost")
        for old in group.desired["rules"]:
            if rule_key(old, itself=group.id, exact=True) in new:
                raise exists(old["id"])

    async def delete(self, call: Call) -> Reply:
        """DELETE a rule."""
        refuse_body(call)
        refuse_constraint(call)
        async with self._store.transaction() as tx:
            id = call.params["id"]
            group, _ = await self._of(tx, call, id, "delete_security_group_rule")
            await self._writes.remove_rule(tx, group, id)
        return Reply(204)
