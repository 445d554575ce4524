"""The routes of limits and quota sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fractus.services.compute import only
from fractus.services.compute.limits import policy, queries, view
from fractus.services.compute.limits.versions import LIMITS, QUOTAS
from fractus.store.resources import Resources
from fractus.store.transaction import Store
from fractus.web.routing import Call, Reply, Route


class LimitsApi:
    """What a project may have and has. Projects are not limited yet, only single servers; use is counted."""

    def __init__(self, store: Store, resources: Resources) -> None:
        """Read from `store`; `resources` knows the table of servers."""
        self._store = store
        self._resources = resources

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
        project_id = call.query.one("tenant_id")
        if project_id is not None:
            call.enforce(policy.LIMITS_OF_OTHERS)
        usage = await self._usage(call.principal.project_id if project_id is None else project_id, None)
        document = LIMITS.response_down(view.limits(usage), call.version, {"limit": view.limit})
        return Reply(200, document)

    async def show(self, call: Call) -> Reply:
        """The quotas."""
        project_id = self._project(call, policy.SHOW)
        return _quotas(call, view.quotas(project_id), view.limit)

    async def detail(self, call: Call) -> Reply:
        """The quotas and what is used."""
        project_id = self._project(call, policy.DETAIL)
        usage = await self._usage(project_id, call.query.one("user_id"))
        return _quotas(call, view.detail(project_id, usage), view.used)

    async def defaults(self, call: Call) -> Reply:
        """The same for every project."""
        if QUOTAS.behaviour("strict_defaults_query", call.version):
            only(call.query.names(), ())
        return _quotas(call, view.quotas(call.params["project_id"]), view.limit)

    def _project(self, call: Call, rule: str) -> str:
        project_id = call.params["project_id"]
        call.enforce(rule, {"project_id": project_id})
        if QUOTAS.behaviour("strict_query", call.version):
            only(call.query.names(), ("user_id",))
        return project_id

    async def _usage(self, project_id: str, user_id: str | None) -> view.Usage:
        return view.Usage(*await queries.usage_count(self._store, self._resources, project_id, user_id))


def _quotas(call: Call, document: dict[str, Any], limit: Callable[[str], Any]) -> Reply:
    return Reply(200, QUOTAS.response_down(document, call.version, {"limit": limit}))
