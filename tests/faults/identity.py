"""A Keystone for the fault suite: tokens, projects and one catalog, in memory, over HTTP.

It believes every password: who may do what is tested elsewhere. What matters here is that API, workers and children
speak to *some* Keystone over a socket, and that it survives while they die.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
from collections.abc import Mapping
from typing import Any

from aiohttp import web

#: Longer than any clock is made to jump.
_LIFETIME = datetime.timedelta(days=30)

_DOMAIN = {"id": "default", "name": "Default"}
#: By type, and the path of each.
SERVICES = {"compute": "compute", "network": "network", "image": "image", "block-storage": "volume/v3"}


def id_of(what: str, name: str) -> str:
    """The id of a user or project: it follows from the name."""
    return hashlib.md5(f"{what} {name}".encode(), usedforsecurity=False).hexdigest()


class Identity:
    """One Keystone. `regions`: region name -> base URL of the services there."""

    def __init__(self, regions: Mapping[str, str]) -> None:
        self.regions = dict(regions)
        self.url = ""
        self._tokens: dict[str, dict[str, Any]] = {}
        self._projects: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._runner: web.AppRunner | None = None

    async def start(self, port: int, host: str = "127.0.0.1") -> None:
        """Listen on this port of one address."""
        app = web.Application()
        app.router.add_get("/v3", self._version)
        app.router.add_get("/v3/", self._version)
        app.router.add_post("/v3/auth/tokens", self._issue)
        app.router.add_get("/v3/auth/tokens", self._show_token)
        app.router.add_get("/v3/projects", self._list_projects)
        app.router.add_post("/v3/projects", self._make_project)
        app.router.add_get("/v3/projects/{id}", self._show_project)
        app.router.add_get("/v3/roles", self._roles)
        app.router.add_get("/v3/role_assignments", self._assignments)
        app.router.add_put("/v3/projects/{project}/users/{user}/roles/{role}", self._assign)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, reuse_address=True).start()
        self.url = f"http://{host}:{port}/v3"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def token(self, user: str, project: str) -> str:
        """A token for somebody in a project, by names."""
        self._projects.setdefault(id_of("project", project), project)
        return self._new(user, id_of("project", project))[0]

    def _new(self, user: str, project_id: str) -> tuple[str, dict[str, Any]]:
        now = datetime.datetime.now(datetime.UTC)
        name = self._projects.get(project_id, project_id)
        admin = user in ("admin", "fractus") and name in ("admin", "service")
        roles = ["admin", "member", "reader"] if admin else ["member", "reader"]
        token = f"token-{next(self._numbers)}-{user}"
        self._tokens[token] = {
            "methods": ["password"],
            "user": {"id": id_of("user", user), "name": user, "domain": _DOMAIN},
            "project": {"id": project_id, "name": name, "domain": _DOMAIN},
            "roles": [{"id": id_of("role", role), "name": role} for role in roles],
            "issued_at": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "expires_at": (now + _LIFETIME).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "catalog": self._catalog(),
            "is_domain": False,
            "audit_ids": [token],
        }
        return token, self._tokens[token]

    def _catalog(self) -> list[dict[str, Any]]:
        catalog = []
        for service, path in SERVICES.items():
            endpoints = [
                {
                    "id": id_of("endpoint", f"{service} {region}"),
                    "interface": "public",
                    "region": region,
                    "region_id": region,
                    "url": f"{url}/{path}",
                }
                for region, url in self.regions.items()
            ]
            catalog.append(
                {"id": id_of("service", service), "type": service, "name": service, "endpoints": endpoints}
            )
        endpoints = [
            {"id": f"identity {region}", "interface": "public", "region": region, "region_id": region,
             "url": self.url}
            for region in self.regions
        ]  # fmt: skip
        return [*catalog, {"id": "identity", "type": "identity", "name": "keystone", "endpoints": endpoints}]

    # ------------------------------------------------------------------ handlers

    async def _version(self, request: web.Request) -> web.Response:
        links = [{"rel": "self", "href": self.url}]
        return web.json_response({"version": {"id": "v3.14", "status": "stable", "links": links}})

    async def _issue(self, request: web.Request) -> web.Response:
        auth = (await request.json())["auth"]
        identity = auth["identity"]
        if "token" in identity["methods"]:
            known = self._tokens.get(identity["token"]["id"])
            if known is None:
                return web.json_response({"error": {"code": 401, "message": "No such token."}}, status=401)
            user = known["user"]["name"]
        else:
            user = identity["password"]["user"]["name"]
        scope = auth.get("scope", {}).get("project", {})
        if "id" in scope:
            project_id = scope["id"]
        else:
            project_id = id_of("project", scope["name"])
            self._projects.setdefault(project_id, scope["name"])
        token, body = self._new(user, project_id)
        return web.json_response({"token": body}, status=201, headers={"X-Subject-Token": token})

    async def _show_token(self, request: web.Request) -> web.Response:
        token = request.headers.get("X-Subject-Token", "")
        body = self._tokens.get(token)
        if body is None:
            return web.json_response({"error": {"code": 404, "message": "No such token."}}, status=404)
        plain = {key: value for key, value in body.items() if key != "catalog"}
        return web.json_response({"token": plain}, headers={"X-Subject-Token": token})

    def _project(self, id: str) -> dict[str, Any]:
        return {"id": id, "name": self._projects[id], "domain_id": "default", "enabled": True}

    async def _list_projects(self, request: web.Request) -> web.Response:
        name = request.query.get("name")
        found = [self._project(id) for id, known in self._projects.items() if name in (None, known)]
        return web.json_response({"projects": found})

    async def _make_project(self, request: web.Request) -> web.Response:
        name = (await request.json())["project"]["name"]
        id = id_of("project", name)
        if id in self._projects:
            return web.json_response({"error": {"code": 409, "message": "Duplicate entry."}}, status=409)
        self._projects[id] = name
        return web.json_response({"project": self._project(id)}, status=201)

    async def _show_project(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        if id not in self._projects:
            return web.json_response({"error": {"code": 404, "message": "No such project."}}, status=404)
        return web.json_response({"project": self._project(id)})

    async def _roles(self, request: web.Request) -> web.Response:
        name = request.query.get("name", "member")
        return web.json_response({"roles": [{"id": id_of("role", name), "name": name}]})

    async def _assignments(self, request: web.Request) -> web.Response:
        """Everybody may work in every project here."""
        return web.json_response({"role_assignments": [{"role": {"id": id_of("role", "member")}}]})

    async def _assign(self, request: web.Request) -> web.Response:
        return web.Response(status=204)
