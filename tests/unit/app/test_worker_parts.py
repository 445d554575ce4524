"""What a worker is built of: no object of an `api`, at any depth (docs/architecture.md, Floors)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

import pytest

from fractus.testing.world import World

#: Modules of handlers: `fractus.services.<service>.<kind>.api`, and all below it.
_HANDLERS = re.compile(r"fractus\.services\.\w+\.\w+\.api(\.|$)")


def _held(value: object) -> Iterator[object]:
    """What an object holds."""
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif hasattr(value, "__self__"):
        yield value.__self__
    else:
        yield from (cell.cell_contents for cell in getattr(value, "__closure__", None) or ())
        yield from getattr(value, "__dict__", {}).values()
        slots = getattr(type(value), "__slots__", ())
        yield from (getattr(value, name) for name in slots if hasattr(value, name))


def _reached(start: object) -> dict[int, tuple[object, str]]:
    """The objects of services that can be reached from one through objects of services, and the way to each."""
    found: dict[int, tuple[object, str]] = {}
    left = [(start, "")]
    while left:
        value, way = left.pop()
        followed = isinstance(value, Mapping | list | tuple | set | frozenset) or callable(value)
        if id(value) in found or not (followed or _module(value).startswith("fractus.services.")):
            continue
        found[id(value)] = value, f"{way} > {_name(value)}"
        left += [(one, found[id(value)][1]) for one in _held(value)]
    return found


def _module(value: object) -> str:
    return str(
        getattr(
            value if callable(value) and hasattr(value, "__qualname__") else type(value), "__module__", ""
        )
    )


def _name(value: object) -> str:
    return str(getattr(value, "__qualname__", type(value).__qualname__))


@pytest.mark.parametrize(
    ("halves", "expected"),
    [
        ("lifecycles", "fractus.services.network.ports.writes.writer"),  # servers free their ports
        ("adoptions", "fractus.services.network.ports.adoption"),
    ],
)
async def test_no_object_of_an_api_is_handed_to_the_worker(world: World, halves: str, expected: str) -> None:
    reached = _reached(getattr(world.core.kinds, halves))
    assert expected in {_module(value) for value, _ in reached.values()}
    assert [way for value, way in reached.values() if _HANDLERS.match(_module(value))] == []
