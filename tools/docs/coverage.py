"""Writes docs/api-coverage.md from the route tables themselves, so that it cannot promise what is not there.

    python tools/docs/coverage.py [--check] [root of the checkout]

What is served comes from `fractus.app.registry`, what is not from the lists of known routes in each service's face.
Identity is Keystone itself: its routes stand in identity.txt beside this file.
"""

from __future__ import annotations

import asyncio
import collections
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from fractus.app import wiring
from fractus.notify.node import LocalNotifier
from fractus.services.compute.removed.policy import REMOVED
from fractus.settings.loading import load
from fractus.web.face import ServiceRoutes
from fractus.web.routing import Route

PLACE = Path("docs/api-coverage.md")
LISTS = Path(__file__).parent

SERVED, LIVE, NOT_YET, GONE = "served", "live", "not yet", "gone"
STATES = (SERVED, LIVE, NOT_YET, GONE)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

_TITLES = {
    "compute": "Compute (Nova 34, microversions 2.1 to 2.104)",
    "network": "Network (Neutron 29, 2.0)",
    "volume": "Volume (Cinder 29, 3.71)",
    "placement": "Placement (Placement 16, 1.39)",
    "image": "Image (Glance 33, 2.17)",
    "identity": "Identity (Keystone 30, 3.14)",
}

_HEAD = """# API coverage

Every route of the six APIs. This page is written by `make docs` from the route tables; a test fails when it is out of
date.

- **served**: answered by fractus from its own store, whatever the state of the clouds. Identity is Keystone itself, the
  embedded one or the operator's: users talk to it directly, and all of it is served.
- **live**: answered by fractus after asking the cloud that holds the resource, within a deadline.
- **not yet**: the route is known and answers 501, in the words of its service. Of the volume API,
  lists of what cannot be made yet (backups, groups ...) are empty.
- **gone**: the service itself has removed the route, at every version or after the one named, and fractus answers as it
  does (410 or 404). Up to the version named it answers 501.
"""


class Row(NamedTuple):
    """One route of an API."""

    path: str
    method: str
    action: str
    state: str
    note: str


def _note(route: Route) -> str:
    note = route.summary
    if route.min_version is not None:
        note += f" From {route.min_version}."
    if route.max_version is not None and route.rule != REMOVED:
        note += f" Up to {route.max_version}."
    return note


def _of_route(route: Route) -> Row:
    if route.rule == REMOVED:
        state = GONE
    else:
        state = LIVE if route.live else SERVED
    return Row(route.path, route.method, route.action, state, _note(route))


def of_service(contributed: ServiceRoutes) -> list[Row]:
    """All routes of a service that fractus has a face for."""
    rows = [_of_route(route) for route in contributed.routes]
    for method, target in contributed.unserved:
        path, _, action = target.partition("#")
        rows.append(Row(path, method, action, NOT_YET, ""))
    return sorted(rows, key=_order)


def of_list(text: str, state: str) -> list[Row]:
    """All routes of a service that is listed in a file: `path method method #action ...`, one path a line."""
    rows = []
    for line in text.splitlines():
        path, *methods = line.split()
        if path == "#":
            continue
        for method in methods:
            action = method.removeprefix("#") if method.startswith("#") else ""
            rows.append(Row(path, "POST" if action else method, action, state, ""))
    return sorted(rows, key=_order)


def _order(row: Row) -> tuple[str, int, str, str]:
    return row.path, _METHODS.index(row.method), row.action, row.note


def services() -> list[ServiceRoutes]:
    """The services as the API process builds them, over an empty store."""
    with tempfile.TemporaryDirectory() as directory:
        core = wiring.core(load(directory, environ={}), notifier=LocalNotifier())
        try:
            return core.kinds.services()
        finally:
            asyncio.run(core.close())


def tables() -> dict[str, list[Row]]:
    """Every API and its routes."""
    ours = {one.service.type: of_service(one) for one in services()}
    listed = {
        "identity": of_list((LISTS / "identity.txt").read_text("utf-8"), SERVED),
    }
    every = {**ours, **listed}
    return {name: every.pop(name) for name in _TITLES} | every


def _summary(found: dict[str, list[Row]]) -> list[str]:
    lines = [f"| API | {' | '.join(STATES)} |", f"|---{'|---:' * len(STATES)}|"]
    for name, rows in found.items():
        counts = collections.Counter(row.state for row in rows)
        lines.append(f"| [{name}](#{name}) | {' | '.join(str(counts[state]) for state in STATES)} |")
    return lines


def _table(rows: Sequence[Row]) -> list[str]:
    notes = any(row.note for row in rows)
    lines = ["| method | path | state | what it does |" if notes else "| method | path | state |"]
    lines.append("|---|---|---|---|" if notes else "|---|---|---|")
    for row in rows:
        path = f"`{row.path}`" + (f" `{row.action}`" if row.action else "")
        state = row.state if row.state in (NOT_YET, GONE) else f"**{row.state}**"
        lines.append(f"| {row.method} | {path} | {state} |" + (f" {row.note} |" if notes else ""))
    return lines


def page() -> str:
    """The whole page."""
    found = tables()
    lines = [_HEAD, *_summary(found)]
    for name, rows in found.items():
        lines += ["", f"## {name}", "", f"{_TITLES.get(name, name)}.", "", *_table(rows)]
    return "\n".join(lines) + "\n"


def main(arguments: Iterable[str]) -> int:
    """Write the page; with --check only say whether it is up to date (exit code 1: it is not)."""
    places = [Path(argument) for argument in arguments if argument != "--check"]
    path = (places[0] if places else Path(__file__).parents[2]) / PLACE
    fresh = page()
    if "--check" in arguments:
        if path.exists() and path.read_text("utf-8") == fresh:
            return 0
        print(f"{PLACE} is out of date: make docs")
        return 1
    path.write_text(fresh, "utf-8")
    print(f"{PLACE}: {fresh.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
