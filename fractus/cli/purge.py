"""`fractus purge`: drop what was deleted long ago."""

from __future__ import annotations

import re

import click

from fractus.cli.cap import at_most_option, stop_above
from fractus.cli.frame import with_settings
from fractus.cli.parts import console, with_parts
from fractus.operations import purge
from fractus.operations.parts import OperatorParts
from fractus.settings.loading import Settings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Span(click.ParamType[float]):
    """`30d`, `12h`, `90m`, `45s`: seconds."""

    name = "span"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As click has it."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+)([smhd])", str(value))
        if found is None:
            self.fail(f"'{value}' is not a number with one of s, m, h, d, as in 30d.", param, ctx)
        return float(int(found[1]) * _UNITS[found[2]])


@click.command("purge")
@click.option(
    "--older-than", type=Span(), required=True, metavar="SPAN", help="Deleted longer ago than, as in 30d."
)
@click.option("--dry-run", is_flag=True, help="Say how many there are, and change nothing.")
@at_most_option
@with_settings
def purge_command(settings: Settings, older_than: float, dry_run: bool, at_most: int | None) -> None:
    """Drop the rows of resources that were deleted long ago, and that nothing refers to any more.

    Rows stay if a cloud has not confirmed the delete, a finding names them, or something still needs them. The worker
    does the same by itself, slowly, after `work.keep_deleted_days`.
    """

    async def do(parts: OperatorParts) -> dict[str, int]:
        before = parts.now() - older_than
        numbers = {}
        for kind in parts.resources.tables:
            numbers[kind] = await purge.count(parts, kind, before)
        if dry_run:
            return numbers
        stop_above(sum(numbers.values()), at_most, settings, "drop", "deleted resources")
        return {kind: await purge.drop(parts, kind, before) for kind in parts.resources.tables}

    numbers = with_parts(settings, do)
    for kind, number in numbers.items():
        if number:
            console.print(f"  {number} {kind}")
    total = sum(numbers.values())
    console.print(f"{total} deleted resources can go." if dry_run else f"{total} deleted resources are gone.")
