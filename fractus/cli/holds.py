"""Holds on the command line: of one cloud (`fractus cloud ...`), and global ones."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from fractus.base.clock import iso
from fractus.cli.frame import with_settings
from fractus.cli.parts import console, with_parts
from fractus.operations import holding
from fractus.operations.parts import OperatorParts
from fractus.settings.loading import Settings
from fractus.store import holds
from fractus.store.clouds import CloudRecord
from fractus.store.holds import ALL_FROZEN, CORDONED, DRAINING, FROZEN, OPEN, READ_ONLY, Hold

#: What a worker says of itself it says again every half minute; what is older was left by one that died. Seconds.
_VALID_FOR = 120.0
_OF_WORKERS = ("link/", "slowed/")

_reason = click.option("--reason", default="", help="Why, for users and for other operators.")
_wait = click.option("--wait", is_flag=True, help="Return when nothing is under way there any more.")
_within = click.option(
    "--timeout",
    "within",
    type=click.FloatRange(min=0),
    default=600.0,
    show_default=True,
    help="Seconds that --wait waits; then exit code 1.",
)


def state_of(row: CloudRecord, *, whole: bool = False) -> str:
    """What may be done in a cloud, in words; `whole`: also why, who said so and when."""
    words = [] if row.enabled else ["disabled"]
    if row.state != OPEN:
        text = row.state + (", not swept" if row.unswept else "")
        if whole:
            at = iso(row.state_at) if row.state_at else "?"
            text += f" by {row.state_by or 'fractus'} at {at}"
            text += f": {row.state_reason}" if row.state_reason else ""
        words.append(text)
    return ", ".join(words) or "open"


def lines_of_holds(on: Sequence[Hold], now: float) -> list[str]:
    """One line for each global hold in force."""
    lines = []
    for one in on:
        if one.name.startswith(_OF_WORKERS) and now - one.at > _VALID_FOR:
            continue
        why = f": {one.reason}" if one.reason else ""
        lines.append(f"hold {_named(one.name)}, by {one.by or 'fractus'} since {iso(one.at)}{why}")
    return lines


def about(cloud: str, on: Sequence[Hold]) -> list[Hold]:
    """Those that concern one cloud, which of the whole all do."""
    named = (holds.of_automatic_changes(cloud), *holds.OF_ALL)
    slowed = holds.of_slowed(cloud, "")
    return [one for one in on if one.name in named or one.name.startswith((slowed, "link/"))]


def _named(name: str) -> str:
    first, _, rest = name.partition("/")
    if first == "resource":
        return f"{rest.replace('/', ' ', 1)} is frozen"
    if first == "link":
        return f"link of {rest} is suspect, nothing is moved away from silent clouds"
    if first == "slowed":
        return f"{rest.split('/')[0]} is asked for less at once"
    if first == "unasked":
        return f"no more automatic changes in {rest}"
    return {READ_ONLY: "read-only", ALL_FROZEN: "all clouds are frozen"}.get(name, name)


def _set(settings: Settings, name: str, state: str, reason: str, *, unswept: bool = False) -> CloudRecord:
    return with_parts(
        settings,
        lambda parts: holding.set_state(
            parts.store, parts.notifier, name, state, reason=reason, by=holding.who(), unswept=unswept
        ),
    )


def _await_idle(settings: Settings, name: str, within: float, *, begun: bool) -> None:
    async def do(parts: OperatorParts) -> bool:
        return await holding.wait_idle(
            parts.store,
            name,
            parts.now,
            begun=begun,
            within=within,
            say=lambda line: console.print(f"  {line}"),
        )

    if not with_parts(settings, do):
        raise click.ClickException(f"{name} is not idle after {within:g} s.")
    console.print(f"{name} is idle.")


@click.command("cordon")
@click.argument("name")
@_reason
@with_settings
def cordon(settings: Settings, name: str, reason: str) -> None:
    """Let nothing new into the cloud NAME. What is there goes on, and can be changed and deleted."""
    _set(settings, name, CORDONED, reason)
    console.print(f"{name} is cordoned. Open it again: fractus cloud uncordon {name}")


@click.command("uncordon")
@click.argument("name")
@with_settings
def uncordon(settings: Settings, name: str) -> None:
    """Open the cloud NAME again, after `cordon` or `drain-work`."""
    with_parts(
        settings,
        lambda parts: holding.lift(
            parts.store, parts.notifier, name, (CORDONED, DRAINING), OPEN, holding.who()
        ),
    )
    console.print(f"{name} is open.")


@click.command("drain-work")
@click.argument("name")
@_reason
@_wait
@_within
@with_settings
def drain_work(settings: Settings, name: str, reason: str, wait: bool, within: float) -> None:
    """Begin no new change in the cloud NAME, and finish what is under way. Nothing new goes there either.

    What users ask for meanwhile is accepted and waits. Servers stay where they are and run on.
    """
    _set(settings, name, DRAINING, reason)
    console.print(f"{name} is draining. Open it again: fractus cloud uncordon {name}")
    if wait:
        _await_idle(settings, name, within, begun=True)


@click.command("freeze")
@click.argument("name")
@_reason
@click.option("--no-sweep", is_flag=True, help="Do not even look: for a cloud that must be left quite alone.")
@_wait
@_within
@with_settings
def freeze(settings: Settings, name: str, reason: str, no_sweep: bool, wait: bool, within: float) -> None:
    """Make no change in the cloud NAME at all, until `thaw`. What users ask for is accepted and waits.

    No change is begun once this returns; one call of each that had begun may still be on its way (--wait waits for
    those). What is shown of the cloud stays up to date, for sweeps go on.
    """
    _set(settings, name, FROZEN, reason, unswept=no_sweep)
    console.print(f"{name} is frozen. Go on: fractus cloud thaw {name}")
    if wait:
        _await_idle(settings, name, within, begun=False)


@click.command("thaw")
@click.argument("name")
@click.option("--cordoned", is_flag=True, help="Go on with what waits, and still let nothing new in.")
@with_settings
def thaw(settings: Settings, name: str, cordoned: bool) -> None:
    """Go on in the cloud NAME: what waited starts at once."""
    to = CORDONED if cordoned else OPEN
    with_parts(
        settings, lambda parts: holding.lift(parts.store, parts.notifier, name, (FROZEN,), to, holding.who())
    )
    console.print(f"{name} is {to}.")


@click.command("allow")
@click.argument("name")
@with_settings
def allow(settings: Settings, name: str) -> None:
    """Allow automatic changes in the cloud NAME again, after fractus made too many at once and stopped."""
    if not with_parts(settings, lambda parts: holding.allow(parts.store, parts.notifier, name)):
        raise click.ClickException(f"Nothing is held back in {name}.")
    console.print(f"Moves, remakes and repairs in {name} go on.")


CLOUD_COMMANDS = (cordon, uncordon, drain_work, freeze, thaw, allow)


@click.command("freeze")
@click.option("--all", "all_", is_flag=True, required=True, help="All clouds: one is `fractus cloud freeze`.")
@_reason
@with_settings
def freeze_all(settings: Settings, all_: bool, reason: str) -> None:
    """Stop every change in every cloud until `fractus thaw --all`. Requests are accepted and wait; sweeps go on."""
    with_parts(
        settings, lambda parts: holding.place(parts.store, ALL_FROZEN, reason=reason, by=holding.who())
    )
    console.print("All clouds are frozen. Go on: fractus thaw --all")


@click.command("thaw")
@click.option("--all", "all_", is_flag=True, required=True, help="All clouds: one is `fractus cloud thaw`.")
@with_settings
def thaw_all(settings: Settings, all_: bool) -> None:
    """Allow changes again after `fractus freeze --all`. A cloud that was frozen by its own command stays frozen."""
    was = _release(settings, ALL_FROZEN)
    console.print("What waited goes on." if was else "All clouds were not frozen; nothing was changed.")


def _release(settings: Settings, name: str) -> bool:
    return with_parts(settings, lambda parts: holding.release(parts.store, parts.notifier, name))


@click.group("read-only")
def read_only_group() -> None:
    """Refuse every write of users (503, with the reason) while reads go on, or accept them again."""


@read_only_group.command("on")
@_reason
@click.option("--all", "all_", is_flag=True, help="Freeze all clouds too: accepted work waits.")
@with_settings
def read_only_on(settings: Settings, reason: str, all_: bool) -> None:
    """Refuse every write from now on; within a second in all API processes. Accepted work goes on, unless --all."""

    async def do(parts: OperatorParts) -> None:
        names = (READ_ONLY, ALL_FROZEN) if all_ else (READ_ONLY,)
        for name in names:
            await holding.place(parts.store, name, reason=reason, by=holding.who())

    with_parts(settings, do)
    console.print("Read-only is on. Off again: fractus read-only off" + (" --all" if all_ else ""))


@read_only_group.command("off")
@click.option("--all", "all_", is_flag=True, help="Thaw all clouds too.")
@with_settings
def read_only_off(settings: Settings, all_: bool) -> None:
    """Take writes again."""
    was = _release(settings, READ_ONLY)
    console.print("Read-only is off." if was else "Read-only was not on; nothing was changed.")
    if all_ and _release(settings, ALL_FROZEN):
        console.print("What waited goes on.")


@read_only_group.command("show")
@with_settings
def read_only_show(settings: Settings) -> None:
    """Say whether it is on, since when, by whom and why, with all other global holds."""

    async def do(parts: OperatorParts) -> list[Hold]:
        return await holds.every(parts.store)

    on = with_parts(settings, do)
    for line in lines_of_holds(on, time.time()):
        console.print(line, markup=False)
    if not any(one.name == READ_ONLY for one in on):
        console.print("Read-only is off.")
