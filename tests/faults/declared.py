"""Declared kinds of networking and block storage: they take part by their line in `fractus/app/kinds.py` and their
example in `tests/api/examples.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from fractus.app.kinds import NETWORKING, VOLUMES
from fractus.services.kind import Kind
from tests.api.examples import EXAMPLES, NOBODYS, VOLUME_EXAMPLES

_BY_HAND = frozenset({"network", "subnet", "port", "security_group", "security_group_rule"})
#: What belongs to no project is no tenant's to make; some are there from the first. Volumes are attached by servers.
#: Groups of volumes are of a type that is an administrator's, and are in no cloud.
_LEFT = (
    _BY_HAND
    | frozenset(NOBODYS)
    | {"volume_type", "qos_spec", "group_type", "volume_attachment", "volume_group", "group_snapshot"}
)

_AT = {"network": "/network/v2.0", "volume": "/volume/v3"}
_EXAMPLES = {**EXAMPLES, **VOLUME_EXAMPLES}

KINDS: Mapping[str, Kind] = {
    one.kind.name: one.kind
    for one in (*NETWORKING, *VOLUMES)
    if isinstance(one.kind, Kind)
    and one.kind.name in _EXAMPLES
    and one.kind.name not in _LEFT
    and one.kind.parent is None
}

#: Where the collection of each is.
ROOTS: Mapping[str, str] = {name: f"{_AT[kind.service]}{kind.root}" for name, kind in KINDS.items()}

#: Those of block storage.
STORED = tuple(name for name, kind in KINDS.items() if kind.service == "volume")

#: Those that an example says a change of.
CHANGED = tuple(name for name in KINDS if _EXAMPLES[name].update)

#: What outlives that which it was made of.
OUTLIVES = ("backup",)

#: Those whose quota counts each of them once.
COUNTED = tuple(
    name for name, kind in KINDS.items() if kind.costs is not None and kind.costs.names == (name,)
)

#: Those that clouds have, and show by the name that they have here.
NAMED_THERE = tuple(
    name for name, kind in KINDS.items() if kind.vocabulary is not None and "name" in kind.fields
)


class _Declared(dict[str, str]):
    """By the path of a collection: an example may refer to one of another declared kind."""

    def __init__(self, find: Callable[[str], str]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, path: str) -> str:
        return self._find(path)


class House:
    """What examples refer to, as far as somebody has it: LookupError for what they have not."""

    def __init__(self, find: Callable[[str], str]) -> None:
        """`find`: the id of one of a kind that they have; LookupError where they have none."""
        self._find = find
        self.declared = _Declared(lambda path: find(_BY_PATH[path]))

    @property
    def network(self) -> Any:
        return SimpleNamespace(id=self._find("network"), subnet_id=self._find("subnet"))

    @property
    def group(self) -> str:
        return self._find("group")

    @property
    def port(self) -> str:
        return self._find("port")

    @property
    def parent(self) -> str:
        return self._find("port")

    @property
    def external(self) -> str:
        return self._find("external network")

    @property
    def volume_type(self) -> str:
        return self._find("volume type")

    @property
    def volume(self) -> str:
        return self._find("volume")

    @property
    def offered(self) -> str:
        return self._find("volume")


_BY_PATH = {kind.root[1:]: name for name, kind in KINDS.items()}


def body_of(kind: str, name: str, find: Callable[[str], str]) -> dict[str, Any] | None:
    """What makes one of a kind; None where its maker has not yet what it needs."""
    try:
        body = _EXAMPLES[kind].create(House(find))  # type: ignore[arg-type]
    except LookupError:
        return None
    body.pop("availability_zone_hints", None)  # each cloud has zones of its own
    return {**body, "name": name} if "name" in body else body


def change_of(kind: str, name: str) -> dict[str, Any]:
    """What changes one."""
    update = _EXAMPLES[kind].update
    return {**update, "name": name} if "name" in update else dict(update)


def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was said, that which is shown as it was said."""
    return {name: value for name, value in fields.items() if isinstance(value, str | int | bool)}
