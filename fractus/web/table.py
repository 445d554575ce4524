"""The routes of one service, compiled: for each path what each method does, at which versions, by which action.

What cannot be served is found here, when the application is built, and not by a user.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fractus.model.errors import Invalid, NotAllowed, NotFound
from fractus.web.bounds import Way, way_of
from fractus.web.face import ServiceRoutes
from fractus.web.faults import NOT_FOUND, RouteNotServed
from fractus.web.microversion import Version
from fractus.web.routing import Route

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_FIELD = re.compile(r"\{(\w+)\}")
#: What may be a project id at the beginning of a path, by Nova's and Cinder's rule.
PROJECT_ID = re.compile(r"[0-9a-f-]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """One route, with what is known of it before any request."""

    route: Route
    names: tuple[str, ...]
    """Names of the path's parameters, in order."""
    bounded: frozenset[Way] = frozenset()
    """`Route.bounded`, as ways."""

    def serves(self, version: Version) -> bool:
        """Whether the route exists at a version."""
        low, high = self.route.min_version, self.route.max_version
        return (low is None or version >= low) and (high is None or version <= high)


class Method:
    """All routes of one method and path."""

    __slots__ = ("_actions", "_plain", "_unserved", "by_action", "only")

    def __init__(self) -> None:
        self._plain: list[Bound] = []
        self._actions: dict[str, list[Bound]] = {}
        self._unserved: dict[str, str] = {}
        self.only: Bound | None = None
        """The one route that is there at every version, where there is no more to choose."""
        self.by_action = False
        """Whether the body's only key chooses."""

    def add(self, bound: Bound) -> None:
        """Take a route in; ValueError where it overlaps with one that is there."""
        route = bound.route
        group = self._actions.setdefault(route.action, []) if route.action else self._plain
        for other in group:
            if _overlap(route, other.route):
                raise ValueError(f"two routes {route.method} {route.path} {route.action}".rstrip())
        group.append(bound)
        self.by_action = bool(self._actions or any(self._unserved))
        if self.by_action and self._plain:
            raise ValueError(f"{route.method} {route.path} has routes with and without an action")
        alone = len(group) == 1 and route.min_version is None and route.max_version is None
        self.only = bound if alone and not self.by_action else None

    def refuse(self, action: str, sentence: str) -> None:
        """Take in a route that is known and not served; `action` is empty for the whole method."""
        taken = self._actions.get(action) if action else self._plain
        if taken:
            raise ValueError(f"both served and unserved: {sentence}")
        self._unserved[action] = sentence
        self.by_action = self.by_action or bool(action)

    def unserved(self) -> str | None:
        """The sentence about the method, where fractus serves nothing of it."""
        return self._unserved.get("") if not self._plain and not self._actions else None

    def at(self, version: Version) -> Bound:
        """The route at a version; `NotFound` where there is none, as if the service had never heard of it."""
        return _pick(self._plain, version)

    def action(self, body: Any, version: Version, malformed: str) -> Bound:
        """The route that the body's only key names."""
        if not isinstance(body, dict) or len(body) != 1:
            raise Invalid(malformed)
        name = next(iter(body))
        group = self._actions.get(name)
        if group is None:
            sentence = self._unserved.get(name)
            raise RouteNotServed(sentence) if sentence else Invalid(f"There is no such action: {name}")
        return _pick(group, version)

    def bounds(self) -> Iterable[Bound]:
        """Every route of it."""
        yield from self._plain
        for group in self._actions.values():
            yield from group


def _pick(group: Sequence[Bound], version: Version) -> Bound:
    for bound in group:
        if bound.serves(version):
            return bound
    raise NotFound(NOT_FOUND)


def _overlap(one: Route, other: Route) -> bool:
    low, high = Version(0, 0), Version(1 << 30, 0)
    starts_before = (one.min_version or low) <= (other.max_version or high)
    return starts_before and (other.min_version or low) <= (one.max_version or high)


class Endpoint:
    """One path of a service."""

    def __init__(self, path: str) -> None:
        self.path = path
        """The template with its parameters' first names, as metrics call it."""
        self.methods: dict[str, Method] = {}

    def method(self, name: str) -> Method:
        """What `name` does here; `NotAllowed` where it does nothing."""
        found = self.methods.get(name)
        if found is None:
            raise NotAllowed(f"The method {name} is not allowed for this resource.")
        return found

    @property
    def allow(self) -> str:
        """The value of an `Allow` header."""
        return ", ".join(sorted(self.methods))


def router_template(path: str) -> str:
    """The path for the router: parameters are numbered, so that routes may give one place different names."""
    numbers = iter(range(len(path)))
    return _FIELD.sub(lambda _: f"{{p{next(numbers)}}}", path)


def compile_routes(contributed: ServiceRoutes, knows_rule: Callable[[str], bool]) -> dict[str, Endpoint]:
    """The endpoints of a service by router template; ValueError for what cannot be served."""
    endpoints: dict[str, Endpoint] = {}
    for route in contributed.routes:
        _check(contributed, route, knows_rule)
        endpoint = endpoints.setdefault(router_template(route.path), Endpoint(route.path))
        method = endpoint.methods.setdefault(route.method, Method())
        bounded = frozenset(map(way_of, route.bounded))
        method.add(Bound(route, tuple(_FIELD.findall(route.path)), bounded))
    for verb, target in contributed.unserved:
        path, _, action = target.partition("#")
        endpoint = endpoints.setdefault(router_template(path), Endpoint(path))
        named = f"the action {action} of {verb} {path}" if action else f"{verb} {path}"
        sentence = f"fractus does not serve {named} of the {contributed.service.type} API yet."
        endpoint.methods.setdefault(verb, Method()).refuse(action, sentence)
    return endpoints


def _check(contributed: ServiceRoutes, route: Route, knows_rule: Callable[[str], bool]) -> None:
    where = f"{contributed.service.type} {route.method} {route.path}"
    if route.method not in METHODS:
        raise ValueError(f"{where}: no such method")
    if not route.path.startswith("/") or (route.path != "/" and route.path.endswith("/")):
        raise ValueError(f"{where}: a path starts with a slash and does not end with one")
    if route.public:
        return
    if not route.rule:
        raise ValueError(f"{where}: a route needs a policy rule, or is public")
    if not knows_rule(route.rule):
        raise ValueError(f"{where}: no policy rule {route.rule!r}")
