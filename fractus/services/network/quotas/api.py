"""The routes of quotas."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.quota import limits
from fractus.quota.costs import UNLIMITED
from fractus.quota.limits import PROJECT
from fractus.quota.quota import Quota, known
from fractus.services.network.dialect.schema.errors import denied, malformed
from fractus.services.network.quotas import schema
from fractus.store.transaction import Reader, Store
from fractus.web.routing import Call, Handler, Reply, Route


class QuotaApi:
    """Handlers of quotas."""

    def __init__(self, store: Store, quota: Quota) -> None:
        """`quota` knows limits and counts use."""
        self._store = store
        self._quota = quota

    def routes(self) -> list[Route]:
        """All of them. The rule is asked for in the handlers, for it depends on the project."""
        one = "/quotas/{project_id}"
        rows: tuple[tuple[str, str, Handler, str], ...] = (
            ("GET", "/quotas", self.index, "List projects with quotas of their own."),
            ("GET", one, self.show, "Show the quotas of a project."),
            ("PUT", one, self.update, "Set quotas of a project."),
            ("DELETE", one, self.delete, "Give a project the default quotas again."),
            ("GET", f"{one}/default", self.default, "Show the quotas of a project without its own."),
            ("GET", f"{one}/details", self.details, "Show quotas and what is used of them."),
        )
        return [
            Route(method=method, path=path, handler=handler, rule="regular_user", summary=summary)
            for method, path, handler, summary in rows
        ]

    def _names(self) -> list[str]:
        return self._quota.names("network")

    async def index(self, call: Call) -> Reply:
        """GET quotas: of the projects that have some of their own."""
        self._check(call, "get_quota", "")
        found = []
        for project_id in await limits.limited_projects(self._store, self._names()):
            named = {"project_id": project_id, "tenant_id": project_id}
            found.append({**await self._limits(self._store, project_id), **named})
        return Reply(200, {"quotas": found})

    async def show(self, call: Call) -> Reply:
        """GET the quotas of a project; `tenant` and `project` stand for the caller's own."""
        project_id = call.params["project_id"]
        if project_id in ("tenant", "project"):
            if not call.principal.project_id:
                raise malformed("Tenant-id was missing from quota request.")
            return Reply(200, {project_id: {f"{project_id}_id": call.principal.project_id}})
        self._check_foreign(call, project_id)
        return Reply(200, {"quota": await self._limits(self._store, project_id)})

    async def default(self, call: Call) -> Reply:
        """GET what a project has that has none of its own."""
        self._check_foreign(call, call.params["project_id"])
        return Reply(200, {"quota": known(self._names(), await self._quota.limits.defaults(self._store))})

    async def details(self, call: Call) -> Reply:
        """GET quotas with what is used."""
        project_id = call.params["project_id"]
        self._check_foreign(call, project_id)
        used = await self._quota.used(self._store, project_id)
        shown = {
            name: {"limit": limit, "used": used.get(name, 0), "reserved": 0}
            for name, limit in (await self._limits(self._store, project_id)).items()
        }
        return Reply(200, {"quota": shown})

    async def update(self, call: Call) -> Reply:
        """PUT quotas of a project."""
        project_id = call.params["project_id"]
        self._check(call, "update_quota", project_id)
        if not limits.is_project_id(project_id):
            raise malformed(f"Project ID {project_id[:64]} is not a valid project.")
        asked = schema.asked(call.body, self._names())
        if not self._quota.limits.writable and asked.limits:
            raise malformed("Quotas are kept as limits in Keystone: set them there.")
        async with self._store.transaction() as tx:
            used = await self._quota.used(tx, project_id)
            for name, limit in sorted(asked.limits.items()):
                if limit != UNLIMITED and used.get(name, 0) > limit and not asked.force:
                    raise malformed(
                        f"Quota limit {limit} for {name} must be greater than or equal to already used {used[name]}"
                    )
                await limits.set_limit(tx, PROJECT, project_id, name, limit)
        return Reply(200, {"quota": await self._limits(self._store, project_id)})

    async def delete(self, call: Call) -> Reply:
        """DELETE what was set."""
        project_id = call.params["project_id"]
        self._check(call, "delete_quota", project_id)
        async with self._store.transaction() as tx:
            own = (await limits.limits_of(tx, PROJECT, project_id)).keys() & set(self._names())
            if not own:
                raise NotFound(
                    f"Quota for project {project_id} could not be found.", type="TenantQuotaNotFound"
                )
            await limits.drop_limits(tx, PROJECT, project_id, own)
        return Reply(204)

    async def _limits(self, reader: Reader, project_id: str) -> dict[str, int]:
        return known(self._names(), await self._quota.limits.shown(reader, project_id))

    def _check_foreign(self, call: Call, project_id: str) -> None:
        if project_id != call.principal.project_id:
            self._check(call, "get_quota", project_id)

    @staticmethod
    def _check(call: Call, rule: str, project_id: str) -> None:
        if not call.allows(rule, {"project_id": project_id, "tenant_id": project_id}):
            raise denied(f"rule:{rule}")
