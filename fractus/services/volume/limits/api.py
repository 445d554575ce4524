"""The routes of limits and quotas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from fractus.auth.policy import RuleDefault
from fractus.model.errors import Invalid
from fractus.quota import limits
from fractus.quota.costs import UNLIMITED
from fractus.quota.limits import CLASS, PROJECT
from fractus.quota.quota import Quota
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.api.query import flag
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.view import quota_name
from fractus.services.volume.limits import policy, schema, view
from fractus.store.transaction import Reader, Store
from fractus.web.routing import Call, Reply, Route


class TypeNames(Protocol):
    """What knows volume types."""

    async def names(self, reader: Reader) -> list[str]:
        """The names of all of them."""
        ...


_RULES: Mapping[str, RuleDefault] = {one.name: one for one in policy.RULES}


_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,254}")


class LimitsApi:
    """What a project may have and has: a few rows, however much it has."""

    def __init__(self, store: Store, quota: Quota, types: TypeNames) -> None:
        """`quota` knows limits and counts use; each type has some of its own."""
        self._store = store
        self._quota = quota
        self._types = types

    def routes(self) -> list[Route]:
        """Limits, quotas of projects, of classes."""
        one, of_class = "/os-quota-sets/{project_id}", "/os-quota-class-sets/{name}"
        rows = (
            ("GET", "/limits", self.limits, policy.LIMITS, None, "Show limits and use of a project."),
            ("GET", one, self.show, policy.SHOW, None, "Show the quotas of a project, and their use."),
            ("GET", f"{one}/defaults", self.defaults, policy.SHOW, None, "Show the default quotas."),
            ("PUT", one, self.update, policy.UPDATE, schema.UPDATE, ""),
            ("DELETE", one, self.delete, policy.DELETE, None, ""),
            ("GET", of_class, self.show_class, policy.CLASS_SHOW, None, ""),
            ("PUT", of_class, self.update_class, policy.CLASS_UPDATE, schema.CLASS_UPDATE, ""),
        )
        return [
            route(
                Verb(rule=_RULES[rule], summary=summary, schemas=(("", body),) if body else ()),
                method, path, handler,
            )
            for method, path, handler, rule, body, summary in rows
        ]  # fmt: skip

    async def _names(self) -> list[str]:
        return view.names(await self._types.names(self._store))

    async def limits(self, call: Call) -> Reply:
        """Those of the caller's project, or, for admins, of any."""
        asked = call.query.one("project_id") or call.query.one("tenant_id")
        project_id = asked if asked and call.principal.is_admin else call.principal.project_id
        limit = await self._quota.limits.shown(self._store, project_id)
        used = await self._quota.used(self._store, project_id) if call.allows(policy.USED) else None
        return Reply(200, view.limits(limit, used))

    async def show(self, call: Call) -> Reply:
        """Like Cinder, nobody asks whether there is such a project."""
        project_id = call.params["project_id"]
        call.enforce(policy.SHOW, {"project_id": project_id})
        limit = await self._quota.limits.shown(self._store, project_id)
        used = await self._quota.used(self._store, project_id) if flag(call, "usage") else None
        return Reply(200, {"quota_set": view.quotas(await self._names(), limit, project_id, used)})

    async def defaults(self, call: Call) -> Reply:
        """The same for every project."""
        project_id = call.params["project_id"]
        call.enforce(policy.SHOW, {"project_id": project_id})
        limit = await self._quota.limits.defaults(self._store)
        return Reply(200, {"quota_set": view.quotas(await self._names(), limit, project_id)})

    async def update(self, call: Call) -> Reply:
        """Set those that are named; none below what is used."""
        project_id = call.params["project_id"]
        call.enforce(policy.UPDATE, {"project_id": project_id})
        _check_project(project_id)
        names = await self._names()
        asked = schema.limits_of(call.body["quota_set"], names)
        if self._quota.limits.writable:
            async with self._store.transaction() as tx:
                used = await self._quota.used(tx, project_id)
                for name, amount in sorted(asked.items()):
                    row = quota_name(name)
                    _judge(name, amount, used.get(row, 0))
                    await limits.set_limit(tx, PROJECT, project_id, row, amount)
        limit = await self._quota.limits.shown(self._store, project_id)
        return Reply(200, {"quota_set": view.quotas(names, limit)})

    async def delete(self, call: Call) -> Reply:
        """Forget what was set."""
        project_id = call.params["project_id"]
        call.enforce(policy.DELETE, {"project_id": project_id})
        _check_project(project_id)
        if self._quota.limits.writable:
            names = await self._names()
            async with self._store.transaction() as tx:
                await limits.drop_limits(tx, PROJECT, project_id, [quota_name(one) for one in names])
        return Reply(200)

    async def show_class(self, call: Call) -> Reply:
        """Its own, else those of the settings."""
        name = call.params["name"]
        limit = await self._quota.limits.of_class(self._store, name)
        return Reply(200, {"quota_class_set": view.quotas(await self._names(), limit, name)})

    async def update_class(self, call: Call) -> Reply:
        """Set those that are named; those of `default` are everybody's."""
        name, names = call.params["name"], await self._names()
        if not _NAME.fullmatch(name):
            raise Invalid("The name of a quota class has up to 255 letters, digits, and any of . _ : -")
        asked = schema.class_limits_of(call.body["quota_class_set"], names)
        if self._quota.limits.writable:
            async with self._store.transaction() as tx:
                for quota, amount in sorted(asked.items()):
                    await limits.set_limit(tx, CLASS, name, quota_name(quota), amount)
        limit = await self._quota.limits.of_class(self._store, name)
        return Reply(200, {"quota_class_set": view.quotas(names, limit)})


def _check_project(project_id: str) -> None:
    if not limits.is_project_id(project_id):
        raise Invalid(f"Project ID {project_id[:64]} is not a valid project.")


def _judge(name: str, limit: int, used: int) -> None:
    if name != "per_volume_gigabytes" and limit != UNLIMITED and limit < used:
        raise Invalid(
            f"Quota {name} limit must be equal or greater than existing resources. Current usage is {used} and the"
            f" requested limit is {limit}."
        )
