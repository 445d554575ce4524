"""`fractus cloud ...`: the children, as an operator manages them."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion
from rich.table import Table

from fractus.cli import adopt
from fractus.cli.cap import at_most_option, stop_above
from fractus.cli.frame import with_settings
from fractus.cli.holds import CLOUD_COMMANDS, about, lines_of_holds, state_of
from fractus.cli.parts import console, with_parts
from fractus.clouds.openstack.pace import Limits
from fractus.model.cloud import CloudRow, Report
from fractus.operations import cloud_check, cloud_identity, cloud_rows
from fractus.operations.parts import OperatorParts
from fractus.settings.loading import Settings
from fractus.store import clouds, holds, presences
from fractus.store.clouds import CloudRecord


def _config(file: str | None) -> OpenStackConfig:
    if file is None:
        return OpenStackConfig()
    secure = Path(file).with_name("secure.yaml")
    return OpenStackConfig(config_files=[file], secure_files=[str(secure)] if secure.exists() else [])


def read_entry(name: str, file: str | None, config: OpenStackConfig | None = None) -> dict[str, Any]:
    """The entry `name` of a `clouds.yaml`, with what `secure.yaml` beside it adds; ClickException without one.

    `config`: that file, where it was read before.
    """
    config = config or _config(file)
    entries: Mapping[str, Any] = config.cloud_config.get("clouds", {})
    if name not in entries:
        where = config.config_filename or file or "any clouds.yaml"
        known = ", ".join(sorted(entries)) or "none"
        raise click.ClickException(f"There is no entry '{name}' in {where}. Entries there: {known}.")
    return dict(entries[name])


def region_of(name: str, file: str | None) -> CloudRegion:
    """The same entry as openstacksdk understands it: for calls in the operator's own name."""
    read_entry(name, file)
    return _config(file).get_one(cloud=name)


def _show_report(name: str, report: Report) -> None:
    for service, facts in sorted(report.services.items()):
        console.print(f"  {service}: " + ", ".join(f"{key} {value}" for key, value in facts.items() if value))
    if report.extensions:
        console.print(f"  network extensions: {len(report.extensions)}")
    for finding in report.findings:
        mark = "[green]well[/]" if finding.ok else "[red]not well[/]"
        if finding.note:
            mark = "[yellow]remark[/]"
        console.print(f"  {mark}  {finding.subject}: {finding.text}")
    if not report.reachable:
        console.print(f"  [red]{name} does not answer[/]")


@click.group("cloud")
def cloud_group() -> None:
    """Children: add, look at, check, change, hold up, remove."""


for _command in (*CLOUD_COMMANDS, adopt.adopt):
    cloud_group.add_command(_command)


@cloud_group.command("add")
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option("--os-cloud", "entry", help="The entry of your clouds.yaml that holds the credential.")
@click.option("--all", "every", is_flag=True, help="Every entry of the file, each by its own name.")
@click.option(
    "--clouds-yaml", type=click.Path(exists=True, dir_okay=False), help="Another file than the usual ones."
)
@click.option("--identity", type=click.Choice(["auto", "shared", "own"]), default="auto", show_default=True)
@click.option(
    "--weight", type=click.FloatRange(min=0.001), default=1.0, show_default=True, help="Share of the load."
)
@click.option("--driver", default="openstack", show_default=True)
@click.option("--setting", multiple=True, metavar="KEY=VALUE", help="A setting of the driver.")
@click.option("--check/--no-check", default=True, help="Refuse a cloud that does not answer.")
@click.option(
    "--copy", is_flag=True, help="It is another cloud that was made as a copy of one here, with all its ids."
)
@with_settings
def add(
    settings: Settings,
    /,
    names: tuple[str, ...],
    entry: str | None,
    every: bool,
    clouds_yaml: str | None,
    identity: str,
    weight: float,
    driver: str,
    setting: tuple[str, ...],
    check: bool,
    copy: bool,
) -> None:
    """Put the cloud NAME behind fractus. NAME becomes an availability zone.

    Several are added at once, each with the entry of its own name.
    """
    options: dict[str, Any] = {"weight": weight, **dict(_pair(one) for one in setting)}
    if copy:
        options[cloud_identity.COPY] = True
    read = _config(clouds_yaml)
    sources = _sources(names, entry, every=every, driver=driver, file=clouds_yaml, read=read)
    rows: list[CloudRow] = []
    for name, source in sources:
        auth = read_entry(source, clouds_yaml, read) if source else {}
        url = str(auth.get("auth", {}).get("auth_url", ""))
        whose = identity
        if identity == "auto":
            whose = cloud_rows.identity_of(url, settings.keystone.url) if url else "shared"
        cloud_rows.checked_name(name)
        rows.append(CloudRow(name=name, driver=driver, identity=whose, settings=options, auth=auth))

    async def do(parts: OperatorParts) -> list[tuple[CloudRow, Report | None, str]]:
        room = asyncio.Semaphore(_CHECKS_AT_ONCE)

        async def one(row: CloudRow) -> tuple[CloudRow, Report | None, str]:
            async with room:
                return await cloud_check.add(parts, row, check=check, copy=copy)

        return await asyncio.gather(*(one(row) for row in rows))

    failed = 0
    for row, report, problem in with_parts(settings, do):
        failed += bool(problem)
        if report is not None and (len(rows) == 1 or not report.reachable):
            _show_report(row.name, report)
        if problem and len(rows) > 1:
            console.print(f"[red]{row.name} was not added:[/] {problem}", highlight=False)
        elif problem:
            raise click.ClickException(problem)
        else:
            console.print(f"{row.name} is added ({row.identity} identity, weight {weight:g}).")
    if failed:
        raise click.ClickException(f"{failed} of {len(rows)} clouds were not added.")


#: Clouds that are looked at at the same time: each has a connection and a thread of its own meanwhile.
_CHECKS_AT_ONCE = 8


def _sources(
    names: tuple[str, ...],
    entry: str | None,
    *,
    every: bool,
    driver: str,
    file: str | None,
    read: OpenStackConfig,
) -> list[tuple[str, str | None]]:
    """Names of clouds to add, and the entry of each."""
    if every:
        if names or entry:
            raise click.ClickException("--all takes every entry of the file, so name none.")
        found = sorted(read.cloud_config.get("clouds", {}))
        if not found:
            raise click.ClickException(f"There are no entries in {file or 'any clouds.yaml'}.")
        return [(name, name) for name in found]
    if not names:
        raise click.UsageError("Missing argument 'NAME...': how the cloud is to be called, or --all.")
    if len(names) > 1:
        if entry:
            raise click.ClickException("--os-cloud is the entry of one cloud; of several each has its own.")
        return [(name, name if driver == "openstack" else None) for name in dict.fromkeys(names)]
    if driver == "openstack" and not entry:
        raise click.ClickException(
            "Say which entry of your clouds.yaml holds its credential: --os-cloud ENTRY."
        )
    return [(names[0], entry)]


def _pair(text: str) -> tuple[str, Any]:
    key, sep, value = text.partition("=")
    if not sep:
        raise click.ClickException(f"'{text}' is not of the form KEY=VALUE.")
    for kind in (int, float):
        try:
            return key, kind(value)
        except ValueError:
            continue
    return key, value


def _ago(stamp: float | None) -> str:
    if stamp is None:
        return "never"
    return str(datetime.timedelta(seconds=int(max(0.0, time.time() - stamp)))) + " ago"


@cloud_group.command("list")
@with_settings
def list_clouds(settings: Settings) -> None:
    """All children, what they hold, and when they last answered."""

    async def do(parts: OperatorParts) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for row in await clouds.every(parts.store):
            held = await presences.left_in(parts.store, row.name)
            rows.append(
                (
                    row.name,
                    row.driver,
                    row.identity,
                    state_of(row),
                    str(held.get("server", 0)),
                    _ago(row.seen_at),
                    row.error,
                )
            )
        return rows

    table = Table("name", "driver", "identity", "state", "servers", "last answer", "error")
    for row in with_parts(settings, do):
        table.add_row(*row)
    console.print(table)


@cloud_group.command("show")
@click.argument("name")
@with_settings
def show(settings: Settings, name: str) -> None:
    """One child: settings, what it holds, what was found there that is not ours. Never its credential."""

    async def do(parts: OperatorParts) -> None:
        row = await cloud_rows.known(parts.store, name)
        table = Table("field", "value", show_header=False)
        table.add_row("name", row.name)
        table.add_row("driver", row.driver)
        table.add_row("identity", row.identity)
        table.add_row("state", state_of(row, whole=True))
        table.add_row("settings", ", ".join(f"{key}={value}" for key, value in sorted(row.settings.items())))
        table.add_row("pace", pace_of(row, settings))
        for line in lines_of_holds(about(name, await holds.every(parts.store)), parts.now()):
            table.add_row("hold", line)
        table.add_row("credential", f"sealed, version {row.version}")
        table.add_row("last answer", _ago(row.seen_at))
        table.add_row("error", row.error or "none")
        for kind, number in sorted((await presences.left_in(parts.store, name)).items()):
            table.add_row(f"holds: {kind}", str(number))
        for kind, what, remote_id, detail in await cloud_rows.findings(parts.store, name):
            table.add_row(f"found: {what} {kind}", f"{remote_id} {detail}")
        console.print(table)

    with_parts(settings, do)


def pace_of(row: CloudRecord, settings: Settings) -> str:
    """What may be asked of a cloud at once and a second, in words."""
    try:
        limits = Limits.of(row.settings)
    except msgspec.ValidationError as error:
        return f"cannot be used: {error}"
    items = int(row.settings.get("max_items", 0)) or settings.work.concurrency_per_cloud
    burst = limits.burst or limits.calls_per_second
    return (
        f"{limits.calls_per_second:g} calls a second (bursts of {burst:g}), {limits.max_calls} at once, "
        f"{items} items at once, {limits.pages_per_second:g} pages of sweeps a second, when all goes well"
    )


@cloud_group.command("check")
@click.argument("name")
@with_settings
def check_cloud(settings: Settings, name: str) -> None:
    """Ask a child everything that fractus needs of it, and say in words what is missing."""
    report = with_parts(settings, lambda parts: cloud_check.check(parts, name))
    _show_report(name, report)
    if not report.reachable or not all(finding.ok for finding in report.findings):
        raise SystemExit(1)


_PACE = {
    "rate": ("calls_per_second", "Calls a second, averaged; 0: no limit."),
    "burst": ("burst", "Calls that may go at once before that average holds; 0: one second's worth."),
    "concurrency": ("max_calls", "Calls under way at once."),
    "items": ("max_items", "Items of work under way at once, in each worker."),
    "pages_per_second": ("pages_per_second", "Calls of sweeps a second: how fast the whole of it is listed."),
}


def _pace_options(command: Any) -> Any:
    """Adds the options of `_PACE`, each handed to the command by its name."""
    for name, (_, text) in reversed(_PACE.items()):
        whole = name in ("concurrency", "items")
        kind = click.IntRange(min=1) if whole else click.FloatRange(min=0)
        command = click.option("--" + name.replace("_", "-"), name, type=kind, help=text)(command)
    return command


@cloud_group.command("set")
@click.argument("name")
@click.option("--enable/--disable", "enabled", default=None, help="Whether new servers may go there.")
@click.option("--os-cloud", "entry", help="Read its credential anew from this entry of your clouds.yaml.")
@click.option(
    "--clouds-yaml", type=click.Path(exists=True, dir_okay=False), help="Another file than the usual ones."
)
@click.option("--weight", type=click.FloatRange(min=0.001), help="Share of the load.")
@click.option("--setting", multiple=True, metavar="KEY=VALUE", help="A setting of the driver.")
@_pace_options
@with_settings
def set_cloud(
    settings: Settings,
    /,
    name: str,
    enabled: bool | None,
    entry: str | None,
    clouds_yaml: str | None,
    weight: float | None,
    setting: tuple[str, ...],
    **pace: float | None,
) -> None:
    """Change a child. A new credential is in use within seconds, without a restart."""
    auth = read_entry(entry, clouds_yaml) if entry else None
    options: dict[str, Any] = dict(_pair(one) for one in setting)
    options |= {_PACE[name][0]: value for name, value in pace.items() if value is not None}
    if weight is not None:
        options["weight"] = weight
    if enabled is None and auth is None and not options:
        raise click.ClickException("Nothing to change: see fractus cloud set --help.")

    async def do(parts: OperatorParts) -> None:
        await cloud_rows.change(parts.store, parts.vault, name, enabled=enabled, auth=auth, settings=options)

    with_parts(settings, do)
    console.print(f"{name} is changed.")


@cloud_group.command("remove")
@click.argument("name")
@click.option(
    "--forget", is_flag=True, help="Drop what it holds: it goes on running there, unknown to fractus."
)
@click.option(
    "--detach",
    "detached",
    is_flag=True,
    help="Drop all in it, thing by thing: it goes on running there, and leaves users' lists.",
)
@click.option("--yes", is_flag=True, help="Do it: without it the numbers are shown and nothing is changed.")
@at_most_option
@with_settings
def remove(
    settings: Settings, name: str, forget: bool, detached: bool, yes: bool, at_most: int | None
) -> None:
    """Take a child away. Nothing in it is ever deleted."""
    if detached:
        adopt.detach(settings, name, yes=yes, at_most=at_most)
        return

    async def do(parts: OperatorParts) -> tuple[dict[str, int], str]:
        if forget:
            held = await presences.left_in(parts.store, name)
            stop_above(sum(held.values()), at_most, settings, "drop", "things")
        record = await cloud_rows.known(parts.store, name)
        left = await cloud_rows.remove(parts.store, parts.resources, parts.lifecycles, name, forget=forget)
        return left, await cloud_identity.let_go(parts, record)

    left, behind = with_parts(settings, do)
    for kind, number in sorted(left.items()):
        console.print(f"  forgotten: {number} {kind}")
    if behind:
        console.print(f"  {behind}", highlight=False)
    console.print(f"{name} is removed.")
