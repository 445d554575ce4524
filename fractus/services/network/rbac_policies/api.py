"""The API of RBAC policies. What a policy says is written into the thing that it shares, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Conflict
from fractus.model.network import SHARED_WITH
from fractus.model.resource import Resource
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import (
    conflict,
    invalid,
    invalid_input,
    not_found,
)
from fractus.services.network.rbac_policies.kind import ACTIONS, EVERYBODY, EXTERNAL, KIND, SHARED
from fractus.services.network.rbac_policies.writes import PolicyWrites
from fractus.store.listing import Filter, page
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class RbacPolicyApi(CollectionApi):
    """Handlers of RBAC policies."""

    kind = KIND
    core = False

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._shareable = at.shares
        self._external = at.own(PolicyWrites)

    def about(self, resource: Resource, item: Item) -> Mapping[str, Any]:
        """With whom it will be shared."""
        return {**KIND.target(resource), **{name: item.values[name] for name in item.given}}

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its object is the caller's to share, and is not shared so yet."""
        wanted = resource.desired
        shared = await self._object(tx, call, wanted)
        valid = ACTIONS[wanted["object_type"]]
        if wanted["action"] not in valid:
            raise invalid(
                f"Invalid action '{wanted['action']}' for object type '{wanted['object_type']}'."
                f" Valid actions: {valid}",
                "InvalidActionForType",
            )
        if wanted["action"] == EXTERNAL:
            await self._external.opened(tx, shared)
        await self._refuse_second(tx, wanted)

    async def after_create(self, tx: Transaction, resource: Resource) -> None:
        """The object is shared from now on."""
        await self._share(tx, resource.desired, there=True)

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Whoever loses access does not use it; whoever gets it has none yet."""
        after = {**resource.desired, "target_tenant": item.values.get("target_tenant", "")}
        if not after["target_tenant"]:
            raise self._in_use(resource.desired, "'target_project'")
        await self._object(tx, call, resource.desired)
        if after["target_tenant"] != resource.desired["target_tenant"]:
            await self._refuse_second(tx, after)
            await self._refuse_used(tx, resource.desired, after["target_tenant"])

    async def after_update(self, tx: Transaction, resource: Resource, before: Mapping[str, Any]) -> None:
        """Another project has access now."""
        if resource.desired["target_tenant"] == before["target_tenant"]:
            return
        if before["action"] != EXTERNAL:
            await self._share(tx, before, there=False)
        await self._share(tx, resource.desired, there=True)

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Whoever loses access does not use it."""
        await self._refuse_used(tx, resource.desired)
        await self._share(tx, resource.desired, there=False)

    async def _object(self, tx: Transaction, call: Call, wanted: Mapping[str, Any]) -> Resource:
        """What it shares, where the caller may share it."""
        kind, id = wanted["object_type"], wanted["object_id"]
        found = await self._resources.fetch(tx, kind, id)
        sharing = self._shareable[kind]
        if (
            found is None
            or found.deleted_at is not None
            or not call.allows(sharing.rule, sharing.target(found))
        ):
            raise invalid_input(not_found(kind, id).message.rstrip("."))
        if found.project_id != call.principal.project_id and not call.principal.is_admin:
            raise invalid_input("Only admins can manipulate policies on objects they do not own")
        return found

    async def _refuse_second(self, tx: Transaction, wanted: Mapping[str, Any]) -> None:
        same = [Filter(name, "eq", wanted[name]) for name in ("object_id", "target_tenant", "action")]
        shared = await self._resources.fetch(tx, wanted["object_type"], wanted["object_id"])
        by_itself = (
            wanted["target_tenant"] == EVERYBODY
            and wanted["action"] == SHARED
            and shared is not None
            and shared.desired.get("shared")
        )
        if by_itself or await page(tx, KIND.table, same, columns=("id",), limit=1):
            raise conflict("An RBAC policy already exists with those values.", "DuplicateRbacPolicy")

    async def _refuse_used(self, tx: Transaction, wanted: Mapping[str, Any], other: str = "") -> None:
        """`other`: whom the policy gives access instead."""
        if wanted["action"] == EXTERNAL:
            await self._refuse_leading_out(tx, wanted, other)
            return
        kind, id, target = wanted["object_type"], wanted["object_id"], wanted["target_tenant"]
        shared = await self._resources.fetch(tx, kind, id)
        if shared is None or target == shared.project_id:
            return
        if target == EVERYBODY:
            others = Filter(
                "project_id", "notin", ["", shared.project_id, *shared.desired.get(SHARED_WITH, ())]
            )
        elif shared.desired.get("shared"):
            return
        else:
            others = Filter("project_id", "eq", target)
        if await self._shareable[kind].is_used(tx, id, others):
            raise self._in_use(wanted, f"project_id={target}")

    async def _refuse_leading_out(self, tx: Transaction, wanted: Mapping[str, Any], other: str) -> None:
        """Routers of a project lead outside by it as long as the project may (neutron.db.external_net_db)."""
        id, target = wanted["object_id"], wanted["target_tenant"]
        network = await self._resources.fetch(tx, "network", id)
        left = await self._external.targets(tx, id) - {target}
        if target == EVERYBODY and network is not None and network.desired.get("is_default"):
            raise self._in_use(wanted, "Default external networks must be shared to everyone.")
        if EVERYBODY in left:
            return
        routers = {one.project_id for one in await self._at.routers.leading_out(tx, id)}
        losing = routers - {*left, other} if target == EVERYBODY else routers & {target}
        if losing:
            raise self._in_use(
                wanted, "There are routers attached to this network that depend on this policy for access."
            )

    @staticmethod
    def _in_use(wanted: Mapping[str, Any], details: str) -> Conflict:
        return conflict(
            f"RBAC policy on object {wanted['object_id']} cannot be removed because other objects depend on it.\n"
            f"Details: {details}",
            "RbacPolicyInUse",
        )

    async def _share(self, tx: Transaction, wanted: Mapping[str, Any], *, there: bool) -> None:
        if wanted["action"] == EXTERNAL:
            left = await self._external.targets(tx, wanted["object_id"])
            reached = left if there else left - {wanted["target_tenant"]}
            await self._external.reach(tx, wanted["object_id"], reached)
            return
        found = await self._resources.fetch(tx, wanted["object_type"], wanted["object_id"])
        if found is not None and found.deleted_at is None:
            await self._shareable[wanted["object_type"]].share(
                tx, found, wanted["target_tenant"], there=there
            )
