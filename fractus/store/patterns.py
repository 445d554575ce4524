"""Regular expressions in filters. SQLite has none of its own, and those of MariaDB and PostgreSQL are two other kinds.

Users write them (Nova's `name=`), and one that backtracks without end would stop the whole process: `(a+)+$` against
thirty letters takes Python minutes. So a pattern is given to an engine whose time is linear, the one that SQLite's
authors publish beside it; only what that one cannot say (a look-ahead, letters beyond ASCII) is given to Python's, and
only where it can be seen to end soon. Case does not count, as in Nova's own databases.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import apsw
import apsw.sqlite_extra

Matcher = Callable[[str], bool]

#: Said in another way by the linear engine, or not at all: (?...), lazy and possessive quantifiers, what is not ASCII.
_BEYOND = re.compile(r"\(\?|[+?*}][+?]|[^\x00-\x7f]")

_TOKEN = re.compile(
    r"\\."  # an escape
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]"  # a set of characters
    r"|\(\?[aiLmsux]+\)"  # flags
    r"|\(\?[aiLmsux-]*:|\(\?<?[=!]|\(\?|\("  # what opens a group, a look-around, or something else
    r"|\{\d+\}|\{\d*,\d*\}"  # so often
    r"|.",
    re.DOTALL,
)
_OPENS_LOOK = re.compile(r"\(\?<?[=!]")
_OPENS_FLAGGED = re.compile(r"\(\?[aiLmsux-]*:")
_OFTEN = re.compile(r"[*+]|\{\d*,\d*\}")
_REFERENCE = re.compile(r"\\[1-9]|\(\?")

#: Each doubles, at worst, how often the rest of a pattern is tried.
_CHOICES = 4


@lru_cache(maxsize=1)
def _linear() -> apsw.Connection | None:
    """A database with nothing in it but the linear engine; None where this build of apsw came without it."""
    try:
        connection = apsw.Connection(":memory:")
        apsw.sqlite_extra.load(connection, "regexp")
    except (apsw.sqlite_extra.NotAvailable, LookupError, apsw.Error):
        return None
    return connection


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Matcher:
    """Whether a text holds something that `pattern` matches. One that is no pattern, or too costly, matches nothing."""
    return _by_sqlite(pattern) or _by_python(pattern) or _nothing


def only_ascii(pattern: str) -> bool:
    """Whether capitals of ASCII alone are taken for their small letters (Python takes a Kelvin sign for a k, too)."""
    return _by_sqlite(pattern) is not None


def _nothing(_text: str) -> bool:
    return False


def _by_sqlite(pattern: str) -> Matcher | None:
    engine = None if _BEYOND.search(pattern) else _linear()
    if engine is None:
        return None
    pattern = "".join(map(_plain_set, _TOKEN.findall(pattern)))
    try:
        engine.execute("SELECT regexpi(?, '')", (pattern,)).fetchall()
    except apsw.Error:  # not a pattern, one that would become too big, or an escape that it does not know
        return None

    def matches(text: str) -> bool:
        return bool(engine.execute("SELECT regexpi(?, ?)", (pattern, text)).fetchall()[0][0])

    return matches


def _plain_set(token: str) -> str:
    """A dash at the end of a set is escaped: behind a letter the linear engine takes it for the middle of a range that
    goes on in the next set of the pattern.
    """
    ends_so = token[0] == "[" and token.endswith("-]") and not token.endswith("\\-]")
    return f"{token[:-2]}\\-]" if ends_so else token


def _by_python(pattern: str) -> Matcher | None:
    if not ends_soon(pattern):
        return None
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError):
        return None
    return lambda text: compiled.search(text) is not None


def ends_soon(pattern: str) -> bool:
    """Whether Python surely needs at most some squares of a text's length.

    That is so with no repeated group, few choices, and one `*` (`+`, `{,}`) or two where the beginning is held fast.
    Look-arounds are never gone back into, so of those side by side only the worst counts.
    """
    levels = [
        [0, 0]
    ]  # the pattern, and each look-around that is open: its own repeats, and the most inside it
    groups: list[str] = []
    fixed, choices, before = False, 0, ""
    for place, token in enumerate(_TOKEN.findall(pattern)):
        if _REFERENCE.fullmatch(token):
            return False
        if token == "^" and (place == 0 or (place == 1 and _OPENS_FLAGGED.fullmatch(before))):
            fixed = True
        elif token[0] == "(" and token[-1] != ")":
            groups.append(token)
            if _OPENS_LOOK.fullmatch(token):
                levels.append([0, 0])
        elif token == ")":
            if not groups:
                return False
            if _OPENS_LOOK.fullmatch(groups.pop()):
                closed = sum(levels.pop())
                levels[-1][1] = max(levels[-1][1], closed)
        elif token == "|" or token == "?":
            choices += 1
            # An alternative to a fixed beginning is not fixed.
            fixed = fixed and (token == "?" or len(groups) > 1 or (len(groups) == 1 and groups[0] == "("))
        elif _OFTEN.fullmatch(token) or token[0] == "{":
            if before == ")":
                return False
            levels[-1][0] += _OFTEN.fullmatch(token) is not None
        before = token
    return not groups and choices <= _CHOICES and sum(levels[0]) <= (2 if fixed else 1)
