"""The routes of server groups: a project's own, and for administrators all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from fractus.base.ids import new_id
from fractus.model.resource import Resource
from fractus.services.compute.dialect.api.collection import CollectionApi
from fractus.services.compute.dialect.schema.bodies import check_create, reached
from fractus.services.compute.dialect.schema.fields import ComputeField
from fractus.services.compute.server_groups import queries, schema
from fractus.services.compute.server_groups.kind import ALL_PROJECTS, FIELDS, KIND
from fractus.store.transaction import Reader, Row
from fractus.web.microversion import FieldAdded, Version
from fractus.web.paging import nova_offset, nova_paging
from fractus.web.routing import Call, Reply

_decode = msgspec.json.decode
_V = Version

#: From here on a group has a policy with rules, and soft policies.
_RULES, _SOFT = "2.64", "2.15"
_OLD = ("name", "policies")
_NEW = ("name", "policy", "rules")


class ServerGroupsApi(CollectionApi):
    """Server groups."""

    kind = KIND
    visibility = ("project_id",)
    more_versions: ClassVar = (
        FieldAdded(_V(2, 13), "project_id"),
        FieldAdded(_V(2, 13), "user_id"),
    )

    def _check_create(self, body: Any, version: Version) -> None:
        check_create(KIND.name, _fields(version), body, version)

    def may_see(self, call: Call, row: Row) -> bool:
        """Nova tells others that there is one, by refusing them; here nobody learns that."""
        return call.principal.is_admin or row[3] == call.principal.project_id

    async def fetch(self, reader: Reader, call: Call, verb: str) -> Resource:
        """One that the caller may see."""
        await self.found(reader, call, verb, call.params[KIND.key])
        return await super().fetch(reader, call, verb)

    async def index(self, call: Call) -> Reply:
        """Those of the caller's project; for administrators who ask for them, of all projects."""
        self.judge(call, "index")
        project_id: str | None = call.principal.project_id
        if call.principal.is_admin and "all_projects" in call.query.names():
            call.enforce(ALL_PROJECTS.name)
            project_id = None
        paging, offset = nova_paging(call.query), nova_offset(call.query)
        rows = await queries.page(self._store, project_id, limit=paging.limit or 1000, offset=offset)
        members = await queries.members(self._store, [row[0] for row in rows])
        documents = [self._whole(call, row, members[row[0]]) for row in rows]
        return Reply(200, {KIND.collection: documents})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        self.judge(call, "show")
        row = await self.found(self._store, call, "show", call.params[KIND.key])
        members = await queries.members(self._store, [row[0]])
        return Reply(200, {KIND.name: self._whole(call, row, members[row[0]])})

    async def draft(self, call: Call, given: dict[str, Any]) -> tuple[Resource, Mapping[str, Any]]:
        """A new group, of the caller's project."""
        who, asked = call.principal, call.body[KIND.name]
        policy = asked["policy"] if "policy" in asked else asked["policies"][0]
        schema.check_rules_apply(policy, given["rules"])
        given |= {"policy": policy, "policies": [policy], "metadata": {}}
        group = Resource(
            kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=given["name"],
            desired=given,
        )  # fmt: skip
        return group, {}

    async def create(self, call: Call) -> Reply:
        """Make one, which has no members yet."""
        made = await super().create(call)
        document = _decode(made.body)[KIND.name]
        return Reply(made.status, {KIND.name: {**document, "members": []}})

    def _whole(self, call: Call, row: Row, members: list[str]) -> dict[str, Any]:
        """A document as the caller's version has it. `row`: id, summary, extra."""
        return {**_decode(self._shown(call, row[1], row[2], ())), "members": members}


def _fields(version: Version) -> Iterable[ComputeField]:
    """The fields that a create knows."""
    new = reached(version, _RULES)
    for name in _NEW if new else _OLD:
        field = FIELDS[name]
        soft = new or reached(version, _SOFT) or name != "policies"
        yield field if soft else msgspec.structs.replace(field, check=schema.check_hard_policies)
