"""Which addresses the text of a filter may be found in, as ranges: so that an index of addresses tells who has them.

Nova's `ip=` is found anywhere in an address. The ranges hold all addresses of IPv4 that it is found in, and perhaps
others: who asks looks at what was found once more. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from fractus.addressing.ranges import Range

#: More ranges than this are no shorter way.
_MOST = 64

_DOTS = 3

_OCTETS = [str(value) for value in range(256)]


def spans(text: str) -> list[Range] | None:
    """Ranges of all addresses of IPv4 in which `text` stands; None where they would be too many."""
    return _within(text.split("."))


def _within(parts: Sequence[str]) -> list[Range] | None:
    """Of a text that stands anywhere in an address: with three dots it is known which part is which."""
    if len(parts) != _DOTS + 1:
        return None if len(parts) <= _DOTS else []
    first, second, third, last = parts
    firsts = [at for at, octet in enumerate(_OCTETS) if octet.endswith(first)]
    return _joined([firsts, [_octet(second)], [_octet(third)]], _begun(last))


def _octet(text: str) -> int:
    """Its value, as addresses are written; -1 where it is none."""
    plain = text.isascii() and text.isdigit() and len(text) <= 3 and (text == "0" or text[0] != "0")
    return int(text) if plain and int(text) < 256 else -1


def _begun(text: str) -> list[tuple[int, int]]:
    """The octets that begin so, as first and last of those that follow one another."""
    if not text:
        return [(0, 255)]
    value = _octet(text)
    if value < 0:
        return []
    found = [(value, value)]
    for digits in (10, 100):
        if value and value * digits < 256:
            found.append((value * digits, min(value * digits + digits - 1, 255)))
    return found


def _joined(known: Sequence[Sequence[int]], lasts: Sequence[tuple[int, int]]) -> list[Range] | None:
    """Addresses whose first octets are these, and the next one in one of the last ranges; what follows is any."""
    free = 8 * (_DOTS - len(known))
    if prod(map(len, known)) * len(lasts) > _MOST:
        return None
    found = []
    for before in product(*known):
        base = 0
        for octet in before:
            base = base << 8 | octet
        found += [
            Range((base << 8 | low) << free, ((base << 8 | high) + 1 << free) - 1)
            for low, high in lasts
            if min([*before, low]) >= 0
        ]
    return found
