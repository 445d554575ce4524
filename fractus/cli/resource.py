"""`fractus resource ...`: where a resource is, and why."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.table import Table

from fractus.cli.frame import with_settings
from fractus.cli.parts import console, with_parts
from fractus.operations import holding
from fractus.operations.parts import OperatorParts
from fractus.operations.resources import describe
from fractus.settings.loading import Settings


@click.group("resource")
def resource_group() -> None:
    """Resources: where they are, and why."""


@resource_group.command("show")
@click.argument("id")
@click.option("--kind", help="Only this kind (server, network, image ...).")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@with_settings
def show(settings: Settings, id: str, kind: str | None, form: str) -> None:
    """In which cloud a resource is, its id there, when it was last seen, why it is there, and what is pending.

    ID is ours, or one that a cloud shows.
    """

    async def do(parts: OperatorParts) -> list[dict[str, Any]]:
        if kind is not None and kind not in parts.resources.tables:
            raise click.ClickException(
                f"There is no kind '{kind}'. There are: {', '.join(parts.resources.tables)}."
            )
        return await describe(parts, id, kind)

    found = with_parts(settings, do)
    if not found:
        raise click.ClickException(f"No resource has the id '{id}'.")
    if form == "json":
        click.echo(json.dumps(found, indent=2, sort_keys=True))
        return
    for one in found:
        _print(one)


def _print(one: dict[str, Any]) -> None:
    table = Table("field", "value", show_header=False)
    for key in (
        "kind",
        "id",
        "name",
        "project_id",
        "status",
        "generation",
        "wanted",
        "created_at",
        "deleted_at",
    ):
        table.add_row(key, str(one[key]))
    if one["home"]:
        table.add_row("home", one["home"])
    choice = one["choice"]
    if choice:
        table.add_row("chosen cloud", f"{choice.get('cloud') or 'none'} ({choice.get('why', '')})")
        for cloud, reason in sorted(choice.get("why_not", {}).items()):
            table.add_row(f"  not {cloud}", reason)
        for shared, clouds in sorted(choice.get("apart", {}).items()):
            table.add_row("peers elsewhere", f"of {shared} in {', '.join(clouds)}: no path between clouds")
        if choice.get("error"):
            table.add_row("error", choice["error"])
    for presence in one["presences"]:
        stale = ", stale" if presence["stale"] else ""
        seen = presence["observed_at"] or "never"
        role = f"{presence['role']}, " if presence["role"] else ""
        text = f"{role}{presence['state']}, id there {presence['remote_id'] or 'none yet'}, last seen {seen}{stale}"
        table.add_row(f"in {presence['cloud']}", text)
        if presence["error"]:
            table.add_row("  error", presence["error"])
    for pending in one["pending"]:
        text = (
            f"due {pending['due_at']}, tries {pending['attempts']} {pending['waits_on']} {pending['reason']}"
        )
        table.add_row(f"pending in {pending['cloud']}", text)
    console.print(table)


@resource_group.command("freeze")
@click.argument("id")
@click.option("--kind", help="Only this kind (server, network, image ...).")
@click.option("--reason", default="", help="Why, for other operators.")
@with_settings
def freeze(settings: Settings, id: str, kind: str | None, reason: str) -> None:
    """Make no outside change of the resource ID in any cloud, until `thaw`. What its user asks for waits."""
    found = with_parts(
        settings,
        lambda parts: holding.freeze_resource(
            parts.store, parts.resources, id, kind, reason=reason, by=holding.who()
        ),
    )
    console.print(f"The {found} {id} is frozen. Go on: fractus resource thaw {id}")


@resource_group.command("thaw")
@click.argument("id")
@with_settings
def thaw(settings: Settings, id: str) -> None:
    """Go on with the resource ID: what waited starts at once."""
    kinds = with_parts(settings, lambda parts: holding.thaw_resource(parts.store, parts.notifier, id))
    if not kinds:
        raise click.ClickException(f"'{id}' is not frozen.")
    console.print(f"The {', '.join(kinds)} {id} goes on.")
