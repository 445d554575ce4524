"""The files of requests: where they are, and how gabbi runs one."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import unittest
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from gabbi import handlers, suitemaker

HERE = Path(__file__).parent

#: A line near the top of a file that needs a collection, or an extension, which only real clouds serve yet.
_MARKER = re.compile(r"^# Not served by fractus yet: (/\S+)$", re.MULTILINE)
_HEAD = 2000


@dataclasses.dataclass(frozen=True)
class RequestFile:
    """One file: the requests of one kind."""

    path: Path

    @property
    def service(self) -> str:
        """The service that they are sent to: `network`, `compute`."""
        return self.path.parent.name

    @property
    def unserved(self) -> list[str]:
        """The paths that it needs and that fractus does not serve yet, from its lines that say so."""
        return _MARKER.findall(self.path.read_text()[:_HEAD])

    def __str__(self) -> str:
        """For the ids of tests, and to be named in a command."""
        return f"{self.service}/{self.path.stem}"


def every() -> list[RequestFile]:
    """All files, in the order in which they are best read."""
    return [RequestFile(path) for path in sorted(HERE.glob("*/*.yaml"))]


@dataclasses.dataclass(frozen=True)
class Caller:
    """A user with a token for one project."""

    token: str
    project_id: str
    user_id: str = ""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where requests are sent, and by whom: members of two projects, and an administrator."""

    endpoints: Mapping[str, str]
    """The URL of each service as in the catalog, without a version."""
    callers: Mapping[str, Caller]
    """By role: `member`, `other`, `admin`; those that there is no token for are missing."""

    def environment(self) -> dict[str, str]:
        """What the files refer to as `$ENVIRON['...']`."""
        named = {}
        for role, caller in self.callers.items():
            named[f"{role.upper()}_TOKEN"] = caller.token
            named[f"{role.upper()}_PROJECT_ID"] = caller.project_id
            named[f"{role.upper()}_USER_ID"] = caller.user_id
        return named


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of one file."""

    requests: int
    failed: list[str]
    """For each request that failed: its name, the difference, and the answer."""
    skipped: list[str]
    """The names of the requests that were skipped."""


def run(file: RequestFile, place: Place) -> Outcome:
    """Send all requests of a file, in their order."""
    content = yaml.safe_load(file.path.read_text())
    where = urlsplit(place.endpoints[file.service])
    defaults: dict[str, Any] = content.setdefault("defaults", {})
    # gabbi makes a client for each request; a client that verifies certificates loads all authorities each time.
    defaults.update(ssl=where.scheme == "https", cert_validate=where.scheme == "https")
    suite = suitemaker.test_suite_from_dict(
        unittest.defaultTestLoader,
        str(file),
        content,
        str(file.path.parent),
        where.hostname,
        where.port,
        None,
        None,
        prefix=where.path.rstrip("/"),
        handlers=[kind() for kind in handlers.RESPONSE_HANDLERS],
        test_loader_name="requests",
    )
    requests: list[Any] = list(suite)
    result = unittest.TestResult()
    try:
        with _environment(place.environment()):
            suite.run(result)
    finally:
        for request in requests:
            request.http.client.close()
    return Outcome(
        requests=len(requests),
        failed=[_described(test, trace) for test, trace in (*result.failures, *result.errors)],
        skipped=[test.test_data["name"] for test, _ in result.skipped],  # type: ignore[attr-defined]
    )


def _described(test: Any, trace: str) -> str:
    """A failed request in a few lines: the request, the difference, and the answer."""
    data = test.test_data
    if "data unavailable" in trace:
        return f"{data['name']}\n    not sent: it refers to an answer that an earlier request did not get"
    said = [line for line in trace.strip().splitlines() if not line.startswith((" ", "Traceback"))]
    answer = getattr(test, "output", "")
    return (
        f"{data['name']}\n    {data['method']} {getattr(test, 'url', data['url'])}\n"
        f"    {' '.join(said)[:600]}\n    answer: {str(answer)[:1500]}"
    )


@contextlib.contextmanager
def _environment(named: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in named}
    os.environ.update(named)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
