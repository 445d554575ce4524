"""Patterns of texts as the services' own schemas write them: shown as they are, and ended where the text ends.

A schema's `$` is the end of the text (ECMA 262, which JSON Schema names). To Python it also holds before a line break
at the end, so the services themselves take `x` with a line break behind it. Here nothing takes it: such an id or key
ends up in paths of requests, and Nova can neither show nor delete a flavor that it has made with such an id.
"""

from __future__ import annotations

import re

_END, _CLOSED = "$", r"\Z"


def closed(pattern: str) -> str:
    """The same pattern for Python, without a line break behind it."""
    return pattern[: -len(_END)] + _CLOSED if pattern.endswith(_END) else pattern


def shown(sentence: str) -> str:
    """A sentence that quotes what `closed` gave, with the schema's own pattern."""
    return sentence.replace(f"{_CLOSED}'".replace("\\", "\\\\"), f"{_END}'")


class Pattern:
    """One of them, made ready once."""

    def __init__(self, pattern: str) -> None:
        self._shown = pattern
        self._compiled = re.compile(closed(pattern))

    def __repr__(self) -> str:
        """As sentences show it."""
        return repr(self._shown)

    def holds(self, text: str) -> bool:
        """Whether the text is right."""
        return self._compiled.search(text) is not None

    def wrong(self, text: str) -> str | None:
        """What jsonschema says of a text that is not right."""
        return None if self.holds(text) else f"{text!r} does not match {self!r}"
