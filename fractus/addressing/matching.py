"""Which addresses the text of a filter may be found in, as ranges: so that an index of addresses tells who has them.

Nova's `ip=` is found anywhere in an address, or is a regular expression. The ranges hold all addresses that it is found
in, and perhaps others: who asks looks at what was found once more. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from math import prod

from fractus.addressing.ranges import Range, merged, number

#: More ranges than this are no shorter way.
_MOST = 64

_PART = re.compile(r"[0-9A-Fa-f.:]+")
_REGEX = re.compile(r"\^((?:[0-9A-Fa-f.:]|\\\.)+)(\$?)")
_DOTS = 3

_DIGITS = "0123456789"
_OCTETS = [str(value) for value in range(256)]


def spans(pattern: str, version: int) -> list[Range] | None:
    """Ranges of all addresses of an IP version in which `pattern` is found; None where they would be too many."""
    if _PART.fullmatch(pattern):
        return _within(pattern.split(".")) if version == 4 and ":" not in pattern else None
    anchored = _REGEX.fullmatch(pattern)
    if anchored is None:
        return None
    text, end = anchored.groups()
    if version == 6:
        return _one(text) if end and "." not in text else None
    if ":" in text or text.replace("\\.", ".").count(".") > _DOTS:
        return None
    found: list[Range] = []
    for parts in _ways(text):
        some = _beginning(parts, whole=bool(end))
        if some is None:
            return None
        found = merged([*found, *some])
    return found if len(found) <= _MOST else None


def _one(text: str) -> list[Range]:
    try:
        value = number(text)
    except ValueError:
        return []
    return [Range(value, value)]


def _within(parts: Sequence[str]) -> list[Range] | None:
    """Of a text that stands anywhere in an address: with three dots it is known which part is which."""
    if len(parts) != _DOTS + 1:
        return None if len(parts) <= _DOTS else []
    first, second, third, last = parts
    firsts = [at for at, octet in enumerate(_OCTETS) if octet.endswith(first)]
    return _joined([firsts, [_octet(second)], [_octet(third)]], _begun(last))


def _beginning(parts: Sequence[str], *, whole: bool) -> list[Range] | None:
    """Of a text that an address begins with, or is."""
    if len(parts) > _DOTS + 1 or (whole and len(parts) <= _DOTS):
        return []
    *known, last = parts
    octets = [[_octet(part)] for part in known]
    lasts = [(_octet(last), _octet(last))] if whole else _begun(last)
    return _joined(octets, lasts)


def _ways(text: str) -> list[list[str]]:
    """A dot of a regular expression stands for a digit, too, wherever an octet may have one there."""
    first, *rest = re.split(r"(\\\.|\.)", text)
    ways: list[tuple[list[str], str]] = [([], first)]
    for dot, piece in zip(rest[::2], rest[1::2], strict=True):
        longer = (
            [(done, last + digit + piece) for done, last in ways for digit in _DIGITS] if dot == "." else []
        )
        ways = [([*done, last], piece) for done, last in ways if _octet(last) >= 0]
        ways += [(done, last) for done, last in longer if _octet(last) >= 0]
    return [[*done, last] for done, last in ways if not last or _octet(last) >= 0]


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
