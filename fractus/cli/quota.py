"""`fractus quota ...`: what projects may have and have, and usage counted anew."""

from __future__ import annotations

import json

import click
import msgspec
from rich.table import Table

from fractus.cli.frame import with_settings
from fractus.cli.parts import console, with_parts
from fractus.operations.parts import OperatorParts
from fractus.quota.costs import UNLIMITED
from fractus.quota.recount import Difference, recount
from fractus.settings.loading import Settings

_json = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@click.group("quota")
def quota_group() -> None:
    """Quotas: show a project's, recount usage. They are set through the API: `openstack quota set`."""


@quota_group.command("show")
@click.argument("project")
@_json
@with_settings
def show(settings: Settings, project: str, form: str) -> None:
    """Limits and usage of the project with the id PROJECT, as the quota APIs tell them."""

    async def do(parts: OperatorParts) -> list[tuple[str, int, int]]:
        quota = parts.quota
        limits = await quota.limits.shown(parts.store, project)
        used = await quota.used(parts.store, project)
        names = dict.fromkeys(name for one in quota.costs.values() if not one.per_user for name in one.names)
        return [(name, limits.get(name, UNLIMITED), used.get(name, 0)) for name in names]

    rows = with_parts(settings, do)
    if form == "json":
        click.echo(json.dumps({name: {"limit": limit, "used": used} for name, limit, used in rows}, indent=2))
        return
    table = Table("quota", "limit", "used")
    for name, limit, used in rows:
        table.add_row(name, "unlimited" if limit == UNLIMITED else str(limit), str(used))
    console.print(table)


@quota_group.command("recount")
@click.option("--project", default="", metavar="ID", help="Only this project.")
@click.option("--dry-run", is_flag=True, help="Say what differs, and write nothing.")
@_json
@with_settings
def recount_command(settings: Settings, project: str, dry_run: bool, form: str) -> None:
    """Count what projects use anew, from their resources, and put right what differs.

    Nothing ever should: usage is written together with the resources. It may after a backup of single tables was
    restored, or while an older version without quotas still ran beside this one. Safe at any time, under load too. Exit
    code 1 where --dry-run finds a difference.
    """

    async def do(parts: OperatorParts) -> tuple[int, list[Difference]]:
        looked, found = 0, []
        async for one in recount(parts.store, parts.quota, project_id=project, dry_run=dry_run):
            looked += 1
            found += one
        return looked, found

    looked, found = with_parts(settings, do)
    if form == "json":
        click.echo(json.dumps([msgspec.to_builtins(one) for one in found], indent=2))
    else:
        for one in found:
            console.print(
                f"{one.scope} {one.owner}: {one.name} was {one.held}, and there are {one.counted}",
                markup=False,
            )
        verdict = "all was right" if not found else ("nothing was changed" if dry_run else "it is right now")
        console.print(f"{looked} counted, {len(found)} differences: {verdict}.")
    if found and dry_run:
        raise SystemExit(1)
