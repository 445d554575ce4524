"""The routes about who may use a private flavor."""

from __future__ import annotations

from typing import Any

from fractus.auth.policy import RuleDefault
from fractus.auth.projects import ProjectLookup
from fractus.model.errors import Conflict, NotFound
from fractus.services.compute.dialect.api import verify_project
from fractus.services.compute.dialect.api.collection import CollectionApi
from fractus.services.compute.dialect.schema.bodies import reached
from fractus.services.compute.flavors import kind, schema
from fractus.store.transaction import Store
from fractus.web.microversion import Version
from fractus.web.routing import Call, Handler, Reply, Route, Schema

_ADD, _REMOVE = "addTenantAccess", "removeTenantAccess"


class AccessApi:
    """Access: a list of projects."""

    def __init__(self, flavors: CollectionApi, store: Store, projects: ProjectLookup) -> None:
        """Of what `flavors` finds; `projects` knows to whom access can be given."""
        self._flavors = flavors
        self._store = store
        self._projects = projects

    def routes(self) -> list[Route]:
        """The list, and the two actions."""
        one = "/flavors/{flavor_id}"
        index = Route(
            method="GET",
            path=f"{one}/os-flavor-access",
            handler=self.index,
            rule=kind.ACCESS.name,
            summary=kind.ACCESS.description,
        )
        actions: tuple[tuple[str, Handler, RuleDefault], ...] = (
            (_ADD, self.add, kind.ACCESS_ADD),
            (_REMOVE, self.remove, kind.ACCESS_REMOVE),
        )
        return [
            index,
            *(
                Route(
                    method="POST",
                    path=f"{one}/action",
                    action=name,
                    handler=handler,
                    rule=rule.name,
                    schema=_schema(name),
                    summary=rule.description,
                )
                for name, handler, rule in actions
            ),
        ]

    async def index(self, call: Call) -> Reply:
        """Projects that may use a private flavor."""
        self._flavors.judge(call, "show")
        resource = await self._flavors.fetch(self._store, call, "show")
        if resource.desired["is_public"]:
            raise NotFound("Access list not available for public flavors.")
        return _listed(call, resource.desired["access"])

    async def add(self, call: Call) -> Reply:
        """Let a project use it."""
        project = schema.project(call.body, _ADD)
        await verify_project(self._projects, call, project)
        async with self._store.transaction() as tx:
            resource = await self._flavors.fetch(tx, call, "update")
            if resource.desired["is_public"] and reached(call.version, "2.7"):
                raise Conflict("Can not add access to a public flavor.")
            if project in resource.desired["access"]:
                raise Conflict(
                    f"Flavor access already exists for flavor {call.params['flavor_id']} and project {project}"
                    " combination."
                )
            resource.desired["access"].append(project)
            await self._flavors.changed(tx, resource)
        return _listed(call, resource.desired["access"])

    async def remove(self, call: Call) -> Reply:
        """Let a project no longer use it."""
        project = schema.project(call.body, _REMOVE)
        async with self._store.transaction() as tx:
            resource = await self._flavors.fetch(tx, call, "update")
            if project not in resource.desired["access"]:
                flavor_id = call.params["flavor_id"]
                raise NotFound(f"Flavor access not found for {flavor_id} / {project} combination.")
            resource.desired["access"].remove(project)
            await self._flavors.changed(tx, resource)
        return _listed(call, resource.desired["access"])


def _schema(action: str) -> Schema:
    def check(body: Any, _version: Version) -> None:
        schema.project(body, action)

    return check


def _listed(call: Call, projects: list[str]) -> Reply:
    flavor_id = call.params["flavor_id"]
    return Reply(
        200, {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": project} for project in projects]}
    )
