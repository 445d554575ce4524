"""Texts that begin as asked, whatever their capitals: in which ways they are written, looked up in an index.

An index has texts in the order of their letters' numbers, where capitals stand far from small letters; so `web-%` is no
range of it, but `web-`, `Web-`, ... are one each. Mostly there is one such way, and it takes two looks to know that.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

#: Ways of writing that are distinguished: who uses more of them has them read as one range.
_MOST = 8

#: LIKE: what stands for itself at the beginning, each wildcard in it behind a backslash.
_PLAIN = re.compile(r"(?:\\.|[^\\%_])*", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

#: Of a regular expression: what every match begins with, where it begins where the text does.
_BEGINNING = re.compile(r"\^([A-Za-z0-9 _-]+)(?![*?{])")


def beginning(like: str) -> tuple[str, str]:
    """What each text begins with that LIKE finds; and what of the pattern is left after it."""
    plain = _PLAIN.match(like)
    assert plain is not None
    return _ESCAPE.sub(r"\1", plain[0]), like[plain.end() :]


def beginning_of(regex: str) -> str:
    """The LIKE that every text holds in which a regular expression is found; nothing where none is known."""
    found = None if "|" in regex else _BEGINNING.match(regex)
    return re.sub(r"([%_])", r"\\\1", found[1]) + "%" if found else ""


def after(text: str) -> str:
    """The least text that is greater than all that begin with this one (of ASCII)."""
    return text[:-1] + chr(ord(text[-1]) + 1)


async def spellings(text: str, first: Callable[[str], Awaitable[str | None]]) -> list[str] | None:
    """The ways in which texts of an index begin with `text`, in order; None where they are very many.

    `first`: the index's first text that is no less than the one given.
    """
    found: list[str] = []
    least: str | None = text.upper()
    for _ in range(2 * _MOST + 1):
        there = None if least is None else await first(least)
        if there is None:
            return found
        head = there[: len(text)]
        if _folded(head) == _folded(text):
            found.append(head)
            least = _next(text, head)
        else:
            least = _beyond(text, there)
    return None


def _folded(text: str) -> str:
    """Small letters, of ASCII alone."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _next(text: str, written: str) -> str | None:
    """The next way of writing after this one of as many of its letters; a capital comes before its small letter."""
    for at in reversed(range(len(written))):
        if written[at] != text[at].lower():
            return written[:at] + text[at].lower() + text[at + 1 :].upper()
    return None


def _beyond(text: str, other: str) -> str | None:
    """The first way of writing that is greater than a text that is not written so."""
    for at, letter in enumerate(text):
        there = other[at : at + 1]
        ways = (letter.upper(), letter.lower())
        if there in ways:
            continue
        greater = [way for way in ways if way > there]
        if greater:
            return other[:at] + min(greater) + text[at + 1 :].upper()
        return _next(text, other[:at])
    return None
