"""What the embedded Keystone is filled with: users, their roles, and the one catalog that points at fractus.

Said as what should be there and made so through Keystone's own API, each time from the start: what is there already is
left alone, but for URLs that have changed and passwords that no longer fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from fractus.auth.calls import Caller, CallFailed

_INTERFACES = ("public", "internal", "admin")


class User(Struct, frozen=True):
    """A user, its password, and its roles in one project, which is made with it. Domains, by name, must exist."""

    name: str
    password: str
    project: str
    roles: tuple[str, ...]
    user_domain: str = "Default"
    project_domain: str = "Default"
    system_roles: tuple[str, ...] = ()
    """Its roles on the whole system, as who reads the limits of all projects needs one."""


class Service(Struct, frozen=True):
    """An API that fractus serves: its type, the name that stock deployments give it, its path under the endpoint."""

    type: str
    name: str
    path: str


#: What clients look for in the catalog of every region besides.
IDENTITY = Service("identity", "keystone", "")

#: Only what is served. Clients believe the catalog: a service that is in it and does not answer breaks them.
SERVICES = (
    Service("compute", "nova", "/compute/v2.1"),
    Service("network", "neutron", "/network"),
    Service("image", "glance", "/image"),
    Service("placement", "placement", "/placement"),
    # Under its official name, and under the older one, which is the only one that some clients look for.
    Service("block-storage", "cinder", "/volume/v3"),
    Service("volumev3", "cinderv3", "/volume/v3"),
)


class Catalog:
    """Fills one Keystone. `caller` has an admin's token."""

    def __init__(self, caller: Caller, url: str) -> None:
        self._caller = caller
        self._url = url

    async def fill(
        self, users: Sequence[User], region: str, endpoint: str, services: Sequence[Service] = SERVICES
    ) -> None:
        """Make users, region, services and endpoints as said. Idempotent."""
        roles = {role["name"]: role["id"] for role in await self._list("roles")}
        for user in users:
            await self._user(user, roles)
        await self._ensure("regions", "region", {"id": region}, key="id")
        for service in services:
            await self._service(service, region, endpoint)

    async def _user(self, user: User, roles: dict[str, str]) -> None:
        home = await self._domain(user.project_domain)
        project = await self._ensure(
            "projects", "project", {"name": user.project, "domain_id": home}, f"?domain_id={home}"
        )
        domain = await self._domain(user.user_domain)
        wanted = {"name": user.name, "domain_id": domain, "password": user.password}
        found = await self._ensure("users", "user", wanted, f"?domain_id={domain}")
        for role in user.roles:
            path = f"projects/{project['id']}/users/{found['id']}/roles/{roles[role]}"
            await self._caller.call("PUT", f"{self._url}/{path}")
        for role in user.system_roles:
            path = f"system/users/{found['id']}/roles/{roles[role]}"
            await self._caller.call("PUT", f"{self._url}/{path}")
        if not await self._can_log_in(user):
            change = {"user": {"password": user.password}}
            await self._caller.call("PATCH", f"{self._url}/users/{found['id']}", change)

    async def _domain(self, name: str) -> str:
        for domain in await self._list("domains", f"?name={quote(name)}"):
            found: str = domain["id"]
            return found
        raise CallFailed(f"The Keystone at {self._url} has no domain named {name!r}.")

    async def _can_log_in(self, user: User) -> bool:
        try:
            async with Caller(self._caller.ca_file) as other:
                await other.log_in(
                    self._url,
                    user.name,
                    user.password,
                    user.project,
                    user_domain=user.user_domain,
                    project_domain=user.project_domain,
                )
        except CallFailed as failed:
            if failed.status == 401:
                return False
            raise
        return True

    async def _service(self, service: Service, region: str, endpoint: str) -> None:
        # By type alone: an operator's Keystone may call its own service anything, and there is one of a type.
        wanted = {"type": service.type, "name": service.name}
        found = await self._ensure("services", "service", wanted, f"?type={service.type}", key="type")
        present = {
            one["interface"]: one
            for one in await self._list("endpoints", f"?service_id={found['id']}&region_id={region}")
        }
        url = endpoint + service.path
        for interface in _INTERFACES:
            if interface not in present:
                body = {"service_id": found["id"], "interface": interface, "url": url, "region_id": region}
                await self._caller.call("POST", f"{self._url}/endpoints", {"endpoint": body})
            elif present[interface]["url"] != url:
                path = f"{self._url}/endpoints/{present[interface]['id']}"
                await self._caller.call("PATCH", path, {"endpoint": {"url": url}})

    async def _list(self, kind: str, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._caller.call("GET", f"{self._url}/{kind}{query}"))[kind]
        return found

    async def _ensure(
        self, kind: str, noun: str, wanted: dict[str, Any], query: str = "", key: str = "name"
    ) -> dict[str, Any]:
        for one in await self._list(kind, query):
            if one[key] == wanted[key]:
                return one
        made = await self._caller.call("POST", f"{self._url}/{kind}", {noun: wanted})
        created: dict[str, Any] = made[noun]
        return created
