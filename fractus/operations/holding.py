"""Place and release holds. Only rows are written: workers and API processes read them by themselves."""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import Callable, Iterable

from sqlalchemy import bindparam, func, or_, select

from fractus.model.errors import Conflict, NotFound
from fractus.operations import cloud_rows
from fractus.reconcile.guard import holds as held
from fractus.store import clouds, holds
from fractus.store.clouds import CloudRecord
from fractus.store.holds import CORDONED, DRAINING, FROZEN, OPEN
from fractus.store.ledger import Notifier
from fractus.store.resources import Resources
from fractus.store.retrying import rerun_unless_written
from fractus.store.schema import PRESENCE, WORK
from fractus.store.transaction import Query, Reader, Store

#: How often `wait_idle` looks. Seconds.
_LOOK = 0.5

_p = PRESENCE.c
_under_way = Query(
    select(func.count()).where(
        WORK.c.cloud == bindparam("c"), WORK.c.claimed_by != "", WORK.c.claimed_until > bindparam("now")
    )
)
_begun = Query(
    select(func.count()).where(
        _p.cloud == bindparam("c"),
        _p.state == "pending",
        or_(
            _p.creating_since.is_not(None),
            _p.memory.like('%"doing":%'),
            _p.wanted & _p.remote_id.is_not(None),
            ~_p.wanted & _p.memory.like('%"delete_asked_at":%'),
        ),
    )
)
_waiting = Query(select(func.count()).where(WORK.c.cloud == bindparam("c")))


def who() -> str:
    """Who gives this command: user and machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        user = "somebody"
    return f"{user}@{socket.gethostname()}"


@rerun_unless_written
async def set_state(
    store: Store, notifier: Notifier, name: str, state: str, *, reason: str, by: str, unswept: bool = False
) -> CloudRecord:
    """Say what may be done in the cloud `name`; what was held up there goes on if it may. The row as it was before."""
    before = await cloud_rows.known(store, name)
    async with store.transaction() as tx:
        await clouds.hold(tx, name, state, reason=reason, by=by, unswept=unswept)
        _notify(notifier, await held.wake(tx, name), tx.after_commit)
    return before


async def lift(store: Store, notifier: Notifier, name: str, states: Iterable[str], to: str, by: str) -> None:
    """Take one of `states` off a cloud; `Conflict` with the right command where it is in another."""
    row = await cloud_rows.known(store, name)
    if row.state not in states:
        commands = {CORDONED: "uncordon", DRAINING: "uncordon", FROZEN: "thaw"}
        hint = f": fractus cloud {commands[row.state]} {name}" if row.state in commands else ""
        raise Conflict(f"The cloud '{name}' is {row.state}{hint}.")
    await set_state(store, notifier, name, to, reason="", by=by)


async def idle(reader: Reader, name: str, now: float) -> tuple[int, int, int]:
    """(calls that a worker may have under way there, changes begun there and not at their end, items that wait)."""
    numbers = [
        await reader.row(query, **values)
        for query, values in (
            (_under_way, {"c": name, "now": now}),
            (_begun, {"c": name}),
            (_waiting, {"c": name}),
        )
    ]
    calls, begun, waiting = (int(row[0]) if row else 0 for row in numbers)
    return calls, begun, waiting


async def wait_idle(
    store: Store,
    name: str,
    now: Callable[[], float],
    *,
    begun: bool,
    within: float,
    say: Callable[[str], None],
) -> bool:
    """Wait until nothing is under way in a cloud; with `begun`, nor begun there. False after `within` seconds."""
    end = now() + within
    printed = ""
    while True:
        calls, open_, waiting = await idle(store, name, now())
        if not calls and not (begun and open_):
            return True
        line = f"{calls} under way, {open_} begun and not at their end, {waiting} wait"
        if line != printed:
            say(line)
            printed = line
        if now() >= end:
            return False
        await asyncio.sleep(_LOOK)


@rerun_unless_written
async def place(store: Store, name: str, *, reason: str, by: str) -> None:
    """Place a global hold."""
    async with store.transaction() as tx:
        await holds.place(tx, name, reason, by)


@rerun_unless_written
async def release(store: Store, notifier: Notifier, name: str) -> bool:
    """Release a global hold; what it stopped goes on. Whether it was in force."""
    async with store.transaction() as tx:
        was = await holds.release(tx, name)
        for row in await clouds.every(tx):
            _notify(notifier, await held.wake(tx, row.name), tx.after_commit)
    return was


@rerun_unless_written
async def allow(store: Store, notifier: Notifier, name: str) -> bool:
    """Release the hold on automatic changes in a cloud and reset its count. Whether it was in force."""
    await cloud_rows.known(store, name)
    async with store.transaction() as tx:
        await holds.forget_automatic_changes(tx, name)
    return await release(store, notifier, holds.of_automatic_changes(name))


def _notify(
    notifier: Notifier, queues: list[str], after_commit: Callable[[Callable[[], None]], None]
) -> None:
    for queue in queues:
        after_commit(lambda name=queue: notifier.notify(name))  # type: ignore[misc]


async def freeze_resource(
    store: Store, resources: Resources, id: str, kind: str | None, *, reason: str, by: str
) -> str:
    """Make no outside change of one resource any more; its kind. `NotFound`, or `Conflict` where the id is not one."""
    kinds = [kind] if kind else list(resources.tables)
    found = [one for one in kinds if await resources.fetch(store, one, id) is not None]
    if not found:
        raise NotFound(f"No resource has the id '{id}'.")
    if len(found) > 1:
        raise Conflict(f"'{id}' is the id of several: {', '.join(found)}. Say which with --kind.")
    await place(store, holds.of_resource(found[0], id), reason=reason, by=by)
    return found[0]


async def thaw_resource(store: Store, notifier: Notifier, id: str) -> list[str]:
    """Release the holds on the resources with this id; their kinds."""
    ends = f"/{id}"
    on = [
        one.name
        for one in await holds.every(store)
        if one.name.startswith("resource/") and one.name.endswith(ends)
    ]
    for name in on:
        await release(store, notifier, name)
    return [name.split("/")[1] for name in on]


__all__ = [
    "CORDONED",
    "DRAINING",
    "FROZEN",
    "OPEN",
    "allow",
    "freeze_resource",
    "idle",
    "lift",
    "place",
    "release",
    "set_state",
    "thaw_resource",
    "wait_idle",
    "who",
]
