"""The routes that set quotas of projects, and of users in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fractus.auth.projects import ProjectLookup
from fractus.model.errors import Invalid
from fractus.quota import limits
from fractus.quota.costs import UNLIMITED
from fractus.quota.limits import PROJECT, USER, user_owner
from fractus.quota.quota import Quota
from fractus.services.compute.dialect.api import verify_project
from fractus.services.compute.limits import OLD_QUOTAS as OLD_NAMES
from fractus.services.compute.limits import QUOTAS as NAMES
from fractus.services.compute.limits import policy, schema, view
from fractus.services.compute.limits.api.reading import quota_set, user_asked
from fractus.services.compute.limits.versions import QUOTAS
from fractus.store.transaction import Store, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route


def _check(body: Any, version: Version) -> None:
    QUOTAS.request_check(body, version)
    schema.check_quota_set(body)


class SettingApi:
    """PUT and DELETE of quota sets."""

    def __init__(self, store: Store, quota: Quota, projects: ProjectLookup) -> None:
        """Write to `store`."""
        self._store = store
        self._quota = quota
        self._projects = projects

    def routes(self) -> list[Route]:
        """Both."""
        one = "/os-quota-sets/{project_id}"
        return [
            Route(
                method="PUT",
                path=one,
                handler=self.update,
                rule=policy.UPDATE,
                schema=_check,
                summary="Set quotas of a project, or of a user in it.",
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.delete,
                rule=policy.DELETE,
                summary="Give a project, or a user in it, the default quotas again.",
            ),
        ]

    async def update(self, call: Call) -> Reply:
        """Set those that are named."""
        project_id, user_id = call.params["project_id"], user_asked(call)
        call.enforce(policy.UPDATE, {"project_id": project_id})
        _check_project(project_id)
        await verify_project(self._projects, call, project_id)
        quotas = call.body["quota_set"]
        asked = schema.limits_of(quotas)
        # Where limits are kept in Keystone, Nova too takes the body and sets nothing.
        if self._quota.limits.writable and asked:
            async with self._store.transaction() as tx:
                if not schema.is_forced(quotas):
                    await self._check(tx, project_id, user_id, asked)
                scope, owner = (USER, user_owner(project_id, user_id)) if user_id else (PROJECT, project_id)
                for name, amount in sorted(asked.items()):
                    await limits.set_limit(tx, scope, owner, name, amount)
        shown = await self._quota.limits.shown(self._store, project_id, user_id)
        return quota_set(call, view.quotas(shown), view.limit_in(shown))

    async def delete(self, call: Call) -> Reply:
        """Forget what was set."""
        project_id, user_id = call.params["project_id"], user_asked(call)
        call.enforce(policy.DELETE, {"project_id": project_id})
        _check_project(project_id)
        names = (*NAMES, *OLD_NAMES)
        if self._quota.limits.writable:
            async with self._store.transaction() as tx:
                if user_id:
                    await limits.drop_limits(tx, USER, user_owner(project_id, user_id), names)
                else:
                    await limits.drop_limits(tx, PROJECT, project_id, names)
                    await limits.drop_limits_of_users(tx, project_id, names)
        return Reply(202)

    async def _check(self, tx: Transaction, project_id: str, user_id: str, asked: Mapping[str, int]) -> None:
        """Refuse what is below what is used, and more for a user than the project has left for its users."""
        shown = await self._quota.limits.shown(tx, project_id)
        given = await limits.of_users(tx, project_id)
        others = [own for user, own in given.items() if user != user_id]
        if user_id:
            used = await self._quota.used_by_user(tx, project_id, user_id)
        else:
            used = await self._quota.used(tx, project_id)
        for name, amount in asked.items():
            taken = sum(max(own.get(name, 0), 0) for own in others)
            least, most = used.get(name, 0), UNLIMITED
            if user_id and shown.get(name, UNLIMITED) != UNLIMITED:
                most = shown[name] - taken
            elif not user_id:
                least = max(least, taken)
            _judge(name, amount, least, most)


def _check_project(project_id: str) -> None:
    if not limits.is_project_id(project_id):
        raise Invalid(f"Project ID {project_id[:64]} is not a valid project.")


def _judge(name: str, limit: int, least: int, most: int) -> None:
    value = math.inf if limit == UNLIMITED else limit
    if value < least:
        raise Invalid(
            f"Quota limit {limit} for {name} must be greater than or equal to already used and reserved {least}."
        )
    if most != UNLIMITED and value > most:
        raise Invalid(f"Quota limit {limit} for {name} must be less than or equal to {most}.")
