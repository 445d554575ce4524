"""The routes that read limits and quota sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.auth.projects import ProjectLookup
from fractus.quota.quota import Quota
from fractus.services.compute import only
from fractus.services.compute.dialect.api import verify_project
from fractus.services.compute.limits import policy, view
from fractus.services.compute.limits.versions import LIMITS, QUOTAS
from fractus.store.transaction import Store
from fractus.web.routing import Call, Reply, Route


class ReadingApi:
    """What a project may have and has: a few rows, however much it has."""

    def __init__(self, store: Store, quota: Quota, projects: ProjectLookup) -> None:
        """Read from `store`."""
        self._store = store
        self._quota = quota
        self._projects = projects

    def routes(self) -> list[Route]:
        """Limits, and reading quota sets."""
        one = "/os-quota-sets/{project_id}"
        return [
            Route(
                method="GET",
                path="/limits",
                handler=self.limits,
                rule=policy.LIMITS,
                summary="Show limits and use of a project.",
            ),
            Route(
                method="GET",
                path=one,
                handler=self.show,
                rule=policy.SHOW,
                summary="Show the quotas of a project.",
            ),
            Route(
                method="GET",
                path=f"{one}/detail",
                handler=self.detail,
                rule=policy.DETAIL,
                summary="Show the quotas of a project and what is used of them.",
            ),
            Route(
                method="GET",
                path=f"{one}/defaults",
                handler=self.defaults,
                rule=policy.DEFAULTS,
                summary="Show the default quotas.",
            ),
        ]

    async def limits(self, call: Call) -> Reply:
        """The caller's project, or for admins any."""
        if LIMITS.behaviour("strict_query", call.version):
            only(call.query.names(), ("tenant_id",))
        asked = call.query.one("tenant_id")
        if asked is not None:
            call.enforce(policy.LIMITS_OF_OTHERS)
        project_id = call.principal.project_id if asked is None else asked
        limits = await self._quota.limits.shown(self._store, project_id)
        used = await self._quota.used(self._store, project_id)
        extra = {"limit": view.limit_in(limits)}
        return Reply(200, LIMITS.response_down(view.limits(limits, used), call.version, extra))

    async def show(self, call: Call) -> Reply:
        """The quotas of a project, or of one user in it."""
        project_id, user_id = await self._whose(call, policy.SHOW)
        limits = await self._quota.limits.shown(self._store, project_id, user_id)
        return quota_set(call, view.quotas(limits, project_id), view.limit_in(limits))

    async def detail(self, call: Call) -> Reply:
        """The quotas and what is used."""
        project_id, user_id = await self._whose(call, policy.DETAIL)
        limits = await self._quota.limits.shown(self._store, project_id, user_id)
        used: Mapping[str, int] = (
            await self._quota.used_by_user(self._store, project_id, user_id)
            if user_id
            else await self._quota.used(self._store, project_id)
        )
        return quota_set(call, view.detail(project_id, limits, used), view.used_in(limits, used))

    async def defaults(self, call: Call) -> Reply:
        """The same for every project."""
        if QUOTAS.behaviour("strict_defaults_query", call.version):
            only(call.query.names(), ())
        project_id = call.params["project_id"]
        await verify_project(self._projects, call, project_id)
        limits = await self._quota.limits.defaults(self._store)
        return quota_set(call, view.quotas(limits, project_id), view.limit_in(limits))

    async def _whose(self, call: Call, rule: str) -> tuple[str, str]:
        project_id, user_id = call.params["project_id"], user_asked(call)
        call.enforce(rule, {"project_id": project_id})
        await verify_project(self._projects, call, project_id)
        return project_id, user_id


def user_asked(call: Call) -> str:
    """The user that the query names, or nobody."""
    if QUOTAS.behaviour("strict_query", call.version):
        only(call.query.names(), ("user_id",))
    return call.query.one("user_id") or ""


def quota_set(call: Call, document: dict[str, Any], limit: Callable[[str], Any]) -> Reply:
    """A quota set as the call's version knew it."""
    return Reply(200, QUOTAS.response_down(document, call.version, {"limit": limit}))
