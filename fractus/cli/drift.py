"""`fractus drift ...`: what clouds have otherwise than fractus wants it, and what is to be done about that."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec
from rich.table import Table

from fractus.base.clock import iso
from fractus.cli.cap import at_most_option, stop_above
from fractus.cli.frame import with_settings
from fractus.cli.parts import console, with_parts
from fractus.model.errors import NotFound
from fractus.operations.drift import (
    adopt_unmatched,
    apply,
    as_reported,
    check_names,
    finding_document,
    is_meant,
    known,
    listed_at,
    no_such,
    remedies_of,
)
from fractus.operations.parts import OperatorParts
from fractus.reconcile.sweep.remedy import ADOPT, FORGET, IGNORE, REOPEN, REPAIR, Deed, chosen, shown
from fractus.settings.loading import Settings
from fractus.store import drift_rules
from fractus.store.findings import CHANGED, FOREIGN, IGNORED, OPEN, ORPHAN, WHATS, Finding

#: The longest text of a value in a table.
_LONGEST = 60


@click.group("drift")
def drift_group() -> None:
    """What others changed in the clouds: list it, and adopt, ignore, repair or forget it."""


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which findings are meant."""
    for option in (
        click.option("--project", default="", metavar="ID", help="Only of this project."),
        click.option("--what", type=click.Choice(WHATS), default=None, help="Only findings of this sort."),
        click.option("--kind", default="", help="Only of this kind (server, network, port ...)."),
        click.option("--cloud", default="", help="Only in this cloud."),
    ):
        command = option(command)
    return command


def _meant(cloud: str, kind: str, what: str | None, project: str) -> dict[str, str]:
    return {"cloud": cloud, "kind": kind, "what": what or "", "project_id": project}


@drift_group.command("list")
@_filters
@click.option("--ignored", is_flag=True, help="Also what is ignored.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings
def list_drift(
    settings: Settings, cloud: str, kind: str, what: str | None, project: str, ignored: bool, as_json: bool
) -> None:
    """What clouds have otherwise than is wanted. Things that were never ours are shown with --what foreign only."""
    filters = _meant(cloud, kind, what, project)

    async def do(parts: OperatorParts) -> list[dict[str, Any]]:
        await check_names(parts, cloud, kind)
        every, _ = await chosen(parts.store, (), filters, every=True)
        full = await listed_at(parts)
        return [
            finding_document(one, full)
            for one in every
            if (one.what != FOREIGN or what == FOREIGN) and (ignored or one.state == OPEN)
        ]

    found = with_parts(settings, do)
    if as_json:
        click.echo(json.dumps(found, indent=2, sort_keys=True))
    elif not found:
        console.print("Nothing: what the clouds have is what is wanted.")
    else:
        console.print(_table(found))


def _table(found: Sequence[dict[str, Any]]) -> Table:
    table = Table()
    for name in ("id", "cloud", "kind", "what", "name", "difference"):
        # What is typed again, and what says most at a glance, is not cut off on a narrow terminal.
        table.add_column(name, no_wrap=name in ("id", "kind", "what"), overflow="fold")
    for one in found:
        what = one["what"] if one["state"] == OPEN else f"{one['what']} ({IGNORED})"
        table.add_row(one["id"], one["cloud"], one["kind"], what, one["name"], _summary(one))
    return table


def _summary(one: dict[str, Any]) -> str:
    return "\n".join(
        f"{each['field']}: {_short(each['found'])}, wanted {_short(each['wanted'])}"
        + (" (ignored)" if each["ignored"] else "")
        for each in one["differences"]
    )


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


@drift_group.command("show")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings
def show(settings: Settings, id: str, as_json: bool) -> None:
    """All of the finding ID, and what each verb would do about it."""

    async def do(parts: OperatorParts) -> dict[str, Any]:
        one = await known(parts, id)
        remedies = remedies_of(parts)
        verbs = {verb: remedies.foresee(one, verb) for verb in (REPAIR, ADOPT, IGNORE, FORGET)}
        document = finding_document(one, await listed_at(parts))
        document["verbs"] = {
            verb: deed.text if deed.able else f"cannot: {deed.text}" for verb, deed in verbs.items()
        }
        return document

    one = with_parts(settings, do)
    if as_json:
        click.echo(json.dumps(one, indent=2, sort_keys=True))
        return
    table = Table("field", "value", show_header=False)
    for key in ("id", "cloud", "kind", "what", "state", "name", "resource_id", "remote_id", "project_id"):
        table.add_row(key, str(one[key]))
    table.add_row("first seen", one["first_seen"])
    table.add_row("last seen", one["last_seen"])
    for each in one["differences"]:
        ignored = " (ignored)" if each["ignored"] else ""
        table.add_row(
            f"{each['field']}{ignored}", f"there {shown(each['found'])}\nwanted {shown(each['wanted'])}"
        )
    for verb, text in one["verbs"].items():
        table.add_row(verb, text)
    console.print(table)


def _verb(name: str, sentence: str) -> None:
    """Makes one command of a verb: all have the same options, and print before they do."""

    @click.argument("ids", nargs=-1, metavar="[ID]...")
    @click.option(
        "--all",
        "every",
        is_flag=True,
        help="All that the filters select; of orphans and others' things only with --what.",
    )
    @_filters
    @click.option(
        "--field", "fields", multiple=True, help="Only this field of what was changed; may be repeated."
    )
    @click.option("--yes", is_flag=True, help="Do it; without this it is only said what would be done.")
    @at_most_option
    @with_settings
    def command(settings: Settings, /, **options: Any) -> None:
        _run(settings, name, **options)

    command.__doc__ = sentence
    drift_group.command(name)(command)


def _run(
    settings: Settings,
    verb: str,
    *,
    ids: Sequence[str],
    every: bool,
    cloud: str,
    kind: str,
    what: str | None,
    project: str,
    fields: Sequence[str],
    yes: bool,
    at_most: int | None,
) -> None:
    if bool(ids) == every:
        raise click.ClickException("Say which findings: their IDs, or --all with filters.")
    filters = _meant(cloud, kind, what, project)

    async def do(parts: OperatorParts) -> list[tuple[Finding, Deed]]:
        await check_names(parts, cloud, kind)
        found, unknown = await chosen(parts.store, ids, filters, every=every)
        if unknown:
            raise NotFound(no_such(", ".join(unknown)))
        remedies = remedies_of(parts)
        # All that is selected means what is open and surely ours; orphans may be another fractus's over the same cloud.
        found = [one for one in found if ids or is_meant(one, verb, what)]
        foreseen = [(one, remedies.foresee(one, verb, fields)) for one in found]
        able = [one for one, deed in foreseen if deed.able]
        if yes:
            stop_above(len(able), at_most, settings, verb, "things")
        unmatched = [one for one in able if verb == ADOPT and one.what in (FOREIGN, ORPHAN)]
        for report in await adopt_unmatched(parts, unmatched, dry_run=not yes):
            foreseen = [(one, as_reported(one, deed, report)) for one, deed in foreseen]
        if not yes:
            return foreseen
        done = []
        for one, deed in foreseen:
            if deed.able and one not in unmatched:
                deed = await apply(parts, remedies, one, verb, fields)
            done.append((one, deed))
        return done

    _print_deeds(with_parts(settings, do), verb, yes=yes)


def _print_deeds(deeds: Sequence[tuple[Finding, Deed]], verb: str, *, yes: bool) -> None:
    able = 0
    for one, deed in deeds:
        name = f"{one.kind} {one.detail or one.remote_id}"
        able += deed.able
        text = deed.text if deed.able else f"cannot be done: {deed.text}"
        console.print(f"{one.id}  {name}: {text}", markup=False)
    if not deeds:
        console.print("There is nothing that this is about.")
    elif yes:
        then = " Workers see to it now." if verb == REPAIR and able else ""
        console.print(f"Done with {able} of {len(deeds)}.{then}")
    else:
        console.print(f"Nothing was done. To {verb} {able} of {len(deeds)}, say it again with --yes.")
    if yes and able < len(deeds):
        raise SystemExit(1)


_verb(
    REPAIR,
    "Make it in the cloud as it is wanted; delete an orphan there. Things that are not ours are not touched.",
)
_verb(ADOPT, "What was found becomes what is wanted.")
_verb(IGNORE, "Tell it as open no more, until it changes again.")
_verb(FORGET, "Drop what is gone from its cloud, or drop the report of an orphan.")
_verb(REOPEN, "Tell as open again what is ignored.")


@drift_group.group("rule")
def rule_group() -> None:
    """What is done about findings without asking, after each sweep."""


@rule_group.command("add")
@click.option("--what", type=click.Choice(WHATS), required=True, help="Findings of this sort.")
@click.option("--then", "verb", type=click.Choice((IGNORE, REPAIR, ADOPT, FORGET)), required=True)
@click.option("--cloud", default="", help="Only in this cloud.")
@click.option("--kind", default="", help="Only of this kind.")
@click.option("--field", default="", help="Only this field of what was changed.")
@with_settings
def add_rule(settings: Settings, what: str, verb: str, cloud: str, kind: str, field: str) -> None:
    """From now on do this with such findings. The oldest rule that is about a finding decides."""
    if field and what != CHANGED:
        raise click.ClickException("Only what was changed has fields: --field goes with --what changed.")
    if what == FOREIGN and verb in (REPAIR, FORGET):
        raise click.ClickException("What is not ours is never touched: it can be adopted or ignored.")
    if what in (FOREIGN, ORPHAN) and verb == ADOPT:
        raise click.ClickException(
            "Things are taken over by `fractus drift adopt` and `fractus cloud adopt`."
        )

    async def do(parts: OperatorParts) -> str:
        await check_names(parts, cloud, kind)
        async with parts.store.transaction() as tx:
            made = await drift_rules.add(tx, what=what, cloud=cloud, kind=kind, field=field, verb=verb)
        return made.id

    console.print(f"Rule {with_parts(settings, do)} is added; the next sweep of each cloud applies it.")


@rule_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings
def list_rules(settings: Settings, as_json: bool) -> None:
    """All rules, in the order in which they are asked."""
    rules = with_parts(settings, lambda parts: drift_rules.every(parts.store))
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(one) for one in rules], indent=2, sort_keys=True))
        return
    table = Table("id", "what", "cloud", "kind", "field", "then", "since")
    for one in rules:
        table.add_row(
            one.id,
            one.what,
            one.cloud or "any",
            one.kind or "any",
            one.field or "any",
            one.verb,
            iso(one.created_at),
        )
    console.print(table if rules else "There are no rules.")


@rule_group.command("remove")
@click.argument("id")
@with_settings
def remove_rule(settings: Settings, id: str) -> None:
    """Do it no more. What the rule did stays done."""

    async def do(parts: OperatorParts) -> bool:
        async with parts.store.transaction() as tx:
            return await drift_rules.drop(tx, id)

    if not with_parts(settings, do):
        raise click.ClickException(f"There is no rule '{id}'.")
    console.print(f"Rule {id} is removed.")
