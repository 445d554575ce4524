"""What a service says of its routes, and what its handlers are given and give back."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from fractus.auth.principal import Principal
from fractus.model.errors import ApiError, Forbidden, Invalid
from fractus.web.microversion import UNVERSIONED, Version

#: Parameters of one request, repeated ones counted each. Clients split long lists of ids at 8 KiB, some 200 of them; a
#: database takes neither thousands of conditions nor their depth, and each number of them is a statement to compile.
_MOST_PARAMETERS = 500


class Query:
    """A parsed query string, in order. A parameter that is given twice counts with its last value."""

    __slots__ = ("_pairs", "text")

    def __init__(self, text: str = "") -> None:
        self.text = text
        try:
            self._pairs = parse_qsl(text, keep_blank_values=True, errors="strict") if text else []
        except (UnicodeDecodeError, ValueError):
            raise Invalid("Query string is not UTF-8 encoded") from None
        if "%00" in text and any("\0" in name + value for name, value in self._pairs):
            raise Invalid("Null characters are not allowed in the query string")
        if len(self._pairs) > _MOST_PARAMETERS:
            raise Invalid(f"Query string has more than {_MOST_PARAMETERS} parameters")

    def one(self, name: str, default: str | None = None) -> str | None:
        """The last value of `name`."""
        for key, value in reversed(self._pairs):
            if key == name:
                return value
        return default

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in order."""
        return [value for key, value in self._pairs if key == name]

    def names(self) -> list[str]:
        """The names that occur, each once, in order."""
        return list(dict.fromkeys(key for key, _ in self._pairs))

    def items(self) -> list[tuple[str, str]]:
        """All pairs in order."""
        return list(self._pairs)

    def __contains__(self, name: object) -> bool:
        """Whether `name` occurs."""
        return any(key == name for key, _ in self._pairs)

    def __iter__(self) -> Iterator[str]:
        """The names, each once."""
        return iter(self.names())

    def __bool__(self) -> bool:
        """Whether there is any parameter."""
        return bool(self._pairs)


#: `(rule, principal, target) -> allowed`; the policy, as far as a handler needs it.
Allows: TypeAlias = "Callable[[str, Principal, Mapping[str, Any] | None], bool]"


async def _no_stream() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


class Call:
    """One request: authenticated, version negotiated, body read and checked."""

    __slots__ = (
        "_allows", "_denied", "_stream", "base_url", "body", "headers", "method", "mount", "params", "path",
        "principal", "project", "query", "request_id", "version",
    )  # fmt: skip

    def __init__(
        self,
        *,
        principal: Principal,
        params: Mapping[str, str] | None = None,
        query: Query | None = None,
        body: Any = None,
        version: Version = UNVERSIONED,
        request_id: str = "",
        base_url: str = "",
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        mount: str = "",
        path: str = "",
        project: str = "",
        stream: Callable[[], AsyncIterator[bytes]] = _no_stream,
        allows: Allows = lambda _rule, principal, _target: principal.is_admin,
        denied: Callable[[str], ApiError] = Forbidden,
    ) -> None:
        self.principal = principal
        self.params: Mapping[str, str] = params if params is not None else {}
        self.query = query if query is not None else Query()
        self.body = body
        self.version = version
        self.request_id = request_id
        self.base_url = base_url
        """`http://host:port/compute` as the client sees it, without the version and without a slash at its end."""
        self.headers: Mapping[str, str] = headers if headers is not None else {}
        """Names in lower case."""
        self.method = method
        self.mount = mount
        """Where the versioned API lies below `base_url`: `/v2.1`."""
        self.path = path
        """The path below the service's version, as the client wrote it: `/servers/detail`. A project id that stood
        before it is part of it."""
        self.project = project
        """The project id that the path begins with, where it does: the caller's own."""
        self._stream = stream
        self._allows = allows
        self._denied = denied

    @property
    def url(self) -> str:
        """The URL of this request as the client sees it, without its query."""
        return f"{self.base_url}{self.mount}{self.path}"

    def stream(self) -> AsyncIterator[bytes]:
        """The body as it arrives, for routes with `raw=True`."""
        return self._stream()

    def allows(self, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        """Whether policy lets the caller do `rule` to `target` (default: something of the caller's own project)."""
        return self._allows(rule, self.principal, target)

    def enforce(self, rule: str, target: Mapping[str, Any] | None = None) -> None:
        """Raise the service's own `Forbidden` unless `allows`."""
        if not self._allows(rule, self.principal, target):
            raise self._denied(rule)


@dataclasses.dataclass(slots=True)
class Reply:
    """What a handler answers.

    A dict or list body is written as JSON, bytes are sent as they are, None is empty. With `stream`, the chunks are
    sent as they come, `length` bytes in all where that is known.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    content_type: str = "application/json"
    stream: AsyncIterator[bytes] | None = None
    length: int | None = None


Handler: TypeAlias = "Callable[[Call], Awaitable[Reply]]"
#: Checks a decoded body at a version; raises `Invalid`.
Schema: TypeAlias = "Callable[[Any, Version], None]"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of a service's route table. The path is below the version: `/servers/{server_id}/action`."""

    method: str
    path: str
    handler: Handler
    rule: str = ""
    """The policy rule; required unless `public`."""
    summary: str
    """One sentence."""
    live: bool = False
    """Reads a child cloud while the caller waits, no longer than `deadline` seconds."""
    deadline: float = 10.0
    raw: bool = False
    """The body is not read; the handler streams it."""
    public: bool = False
    """Needs no token."""
    min_version: Version | None = None
    max_version: Version | None = None
    schema: Schema | None = None
    action: str = ""
    """Of several routes with one method and path, the one whose name is the body's only key: `{"reboot": {...}}`."""
    json_only: bool = False
    """Answers with JSON only, so a request whose `Accept` does not take it is refused (406)."""
    json_types: frozenset[str] | None = None
    """Content types of the body, where they differ from the service's."""
    bounded: Collection[str] = ()
    """Lists and objects of the body whose entries the schema or the handler counts itself, before it does anything else
    with them, in the words of the real service; in the spelling of `fractus.web.bounds.way_of`. All others are counted
    by `fractus.web.bounds`."""
