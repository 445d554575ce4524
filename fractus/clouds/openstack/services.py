"""Calls to the services of one child: endpoint from the catalog, token, microversion, and errors in our words."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from fractus.base.clock import Clock
from fractus.clouds.openstack import faults
from fractus.clouds.openstack.once import Once
from fractus.clouds.openstack.tokens import Grant, Tokens
from fractus.clouds.openstack.transport import Answer, Call, Upload
from fractus.clouds.openstack.wire import Wire
from fractus.model.errors import Refused

T = TypeVar("T")

#: What is learnt of a service (versions, extensions) is asked for anew after this: children are upgraded under us.
_LEARNT_SECONDS = 3600.0

#: The path of each service's API, where the catalog leaves it out or names an older one.
_API_PATHS = {"compute": "v2.1", "network": "v2.0", "image": "v2", "identity": "v3"}

#: How catalogs call the block storage service, the newest first. It is asked for as `volume`, which is its name in the
#: header of microversions too.
VOLUME_SERVICES = ("block-storage", "volumev3", "volume")

_VERSION_SEGMENT = re.compile(r"v\d+(\.\d+)?")


class Ask(Struct, frozen=True, kw_only=True):
    """What is asked of a service; `path` begins after the version: `/servers/detail`."""

    service: str
    path: str
    method: str = "GET"
    query: Mapping[str, str] = {}
    body: Any = None
    unversioned: bool = False
    """`path` begins before the version."""
    version: str = ""
    """Microversion of the compute service; empty: none is sent, so its lowest."""
    media: str = ""
    """The type of `body`; empty: JSON."""
    range: str = ""
    """The part of a body that is asked for, as in HTTP's header; empty: all of it."""
    upload: Upload | None = None
    repeat: bool | None = None
    """Whether doing it twice is the same as doing it once; None: as usual for the method."""
    lane: str = "work"


class Range(Struct, frozen=True):
    """The microversions that a service offers; both empty where it has none."""

    low: str
    high: str


def parsed(version: str) -> tuple[int, int]:
    """`2.90` as numbers that compare rightly."""
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)


def reaches(version: str, floor: str) -> bool:
    """Whether `version` is `floor` or later; an empty version is earlier than all."""
    return bool(version) and parsed(version) >= parsed(floor)


def segment(text: str) -> str:
    """`text` as one part of a path."""
    return urllib.parse.quote(text, safe="")


def base_url(service: str, endpoint: str, project_id: str) -> str:
    """The root of a service's API, without a slash at its end, from what the catalog says.

    Catalogs name the bare host, the host and a version, or (in old ones) the project too.
    """
    url = endpoint.rstrip("/")
    if project_id:
        url = url.removesuffix(f"/AUTH_{project_id}").removesuffix(f"/{project_id}")
    wanted = _API_PATHS.get(service)
    if wanted is None:
        return url
    head, _, last = url.rpartition("/")
    return f"{head}/{wanted}" if _VERSION_SEGMENT.fullmatch(last) else f"{url}/{wanted}"


class Services:
    """All services of one child, called with the tokens of this child's projects."""

    def __init__(
        self,
        cloud: str,
        wire: Wire,
        tokens: Tokens,
        clock: Clock,
        request_id: Callable[[], str],
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.cloud = cloud
        self.wire = wire
        self.tokens = tokens
        self._clock = clock
        self._request_id = request_id
        self._secrets = secrets
        self._learnt: dict[str, tuple[float, Any]] = {}
        self._once: Once[str, Any] = Once()

    async def rest(self) -> None:
        """Let the child breathe between two pages of a listing of everything."""
        await self._clock.sleep(self.wire.limits.sweep_pause)

    async def send(self, project_id: str, ask: Ask) -> Answer:
        """The answer, of a status below 300; else the `CloudError` that it stands for.

        A token that is refused (revoked, or the child's Keystone has new keys) is replaced once: 401 is said before
        anything is done, so this repeats no change.
        """
        grant = await self.tokens.of(project_id)
        answer = await self._exchange(grant, ask)
        if answer.status == 401:
            self.tokens.forget(grant)
            grant = await self.tokens.of(project_id)
            answer = await self._exchange(grant, ask)
            if answer.status == 401:
                self.tokens.forget(grant)
        if answer.status < 300:
            return answer
        if answer.status == 406:
            self.forget_versions()
        raise faults.from_answer(
            ask.service,
            answer.status,
            answer.headers,
            answer.body,
            repeatable=_call(ask).repeatable,
            secrets=(grant.token, *self._secrets),
        )

    async def read(self, project_id: str, ask: Ask, type: type[T]) -> T:
        """The answer's JSON body as `type`; what is not of that shape is no answer."""
        answer = await self.send(project_id, ask)
        return self.understood(ask, answer, type)

    def understood(self, ask: Ask, answer: Answer, type: type[T]) -> T:
        """The body of `answer` as `type`; what is not of that shape is no answer, and its outcome as unknown."""
        try:
            return msgspec.json.decode(answer.body, type=type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            text = faults.hide(str(error), self._secrets)
            raise faults.unknown(
                _call(ask).repeatable,
                f"{ask.service} answered {answer.status} with what is no answer: {text}",
            ) from error

    async def _exchange(self, grant: Grant, ask: Ask) -> Answer:
        base = self.base(grant, ask.service)
        if ask.unversioned:
            base = base.rpartition("/")[0]
        return await self.wire.send(_call(ask, base, self._headers(grant, ask)))

    def base(self, grant: Grant, service: str) -> str:
        """Root of the service's API for this token; `Refused` where the child's catalog has none."""
        names = VOLUME_SERVICES if service == "volume" else (service,)
        endpoint = next((grant.endpoints[name] for name in names if name in grant.endpoints), None)
        if endpoint is None:
            there = ", ".join(sorted(grant.endpoints)) or "nothing"
            raise Refused(
                f"{self.cloud} has no {service} service in the entry's region and interface (it has {there})",
                elsewhere=True,
            )
        return base_url(service, endpoint, grant.project_id)

    def _headers(self, grant: Grant, ask: Ask) -> dict[str, str]:
        headers = {"X-Auth-Token": grant.token, "Accept": "application/json", "User-Agent": "fractus"}
        request_id = self._request_id()
        if request_id:
            headers["X-Openstack-Request-Id"] = request_id
        if ask.version:
            headers["OpenStack-API-Version"] = f"{ask.service} {ask.version}"
            if ask.service == "compute":  # the only name of the header before 2.27
                headers["X-OpenStack-Nova-API-Version"] = ask.version
        if ask.range:
            headers |= {"Range": ask.range, "Accept": "application/octet-stream"}
        if ask.upload is not None:
            headers["Content-Type"] = "application/octet-stream"
        elif ask.media:
            headers["Content-Type"] = ask.media
        return headers

    async def version(self, at_most: str, service: str = "compute") -> str:
        """The highest microversion that the child offers, up to `at_most`; empty where it offers none."""
        offered = await self.range(service)
        if not offered.high:
            return ""
        if parsed(offered.low) > parsed(at_most):
            raise Refused(
                f"{service} of {self.cloud} serves {offered.low} to {offered.high}; fractus speaks up to {at_most}",
                elsewhere=True,
            )
        return min(at_most, offered.high, key=parsed)

    async def range(self, service: str = "compute") -> Range:
        """The microversions that the child offers; remembered for an hour."""
        found: Range = await self.learn(f"range/{service}", lambda: self._ask_range(service))
        return found

    async def _ask_range(self, service: str) -> Range:
        document = await self.version_document(service)
        return Range(
            str(document.get("min_version") or ""),
            str(document.get("version") or document.get("max_version") or ""),
        )

    async def version_document(self, service: str) -> dict[str, Any]:
        """What the root of a service's API says of itself, or of the API that we use where it lists several."""
        ask = Ask(service=service, path="/")
        document = await self.read("", ask, dict[str, Any])
        single, listed = document.get("version"), document.get("versions")
        if isinstance(listed, list) and len(listed) == 1:  # Cinder: a list of the one that was asked
            single = listed[0]
        return single if isinstance(single, dict) else {}

    async def extensions(self) -> frozenset[str]:
        """Aliases of the network service's extensions; remembered for an hour."""
        found: frozenset[str] = await self.learn("extensions", self._ask_extensions)
        return found

    async def _ask_extensions(self) -> frozenset[str]:
        ask = Ask(service="network", path="/extensions", query={"fields": "alias"})
        listed = await self.read("", ask, dict[str, list[dict[str, Any]]])
        return frozenset(str(item.get("alias")) for item in listed.get("extensions", []))

    async def learn(self, key: str, ask: Callable[[], Any]) -> Any:
        """What `ask` finds out of the child, remembered for an hour under a key of its own."""
        known = self._learnt.get(key)
        if known is not None and self._clock.monotonic() < known[0]:
            return known[1]
        value = await self._once.run(key, ask)
        self._learnt[key] = (self._clock.monotonic() + _LEARNT_SECONDS, value)
        return value

    def forget_versions(self) -> None:
        """What was learnt is not true any more."""
        self._learnt.clear()

    async def close(self) -> None:
        """Release connections and threads."""
        await self.tokens.close()
        await self.wire.close()


def _call(ask: Ask, base: str = "", headers: dict[str, str] | None = None) -> Call:
    query = "?" + urllib.parse.urlencode(ask.query) if ask.query else ""
    return Call(
        service=ask.service,
        method=ask.method,
        url=f"{base}{ask.path}{query}",
        headers=headers or {},
        body=ask.body,
        upload=ask.upload,
        repeat=ask.repeat,
        lane=ask.lane,
    )
