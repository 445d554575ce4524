"""The ASGI application: services become paths; every answer gets its request id, its log line and its numbers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote_from_bytes

import falcon
import falcon.asgi
from falcon.routing import BaseConverter

from fractus.auth.policy import Policy
from fractus.auth.tokens import TokenChecker
from fractus.base.clock import Clock
from fractus.base.ids import is_request_id, new_request_id
from fractus.base.log import Frequent, logger, request_id
from fractus.model.errors import ApiError, Invalid, NotAllowed, NotFound
from fractus.web import body as bodies
from fractus.web.face import Gate, Service, ServiceRoutes, WebSettings, always_open
from fractus.web.faults import NOT_FOUND
from fractus.web.metrics import About, Health, HealthPage, MetricsPage, RootPage, WebMetrics
from fractus.web.pipeline import Front, Trace, write_error
from fractus.web.router import Router
from fractus.web.shortage import shortage
from fractus.web.table import METHODS, PROJECT_ID, Endpoint

__all__ = ["Service", "ServiceRoutes", "WebSettings", "application"]

log = logger("web")
access = Frequent("web.access", "request")

_SUFFIX = ".json"

Responder: TypeAlias = "Callable[..., Awaitable[None]]"


class Paths:
    """One path for Falcon's router: every method ends in one and the same responder."""

    def __init__(self, responder: Responder) -> None:
        for method in METHODS:
            setattr(self, f"on_{method.lower()}", responder)


def _endpoint(front: Front, endpoint: Endpoint, mount: str) -> Paths:
    async def respond(req: falcon.asgi.Request, resp: falcon.asgi.Response, **params: str) -> None:
        await front.serve(req, resp, endpoint, params, mount)

    return Paths(respond)


class _ProjectId(BaseConverter):
    """A segment that may be a project id; the real services tell it from the name of a collection by its letters."""

    def convert(self, value: str) -> str | None:
        return value if PROJECT_ID.fullmatch(value) else None


def _endpoint_of_project(front: Front, endpoint: Endpoint, mount: str) -> Paths:
    """The same where the path begins with a project id. These are routes of their own, so the others pay nothing."""

    async def respond(
        req: falcon.asgi.Request, resp: falcon.asgi.Response, project: str, **params: str
    ) -> None:
        await front.serve(req, resp, endpoint, params, mount, project)

    return Paths(respond)


def _document(front: Front, path: str) -> Paths:
    page = front.service.documents[path]

    async def respond(req: falcon.asgi.Request, resp: falcon.asgi.Response, project: str = "") -> None:
        await front.document(req, resp, page, path, project)

    return Paths(respond)


class _Witness:
    """Falcon middleware around every request: its id before, its headers, log line and numbers after."""

    def __init__(
        self, metrics: WebMetrics, settings: WebSettings, clock: Clock, suffixed: Iterable[str] = ()
    ) -> None:
        """`suffixed`: beginnings of paths at whose end `.json` means nothing."""
        self._metrics = metrics
        self._suffixed = tuple(suffixed)
        self._now = clock.monotonic
        self._log = settings.access_log

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Give the request its id, and its path the one form that routes have."""
        given = req.get_header("X-Openstack-Request-Id")
        own = given if given is not None and is_request_id(given) else new_request_id()
        request_id.set(own)
        req.context.trace = Trace(own, self._now())
        if "//" in req.path:
            req.path = "/" + "/".join(part for part in req.path.split("/") if part)
        if req.path.endswith(_SUFFIX) and req.path.startswith(self._suffixed):
            whole = req.path.removesuffix(_SUFFIX)
            if not whole.endswith("/"):  # a name that is nothing but a suffix is a name
                req.path, req.context.trace.suffix = whole, _SUFFIX

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, resource: object, succeeded: bool
    ) -> None:
        """Finish the answer, whatever it is. What was done is done: no trouble here is the answer to it."""
        try:
            self._finish(req, resp)
        except Exception:
            log.exception("an answer could not be finished", path=req.path)

    def _finish(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        trace: Trace = req.context.trace
        front = trace.front
        resp.set_header("X-Openstack-Request-Id", trace.request_id)
        label = "-"
        if front is not None:
            label = front.label
            if label in ("compute", "volume"):  # Cinder names it as Nova does
                resp.set_header("X-Compute-Request-Id", trace.request_id)
            if trace.version is not None:
                for name, value in front.version_headers(trace.version).items():
                    resp.set_header(name, value)
        try:
            self._log_access(req, resp.status_code, label)
        except Exception:
            # What is counted and written of a request does not change its answer.
            log.exception("a request is not in log or metrics", path=req.path)

    def _log_access(self, req: falcon.asgi.Request, status: int, label: str) -> None:
        """Write it into metrics and log."""
        trace: Trace = req.context.trace
        seconds = self._now() - trace.started
        method = req.method if req.method in METHODS else "-"
        self._metrics.answered(label, method, trace.route, status, seconds)
        if self._log:
            access.write(
                method=req.method,
                path=req.path,
                status=status,
                ms=round(seconds * 1000, 2),
                project=trace.principal.project_id,
                request_id=trace.request_id,
            )


def _translate(error: Exception) -> ApiError | None:
    """What went wrong, as a meaning; None for what nobody foresaw."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        return NotAllowed("The method is not allowed for this resource.")
    if isinstance(error, falcon.HTTPNotFound):
        return NotFound(NOT_FOUND)
    if isinstance(error, falcon.HTTPError) and 400 <= error.status_code < 500:
        return Invalid(error.description or error.title or "Bad request")
    return None


class Application(falcon.asgi.App[Any, Any]):
    """Falcon's application, with two things that it leaves open.

    A raw byte above 127 in a query means the same as its escape, and Falcon takes only the latter. And where a client
    goes away in the middle of its body, Falcon's stream just ends: here it is written down (`bodies.GONE`), so that
    half an image is not taken for a whole one.

    WebSockets are refused: no route is one, and nothing that watches requests would see them.
    """

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # type: ignore[override]
        """ASGI."""
        if scope["type"] == "websocket":
            await receive()
            # Closed before it was accepted: the client gets 403.
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        if not scope["query_string"].isascii():
            escaped = quote_from_bytes(scope["query_string"], safe="/?&=%+;:@,")
            scope = {**scope, "query_string": escaped.encode()}

        async def watched() -> Any:
            event = await receive()
            if event["type"] == "http.disconnect":
                scope[bodies.GONE] = True
            return event

        await super().__call__(scope, watched, send)


def application(
    services: Sequence[ServiceRoutes],
    tokens: TokenChecker,
    policy: Policy,
    settings: WebSettings,
    metrics: WebMetrics,
    clock: Clock,
    health: Health,
    gate: Gate = always_open,
    about: About | None = None,
) -> falcon.asgi.App[Any, Any]:
    """The ASGI application that serves all `services`, writes only while the `gate` is open; `about` is at its root.

    ValueError where what they say cannot be served.
    """
    suffixed = [f"{one.service.prefix}{one.service.mount}/" for one in services if one.service.json_suffix]
    router = Router()
    app = Application(middleware=[_Witness(metrics, settings, clock, suffixed)], router=router)
    app.req_options.strip_url_path_trailing_slash = True
    app.router_options.converters[_ProjectId.__name__] = _ProjectId

    async def on_error(
        req: falcon.asgi.Request, resp: falcon.asgi.Response, error: Exception, params: Any
    ) -> None:
        meaning = _translate(error)
        if meaning is None and (meaning := shortage(error)) is not None:
            log.error("not done", method=req.method, path=req.path, why=f"{type(error).__name__}: {error}")
        if meaning is None:
            log.error("unexpected", method=req.method, path=req.path, exc_info=error)
        write_error(req, resp, meaning, settings.identity_uri)

    app.add_error_handler(Exception, on_error)
    app.add_error_handler(falcon.HTTPError, on_error)
    app.add_route("/metrics", MetricsPage(metrics.registry))
    app.add_route("/healthcheck", HealthPage(health))
    if about is not None:
        app.add_route("/", RootPage(about))
    for contributed in services:
        _mount(app, Front(contributed, tokens, policy, settings, gate))
    router.complete()
    return app


def _mount_for_projects(app: Application, front: Front, mount: str) -> None:
    below = f"{front.service.prefix}{mount}/{{project:{_ProjectId.__name__}}}"
    if mount in front.service.documents:
        app.add_route(below, _document(front, mount))
    for template, endpoint in front.endpoints.items():
        app.add_route(below + template, _endpoint_of_project(front, endpoint, mount))


def _spellings(template: str) -> Iterable[str]:
    """A path, with its collection written with hyphens and with underscores."""
    collection = re.match(r"/[\w-]+", template)
    if collection is None:
        return (template,)
    rest = template[collection.end() :]
    name = collection[0]
    return dict.fromkeys((template, name.replace("_", "-") + rest, name.replace("-", "_") + rest))


def _mount(app: Application, front: Front) -> None:
    service = front.service
    for path in service.documents:
        app.add_route(service.prefix + path.rstrip("/"), _document(front, path))
    for mount in dict.fromkeys((service.mount, service.legacy_mount or service.mount)):
        for template, endpoint in front.endpoints.items():
            for path in _spellings(template) if service.spellings else (template,):
                app.add_route(service.prefix + mount + path, _endpoint(front, endpoint, mount))
        if service.project_mismatch is not None:
            _mount_for_projects(app, front, mount)

    async def unknown(req: falcon.asgi.Request, resp: falcon.asgi.Response | None, **_: str) -> None:
        await front.unknown(req)

    app.add_sink(unknown, rf"{service.prefix}(?s:/.*)?\Z")
