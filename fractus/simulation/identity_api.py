"""The HTTP of a simulated cloud's Keystone: what clients call of version 3, under `/identity`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import falcon
import falcon.asgi
import msgspec

from fractus.base.ids import new_request_id
from fractus.model.errors import ApiError, Conflict, Forbidden, Invalid, NotFound, Unauthorized
from fractus.simulation import IDENTITY
from fractus.simulation.identity import DOMAIN, Identity, Project, Token, User

Request: TypeAlias = falcon.asgi.Request
Response: TypeAlias = falcon.asgi.Response
Handler: TypeAlias = "Callable[..., Awaitable[None]]"

_STATUS = {Unauthorized: 401, Forbidden: 403, NotFound: 404, Invalid: 400, Conflict: 409}
_TITLES = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 400: "Bad Request", 409: "Conflict"}


def application(identity: Identity) -> falcon.asgi.App[Any, Any]:
    """The ASGI application over one cloud's identity."""
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App()
    app.req_options.strip_url_path_trailing_slash = True
    app.add_error_handler(Exception, _on_error)
    for path, verbs in {**_Tokens(identity).routes(), **_Things(identity).routes()}.items():
        app.add_route(IDENTITY + path, _resource(verbs))
    return app


async def _on_error(req: Request, resp: Response, error: Exception, params: Any) -> None:
    if isinstance(error, falcon.HTTPError):
        status, message = error.status_code, error.description or error.title or ""
    elif isinstance(error, ApiError):
        status, message = _STATUS.get(type(error), 400), error.message
    elif isinstance(error, msgspec.DecodeError | KeyError | TypeError | AttributeError):
        status, message = 400, "Expecting to find valid JSON in the request body."
    else:
        raise error
    resp.status = status
    if status == 401:
        resp.set_header("WWW-Authenticate", f'Keystone uri="{req.prefix}{IDENTITY}"')
    _answer(resp, {"error": {"code": status, "title": _TITLES.get(status, "Error"), "message": message}})


def _resource(verbs: Mapping[str, Handler]) -> object:
    return type("Paths", (), {f"on_{verb}": staticmethod(handler) for verb, handler in verbs.items()})()


def _answer(resp: Response, body: Any, status: int = 0) -> None:
    if status:
        resp.status = status
    resp.set_header("X-Openstack-Request-Id", new_request_id())
    resp.content_type = "application/json"
    resp.data = msgspec.json.encode(body)


async def _body(req: Request) -> Any:
    return msgspec.json.decode(await req.stream.read())


class _Tokens:
    """Versions, logging in, and what a token is."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Path -> verb -> handler."""
        token: dict[str, Handler] = {
            "post": self.issue,
            "get": self.show,
            "head": self.show,
            "delete": self.revoke,
        }
        return {
            "": {"get": self.versions},
            "/v3": {"get": self.version},
            "/v3/auth/tokens": token,
            "/v3/auth/projects": {"get": self.projects},
            "/v3/auth/domains": {"get": self.domains},
            "/v3/auth/catalog": {"get": self.catalog},
        }

    def _described(self) -> dict[str, Any]:
        links = [{"rel": "self", "href": f"{self._identity.url}{IDENTITY}/v3/"}]
        media = [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]
        return {
            "id": "v3.14",
            "status": "stable",
            "updated": "2020-04-07T00:00:00Z",
            "links": links,
            "media-types": media,
        }

    async def versions(self, req: Request, resp: Response) -> None:
        _answer(resp, {"versions": {"values": [self._described()]}}, 300)

    async def version(self, req: Request, resp: Response) -> None:
        _answer(resp, {"version": self._described()})

    async def issue(self, req: Request, resp: Response) -> None:
        auth = (await _body(req))["auth"]
        user = self._who(auth["identity"])
        project = self._where(user, auth.get("scope"))
        text, token = self._identity.issue(user, project)
        resp.set_header("X-Subject-Token", text)
        _answer(resp, self._token(req, token), 201)

    def _who(self, given: dict[str, Any]) -> User:
        identity = self._identity
        if "token" in given["methods"]:
            return identity.users[identity.token(given["token"]["id"]).principal.user_id]
        if given["methods"] != ["password"]:
            raise Unauthorized("Attempted to authenticate with an unsupported method.")
        named = given["password"]["user"]
        if "id" in named:
            user = identity.users.get(named["id"])
        else:
            _check_domain(named.get("domain"))
            user = next((one for one in identity.users.values() if one.name == named["name"]), None)
        return identity.log_in(user, str(named["password"]))

    def _where(self, user: User, scope: Any) -> Project | None:
        identity = self._identity
        if scope is None:
            return identity.projects.get(user.default_project_id)
        if scope == "unscoped":
            return None
        named = scope.get("project")
        if named is None:
            raise Unauthorized("Only tokens of projects are given out here.")
        if "id" in named:
            project = identity.projects.get(named["id"])
        else:
            _check_domain(named.get("domain"))
            project = next((one for one in identity.projects.values() if one.name == named["name"]), None)
        if project is None:
            raise Unauthorized("The request you have made requires authentication.")
        return project

    def _token(self, req: Request, token: Token) -> dict[str, Any]:
        body = self._identity.described(token)
        if token.principal.project_id and "nocatalog" not in req.params:
            body["catalog"] = self._identity.catalog()
        return {"token": body}

    async def show(self, req: Request, resp: Response) -> None:
        asks = _caller(self._identity, req)
        subject = req.get_header("X-Subject-Token") or ""
        try:
            token = self._identity.token(subject)
        except Unauthorized as error:
            raise NotFound(f"Could not find token: {subject[:8]}...") from error
        if not asks.principal.is_admin and token.principal.user_id != asks.principal.user_id:
            raise Forbidden(
                "You are not authorized to perform the requested action: identity:validate_token."
            )
        resp.set_header("X-Subject-Token", subject)
        _answer(resp, self._token(req, token))

    async def revoke(self, req: Request, resp: Response) -> None:
        asks = _caller(self._identity, req)
        subject = req.get_header("X-Subject-Token") or ""
        token = self._identity.token(subject)
        if not asks.principal.is_admin and token.principal.user_id != asks.principal.user_id:
            raise Forbidden("You are not authorized to perform the requested action: identity:revoke_token.")
        self._identity.revoke_token(subject)
        resp.status = 204

    async def projects(self, req: Request, resp: Response) -> None:
        token = _caller(self._identity, req)
        mine = [_shown(one) for one in self._identity.projects_of(token.principal.user_id)]
        _answer(resp, {"projects": mine, "links": {"next": None}})

    async def domains(self, req: Request, resp: Response) -> None:
        _caller(self._identity, req)
        _answer(resp, {"domains": [_DOMAIN], "links": {"next": None}})

    async def catalog(self, req: Request, resp: Response) -> None:
        _caller(self._identity, req)
        _answer(resp, {"catalog": self._identity.catalog(), "links": {"next": None}})


class _Things:
    """Projects, users, roles and who has which, and the catalog's parts."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Path -> verb -> handler."""
        role: dict[str, Handler] = {
            "get": self.has_role,
            "head": self.has_role,
            "put": self.grant,
            "delete": self.revoke,
        }
        found: dict[str, dict[str, Handler]] = {
            "/v3/domains": {"get": self._listed("domains", lambda: [_DOMAIN])},
            "/v3/domains/{id}": {"get": self.domain},
            "/v3/regions": {"get": self._listed("regions", self._regions)},
            "/v3/services": {"get": self._listed("services", self._services)},
            "/v3/endpoints": {"get": self._listed("endpoints", self._endpoints)},
            "/v3/roles": {"get": self._listed("roles", self._roles)},
            "/v3/roles/{id}": {"get": self.role},
            "/v3/role_assignments": {"get": self._listed("role_assignments", self._assignments)},
            "/v3/projects/{id}/users/{user}/roles": {"get": self.roles_of},
            "/v3/projects/{id}/users/{user}/roles/{role}": role,
        }
        for noun in ("project", "user"):
            one = {"get": self._show(noun), "patch": self._change(noun), "delete": self._drop(noun)}
            found[f"/v3/{noun}s"] = {"get": self._list(noun), "post": self._make(noun)}
            found[f"/v3/{noun}s/{{id}}"] = one
        return found

    # ------------------------------------------------------------------ projects and users

    def _all(self, noun: str) -> dict[str, Project] | dict[str, User]:
        return self._identity.projects if noun == "project" else self._identity.users

    def _held(self, noun: str, id: str) -> Project | User:
        found = self._all(noun).get(id)
        if found is None:
            raise NotFound(f"Could not find {noun}: {id}.")
        return found

    def _list(self, noun: str) -> Handler:
        async def handler(req: Request, resp: Response) -> None:
            _admin(self._identity, req, f"identity:list_{noun}s")
            every = [_shown(one) for one in self._all(noun).values()]
            _answer(resp, {f"{noun}s": _filtered(every, req), "links": {"next": None}})

        return handler

    def _show(self, noun: str) -> Handler:
        async def handler(req: Request, resp: Response, id: str) -> None:
            token = _caller(self._identity, req)
            if id not in (token.principal.project_id, token.principal.user_id):
                _admin(self._identity, req, f"identity:get_{noun}")
            _answer(resp, {noun: _shown(self._held(noun, id))})

        return handler

    def _make(self, noun: str) -> Handler:
        async def handler(req: Request, resp: Response) -> None:
            _admin(self._identity, req, f"identity:create_{noun}")
            wanted = (await _body(req))[noun]
            name = str(wanted["name"])
            if any(one.name == name for one in self._all(noun).values()):
                raise Conflict(
                    f"Conflict occurred attempting to store {noun} - it is not permitted to have two {noun}s with "
                    f"the same name in the same domain: {name}."
                )
            enabled = bool(wanted.get("enabled", True))
            made: Project | User
            if noun == "project":
                description = str(wanted.get("description") or "")
                made = self._identity.add_project(name, description=description, enabled=enabled)
            else:
                project_id = str(wanted.get("default_project_id") or "")
                password = str(wanted.get("password") or "")
                made = self._identity.add_user(name, password, enabled=enabled, project_id=project_id)
            _answer(resp, {noun: _shown(made)}, 201)

        return handler

    def _change(self, noun: str) -> Handler:
        async def handler(req: Request, resp: Response, id: str) -> None:
            _admin(self._identity, req, f"identity:update_{noun}")
            held = self._held(noun, id)
            self._identity.change(held, dict((await _body(req))[noun]))
            _answer(resp, {noun: _shown(held)})

        return handler

    def _drop(self, noun: str) -> Handler:
        async def handler(req: Request, resp: Response, id: str) -> None:
            _admin(self._identity, req, f"identity:delete_{noun}")
            self._identity.drop(self._held(noun, id))
            resp.status = 204

        return handler

    # ------------------------------------------------------------------ roles

    def _assigned(self, req: Request, project: str, user: str, role: str, rule: str) -> tuple[str, str, str]:
        _admin(self._identity, req, rule)
        self._held("project", project)
        self._held("user", user)
        if role not in self._identity.roles:
            raise NotFound(f"Could not find role: {role}.")
        return user, project, role

    async def has_role(self, req: Request, resp: Response, id: str, user: str, role: str) -> None:
        if self._assigned(req, id, user, role, "identity:check_grant") not in self._identity.grants:
            raise NotFound(f"Could not find role assignment with role: {role}, user or group: {user}.")
        resp.status = 204

    async def grant(self, req: Request, resp: Response, id: str, user: str, role: str) -> None:
        self._identity.grant(*self._assigned(req, id, user, role, "identity:create_grant"))
        resp.status = 204

    async def revoke(self, req: Request, resp: Response, id: str, user: str, role: str) -> None:
        self._identity.revoke(*self._assigned(req, id, user, role, "identity:revoke_grant"))
        resp.status = 204

    async def roles_of(self, req: Request, resp: Response, id: str, user: str) -> None:
        _admin(self._identity, req, "identity:list_grants")
        names = self._identity.roles
        held = [role for one, where, role in self._identity.grants if (one, where) == (user, id)]
        _answer(resp, {"roles": [_role(id, names[id]) for id in held], "links": {"next": None}})

    async def role(self, req: Request, resp: Response, id: str) -> None:
        _admin(self._identity, req, "identity:get_role")
        if id not in self._identity.roles:
            raise NotFound(f"Could not find role: {id}.")
        _answer(resp, {"role": _role(id, self._identity.roles[id])})

    def _roles(self) -> list[dict[str, Any]]:
        return [_role(id, name) for id, name in self._identity.roles.items()]

    def _assignments(self) -> list[dict[str, Any]]:
        return [
            {"role": {"id": role}, "user": {"id": user}, "scope": {"project": {"id": project}}, "links": {}}
            for user, project, role in sorted(self._identity.grants)
        ]

    # ------------------------------------------------------------------ the rest

    def _listed(self, key: str, every: Callable[[], list[dict[str, Any]]]) -> Handler:
        async def handler(req: Request, resp: Response) -> None:
            _admin(self._identity, req, f"identity:list_{key}")
            _answer(resp, {key: _filtered(every(), req), "links": {"next": None}})

        return handler

    async def domain(self, req: Request, resp: Response, id: str) -> None:
        _caller(self._identity, req)
        if id != DOMAIN["id"]:
            raise NotFound(f"Could not find domain: {id}.")
        _answer(resp, {"domain": _DOMAIN})

    def _regions(self) -> list[dict[str, Any]]:
        return [{"id": self._identity.region, "description": "", "parent_region_id": None, "links": {}}]

    def _services(self) -> list[dict[str, Any]]:
        known = ("id", "type", "name")
        return [
            {**{key: one[key] for key in known}, "enabled": True, "links": {}}
            for one in self._identity.catalog()
        ]

    def _endpoints(self) -> list[dict[str, Any]]:
        return [
            {**endpoint, "service_id": one["id"], "enabled": True, "links": {}}
            for one in self._identity.catalog()
            for endpoint in one["endpoints"]
        ]


_DOMAIN = {**DOMAIN, "enabled": True, "description": "The default domain", "links": {}}


def _role(id: str, name: str) -> dict[str, Any]:
    return {"id": id, "name": name, "domain_id": None, "description": None, "options": {}, "links": {}}


def _shown(thing: Project | User) -> dict[str, Any]:
    shown = {name: getattr(thing, name) for name in thing.__struct_fields__ if name != "secret"}
    if isinstance(thing, Project):
        shown |= {"is_domain": False, "parent_id": DOMAIN["id"], "tags": []}
    elif not thing.default_project_id:
        shown.pop("default_project_id")
    return {**shown, "domain_id": DOMAIN["id"], "options": {}, "links": {}}


def _filtered(every: list[dict[str, Any]], req: Request) -> list[dict[str, Any]]:
    """Only what has the fields that the query names; what a thing has not filters nothing, as in Keystone."""
    asked = {key: value for key, value in req.params.items() if isinstance(value, str)}
    return [one for one in every if all(str(one[key]) == value for key, value in asked.items() if key in one)]


def _check_domain(named: Any) -> None:
    if named and DOMAIN["id"] != named.get("id", DOMAIN["id"]):
        raise Unauthorized("The request you have made requires authentication.")
    if named and DOMAIN["name"].lower() != str(named.get("name", DOMAIN["name"])).lower():
        raise Unauthorized("The request you have made requires authentication.")


def _caller(identity: Identity, req: Request) -> Token:
    return identity.token(req.get_header("X-Auth-Token") or "")


def _admin(identity: Identity, req: Request, rule: str) -> None:
    if not _caller(identity, req).principal.is_admin:
        raise Forbidden(f"You are not authorized to perform the requested action: {rule}.")
