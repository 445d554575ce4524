"""`fractus cloud adopt`, `fractus cloud detach`, `fractus rebuild`: taking over what is there, and giving it up."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from fractus.app.wiring import credential
from fractus.auth.project_names import project_named
from fractus.cli.cap import at_most_option, stop_above
from fractus.cli.frame import with_settings
from fractus.cli.parts import console, with_parts
from fractus.model.cloud import Cloud, Sighting
from fractus.model.errors import ApiError, CloudError
from fractus.operations import cloud_identity, cloud_rows, identity_mapping
from fractus.operations.adoption import be_again, child_of, external_networks, mapped
from fractus.operations.identity_mapping import Named
from fractus.operations.parts import OperatorParts
from fractus.reconcile.adopt import adopt as taking
from fractus.reconcile.adopt import detach as letting
from fractus.reconcile.adopt import rebuild as rebuilding
from fractus.reconcile.adopt.adopt import ProgressHook, Report, Survey
from fractus.settings.loading import Settings
from fractus.store import clouds, presences

#: How long a change that had begun when a cloud was frozen may take to be sent. Seconds.
_UNDER_WAY = 3.0

_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
_projects = click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="[CHILD=]OURS",
    help="A project by name or id: only these. Of a cloud with its own Keystone: which of ours one of its is.",
)
_users = click.option(
    "--user",
    "users",
    multiple=True,
    metavar="CHILD=OURS",
    help="Which user of fractus a user of the cloud is, by ids: so that keys find their owner.",
)


@contextmanager
def _progress(what: str) -> Iterator[ProgressHook]:
    """A bar for each kind, on a terminal; nothing in a pipe."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, int] = {}

        def on_progress(kind: str, done: int, total: int) -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind or what, total=total)
            bars.update(tasks[kind], completed=done, total=total)  # type: ignore[arg-type]

        yield on_progress


def _ours(settings: Settings) -> Named:
    async def ours(text: str) -> str:
        return await project_named(credential(settings), text)

    return ours


async def _listed(parts: OperatorParts, child: Cloud, users: tuple[str, ...]) -> Survey:
    theirs = [one.partition("=")[0] for one in users]
    with _progress(f"listing {child.name}") as on_progress:
        try:
            return await taking.survey(child, parts.adoptions, users=theirs, progress=on_progress)
        except CloudError as error:
            raise click.ClickException(f"{child.name} could not be listed: {error.reason}") from error


@click.command("adopt")
@click.argument("name")
@_projects
@_users
@click.option(
    "--external-networks",
    "external",
    is_flag=True,
    help="Only the external networks with their subnets: what routers and floating IPs lead to.",
)
@_dry_run
@at_most_option
@with_settings
def adopt(
    settings: Settings,
    name: str,
    projects: tuple[str, ...],
    users: tuple[str, ...],
    external: bool,
    dry_run: bool,
    at_most: int | None,
) -> None:
    """Take what exists in the cloud NAME under management, without touching it.

    Servers, networks, ports and the rest keep their ids and go on as they are. What cannot be taken is listed with its
    reason; run it again when that is settled, or when it was broken off: it goes on where it stopped.
    """

    async def do(parts: OperatorParts) -> tuple[Report, list[Sighting], str]:
        row, child = await child_of(parts, name)
        found = await _listed(parts, child, users)
        only = external_networks(found) if external else None
        said, keep = await mapped(row, child, found, projects, users, _ours(settings))
        report = await taking.adopt(parts, found, said, only=only, dry_run=True)
        if not dry_run:
            number = report.taken.total() + report.joined.total()
            stop_above(number, at_most, settings, "take over", "things")
            if keep is not None:
                await cloud_rows.change(parts.store, parts.vault, name, settings={"projects": keep})
            with _progress("taking over") as on_progress:
                report = await taking.adopt(parts, found, said, only=only, progress=on_progress)
        try:
            seen = await child.sightings(parts.adoptions)
        except CloudError as error:
            report.gaps.append(f"what else is there: {error.reason}")
            seen = []
        others = identity_mapping.others(await identity_mapping.projects_of(child), found, said)
        return report, seen, ", ".join(others)

    began = time.monotonic()
    report, seen, others = with_parts(settings, do)
    _show(report, dry_run)
    if others:
        console.print(escape(f"  projects that were not named: {others}"), soft_wrap=True)
    for one in seen:
        names = ", ".join(one.names) + (" ..." if one.count > len(one.names) else "")
        console.print(
            escape(f"  left alone, not taken over yet: {one.count} {one.kind} ({one.service}): {names}")
        )
    verb = "would be taken over" if dry_run else "taken over"
    number = report.taken.total() + report.joined.total()
    console.print(
        f"{number} things {verb} in {name}, {len(report.conflicts)} conflicts, {time.monotonic() - began:.1f} s."
    )
    if report.conflicts:
        raise SystemExit(1)


def _show(report: Report, dry_run: bool) -> None:
    """The numbers by kind, then why what was left alone was, then every conflict."""
    table = Table(
        "kind", "would be taken" if dry_run else "taken", "joined", "known", "left alone", "conflicts"
    )
    left = {kind: reasons.total() for kind, reasons in report.left.items()}
    kinds = dict.fromkeys([*report.taken, *report.joined, *report.known, *left])
    kinds |= dict.fromkeys(one.kind for one in report.conflicts)
    for kind in kinds:
        conflicts = sum(one.kind == kind for one in report.conflicts)
        numbers = (report.taken[kind], report.joined[kind], report.known[kind], left.get(kind, 0), conflicts)
        table.add_row(kind, *(str(number) for number in numbers))
    console.print(table)
    for kind, reasons in report.left.items():
        for reason, number in reasons.items():
            console.print(escape(f"  left alone: {number} {kind}: {reason}"), soft_wrap=True)
    for one in report.conflicts:
        called = f"{one.name} ({one.remote_id})" if one.name else one.remote_id
        console.print(f"  [red]conflict[/]: {escape(f'{one.kind} {called}: {one.reason}')}", soft_wrap=True)
    for gap in report.gaps:
        console.print(f"  [yellow]not seen[/]: {escape(gap)}", soft_wrap=True)


def detach(settings: Settings, name: str, *, yes: bool, at_most: int | None) -> None:
    """`fractus cloud remove NAME --detach`."""

    async def do(parts: OperatorParts) -> tuple[letting.Let, str] | None:
        record = await cloud_rows.known(parts.store, name)
        held = await presences.left_in(parts.store, name)
        for kind, number in sorted(held.items()):
            console.print(f"  {number} {kind}")
        stop_above(sum(held.values()), at_most, settings, "drop", "things")
        if not yes:
            return None
        await letting.freeze(parts, name, getpass.getuser())
        await asyncio.sleep(_UNDER_WAY)
        with _progress("dropping") as on_progress:
            let = await letting.detach(parts, name, on_progress)
        return let, await cloud_identity.let_go(parts, record)

    done = with_parts(settings, do)
    if done is None:
        raise click.ClickException(
            f"fractus would drop all of this, and it would go on running in {name}. Nothing was changed. "
            "If that is what you want, pass --yes."
        )
    let, behind = done
    if behind:
        console.print(f"  {escape(behind)}", soft_wrap=True)
    for what, numbers in (
        ("gone from here, and still there", let.vanished),
        ("still here too", let.stayed),
        ("put elsewhere, for nothing of it was there yet", let.moved),
    ):
        for kind, number in sorted(numbers.items()):
            console.print(f"  {what}: {number} {kind}")
    console.print(f"{name} is detached. Nothing in it was touched.")


@click.command("rebuild")
@click.argument("names", nargs=-1)
@_projects
@_dry_run
@click.option("--into-existing", is_flag=True, help="The database is not empty: only add what is missing.")
@click.option(
    "--installation",
    metavar="ID",
    help="The id that this fractus had when its database was lost: what carries another one's mark is foreign.",
)
@with_settings
def rebuild(
    settings: Settings,
    names: tuple[str, ...],
    projects: tuple[str, ...],
    dry_run: bool,
    into_existing: bool,
    installation: str | None,
) -> None:
    """Rebuild a lost database from the clouds (all, or NAMES): what carries our marker there, by the ids it had.

    Add the clouds first, by the names that they had: `fractus cloud add`. Look at `--dry-run` before.
    """

    async def do(parts: OperatorParts) -> tuple[list[Survey], dict[str, Report], list[str]]:
        if not into_existing:
            try:
                await rebuilding.check_empty(parts)
            except ApiError as error:
                raise click.ClickException(error.message) from error
        chosen = names or tuple(row.name for row in await clouds.every(parts.store))
        if not chosen:
            raise click.ClickException(
                "There is no cloud to rebuild from: fractus cloud add NAME, for each there was."
            )
        await parts.children.refresh(parts.store)
        await be_again(parts, chosen, installation, dry_run=dry_run)
        found, said = [], {}
        for name in chosen:
            row, child = await child_of(parts, name)
            one = await _listed(parts, child, ())
            said[name], keep = await mapped(row, child, one, projects, (), _ours(settings))
            if keep is not None and not dry_run:
                await cloud_rows.change(parts.store, parts.vault, name, settings={"projects": keep})
            found.append(one)
        with _progress("rebuilding") as on_progress:
            reports = await rebuilding.rebuild(parts, found, said, dry_run=dry_run, progress=on_progress)
        return found, reports, rebuilding.lost(parts)

    found, reports, lost = with_parts(settings, do)
    for one in found:
        console.print(f"[bold]{one.cloud}[/]")
        _show(reports[one.cloud], dry_run)
        for kind, number in rebuilding.without_marker(one).items():
            console.print(f"  without our marker: {number} {kind}")
    console.print("What cannot be read off the clouds:")
    for sentence in lost:
        console.print(f"  {sentence}", soft_wrap=True)
    if any(report.conflicts for report in reports.values()):
        raise SystemExit(1)
