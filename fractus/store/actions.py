"""Actions as rows: written in the transaction that asks for them, and again in that which writes what came of a step.

An action is open as long as it has a due time: then it is looked at by itself, should its wake-up get lost. What is
finished stays as the history of its resource, the newest `KEPT` of it, until that is dropped
(`fractus.reconcile.queue.purge`). Nova keeps all of them; a server that is rebooted every minute for years must not
fill the database here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Double,
    Integer,
    String,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    update,
)

from fractus.model.action import Action, Event
from fractus.store.resources import MANY, among, by_sizes, padded
from fractus.store.schema import ACTION
from fractus.store.transaction import Query, Reader, Row, Transaction

_encode = msgspec.json.encode
_decode = msgspec.json.decode

_FIELDS = tuple(column.name for column in ACTION.c)
_c = ACTION.c
_values_of = {name: bindparam(name, type_=_c[name].type) for name in _FIELDS}
_all = select(*(_c[name] for name in _FIELDS))
_of = (_c.kind == bindparam("k"), _c.id == bindparam("i"))

#: Larger than every token, and than every stamp.
_NEWEST, _LATEST = 2**31 - 1, 1e308

_add = Query(insert(ACTION).values(_values_of))
_PROGRESS = ("state", "step", "due_at", "error", "events", "finished_at")
_save = Query(
    update(ACTION)
    .where(*_of, _c.token == bindparam("t", type_=Integer), _c.due_at.is_not(None))
    .values({name: bindparam(name, type_=_c[name].type) for name in _PROGRESS})
)
# Not in order: a database would read the whole history by its key for that.
_open = Query(_all.where(*_of, _c.due_at.is_not(None)))
_open_many = by_sizes(
    lambda size: _all.where(_c.kind == bindparam("k"), among(_c.id, "i", size), _c.due_at.is_not(None))
)
_history = Query(
    _all.where(
        *_of,
        _c.token < bindparam("below", type_=Integer),
        _c.at >= bindparam("since", type_=Double),
        _c.at < bindparam("before", type_=Double),
    )
    .order_by(_c.token.desc())
    .limit(bindparam("n"))
)
_of_request = Query(
    _all.where(*_of, _c.request_id == bindparam("r", type_=String)).order_by(_c.token).limit(MANY)
)
_due = Query(
    select(_c.kind, _c.id)
    .where(_c.due_at <= bindparam("now", type_=Double))
    .order_by(_c.due_at)
    .limit(bindparam("n"))
)
_put_off = Query(
    update(ACTION)
    .where(*_of, _c.due_at <= bindparam("now", type_=Double))
    .values(due_at=bindparam("later", type_=Double))
)
_close = Query(
    update(ACTION)
    .where(*_of, _c.due_at.is_not(None))
    .values(
        state=bindparam("s", type_=String),
        due_at=literal_column("NULL", Double),
        finished_at=bindparam("now", type_=Double),
    )
)
#: So many of a resource are kept for good; older ones that are finished go when `_TRIM` more have been asked for.
KEPT, _TRIM = 1000, 100

_old = (*_of, _c.token <= bindparam("t", type_=Integer), _c.due_at.is_(None))
_oldest = Query(select(_c.token).where(*_old).order_by(_c.token).limit(1))
_trim = Query(delete(ACTION).where(*_old, _c.token >= bindparam("first", type_=Integer)))
_forget = Query(delete(ACTION).where(*_of))


def _load(row: Row) -> Action:
    fields = dict(zip(_FIELDS, row, strict=True))
    fields["args"] = _decode(fields["args"])
    fields["events"] = _decode(fields["events"], type=list[Event])
    return Action(**fields)


def _values(action: Action) -> dict[str, Any]:
    values = {name: getattr(action, name) for name in _FIELDS}
    values["args"] = _encode(action.args).decode()
    values["events"] = _encode(action.events).decode()
    return values


async def add(tx: Transaction, action: Action) -> None:
    """Write down what is asked of a resource, with the resource itself: before any cloud is called (law 1)."""
    await tx.put(_add, _values(action))
    if action.token > KEPT and action.token % _TRIM == 0:
        await _drop_oldest(tx, action)


async def _drop_oldest(tx: Transaction, action: Action) -> None:
    """Drop what is older than the kept ones, and of a history that has grown far longer only so much at a time."""
    of: dict[str, Any] = {"k": action.kind, "i": action.id}
    oldest = await tx.row(_oldest, **of, t=action.token - KEPT)
    if oldest is not None:
        first = int(oldest[0])
        last = min(action.token - KEPT, first + 2 * _TRIM - 1)
        await tx.put(_trim, {**of, "first": first, "t": last})


async def save(tx: Transaction, action: Action) -> None:
    """Write what became of an open action. One that is finished by now stays as it is."""
    values = _values(action)
    progress = {name: values[name] for name in _PROGRESS}
    await tx.put(_save, {"k": action.kind, "i": action.id, "t": action.token, **progress})


async def open_of(reader: Reader, kind: str, id: str) -> list[Action]:
    """The actions of a resource that are not finished, oldest first."""
    return _in_order(_load(row) for row in await reader.rows(_open, k=kind, i=id))


async def open_of_many(reader: Reader, kind: str, ids: Sequence[str]) -> dict[str, list[Action]]:
    """The same of several resources; those that have none are left out."""
    found: dict[str, list[Action]] = {}
    for first in range(0, len(ids), MANY):
        query, asked = padded(_open_many, "i", ids[first : first + MANY])
        for row in await reader.rows(query, k=kind, **asked):
            action = _load(row)
            found.setdefault(action.id, []).append(action)
    return {id: _in_order(some) for id, some in found.items()}


def _in_order(some: Iterable[Action]) -> list[Action]:
    return sorted(some, key=lambda one: one.token)


async def history(
    reader: Reader,
    kind: str,
    id: str,
    limit: int,
    *,
    below: int | None = None,
    since: float = -_LATEST,
    before: float = _LATEST,
) -> list[Action]:
    """Actions of a resource, newest first: at most `limit` of those whose token is smaller than `below` (None: of all),
    asked for at or after `since` and before `before`.
    """
    at_most = _NEWEST if below is None else below
    rows = await reader.rows(_history, k=kind, i=id, below=at_most, since=since, before=before, n=limit)
    return [_load(row) for row in rows]


async def of_request(reader: Reader, kind: str, id: str, request_id: str) -> list[Action]:
    """What one request asked of a resource, oldest first."""
    return [_load(row) for row in await reader.rows(_of_request, k=kind, i=id, r=request_id)]


async def due(reader: Reader, now: float, limit: int) -> list[tuple[str, str]]:
    """(kind, id) of resources with an action that is to be looked at by now, each once, the longest due first."""
    rows = await reader.rows(_due, now=now, n=limit)
    return list(dict.fromkeys((kind, id) for kind, id in rows))


async def put_off(tx: Transaction, kind: str, id: str, now: float, later: float) -> None:
    """Have what is due of a resource by `now` looked at again at `later`, should nothing have come of it."""
    await tx.execute(_put_off, k=kind, i=id, now=now, later=later)


async def close(tx: Transaction, kind: str, id: str, state: str) -> None:
    """Nothing more will be done about what is open of a resource: it ends in `state`."""
    await tx.put(_close, {"k": kind, "i": id, "s": state, "now": tx.now()})


async def forget(tx: Transaction, kind: str, id: str) -> None:
    """Drop the history of a resource, with the resource."""
    await tx.put(_forget, {"k": kind, "i": id})
