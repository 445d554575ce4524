"""What happens to every request of a service, in order: token, version, policy, body, schema, handler.

The order is Nova's as far as users can tell: without a token nothing is revealed, not even that a path does not exist;
a version that is not served is refused before anything else is looked at. Policy comes before the body is read, so that
what may not be done costs nothing; only where the body names the action it comes after.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import falcon.asgi
import msgspec

from fractus.auth.policy import Policy
from fractus.auth.principal import ANYONE, Principal
from fractus.auth.tokens import TokenChecker
from fractus.base.log import logger
from fractus.model.errors import (
    ApiError,
    BodyTimeout,
    Busy,
    Invalid,
    NotAllowed,
    NotFound,
    ReadOnly,
    StorageFull,
    Unauthorized,
    Unavailable,
)
from fractus.store.retrying import again
from fractus.web import body as bodies
from fractus.web import bounds
from fractus.web.face import Gate, Page, ServiceRoutes, WebSettings, always_open
from fractus.web.faults import NOT_AUTHENTICATED, NOT_FOUND, RouteNotServed, check_accept, plain, status_of
from fractus.web.microversion import UNVERSIONED, Negotiator, Version
from fractus.web.routing import Call, Query, Reply, Route
from fractus.web.table import Bound, Endpoint, Method, compile_routes

log = logger("web")

_encode = msgspec.json.Encoder(order=None).encode
_EMPTY_QUERY = Query()

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Trace:
    """What is learnt of a request on its way, for the answer's headers, the access log and the metrics."""

    __slots__ = ("allow", "body", "front", "principal", "request_id", "route", "started", "suffix", "version")

    def __init__(self, request_id: str, started: float) -> None:
        self.request_id = request_id
        self.started = started
        self.route = "-"
        self.front: Front | None = None
        self.principal = ANYONE
        self.version: Version | None = None
        self.allow = ""
        self.body: bytes | None = None
        self.suffix = ""
        """What was cut off the path, and means nothing."""


class Front:
    """One service, ready to answer."""

    def __init__(
        self,
        contributed: ServiceRoutes,
        tokens: TokenChecker,
        policy: Policy,
        settings: WebSettings,
        gate: Gate = always_open,
    ) -> None:
        self.service = contributed.service
        self.endpoints = compile_routes(contributed, policy.knows)
        self.label = contributed.service.type
        self._tokens = tokens
        self._allows = policy.allows
        self._settings = settings
        self._timeouts = bodies.Timeouts(settings.body_idle_timeout, settings.body_timeout)
        self._gate = gate
        self._public_base = settings.public_endpoint.rstrip("/") + self.service.prefix
        service = contributed.service
        self._versioned = tuple(
            f"{service.prefix}{mount}/" for mount in (service.mount, service.legacy_mount) if mount
        )
        self._negotiator = (
            Negotiator(service.type, service.versions, service.legacy_version_header)
            if service.versions
            else None
        )

    # --- steps -----------------------------------------------------------------------------------

    async def authenticate(
        self, headers: Mapping[str, str], trace: Trace, client: tuple[str, int] | None
    ) -> Principal:
        """The caller; `Unauthorized` without a valid token. `client`: whom the connection is from."""
        token = headers.get("x-auth-token")
        if not token:
            raise Unauthorized(NOT_AUTHENTICATED)
        peer = self._peer(headers, client)
        principal = await self._tokens.check(token, peer)
        if "x-service-token" in headers:
            principal = await self._with_service(principal, headers["x-service-token"], peer)
        trace.principal = principal
        return principal

    def _peer(self, headers: Mapping[str, str], client: tuple[str, int] | None) -> str:
        """The address that a request came from. Of those that were forwarded the last is the trusted proxy's word."""
        if self._settings.trust_forwarded and "x-forwarded-for" in headers:
            return headers["x-forwarded-for"].rpartition(",")[2].strip()
        return client[0] if client else ""

    async def _with_service(self, principal: Principal, token: str, peer: str) -> Principal:
        """A service token that is not valid is a failed request, not one less right (keystonemiddleware's rule)."""
        service = await self._tokens.check(token, peer)
        if service.roles.isdisjoint(self._settings.service_roles):
            return principal
        return dataclasses.replace(principal, is_service=True)

    def negotiate(self, headers: Mapping[str, str], trace: Trace, mount: str) -> Version:
        """The version that the request is for, also kept for the answer's headers."""
        if self._negotiator is None:
            return UNVERSIONED
        if mount != self.service.mount:
            return self._negotiator.oldest
        version = trace.version = self._negotiator.asked(headers)
        self._negotiator.check(version)
        return version

    def base_url(self, headers: Mapping[str, str], scheme: str) -> str:
        """The service's URL as the client sees it, without the version."""
        settings = self._settings
        if settings.trust_forwarded and "x-forwarded-host" in headers:
            host = headers["x-forwarded-host"].split(",")[0].strip()
            proto = headers.get("x-forwarded-proto", scheme).split(",")[0].strip()
            return f"{proto}://{host}{self.service.prefix}"
        if settings.public_endpoint:
            return self._public_base
        return f"{scheme}://{headers.get('host', '')}{self.service.prefix}"

    def denied(self, rule: str) -> ApiError:
        """The error of a refused rule, in this service's words."""
        return self.service.denied(rule)

    # --- whole requests --------------------------------------------------------------------------

    async def serve(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        endpoint: Endpoint,
        params: dict[str, str],
        mount: str,
        project: str = "",
    ) -> None:
        """Answer a request whose path is known: below which of the service's mounts, and with which project id."""
        trace: Trace = req.context.trace
        trace.front = self
        trace.route = endpoint.path
        headers = read_headers(req.scope["headers"])
        method = endpoint.methods.get(req.method)
        bound = method.only if method is not None else None
        principal = ANYONE
        if bound is None or not bound.route.public:
            principal = await self.authenticate(headers, trace, req.scope.get("client"))
        path = req.scope["path"]
        if (path.endswith("/") and not self.service.trailing_slash) or "\0" in path:
            raise NotFound(NOT_FOUND)
        if method is None:
            raise self._no_method(req.method, endpoint, trace)
        version = self.negotiate(headers, trace, mount)
        body: Any = None
        if bound is None:
            bound, body = await self._choose(req, method, headers, version)
        if project and project != principal.project_id:
            raise self._mismatch(project, principal)
        route = bound.route
        self._admit(route, principal, "" if trace.suffix else headers.get("accept", ""))
        if req.method not in _READS and not route.live:
            await self._gate()
        if not method.by_action and not route.raw and req.method in _BODY_METHODS:
            body = await self._body(req, bound, headers)
        if route.schema is not None:
            route.schema(body, version)
        elif body is not None and type(body) is not dict:
            raise Invalid(self.service.malformed)
        query = req.query_string
        call = Call(
            principal=principal,
            params=dict(zip(bound.names, params.values(), strict=True)) if params else params,
            query=Query(query) if query else _EMPTY_QUERY,
            body=body,
            version=version,
            request_id=trace.request_id,
            base_url=self.base_url(headers, req.scope.get("scheme", "http")),
            headers=headers,
            method=req.method,
            mount=mount,
            path=req.path[len(self.service.prefix) + len(mount) :] + trace.suffix,
            project=project,
            stream=lambda: bodies.chunks(req, self._timeouts),
            allows=self._allows,
            denied=self.denied,
        )
        write(resp, await self._answer(bound, call, trace))

    def _no_method(self, method: str, endpoint: Endpoint, trace: Trace) -> ApiError:
        own = self.service.no_method(method, endpoint.path) if self.service.no_method is not None else None
        return own or _no_method(method, endpoint.allow, trace)

    def _admit(self, route: Route, principal: Principal, accept: str) -> None:
        """`NotAcceptable` where the answer would not be taken, `Forbidden` where the route's rule does not let the
        caller in. Upstream's rules are all of project scope.
        """
        if route.json_only:
            check_accept(accept)
        if not route.public and not (principal.project_id and self._allows(route.rule, principal, None)):
            raise self.service.denied(route.rule)

    def _mismatch(self, project: str, principal: Principal) -> Invalid:
        sentence = self.service.project_mismatch
        return Invalid(sentence(project, principal.project_id or "") if sentence else NOT_FOUND)

    async def _answer(self, bound: Bound, call: Call, trace: Trace) -> Reply:
        """Have the handler answer; again from the beginning where the database made it lose against somebody else.

        A handler calls nobody outside and writes in one transaction, so nothing is left of a run that lost. What
        streams a body, or asks a cloud, is run once, and sees to its transactions itself.
        """
        first = True

        async def run() -> Reply:
            nonlocal first
            if not first and trace.body is not None:
                # The handler may have changed what it was given.
                call.body = bodies.decode(trace.body, self.service.malformed)
                if bound.route.schema is not None:
                    bound.route.schema(call.body, call.version)
            first = False
            return await _run(bound, call)

        if bound.route.raw or bound.route.live:
            return await run()
        return await again(run)

    async def _choose(
        self, req: falcon.asgi.Request, method: Method, headers: Mapping[str, str], version: Version
    ) -> tuple[Bound, Any]:
        """The route where there are several of one method and path; with the body where that decides."""
        refused = method.unserved()
        if refused is not None:
            raise RouteNotServed(refused)
        if not method.by_action:
            return method.at(version), None
        bodies.check_type(headers, self.service.json_types)
        raw = await self._raw(req)
        body = bodies.decode(raw, self.service.malformed)
        bound = method.action(body, version, self.service.malformed)
        bounds.check(body, raw, bound.bounded)
        return bound, body

    async def _body(self, req: falcon.asgi.Request, bound: Bound, headers: Mapping[str, str]) -> Any:
        types = bound.route.json_types
        bodies.check_type(headers, types if types is not None else self.service.json_types)
        raw = await self._raw(req)
        body = bodies.decode(raw, self.service.malformed)
        bounds.check(body, raw, bound.bounded)
        return body

    async def _raw(self, req: falcon.asgi.Request) -> bytes:
        trace: Trace = req.context.trace
        trace.body = await bodies.read(req, self._settings.max_body, self._timeouts)
        return trace.body

    async def unknown(self, req: falcon.asgi.Request) -> None:
        """Refuse a path that the service does not have; below the version only to those who have a token."""
        trace: Trace = req.context.trace
        trace.front = self
        headers = read_headers(req.scope["headers"])
        if req.path.startswith(self._versioned):
            await self.authenticate(headers, trace, req.scope.get("client"))
        raise NotFound(NOT_FOUND)

    async def document(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, page: Page, path: str, project: str = ""
    ) -> None:
        """Answer with a version document. Those of the versioned API name the version, as everything there does.

        Below a `project` it is public no longer, and only there with a slash at its end: Nova's and Cinder's way.
        """
        trace: Trace = req.context.trace
        trace.front = self
        trace.route = path
        if req.method not in ("GET", "HEAD"):
            raise _no_method(req.method, "GET, HEAD", trace)
        headers = read_headers(req.scope["headers"])
        principal = ANYONE
        if project:
            principal = await self.authenticate(headers, trace, req.scope.get("client"))
        if project and not req.scope["path"].endswith("/"):
            raise NotFound(NOT_FOUND)
        if path == self.service.mount:
            self.negotiate(headers, trace, path)
        if project and project != principal.project_id:
            raise self._mismatch(project, principal)
        write(resp, page(self.base_url(headers, req.scope.get("scheme", "http"))))

    def version_headers(self, version: Version) -> Mapping[str, str]:
        """The headers that name the version of an answer."""
        return self._negotiator.headers(version) if self._negotiator is not None else {}


def _no_method(method: str, allow: str, trace: Trace) -> ApiError:
    trace.allow = allow
    return NotAllowed(f"The method {method} is not allowed for this resource.")


def read_headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a request, names in lower case; one that is given several times is joined with commas."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
    if len(headers) < len(pairs):
        folded: dict[bytes, list[bytes]] = {}
        for name, value in pairs:
            folded.setdefault(name, []).append(value)
        headers = {name.decode("latin-1"): b",".join(all_).decode("latin-1") for name, all_ in folded.items()}
    return headers


async def _run(bound: Bound, call: Call) -> Reply:
    route = bound.route
    if not route.live:
        return await route.handler(call)
    try:
        async with asyncio.timeout(route.deadline):
            return await route.handler(call)
    except TimeoutError:
        raise Unavailable(f"The cloud did not answer within {route.deadline:g} seconds.") from None


#: What a header may have as it is: printable ASCII.
_SENDABLE = re.compile(r"[ -~]*")


def sendable(value: str) -> str:
    """A header's value, with escapes (as in URLs) for all that is not printable ASCII.

    Most values are URLs with parts that a user gave. A line break would begin a header of the user's own, and other
    characters make the web server fail, after what was asked for is done.
    """
    return value if _SENDABLE.fullmatch(value) else quote(value, safe=_ASCII, errors="replace")


_ASCII = "".join(map(chr, range(32, 127)))


def write(resp: falcon.asgi.Response, reply: Reply) -> None:
    """Put a reply into Falcon's response."""
    resp.status = reply.status
    for name, value in reply.headers.items():
        resp.set_header(name, sendable(value))
    if reply.stream is not None:
        resp.content_type = reply.content_type
        resp.stream = reply.stream
        if reply.length is not None:
            resp.content_length = reply.length
        return
    body = reply.body
    if body is None:
        resp.data = b""
        if reply.length is not None:  # of an answer to HEAD
            resp.content_length = reply.length
        return
    resp.content_type = reply.content_type
    resp.data = body if isinstance(body, bytes) else encoded(body)


def encoded(body: Any) -> bytes:
    """A body as JSON, whatever is in it: what was done is answered for, even where a part of the answer is not text."""
    try:
        return _encode(body)
    except (UnicodeEncodeError, TypeError, OverflowError, ValueError) as error:
        log.error("an answer had parts that are no JSON", why=str(error))
        return _encode(_plain(body))


def _plain(body: Any) -> Any:
    """The same with texts that can be sent in the place of what cannot."""
    if isinstance(body, dict):
        return {_text(name): _plain(value) for name, value in body.items()}
    if isinstance(body, list | tuple):
        return [_plain(value) for value in body]
    return body if body is None or isinstance(body, bool | int | float) else _text(body)


def _text(value: object) -> str:
    return str(value).encode(errors="replace").decode()


def write_error(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, error: ApiError | None, uri: str
) -> None:
    """Put an error into Falcon's response, in the words of the service that the path belongs to."""
    trace: Trace = req.context.trace
    front = trace.front
    service = front.service if front is not None else None
    if service is None:
        status = status_of(error)
    else:
        status = status_of(error, quota=service.quota_status, unserved=service.unserved_status)
    envelope: Callable[[ApiError | None, int, str], dict[str, Any]] = (
        plain if service is None else service.envelope
    )
    if error is not None and len(error.message) > bounds.MOST_WORDS:
        error.message = bounds.shortened(error.message)
    body = envelope(error, status, trace.request_id)
    rendered = None
    if service is not None and service.render is not None:
        rendered = service.render(body, req.get_header("Accept", default="") or "")
    resp.status = status
    resp.stream = None
    content_type, data = rendered if rendered is not None else ("application/json", encoded(body))
    resp.content_type = content_type
    resp.data = data
    if status == 401:
        resp.set_header("WWW-Authenticate", f'Keystone uri="{uri}"')
    elif status == 405 and trace.allow:
        resp.set_header("Allow", trace.allow)
    elif isinstance(error, BodyTimeout) and req.scope.get("http_version", "1.1").startswith("1"):
        resp.set_header("Connection", "close")
    elif isinstance(error, ReadOnly | Busy | StorageFull):
        resp.set_header("Retry-After", str(error.retry_after))
