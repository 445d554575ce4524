"""The routes of quotas that only read. Nothing is limited yet, and that is what they say."""

from __future__ import annotations

from fractus.model.errors import Forbidden
from fractus.store import listing
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Store
from fractus.web.routing import Call, Handler, Reply, Route

_UNLIMITED = -1
_KINDS = ("network", "subnet", "port", "security_group")


class QuotaApi:
    """Handlers of quotas."""

    def __init__(self, store: Store, resources: Resources) -> None:
        self._store = store
        self._resources = resources

    def routes(self) -> list[Route]:
        """All of them. The rule is asked for in the handlers, for it depends on the project."""
        rows: tuple[tuple[str, Handler, str], ...] = (
            ("/quotas", self.index, "List projects with quotas of their own."),
            ("/quotas/{project_id}", self.show, "Show the quotas of a project."),
            ("/quotas/{project_id}/default", self.show, "Show the quotas of a project without its own."),
            ("/quotas/{project_id}/details", self.details, "Show quotas and what is used of them."),
        )
        return [
            Route(method="GET", path=path, handler=handler, rule="regular_user", summary=summary)
            for path, handler, summary in rows
        ]

    async def index(self, call: Call) -> Reply:
        """GET quotas: no project has any of its own."""
        if not call.principal.is_admin:
            raise Forbidden("rule:get_quota is disallowed by policy", type="PolicyNotAuthorized")
        return Reply(200, {"quotas": []})

    @staticmethod
    def _check(call: Call) -> str:
        project_id = call.params["project_id"]
        if project_id != call.principal.project_id:
            call.enforce("get_quota", {"project_id": project_id, "tenant_id": project_id})
        return project_id

    async def show(self, call: Call) -> Reply:
        """GET the quotas of a project."""
        self._check(call)
        return Reply(200, {"quota": dict.fromkeys((*_KINDS, "security_group_rule"), _UNLIMITED)})

    async def details(self, call: Call) -> Reply:
        """GET quotas with what is used."""
        project_id = self._check(call)
        mine = Filter("project_id", "eq", project_id)
        used = {}
        for kind in _KINDS:
            alive = [mine, Filter("deleted_at", "null")]
            used[kind] = await listing.count(self._store, self._resources.tables[kind], alive)
        rules = self._resources.tables["security_group"].metadata.tables["security_group_rule"]
        used["security_group_rule"] = await listing.count(self._store, rules, [mine])
        return Reply(
            200,
            {
                "quota": {
                    kind: {"limit": _UNLIMITED, "used": count, "reserved": 0} for kind, count in used.items()
                }
            },
        )
