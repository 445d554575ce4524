"""What a request may be in size, whatever it is about: so that none keeps a process from all others.

The numbers are stated in docs/operations.md. Where the real service has a bound of its own for a list, that one is
asked first, in the service's own words: a route names such lists (`Route.bounded`), and they are passed over here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

from fractus.model.errors import Invalid

#: Entries of one list or object of a body. Nova's and Glance's own bounds of maps are 128; a bulk create has a bound of
#: its own.
MOST_ENTRIES = 1000

#: Entries of all lists and objects of a body together: what is done for each of them may take 10 us.
MOST_VALUES = 10_000

#: Lists and objects inside one another. Python's own limit of calls inside one another is met at some hundred.
MOST_DEPTH = 32

#: Digits of an integer: Python refuses to write more than 4300 as text, and no field of any service has as many as 20.
MOST_DIGITS = 1000

#: Characters of an error's sentence. Those of the real services repeat the value that they are about, however long.
MOST_WORDS = 4096

_LARGEST = 10**MOST_DIGITS

#: Names of members from the body inwards; lists add nothing.
Way: TypeAlias = "tuple[str, ...]"


def way_of(text: str) -> Way:
    """`networks.tags` as a way; the empty text is the whole body."""
    return tuple(text.split(".")) if text else ()


def check(document: Any, raw: bytes, bounded: Collection[Way] = ()) -> None:
    """`Invalid` where a decoded body is beyond the bounds. `raw`: the bytes that it was decoded from.

    `bounded`: the ways (`way_of`) to lists and objects that the route counts itself, before it does anything else with
    them.
    """
    if len(raw) < MOST_DIGITS and raw.count(b"[") + raw.count(b"{") <= MOST_DEPTH:
        return  # too short to be beyond any bound
    values, depth = 0, 0
    # Each with its way; and whether it is an item of the list there.
    level: list[tuple[Way, bool, Any]] = [((), False, document)]
    while level:
        below: list[tuple[Way, bool, Any]] = []
        for way, is_item, one in level:
            kind = type(one)
            if kind is int and not -_LARGEST < one < _LARGEST:
                raise Invalid(f"A number of the request has more than {MOST_DIGITS} digits.")
            if kind is not dict and kind is not list:
                continue
            if len(one) > MOST_ENTRIES:
                # The whole body is only ever counted by a route that takes an object.
                if way in bounded and not is_item and (way or kind is dict):
                    continue
                called = f"'{way[-1]}'" if way else "The body of the request"
                raise Invalid(
                    f"{called} has {len(one)} entries, more than the {MOST_ENTRIES} that are allowed."
                )
            values += len(one)
            if values > MOST_VALUES:
                raise Invalid(f"The body of the request has more than {MOST_VALUES} values.")
            if kind is list:
                below += [(way, True, item) for item in one if type(item) in _LOOKED_INTO]
            else:
                below += [
                    ((*way, name), False, item) for name, item in one.items() if type(item) in _LOOKED_INTO
                ]
        if below:
            depth += 1
            if depth > MOST_DEPTH:
                raise Invalid(f"The body of the request is nested deeper than {MOST_DEPTH} levels.")
        level = below


_LOOKED_INTO = frozenset({dict, list, int})


def shortened(sentence: str) -> str:
    """An error's sentence, less its middle where it is longer than anybody reads: the reason stands at the end."""
    left_out = len(sentence) - MOST_WORDS
    if left_out <= 0:
        return sentence
    return f"{sentence[: -_TAIL - left_out]}... ({left_out} characters left out) ...{sentence[-_TAIL:]}"


#: Of `MOST_WORDS`, those from the end.
_TAIL = 1024
