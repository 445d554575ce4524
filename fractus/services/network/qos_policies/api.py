"""The API of QoS policies and their rules, as far as it is particular."""

from __future__ import annotations

import dataclasses
from typing import Any

from fractus.model.errors import Forbidden, NotFound, Unimplemented
from fractus.model.network import SHARED_WITH
from fractus.model.resource import Resource
from fractus.services.field import Fields
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import visible
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.parts import Part, PartsApi
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict, hidden, malformed
from fractus.services.network.dialect.writes.sharing import Shares
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.qos_policies import schema as rules
from fractus.services.network.qos_policies.kind import KIND, alias
from fractus.services.network.qos_policies.queries import of_rule, used_by
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, one_of, page
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call, Reply, Route

#: Query parameters of the list of rule types (`qos-rule-type-filter`).
_TYPE_FLAGS = ("all_rules", "all_supported")

#: What may use one, as Neutron calls them, in its order.
USERS = {"port": "port", "network": "network"}
_ALIVE = Filter("deleted_at", "null")


class QosPolicyWrites(Writer):
    """Writes QoS policies, and knows who may use which."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise)

    async def is_used(self, reader: Reader, id: str, of: Filter) -> bool:
        """Whether projects for which a condition on `project_id` holds use it."""
        return await used_by(reader, self.ledger.resources, id, USERS, (of,)) is not None


class QosPolicyShares(Shares):
    """Shares QoS policies, which things of several kinds use."""

    def __init__(self, writes: QosPolicyWrites) -> None:
        super().__init__(writes, KIND.target, lambda id: Filter("id", "eq", id), rule=f"get_{KIND.key}")
        self._of = writes

    async def is_used(self, reader: Reader, id: str, of: Filter) -> bool:
        """Whether projects for which a condition on `project_id` holds use it."""
        return await self._of.is_used(reader, id, of)


class QosPolicyApi(CollectionApi):
    """Handlers of QoS policies."""

    kind = KIND
    core = False
    bulk = False
    tagged = "policies"
    special = {"is_default": lambda _given: ()}  # Neutron takes it, and finds all

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._policies = at.own(QosPolicyWrites)
        self._rules = [RulesApi(at, type, fields) for type, fields in rules.TYPES.items()]

    def routes(self) -> list[Route]:
        """With those of its rules. Who may change one is asked only once it is known that they may see it."""
        own = [
            dataclasses.replace(one, rule=f"get_{KIND.key}") if one.method in ("PUT", "DELETE") else one
            for one in super().routes()
        ]
        types = [
            Route(
                method="GET", path="/qos/rule-types", handler=self.rule_types, rule="get_rule_type",
                summary="List the types of rules that QoS policies may have.",
            ),
            Route(
                method="GET", path="/qos/rule-types/{id}", handler=self.rule_type, rule="get_rule_type",
                summary="Show what rules of a type may say.",
            ),
        ]  # fmt: skip
        return [*own, *types, *(route for one in self._rules for route in one.routes())]

    async def rule_types(self, call: Call) -> Reply:
        """GET the types of rules. All are served, so those of Neutron's own two flags are the same."""
        asked = [name for name in call.query if name not in (*lists.PAGING, *_TYPE_FLAGS)]
        if asked:
            raise malformed(f"{asked} is invalid attribute for filtering")
        only = lists.fields(call.query)
        shown = [{"type": one} if not only or "type" in only else {} for one in rules.TYPES]
        return Reply(200, {"rule_types": shown})

    async def rule_type(self, call: Call) -> Reply:
        """GET one, with what rules of it may say: to administrators alone, as in Neutron."""
        type = call.params["id"]
        if not call.principal.is_admin:
            raise Forbidden("Not authorized.", type="NotAuthorized")
        if type not in rules.TYPES:
            raise NotFound(f"QoS rule type {type} could not be found.", type="RuleTypeNotFound")  # 500 there
        driver = {"name": "fractus", "supported_parameters": rules.parameters(type)}
        only = lists.fields(call.query)
        found = {"type": type, "drivers": [driver]}
        return Reply(
            200, {"rule_type": {name: one for name, one in found.items() if not only or name in only}}
        )

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """It has no rules yet. A project has one default policy."""
        resource.desired["rules"] = []
        if resource.desired["is_default"]:
            await self.check_default(tx, resource)
            resource.desired["touched"] = 1

    async def update(self, call: Call) -> Reply:
        """PUT. Others' policies are "not found" to whoever would change them, though they may be seen."""
        try:
            return await super().update(call)
        except Forbidden:
            found = await self._resources.fetch(self._store, KIND.name, call.params["id"])
            if found is None or found.project_id == call.principal.project_id:
                raise
            raise hidden() from None

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """A project has one default policy; others use it no longer where it is no longer shared."""
        values, old = item.values, resource.desired
        default = values.get("is_default", old["is_default"])
        if default != old["is_default"]:
            changed = {name for name, one in values.items() if name in old and old[name] != one}
            if default:
                await self.check_default(tx, resource)
                # Neutron counts it by itself.
                old["touched"] = int(old.get("touched", 0)) + (len(changed) > 1)
        refusal = (
            f"RBAC policy on object {resource.id} cannot be removed because other objects depend on it.\n"
            "Details: project_id=*"
        )
        still_used = conflict(refusal, "RbacPolicyInUse")
        await self.unshare(tx, resource, item, still_used, but=old.get(SHARED_WITH, ()))

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Nothing uses it."""
        used = await used_by(tx, self._resources, resource.id, USERS)
        if used is not None:
            kind, id = used
            raise conflict(f"QoS Policy {resource.id} is used by {USERS[kind]} {id}.", "QosPolicyInUse")


class RulesApi(PartsApi):
    """Handlers of the rules of one type: below their policy, and by their id alone."""

    kind = KIND
    place = "rules"

    def __init__(self, at: NetworkNeighbours, type: str, fields: Fields) -> None:
        super().__init__(at, f"{type}_rule", fields)
        self._type = type

    def routes(self) -> list[Route]:
        """With those that name no policy, where Neutron has them."""
        key, noun = alias(self._type), f"{self._type.replace('_', ' ')} rule by its id."
        if self._type == "packet_rate_limit":
            return super().routes()
        rows = (
            ("GET", self.show_alone, "Show"),
            ("PUT", self.update_alone, "Change"),
            ("DELETE", self.delete_alone, "Remove"),
        )
        return super().routes() + [
            Route(
                method=method, path=f"/qos/{key}s/{{id}}", handler=handler,
                rule=f"get_{key}", summary=f"{word} a {noun}",
            )
            for method, handler, word in rows
        ]  # fmt: skip

    async def show_alone(self, call: Call) -> Reply:
        """GET one by its id."""
        id = call.params["id"]
        policy = await self._whole(self._store, call, await self._policy_of(call, id))
        return self._reply(200, self._permitted(call, "get", policy, id), call.query, alias(self._type))

    async def update_alone(self, call: Call) -> Reply:
        """PUT one by its id."""
        id = call.params["id"]
        return await self._update(call, alias(self._type), await self._policy_of(call, id), id)

    async def delete_alone(self, call: Call) -> Reply:
        """DELETE one by its id."""
        id = call.params["id"]
        return await self._delete(call, await self._policy_of(call, id), id)

    async def _policy_of(self, call: Call, rule_id: str) -> str:
        """The id of its policy. Where the caller may not see that, there is no rule: Neutron names the policy."""
        id = await of_rule(self._store, rule_id)
        policy = None if id is None else await self._resources.fetch(self._store, KIND.name, id)
        return visible(call, policy, KIND.target, rules.missing("", rule_id), rule=f"get_{KIND.key}").id

    def every(self, whole: Resource) -> list[Part]:
        """The rules of its type."""
        return [one for one in super().every(whole) if one["type"] == self._type]

    def missing(self, whole_id: str, id: str) -> NotFound:
        """Neutron's sentence."""
        return rules.missing(whole_id, id)

    async def before_write(self, tx: Transaction, whole: Resource, part: Part, given: Part) -> Part:
        """It can be among the others."""
        rule = {**part, "type": self._type}
        rules.check(whole.id, whole.desired["rules"], rule, given)
        await self._refuse_reserved(tx, whole)
        return rule

    async def before_delete(self, tx: Transaction, whole: Resource, part: Part) -> None:
        """What is reserved for servers stays."""
        await self._refuse_reserved(tx, whole)

    async def _refuse_reserved(self, tx: Transaction, policy: Resource) -> None:
        """What a policy guarantees does not change while a port of a server has it: its cloud reserved that for it."""
        if self._type not in rules.RESERVED:
            return
        users = await self._resources.needed_by(tx, KIND.name, policy.id)
        own = [id for kind, id in users if kind == "port"]
        networks = [id for kind, id in users if kind == "network"]
        for column, ids in (("id", own), ("network_id", networks)):
            of_servers: list[Any] = [one_of(column, ids), Filter("device_owner", "like", "compute:%"), _ALIVE]
            if ids and await page(tx, self._resources.tables["port"], of_servers, columns=("id",), limit=1):
                raise Unimplemented(
                    "Cannot update QoS policies/rules backed by resources tracked in Placement"
                )
