"""Sets of IP prefixes: joined, subtracted, compared. Pure."""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

Net: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


def nets(prefixes: Iterable[str]) -> list[Net]:
    """Prefixes as networks, host bits dropped, what touches or overlaps made one, in order."""
    return _joined(ipaddress.ip_network(one, strict=False) for one in prefixes)


def _joined(some: Iterable[Any]) -> list[Net]:
    every = list(some)
    return [
        net
        for version in (4, 6)
        for net in ipaddress.collapse_addresses(one for one in every if one.version == version)
    ]


def without(have: Iterable[Net], taken: Iterable[Net]) -> list[Net]:
    """What is left of some networks, in order."""
    every = list(taken)
    gone = {version: _Spans(every, version) for version in (4, 6)}
    left: list[Any] = []
    for one in _joined(have):
        gaps = gone[one.version].gaps(*_ends(one))
        address = type(one.network_address)
        left += (
            part
            for first, last in gaps
            for part in ipaddress.summarize_address_range(address(first), address(last))
        )
    return left


def overlap(some: Iterable[Net], others: Iterable[Net]) -> bool:
    """Whether they have an address in common."""
    every = list(others)
    spans = {version: _Spans(every, version) for version in (4, 6)}
    return any(spans[one.version].meet(*_ends(one)) for one in some)


class _Spans:
    """Networks of one family as spans of numbers, so that one among thousands is found without a look at each."""

    def __init__(self, some: Iterable[Net], version: int) -> None:
        spans = [_ends(one) for one in _joined(one for one in some if one.version == version)]
        self._firsts = [first for first, _ in spans]
        self._lasts = [last for _, last in spans]

    def meet(self, first: int, last: int) -> bool:
        """Whether one has a number from `first` to `last`."""
        at = bisect_left(self._lasts, first)
        return at < len(self._firsts) and self._firsts[at] <= last

    def gaps(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """What is in none of them from `first` to `last`, in order."""
        at = bisect_left(self._lasts, first)
        while at < len(self._firsts) and self._firsts[at] <= last:
            if first < self._firsts[at]:
                yield first, self._firsts[at] - 1
            first = self._lasts[at] + 1
            at += 1
        if first <= last:
            yield first, last


def _ends(one: Net) -> tuple[int, int]:
    return int(one.network_address), int(one.broadcast_address)


def inside(one: Net, have: Iterable[Net]) -> bool:
    """Whether a network lies in one of them."""
    found: list[Any] = list(have)
    return any(one.version == whole.version and one.subnet_of(whole) for whole in found)


def first_free(have: Iterable[Net], length: int) -> Net | None:
    """The first network of a length in the smallest of these that has room for one."""
    fitting: list[Any] = [one for one in have if one.prefixlen <= length]
    if not fitting:
        return None
    found: Net = next(max(fitting, key=lambda one: int(one.prefixlen)).subnets(new_prefix=length))
    return found


class CannotCut(Exception):
    """A pool gives no such network. `reason`: `max`, `min` (of lengths), `quota`, `taken` (that one) or `full`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PrefixPool(Struct, frozen=True, kw_only=True):
    """Prefixes of one family that networks of some lengths are cut from."""

    prefixes: Sequence[str]
    min: int
    max: int
    quota: int | None = None
    """How much one project has of it, counted in addresses (of IPv6: in networks of 64); 0 or None: all of it."""

    @property
    def _unit(self) -> int:
        return 64 if any(":" in one for one in self.prefixes) else 32

    def cut(self, taken: Sequence[Net], own: Iterable[Net], length: int, asked: Net | None = None) -> Net:
        """The network asked for, or the first of a length in the smallest gap with room; `CannotCut`.

        `taken`: what was cut from it; `own`: what of that its project has.
        """
        if not self.min <= length <= self.max:
            raise CannotCut("max" if length > self.max else "min")
        used = sum(2.0 ** (self._unit - one) for one in (length, *(net.prefixlen for net in own)))
        if self.quota and used > self.quota:
            raise CannotCut("quota")
        left = without(nets(self.prefixes), taken)
        found = first_free(left, length) if asked is None else asked if inside(asked, left) else None
        if found is None:
            raise CannotCut("full" if asked is None else "taken")
        return found
