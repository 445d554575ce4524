"""The two ends that are asked the same: a real Neutron over HTTP, and fractus in this process or over HTTP."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp

from fractus.testing.user import NETWORK, User
from fractus.testing.world import World

#: Who asks: a member of one project, a member of another, an administrator.
ROLES = ("owner", "other", "admin")


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: Any

    @property
    def error(self) -> tuple[str, str]:
        """Neutron's type and sentence; both empty of a success."""
        if self.status < 400 or not isinstance(self.body, dict):
            return "", ""
        found = self.body.get("NeutronError", self.body)
        return (
            (found.get("type", ""), found.get("message", "")) if isinstance(found, dict) else ("", str(found))
        )


class End(Protocol):
    """One end."""

    projects: Mapping[str, str]
    """The project of each role."""

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; `path` lies below `/v2.0`."""
        ...


class InProcess:
    """Fractus without a socket, before simulated clouds."""

    def __init__(self, world: World) -> None:
        self._users: dict[str, User] = {
            "owner": world.user("owner", "owner"),
            "other": world.user("other", "other"),
            "admin": world.admin,
        }
        self.projects = {role: user.project_id for role, user in self._users.items()}

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        reply = await self._users[who].call(method, f"{NETWORK}{path}", body, headers=headers)
        return Answer(reply.status, _decoded(reply.body))


class Neutron:
    """A real one, with two projects of its own that `close` removes."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """`entry`: an administrator's entry of a `clouds.yaml`."""
        self._entry = entry
        self._auth = entry["auth"]
        self._keystone = self._auth["auth_url"].rstrip("/")
        self._http = aiohttp.ClientSession()
        self._tokens: dict[str, str] = {}
        self._made: list[str] = []
        self._base = ""
        self.projects: dict[str, str] = {}

    async def open(self) -> None:
        """Log in; make the projects and their users."""
        await self._log_in(
            "admin", self._auth["username"], self._auth["password"], self._auth["project_name"]
        )
        roles = (await self._identity("GET", "/roles?name=member"))["roles"]
        for role in ("owner", "other"):
            name, password = f"differential-{role}-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
            project = (await self._identity("POST", "/projects", {"project": {"name": name}}))["project"][
                "id"
            ]
            self._made.append(f"/projects/{project}")
            user = {"name": name, "password": password}
            made = (await self._identity("POST", "/users", {"user": user}))["user"]["id"]
            self._made.append(f"/users/{made}")
            await self._identity("PUT", f"/projects/{project}/users/{made}/roles/{roles[0]['id']}")
            await self._log_in(role, name, password, name)

    async def close(self) -> None:
        """Remove the projects, their default groups and the users."""
        for role in ("owner", "other"):
            found = await self.ask(
                "admin", "GET", f"/security-groups?project_id={self.projects.get(role, '-')}"
            )
            for group in (found.body or {}).get("security_groups", []):
                await self.ask("admin", "DELETE", f"/security-groups/{group['id']}")
        for path in reversed(self._made):
            await self._identity("DELETE", path)
        await self._http.close()

    async def _log_in(self, role: str, name: str, password: str, project: str) -> None:
        domain = {"name": self._auth.get("user_domain_name", "Default")}
        body = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": name, "domain": domain, "password": password}},
                },
                "scope": {"project": {"name": project, "domain": domain}},
            }
        }
        async with self._http.post(f"{self._keystone}/auth/tokens", json=body) as reply:
            reply.raise_for_status()
            token = (await reply.json())["token"]
            self._tokens[role] = reply.headers["X-Subject-Token"]
        self.projects[role] = token["project"]["id"]
        for service in token["catalog"]:
            for endpoint in service["endpoints"]:
                wanted = (endpoint["interface"], endpoint["region"]) == ("public", self._entry["region_name"])
                if service["type"] == "network" and wanted:
                    self._base = endpoint["url"].rstrip("/").removesuffix("/v2.0") + "/v2.0"

    async def _identity(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"X-Auth-Token": self._tokens["admin"]}
        async with self._http.request(method, self._keystone + path, json=body, headers=headers) as reply:
            reply.raise_for_status()
            return _decoded(await reply.read())

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = {"X-Auth-Token": self._tokens[who], "Accept": "application/json", **(headers or {})}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self._http.request(method, self._base + path, data=data, headers=sent) as reply:
            return Answer(reply.status, _decoded(await reply.read()))


def _decoded(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
