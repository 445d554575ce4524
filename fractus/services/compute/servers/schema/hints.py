"""Scheduler hints, as Nova's schema judges them (`_hints` in nova.api.openstack.compute.schemas.servers). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.base.ids import is_uuid
from fractus.services.compute.dialect.schema.values import check_name, refuse
from fractus.services.compute.servers.schema.bodies import address_of
from fractus.services.pattern import Pattern

#: The two names by which a body may have them; Nova looks at the first that is there.
KEYS = ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints")

_UNDER_NONE = "is not valid under any of the given schemas"
_CIDR = Pattern("^/[0-9a-f.:]+$")


def hints_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a request, without Nova's own internal ones, which it drops as well."""
    for at in KEYS:
        if at in body:
            return {name: value for name, value in body[at].items() if not name.startswith("_nova")}
    return {}


def check_hints(hints: Mapping[str, Any]) -> None:
    """Refuse a hint of a wrong form; those that Nova does not know are for the operators of clouds."""
    for name in ("group", "different_host"):
        if name in hints:
            _uuids(name, hints[name])
    if "same_host" in hints:
        _typed("same_host", hints["same_host"], (str, list), "'string', 'array'")
        for at, one in enumerate(hints["same_host"] if isinstance(hints["same_host"], list) else []):
            _uuid(str(at), one)
    if "query" in hints:
        _typed("query", hints["query"], (str, dict), "'string', 'object'")
    if "different_cell" in hints:
        _typed("different_cell", hints["different_cell"], (str, list), "'string', 'array'")
        for at, one in enumerate(
            hints["different_cell"] if isinstance(hints["different_cell"], list) else []
        ):
            _typed(str(at), one, (str,), "'string'")
    if "target_cell" in hints:
        check_name(hints["target_cell"])
    if "build_near_host_ip" in hints:
        _typed("build_near_host_ip", hints["build_near_host_ip"], (str,), "'string'")
        address_of("build_near_host_ip", hints["build_near_host_ip"])
    if "cidr" in hints:
        _typed("cidr", hints["cidr"], (str,), "'string'")
        if why := _CIDR.wrong(hints["cidr"]):
            raise refuse("cidr", hints["cidr"], why)


def _uuids(name: str, value: Any) -> None:
    every = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and is_uuid(one) for one in every):
        raise refuse(name, value, f"{value!r} {_UNDER_NONE}")


def _uuid(at: str, value: Any) -> None:
    _typed(at, value, (str,), "'string'")
    if not is_uuid(value):
        raise refuse(at, value, f"{value!r} is not a 'uuid'")


def _typed(name: str, value: Any, types: tuple[type, ...], words: str) -> None:
    if not isinstance(value, types):
        raise refuse(name, value, f"{value!r} is not of type {words}")
