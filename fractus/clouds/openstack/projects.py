"""Whose project a call is made in: projects of the parent, mapped to projects of the child on first use.

A child that shares our Keystone has the same projects. A child with a Keystone of its own gets, for each of our
projects that is carried there, a project named after its id, so that quotas and policies of the child hold for each
tenant by itself. The service user gets the role `member` in it. Every step may be repeated, by any number of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.clouds.openstack.once import Once
from fractus.clouds.openstack.services import Ask, Services, segment
from fractus.clouds.openstack.tokens import Grant
from fractus.model.cloud import Scope
from fractus.model.errors import CloudError, CredentialsRejected, Missing, Refused

#: Before the parent's project id in the name of a mapped project.
PREFIX = "fractus-"

#: Keystone's own name of the role, and the one that clouds from before Queens have.
_MEMBER_ROLES = ("member", "Member", "_member_")


class Projects:
    """Maps scopes to projects of one child."""

    def __init__(self, services: Services, *, shared: bool, mapped: Mapping[str, str] | None = None) -> None:
        """`mapped`: our id -> the child's own, of projects that the operator has said are the same."""
        self._services = services
        self.shared = shared
        self._mapped = dict(mapped or {})
        self._known: dict[str, str] = {}
        self._role = ""
        self._once: Once[str, str] = Once()

    async def home(self) -> Grant:
        """The token of the credential's own project."""
        return await self._services.tokens.of()

    async def id_of(self, scope: Scope) -> str:
        """The child's id of the project that `scope` means, ready to be worked in; empty for `HOME`.

        Raises `Refused` where the credential may not make it ready, with a sentence that says what it lacks.
        """
        if not scope.project_id:
            return ""
        known = self._known.get(scope.project_id)
        if known is None:
            known = await self._once.run(scope.project_id, lambda: self._ready(scope))
            self._known[scope.project_id] = known
        return known

    async def again(self, scope: Scope) -> str:
        """As `id_of`, after what was known of it has proved wrong (someone has deleted the project, or the role)."""
        self._known.pop(scope.project_id, None)
        self._role = ""
        return await self.id_of(scope)

    async def _ready(self, scope: Scope) -> str:
        home = await self.home()
        if self.shared:
            if scope.project_id == home.project_id:
                return ""
            if not await self._opens(home, scope.project_id):
                await self._join(home, scope.project_id)
            return scope.project_id
        mapped = self._mapped.get(scope.project_id)
        if mapped is not None:
            if not await self._opens(home, mapped):
                await self._join(home, mapped)
            return mapped
        project_id = await self._find(home, scope) or await self._make(home, scope)
        await self._join(home, project_id)
        return project_id

    async def names(self) -> dict[str, str]:
        """All projects of the child: name by id."""
        home = await self.home()
        try:
            listed = await self._services.read("", Ask(service="identity", path="/projects"), dict[str, Any])
        except Refused as refusal:
            raise _lacking("list projects", home, refusal) from refusal
        return {str(one["id"]): str(one.get("name", "")) for one in listed.get("projects") or []}

    async def _opens(self, home: Grant, project_id: str) -> bool:
        """Whether we get a token for the project already, by whatever assignment the operator has chosen.

        Keystone is asked for assignments first, where it tells them: a login that it refuses costs it a hash.
        """
        query = {"user.id": home.user_id, "scope.project.id": project_id, "effective": "true"}
        ask = Ask(service="identity", path="/role_assignments", query=query)
        try:
            listed = await self._services.read("", ask, dict[str, Any])
            if not listed.get("role_assignments"):
                return False
        except CloudError:
            pass  # not shown to us, or not by this Keystone: the login will say
        try:
            await self._services.tokens.of(project_id)
        except CredentialsRejected:
            return False
        return True

    async def _find(self, home: Grant, scope: Scope) -> str:
        """The id of the mapped project, or an empty text."""
        query = {"name": PREFIX + scope.project_id, "domain_id": home.project_domain_id}
        ask = Ask(service="identity", path="/projects", query=query)
        try:
            listed = await self._services.read("", ask, dict[str, Any])
        except Refused as refusal:
            raise _lacking("list projects", home, refusal) from refusal
        for project in listed.get("projects") or []:
            if project.get("name") == query["name"] and project.get("domain_id") == home.project_domain_id:
                if not project.get("enabled", True):
                    raise Refused(f"project {query['name']} is disabled there", elsewhere=True)
                return str(project["id"])
        return ""

    async def _make(self, home: Grant, scope: Scope) -> str:
        body = {
            "project": {
                "name": PREFIX + scope.project_id,
                "domain_id": home.project_domain_id,
                "description": f"{scope.project_name or scope.project_id} in fractus",
                "enabled": True,
            }
        }
        # Names are unique in a domain, so doing it twice is the same as once: the second is answered 409.
        ask = Ask(service="identity", method="POST", path="/projects", body=body, repeat=True)
        try:
            made = await self._services.read("", ask, dict[str, dict[str, Any]])
        except Refused as refusal:
            if refusal.status == 409:  # another node was faster
                found = await self._find(home, scope)
                if found:
                    return found
            raise _lacking("create projects", home, refusal) from refusal
        return str(made["project"]["id"])

    async def _join(self, home: Grant, project_id: str) -> None:
        """Give the service user the role `member` there."""
        path = (
            f"/projects/{segment(project_id)}/users/{segment(home.user_id)}/roles/{await self._member(home)}"
        )
        try:
            await self._services.send("", Ask(service="identity", method="PUT", path=path))
        except (Refused, Missing) as refusal:
            self._role = ""
            raise _lacking("assign roles", home, refusal) from refusal

    async def _member(self, home: Grant) -> str:
        """The id of the role, the same for all projects; asked for again after an assignment was refused."""
        if not self._role:
            self._role = await self._find_member(home)
        return self._role

    async def _find_member(self, home: Grant) -> str:
        for name in _MEMBER_ROLES:
            ask = Ask(service="identity", path="/roles", query={"name": name})
            try:
                listed = await self._services.read("", ask, dict[str, Any])
            except Refused as refusal:
                raise _lacking("list roles", home, refusal) from refusal
            if listed.get("roles"):
                return segment(str(listed["roles"][0]["id"]))
        raise Refused("its Keystone has no role member: openstack role create member", elsewhere=True)


def _lacking(what: str, home: Grant, refusal: Refused | Missing) -> Refused:
    """A refusal that says which right is missing; the child's sentence alone names only a policy rule."""
    who = home.user_name or home.user_id
    status = refusal.status if isinstance(refusal, Refused) else 404
    return Refused(f"user {who} could not {what} there: {refusal.reason}", status=status, elsewhere=True)
