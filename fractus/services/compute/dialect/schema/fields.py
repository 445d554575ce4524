"""One field of a kind of Nova's, with the microversions that knew it.

A declaration is read by the worker too, which knows no HTTP: microversions stand in it as texts.
"""

from __future__ import annotations

from fractus.services.field import Check, Field


class ComputeField(Field, frozen=True, kw_only=True):
    """One row. `since` is the microversion that brought it: to documents, and to requests but for `given_since`."""

    given_since: str = ""
    """The microversion that brought it to requests, where documents have it longer."""
    until: str = ""
    """The first microversion without it, in requests and in documents."""
    required_since: str = ""
    """The microversion since which a create must give it."""
    check_since: tuple[str, Check] | None = None
    """The microversion since which another check holds, and that check."""
    read_rule: str = ""
    """The policy rule that one must pass to be shown it; empty: everybody is."""
