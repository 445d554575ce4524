"""A toy service with a few routes, and a client that speaks plain ASGI to it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from fractus.auth.base_rules import NOVA
from fractus.auth.policy import Policy, RuleDefault
from fractus.auth.principal import Principal
from fractus.base.clock import SystemClock
from fractus.base.log import request_id
from fractus.model.errors import BodyTimeout, Conflict, NotFound, QuotaExceeded, Unauthorized
from fractus.web import faults
from fractus.web.body import BrokenOff
from fractus.web.face import Gate, always_open
from fractus.web.metrics import WebMetrics
from fractus.web.microversion import Version, VersionRange
from fractus.web.routing import Call, Reply, Route
from fractus.web.schema import Body, body_schema
from fractus.web.service import Service, ServiceRoutes, WebSettings, application

ANN = Principal(
    user_id="u-ann",
    project_id="p-ann",
    project_name="ann",
    roles=frozenset({"member", "reader"}),
    user_name="ann",
)
BOSS = Principal(user_id="u-boss", project_id="p-boss", roles=frozenset({"admin"}), is_admin=True)
SERVICE = Principal(user_id="u-nova", project_id="p-service", roles=frozenset({"service"}))
READER = Principal(user_id="u-rea", project_id="p-ann", roles=frozenset({"reader"}))

SYSTEM = Principal(user_id="u-sys", system_scope="all", roles=frozenset({"admin", "reader"}), is_admin=True)


class Tokens:
    """Tokens from a table."""

    def __init__(self) -> None:
        self.peers: list[str] = []
        self.known = {"ann": ANN, "boss": BOSS, "service": SERVICE, "reader": READER, "system": SYSTEM}

    async def check(self, token: str, peer: str = "") -> Principal:
        self.peers.append(peer)
        if token not in self.known:
            raise Unauthorized("unknown token")
        return self.known[token]


class Thing(Body):
    name: str


class ThingBody(Body):
    thing: Thing


class Story:
    """What the handlers of the toy service saw."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.request_ids: list[str] = []
        self.uploaded = b""
        self.finished = asyncio.Event()
        self.broken = 0
        self.late = 0

    async def show(self, call: Call) -> Reply:
        self.calls.append(call)
        if call.params["thing_id"] == "none":
            raise NotFound("Thing none could not be found.")
        return Reply(body={"thing": {"id": call.params["thing_id"]}})

    async def listing(self, call: Call) -> Reply:
        self.calls.append(call)
        await asyncio.sleep(0)
        self.request_ids.append(request_id.get())
        return Reply(body=b'{"things":[]}')

    async def create(self, call: Call) -> Reply:
        self.calls.append(call)
        return Reply(202, {"thing": call.body["thing"]}, {"Location": f"{call.url}/1"})

    async def accept(self, call: Call) -> Reply:
        self.calls.append(call)
        return Reply(202)

    async def delete(self, call: Call) -> Reply:
        self.calls.append(call)
        return Reply(204)

    async def crash(self, call: Call) -> Reply:
        raise RuntimeError("the secret is 1234")

    async def clash(self, call: Call) -> Reply:
        raise Conflict("Cannot 'stop' it while it is in vm_state stopped")

    async def quota(self, call: Call) -> Reply:
        raise QuotaExceeded("Quota exceeded for things")

    async def slow(self, call: Call) -> Reply:
        await asyncio.sleep(30)
        return Reply()

    async def upload(self, call: Call) -> Reply:
        try:
            async for chunk in call.stream():
                self.uploaded += chunk
        except BrokenOff:
            self.broken += 1
            raise
        except BodyTimeout:
            self.late += 1
            raise
        self.finished.set()
        return Reply(204)

    async def download(self, call: Call) -> Reply:
        async def bits() -> AsyncIterator[bytes]:
            yield b"abc"
            yield b"def"

        return Reply(content_type="application/octet-stream", stream=bits(), length=6)

    async def size(self, call: Call) -> Reply:
        return Reply(content_type="application/octet-stream", length=6)

    async def old(self, call: Call) -> Reply:
        return Reply(body={"shape": "old"})

    async def new(self, call: Call) -> Reply:
        return Reply(body={"shape": "new"})


RULE = "os_compute_api:things"


def route(method: str, path: str, handler: Callable[[Call], Any], **more: Any) -> Route:
    more.setdefault("rule", RULE)
    return Route(method=method, path=path, handler=handler, summary="A toy.", **more)


def routes(story: Story) -> list[Route]:
    return [
        route("GET", "/things", story.listing),
        route("POST", "/things", story.create, schema=body_schema(ThingBody)),
        route("GET", "/things/{thing_id}", story.show),
        route("PUT", "/things/{id}", story.accept),
        route("DELETE", "/things/{id}", story.delete, rule=f"{RULE}:delete"),
        route("PUT", "/things/{thing_id}/file", story.upload, raw=True),
        route("GET", "/things/{thing_id}/file", story.download),
        route("HEAD", "/things/{thing_id}/file", story.size),
        route("POST", "/patches", story.accept, json_types=frozenset({"application/x-patch"})),
        route("GET", "/crash", story.crash),
        route("GET", "/clash", story.clash),
        route("GET", "/quota", story.quota),
        route("GET", "/slow", story.slow, live=True, deadline=0.02),
        route("GET", "/open", story.listing, rule="", public=True),
        route("GET", "/shape", story.old, max_version=Version(2, 9)),
        route("GET", "/shape", story.new, min_version=Version(2, 10), max_version=Version(2, 20)),
        route("POST", "/things/{id}/action", story.accept, action="stop"),
        route("POST", "/things/{id}/action", story.delete, action="wipe", rule=f"{RULE}:delete"),
        route("POST", "/things/{id}/action", story.accept, action="tag", min_version=Version(2, 26)),
    ]


RULES = (
    *NOVA,
    RuleDefault(RULE, "rule:project_reader_or_admin"),
    RuleDefault(f"{RULE}:delete", "rule:context_is_admin"),
)
UNSERVED = (
    ("GET", "/things/{id}/diagnostics"),
    ("PATCH", "/things/{id}"),
    ("POST", "/things/{id}/action#evacuate"),
)


def compute(story: Story, **more: Any) -> ServiceRoutes:
    service = Service(
        type="compute",
        prefix="/compute",
        mount="/v2.1",
        legacy_mount="/v2",
        envelope=faults.nova,
        versions=VersionRange(Version(2, 1), Version(2, 104)),
        legacy_version_header="X-OpenStack-Nova-API-Version",
        documents={
            "/": lambda base: Reply(300, {"versions": [{"links": [{"href": f"{base}/v2.1/"}]}]}),
            "/v2.1": lambda base: Reply(body={"version": {"id": "v2.1"}}),
        },
    )
    given: dict[str, Any] = {"routes": routes(story), "rules": RULES, "unserved": UNSERVED, **more}
    return ServiceRoutes(service=service, **given)


def image(story: Story) -> ServiceRoutes:
    service = Service(
        type="image",
        prefix="/image",
        mount="/v2",
        trailing_slash=False,
        envelope=faults.glance,
        render=faults.webob_page,
        denied=faults.glance_denied,
        json_types=None,
        malformed="Malformed JSON in request body.",
        quota_status=413,
    )
    return ServiceRoutes(
        service=service,
        routes=[
            Route(method="GET", path="/images/{id}", handler=story.crash, rule="get_image", summary="."),
            Route(method="POST", path="/images", handler=story.accept, rule="get_image", summary="."),
            Route(method="GET", path="/quota", handler=story.quota, rule="get_image", summary="."),
        ],
        rules=[RuleDefault("get_image", "role:member")],
    )


async def _healthy() -> str:
    return ""


def build(
    services: Sequence[ServiceRoutes],
    settings: WebSettings | None = None,
    health: Callable[[], Any] = _healthy,
    clock: Any = None,
    gate: Gate = always_open,
) -> Client:
    policy = Policy({given.service.type: given.rules for given in services})
    registry = CollectorRegistry()
    tokens = Tokens()
    app = application(
        services,
        tokens,
        policy,
        settings
        or WebSettings(public_endpoint="http://api.example:8774", identity_uri="http://id.example/v3"),
        WebMetrics(registry),
        clock or SystemClock(),
        health,
        gate,
    )
    return Client(app, tokens)


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.raw)


class Client:
    """Speaks ASGI to an application."""

    def __init__(self, app: Any, tokens: Tokens | None = None) -> None:
        self.app = app
        self.tokens = tokens or Tokens()
        """What it checks tokens with."""

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = "ann",
        headers: dict[str, str] | None = None,
        json: Any = None,
        body: bytes | Sequence[bytes] = b"",
        query: bytes = b"",
        declare: bool = True,
        breaks_off: bool = False,
    ) -> Answer:
        given = {"host": "client-sees:1", **(headers or {})}
        if token is not None:
            given["x-auth-token"] = token
        if json is not None:
            body = msgspec.json.encode(json)
            given.setdefault("content-type", "application/json")
        chunks = [body] if isinstance(body, bytes) else list(body)
        if declare and any(chunks):
            given.setdefault("content-length", str(sum(map(len, chunks))))
        return await self._exchange(method, path, given, query, _events(chunks, breaks_off))

    async def _exchange(
        self, method: str, path: str, headers: dict[str, str], query: bytes, events: list[dict[str, Any]]
    ) -> Answer:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
            "server": ("127.0.0.1", 1),
            "client": ("127.0.0.1", 2),
        }
        waiting = iter(events)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(waiting)

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)

        await self.app(scope, receive, send)
        names = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], names, b"".join(event.get("body", b"") for event in sent[1:]))


def _events(chunks: list[bytes], breaks_off: bool) -> list[dict[str, Any]]:
    given = chunks or [b""]
    last = len(given) - 1
    events: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": breaks_off or number < last}
        for number, chunk in enumerate(given)
    ]
    return [*events, {"type": "http.disconnect"}]
