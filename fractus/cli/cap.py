"""How many things one command may change: what stops a slip of the hand before the first of thousands.

Every command that changes many declares `@at_most_option` and calls `stop_above` when it knows how many, before the
first change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from fractus.settings.loading import Settings

P = ParamSpec("P")
R = TypeVar("R")


def at_most_option(command: Callable[P, R]) -> Callable[P, R]:
    """Adds `--at-most N`, handed to the command as `at_most` (None where it is not given)."""
    return click.option(
        "--at-most",
        type=click.IntRange(min=0),
        metavar="N",
        help="Stop before the first change if there are more. Default: the setting holds.at_most.",
    )(command)


def stop_above(number: int, at_most: int | None, settings: Settings, verb: str, what: str) -> None:
    """`ClickException` that says how many there are and how to go on, where `number` is more than may be changed.

    `verb` and `what` complete "This would <verb> 200 <what>".
    """
    most = settings.holds.at_most if at_most is None else at_most
    if number > most:
        raise click.ClickException(
            f"This would {verb} {number} {what}, and one command may do so with {most} at most. Nothing was changed. "
            f"If that is what you want, pass --at-most {number}."
        )
