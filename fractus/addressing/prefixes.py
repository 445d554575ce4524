"""Sets of IP prefixes: joined, subtracted, compared. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

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
    left: list[Any] = list(have)
    for gone in taken:
        left = [part for one in left for part in _minus(one, gone)]
    return _joined(left)


def _minus(one: Any, gone: Any) -> Iterator[Net]:
    if not one.overlaps(gone):
        yield one
    elif one != gone and gone.subnet_of(one):
        yield from one.address_exclude(gone)


def overlap(some: Iterable[Net], others: Iterable[Net]) -> bool:
    """Whether they have an address in common."""
    other = list(others)
    return any(one.overlaps(two) for one in some for two in other)


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
