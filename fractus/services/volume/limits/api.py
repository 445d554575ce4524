"""The routes that show limits and quotas."""

from __future__ import annotations

from fractus.services.volume.dialect.api import flag
from fractus.services.volume.limits import policy, view
from fractus.web.routing import Call, Reply, Route


class LimitsApi:
    """Nothing may be made yet, of which no project is an exception."""

    def routes(self) -> list[Route]:
        """Limits, quotas of projects, of classes."""
        one = "/os-quota-sets/{project_id}"
        return [
            Route(
                method="GET",
                path="/limits",
                handler=self.limits,
                rule=policy.LIMITS,
                summary="Show limits and use of a project: zero, as no volume can be made yet.",
            ),
            Route(
                method="GET",
                path=one,
                handler=self.show,
                rule=policy.SHOW,
                summary="Show the quotas of a project, and what is used of them: zero.",
            ),
            Route(
                method="GET",
                path=f"{one}/defaults",
                handler=self.defaults,
                rule=policy.SHOW,
                summary="Show the default quotas: zero.",
            ),
            Route(
                method="GET",
                path="/os-quota-class-sets/{name}",
                handler=self.show_class,
                rule=policy.CLASS_SHOW,
                summary="Show the quotas of a class: zero.",
            ),
        ]

    async def limits(self, call: Call) -> Reply:
        """The same for every project."""
        return Reply(200, view.limits(used=call.allows(policy.USED)))

    async def show(self, call: Call) -> Reply:
        """The same for every project. Like Cinder, nobody asks whether there is such a project."""
        project_id = call.params["project_id"]
        call.enforce(policy.SHOW, {"project_id": project_id})
        return Reply(200, {"quota_set": view.quotas(project_id, usage=flag(call, "usage"))})

    async def defaults(self, call: Call) -> Reply:
        """The same for every project."""
        project_id = call.params["project_id"]
        call.enforce(policy.SHOW, {"project_id": project_id})
        return Reply(200, {"quota_set": view.quotas(project_id)})

    async def show_class(self, call: Call) -> Reply:
        """The same for every class."""
        return Reply(200, {"quota_class_set": view.quotas(call.params["name"])})
