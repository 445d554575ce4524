"""`fractus volume-type ...`: under which names clouds have our volume types."""

from __future__ import annotations

import json

import click
import msgspec
from rich.table import Table

from fractus.cli.frame import with_settings
from fractus.cli.parts import console, with_parts
from fractus.model.errors import NotFound
from fractus.operations.parts import OperatorParts
from fractus.operations.volume_types import Mapped, map_type, mapped
from fractus.settings.loading import Settings


@click.group("volume-type")
def volume_type_group() -> None:
    """Volume types: under which names the clouds have them. They are made through the API."""


@volume_type_group.command("list")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@with_settings
def listed(settings: Settings, form: str) -> None:
    """Every type in every cloud: its name there, and whether it was found."""

    async def do(parts: OperatorParts) -> list[Mapped]:
        return await mapped(parts)

    found = with_parts(settings, do)
    if form == "json":
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    table = Table("type", "cloud", "name there", "id there")
    for one in found:
        table.add_row(
            one.type, one.cloud, one.name + (" (mapped)" if one.given else ""), one.remote_id or one.error
        )
    console.print(table)


@volume_type_group.command("map")
@click.argument("type_", metavar="TYPE")
@click.argument("cloud")
@click.argument("name", required=False, default="")
@with_settings
def map_command(settings: Settings, type_: str, cloud: str, name: str) -> None:
    """Volumes of TYPE (a name or an id) get the type NAME in CLOUD; without NAME the one of the same name again.

    What is there already stays as it is.
    """

    async def do(parts: OperatorParts) -> None:
        await map_type(parts, type_, cloud, name)

    try:
        with_parts(settings, do)
    except NotFound as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{type_} is {name or type_} in {cloud}.")
