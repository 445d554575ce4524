"""Presences: one resource in one cloud."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from fractus.model.resource import BLOCKED, PENDING, SETTLED, Need, Presence
from fractus.store.resources import MANY, among, by_sizes, mode_of, padded
from fractus.store.schema import ACTION, FINDING, NEED, PRESENCE, WORK
from fractus.store.transaction import Query, Reader, Row, Transaction, add_new_row

__all__ = ["BLOCKED", "PENDING", "SETTLED", "Presence"]

_encode = msgspec.json.encode
_decode = msgspec.json.decode


_FIELDS = tuple(column.name for column in PRESENCE.c)


@lru_cache(maxsize=2048)
def _observed_of(text: str) -> dict[str, Any]:
    """What was seen is never changed, only replaced; and of what many need (an image, a network) all read the same."""
    fresh: dict[str, Any] = _decode(text)
    return fresh


def _load(row: Row) -> Presence:
    fields = dict(zip(_FIELDS, row, strict=True))
    fields["wanted"] = bool(fields["wanted"])
    fields["observed"] = None if fields["observed"] is None else _observed_of(fields["observed"])
    fields["memory"] = _decode(fields["memory"])
    return Presence(**fields)


def _values(presence: Presence) -> dict[str, Any]:
    values = {name: getattr(presence, name) for name in _FIELDS}
    values["observed"] = None if presence.observed is None else _encode(presence.observed).decode()
    values["memory"] = _encode(presence.memory).decode()
    return values


Standing: TypeAlias = tuple[Any, ...]

_c = PRESENCE.c
_all = select(*(PRESENCE.c[name] for name in _FIELDS))
_of = Query(_all.where(_c.kind == bindparam("k"), _c.id == bindparam("i")).order_by(_c.created_at, _c.cloud))
_here = _all.where(_c.kind == bindparam("k"), _c.id == bindparam("i"), _c.cloud == bindparam("c"))
_one = Query(_here)
_one_acting = Query(
    _here.add_columns(
        exists().where(ACTION.c.kind == _c.kind, ACTION.c.id == _c.id, ACTION.c.due_at.is_not(None))
    )
)
_one_to_write = Query(_here.with_for_update())
_by_remote = Query(
    _all.where(_c.cloud == bindparam("c"), _c.kind == bindparam("k"), _c.remote_id == bindparam("r"))
)


def _there(size: int) -> ColumnElement[bool]:
    return and_(_c.cloud == bindparam("c"), _c.kind == bindparam("k"), among(_c.remote_id, "r", size))


_by_remotes = by_sizes(lambda size: _all.where(_there(size)))
_observed = by_sizes(lambda size: select(_c.remote_id, _c.observed, _c.memory).where(_there(size)))
_of_many = by_sizes(
    lambda size: _all.where(_c.kind == bindparam("k"), among(_c.id, "i", size)).order_by(
        _c.created_at, _c.cloud
    )
)


#: What (kind, id) needs, and what there is of that in one cloud: one statement for all of it.
@lru_cache(maxsize=64)
def _of_needs(tables: tuple[tuple[str, Table], ...]) -> Query:
    """`tables`: where the resources of each kind lie, so that their generations are read along. Of what its user has
    removed nothing more is asked: it is used as it is for as long as something needs it.
    """
    asked = [
        (
            NEED.c.need_kind == kind,
            select(table.c.generation).where(table.c.id == NEED.c.need_id, table.c.wanted.is_(True)),
        )
        for kind, table in tables
    ]
    return Query(
        select(
            NEED.c.need_kind,
            NEED.c.need_id,
            NEED.c.exclusive,
            NEED.c.loose,
            NEED.c.mode,
            NEED.c.generation,
            case(*((which, one.scalar_subquery()) for which, one in asked), else_=0) if asked else literal(0),
            *(PRESENCE.c[name] for name in _FIELDS),
        )
        .select_from(
            NEED.outerjoin(
                PRESENCE,
                (_c.kind == NEED.c.need_kind) & (_c.id == NEED.c.need_id) & (_c.cloud == bindparam("c")),
            )
        )
        .where(NEED.c.kind == bindparam("k"), NEED.c.id == bindparam("i"))
    )


#: Whether anything that (kind, id) needs, and waits for, is not to be in one cloud any more.
_needs_leave = Query(
    select(NEED.c.need_id)
    .select_from(
        NEED.outerjoin(
            PRESENCE,
            (_c.kind == NEED.c.need_kind) & (_c.id == NEED.c.need_id) & (_c.cloud == bindparam("c")),
        )
    )
    .where(
        NEED.c.kind == bindparam("k"),
        NEED.c.id == bindparam("i"),
        NEED.c.loose.is_(False),
        or_(_c.wanted.is_(None), _c.wanted.is_(False)),
    )
    .limit(1)
)
_in_cloud = Query(
    _all.where(_c.cloud == bindparam("c"), _c.kind == bindparam("k"), _c.id > bindparam("after"))
    .order_by(_c.id)
    .limit(bindparam("n"))
)
_add = Query(insert(PRESENCE).values({name: bindparam(name) for name in _FIELDS}))
_add_new = add_new_row(PRESENCE, {name: bindparam(name) for name in _FIELDS})
_save = Query(
    update(PRESENCE)
    .where(_c.kind == bindparam("k"), _c.id == bindparam("i"), _c.cloud == bindparam("c"))
    .values({name: bindparam(name) for name in _FIELDS if name not in ("kind", "id", "cloud")})
)
#: What a look at a cloud learns of most things: no index knows of it.
_LEARNT = ("observed", "observed_at", "memory")
_STANDING = tuple(name for name in _FIELDS if name not in _LEARNT)
_save_learnt = Query(
    update(PRESENCE)
    .where(_c.kind == bindparam("k"), _c.id == bindparam("i"), _c.cloud == bindparam("c"))
    .values({name: bindparam(name) for name in _LEARNT})
)
_drop = Query(
    delete(PRESENCE).where(_c.kind == bindparam("k"), _c.id == bindparam("i"), _c.cloud == bindparam("c"))
)
_unfind = Query(
    delete(FINDING).where(
        FINDING.c.cloud == bindparam("c"),
        FINDING.c.kind == bindparam("k"),
        FINDING.c.remote_id == bindparam("r"),
    )
)
_count = Query(
    select(_c.cloud, func.count())
    .where(_c.kind == bindparam("k"), _c.wanted == bindparam("w", type_=Boolean))
    .group_by(_c.cloud)
)


@lru_cache(maxsize=64)
def _standing(kinds: tuple[str, ...]) -> Query:
    """Of each kind: whether a cloud holds anything of it, and whether any of that is not settled."""
    here = _c.cloud == bindparam("c")
    held = [exists().where(here, _c.kind == kind) for kind in kinds]
    under_way = [exists().where(here, _c.state == PENDING, _c.kind == kind) for kind in kinds]
    return Query(select(*(one.label(f"e{at}") for at, one in enumerate([*held, *under_way]))))


_left = Query(select(_c.kind, func.count()).where(_c.cloud == bindparam("c")).group_by(_c.kind))
_unsettled = Query(
    _all.where(
        _c.cloud == bindparam("c"), _c.kind == bindparam("k"), _c.state == PENDING, _c.remote_id.is_not(None)
    ).limit(bindparam("n"))
)
_unattended = Query(
    select(_c.kind, _c.id)
    .select_from(
        PRESENCE.outerjoin(WORK, (WORK.c.kind == _c.kind) & (WORK.c.id == _c.id) & (WORK.c.cloud == _c.cloud))
    )
    .where(_c.cloud == bindparam("c"), _c.state == PENDING, WORK.c.kind.is_(None))
)
_dependents = Query(
    select(_c.kind, _c.id)
    .select_from(PRESENCE.join(NEED, (NEED.c.kind == _c.kind) & (NEED.c.id == _c.id)))
    .where(
        NEED.c.need_kind == bindparam("k"),
        NEED.c.need_id == bindparam("i"),
        _c.cloud == bindparam("c"),
        or_(NEED.c.loose.is_(False), bindparam("all", type_=Boolean)),
        or_(_c.remote_id.is_not(None), _c.creating_since.is_not(None), bindparam("all", type_=Boolean)),
    )
    .limit(bindparam("n"))
)


#: The clouds of some of those of one kind that need (kind, id).
_needs_user = NEED.alias("needs_user")

_users = Query(
    select(_c.cloud)
    .select_from(NEED.outerjoin(PRESENCE, (NEED.c.kind == _c.kind) & (NEED.c.id == _c.id)))
    .where(
        NEED.c.need_kind == bindparam("k"),
        NEED.c.need_id == bindparam("i"),
        # Said in such a way that SQLite begins with what is needed, and not with everything of the kind `by`.
        case((and_(NEED.c.kind == bindparam("by"), _c.wanted.is_(True)), 1), else_=0) == 1,
        exists().where(
            _needs_user.c.need_kind == NEED.c.kind,
            _needs_user.c.need_id == NEED.c.id,
            case((_needs_user.c.kind == bindparam("of"), 1), else_=0) == 1,
        ),
    )
    .limit(bindparam("n"))
)


_user_counts = Query(
    select(_c.cloud, func.count())
    .select_from(NEED.join(PRESENCE, (NEED.c.kind == _c.kind) & (NEED.c.id == _c.id)))
    .where(
        NEED.c.need_kind == bindparam("k"),
        NEED.c.need_id == bindparam("i"),
        case((and_(NEED.c.kind == bindparam("by"), _c.wanted.is_(True)), 1), else_=0) == 1,
    )
    .group_by(_c.cloud)
)


@lru_cache(maxsize=64)
def _astray(followed: tuple[str, ...]) -> Query:
    """Of a kind that follows others: what is not in a cloud where it should be, by the rule of
    `reconcile.converge.following`, and what is there and should not.
    """
    own = PRESENCE.alias("own")

    def here(need: FromClause, other: FromClause) -> ColumnElement[bool]:
        """That what is followed has a presence in the cloud that is to stay."""
        same = and_(other.c.kind == need.c.need_kind, other.c.id == need.c.need_id)
        return and_(same, other.c.cloud == bindparam("c"), other.c.wanted.is_(True))

    def of(need: FromClause, owner: FromClause) -> ColumnElement[bool]:
        """That it is a need of `owner`, and decides where that is."""
        deciding = or_(*(need.c.need_kind == kind for kind in followed))
        return and_(need.c.kind == owner.c.kind, need.c.id == owner.c.id, deciding)

    def lacks_one(owner: FromClause) -> ColumnElement[bool]:
        """That one that it waits for is not there."""
        need, other = NEED.alias("awaited"), PRESENCE.alias("theirs")
        absent = select(need.c.need_id).select_from(need.outerjoin(other, here(need, other)))
        absent = absent.where(of(need, owner), need.c.loose.is_(False), other.c.id.is_(None))
        return absent.correlate(owner).exists()

    def has_any(owner: FromClause) -> ColumnElement[bool]:
        """That one is there."""
        need, other = NEED.alias("used"), PRESENCE.alias("theirs")
        there = select(need.c.need_id).select_from(need.join(other, here(need, other)))
        return there.where(of(need, owner)).correlate(owner).exists()

    other, owner = PRESENCE.alias("other"), NEED.alias("owner")
    ours = and_(own.c.kind == owner.c.kind, own.c.id == owner.c.id, own.c.cloud == bindparam("c"))
    missing = (
        select(owner.c.id)
        .select_from(owner.join(other, here(owner, other)).outerjoin(own, ours))
        .where(
            owner.c.kind == bindparam("k"),
            or_(*(owner.c.need_kind == kind for kind in followed)),
            own.c.id.is_(None),
            ~lacks_one(owner),
        )
    )
    surplus = select(own.c.id).where(
        own.c.cloud == bindparam("c"),
        own.c.kind == bindparam("k"),
        own.c.wanted.is_(True),
        or_(lacks_one(own), ~has_any(own)),
    )
    return Query(missing.union(surplus).limit(bindparam("n")))


async def of_resource(reader: Reader, kind: str, id: str) -> list[Presence]:
    """All presences of a resource, oldest first."""
    return [_load(row) for row in await reader.rows(_of, k=kind, i=id)]


async def of_resources(reader: Reader, kind: str, ids: Sequence[str]) -> dict[str, list[Presence]]:
    """All presences of each of these resources, oldest first."""
    found: dict[str, list[Presence]] = {id: [] for id in ids}
    for first in range(0, len(ids), MANY):
        query, asked = padded(_of_many, "i", ids[first : first + MANY])
        for row in await reader.rows(query, k=kind, **asked):
            presence = _load(row)
            found[presence.id].append(presence)
    return found


async def fetch(reader: Reader, kind: str, id: str, cloud: str, *, to_write: bool = False) -> Presence | None:
    """One presence. `to_write`: this transaction will save it, so others who will wait here and not at the end."""
    row = await reader.row(_one_to_write if to_write else _one, k=kind, i=id, c=cloud)
    return None if row is None else _load(row)


async def fetch_acting(reader: Reader, kind: str, id: str, cloud: str) -> Presence | None:
    """One presence, which says whether its resource has open actions (`Presence.acting`): in one statement."""
    row = await reader.row(_one_acting, k=kind, i=id, c=cloud)
    if row is None:
        return None
    presence = _load(row[:-1])
    presence.acting = bool(row[-1])
    return presence


async def by_remote(reader: Reader, cloud: str, kind: str, remote_id: str) -> Presence | None:
    """The presence that a thing in a cloud is, or None if it is not ours."""
    row = await reader.row(_by_remote, c=cloud, k=kind, r=remote_id)
    return None if row is None else _load(row)


async def by_remotes(reader: Reader, cloud: str, kind: str, remote_ids: Sequence[str]) -> dict[str, Presence]:
    """The presences of those things in a cloud that are ours, by their ids there."""
    found: dict[str, Presence] = {}
    for first in range(0, len(remote_ids), MANY):
        query, asked = padded(_by_remotes, "r", remote_ids[first : first + MANY])
        for row in await reader.rows(query, c=cloud, k=kind, **asked):
            presence = _load(row)
            found[presence.remote_id or ""] = presence
    return found


async def of_needs(
    reader: Reader, kind: str, id: str, cloud: str, tables: Mapping[str, Table] | None = None
) -> dict[Need, Presence | None]:
    """What (kind, id) needs, each with its presence in `cloud`, or None where there is none.

    `tables`: those of the kinds that may be needed; with them each presence says which generation is asked of it.
    """
    query = _of_needs(tuple((tables or {}).items()))
    found: dict[Need, Presence | None] = {}
    for need_kind, need_id, exclusive, optional, mode, since, asked, *row in await reader.rows(
        query, k=kind, i=id, c=cloud
    ):
        need = Need(need_kind, need_id, bool(exclusive), mode_of(optional, mode), since or 0)
        there = found[need] = None if row[0] is None else _load(tuple(row))
        if there is not None:
            there.asked = asked or 0
    return found


async def needs_leave(reader: Reader, kind: str, id: str, cloud: str) -> bool:
    """Whether something that (kind, id) needs there, and waits for, has no presence in `cloud` or an unwanted one."""
    return await reader.row(_needs_leave, k=kind, i=id, c=cloud) is not None


async def as_observed(
    reader: Reader, cloud: str, kind: str, fresh: Mapping[str, Mapping[str, Any]], mark: str
) -> set[str]:
    """Which of these things in a cloud (id there -> what was fresh) are just as we hold them, without `mark` in their
    memory. Of ten thousand that are listed nearly all are, so they are compared as they are stored, undecoded.
    """
    same: set[str] = set()
    ids, flag = list(fresh), f'"{mark}"'
    for first in range(0, len(ids), MANY):
        query, asked = padded(_observed, "r", ids[first : first + MANY])
        for remote_id, observed, memory in await reader.rows(query, c=cloud, k=kind, **asked):
            if flag not in memory and observed == _encode(fresh[remote_id]).decode():
                same.add(remote_id)
    return same


async def in_cloud(
    reader: Reader, cloud: str, kind: str, *, after: str = "", limit: int = 500
) -> list[Presence]:
    """Presences of a kind in a cloud by id, a page at a time."""
    return [_load(row) for row in await reader.rows(_in_cloud, c=cloud, k=kind, after=after, n=limit)]


async def add(tx: Transaction, presence: Presence) -> None:
    """Write a new presence: what should be in a cloud."""
    presence.created_at = presence.created_at or tx.now()
    await tx.put(_add, _values(presence))


async def add_new(tx: Transaction, presence: Presence) -> bool:
    """The same unless there is one; False where there is.

    Who looks first, in the transaction, keeps all others from writing near the place where none was.
    """
    presence.created_at = presence.created_at or tx.now()
    return bool(await tx.execute(_add_new, **_values(presence)))


async def save(tx: Transaction, presence: Presence, *, was: Standing | None = None) -> None:
    """Write a presence back. `was`: how it stood when this transaction read it; where it still does, only what was
    learnt of it is written, which costs no index.
    """
    values = _values(presence)
    key = {"k": values.pop("kind"), "i": values.pop("id"), "c": values.pop("cloud")}
    if was is not None and was == standing(presence):
        await tx.put(_save_learnt, {**key, **{name: values[name] for name in _LEARNT}})
    else:
        await tx.put(_save, {**key, **values})


def standing(presence: Presence) -> Standing:
    """All of it but what is learnt of it at each look."""
    return tuple([getattr(presence, name) for name in _STANDING])


async def drop(tx: Transaction, presence: Presence) -> None:
    """The cloud has confirmed that nothing is there. What was found about it is no longer true."""
    await tx.put(_drop, {"k": presence.kind, "i": presence.id, "c": presence.cloud})
    if presence.remote_id is not None:
        await tx.put(_unfind, {"c": presence.cloud, "k": presence.kind, "r": presence.remote_id})


async def counts(reader: Reader, kind: str) -> dict[str, int]:
    """How many wanted presences of a kind each cloud has."""
    return {cloud: int(number) for cloud, number in await reader.rows(_count, k=kind, w=True)}


async def left_in(reader: Reader, cloud: str) -> dict[str, int]:
    """How many presences of each kind a cloud holds, wanted or not."""
    return {kind: int(number) for kind, number in await reader.rows(_left, c=cloud)}


async def standing_kinds(reader: Reader, cloud: str, kinds: Sequence[str]) -> tuple[set[str], set[str]]:
    """Of which of these kinds a cloud holds anything, and of which of them something is not settled there."""
    row = await reader.row(_standing(tuple(kinds)), c=cloud)
    flags = [bool(one) for one in row or ()]
    held, under_way = flags[: len(kinds)], flags[len(kinds) :]
    return set(compress(kinds, held)), set(compress(kinds, under_way))


async def unsettled(reader: Reader, cloud: str, kind: str, limit: int) -> list[Presence]:
    """Some of the presences that are there and still change (a server that is being built, or is leaving)."""
    return [_load(row) for row in await reader.rows(_unsettled, c=cloud, k=kind, n=limit)]


async def unattended(reader: Reader, cloud: str) -> list[tuple[str, str]]:
    """(kind, id) of what is not settled there and yet nobody's work: nothing would mend it."""
    return [(k, i) for k, i in await reader.rows(_unattended, c=cloud)]


async def dependents(
    reader: Reader, kind: str, id: str, cloud: str, *, every: bool = False, limit: int = 1
) -> list[tuple[str, str]]:
    """(kind, id) of some that are in `cloud` and need (kind, id) there, so that they must leave first.

    One of which nothing is there yet does not hold what it waits for. `every`: that one too, and those that do not
    wait for it.
    """
    return [(k, i) for k, i in await reader.rows(_dependents, k=kind, i=id, c=cloud, all=every, n=limit)]


async def clouds_of_users(reader: Reader, kind: str, id: str, by: str, of: str, *, limit: int) -> set[str]:
    """The clouds in which things of the kind `by`, which some of the kind `of` need, need (kind, id): from at most
    `limit` of those that are to stay.
    """
    return {cloud for (cloud,) in await reader.rows(_users, k=kind, i=id, by=by, of=of, n=limit)}


async def counts_of_users(reader: Reader, kind: str, id: str, by: str) -> dict[str, int]:
    """Cloud -> how many things of the kind `by` that need (kind, id) are there to stay."""
    return {cloud: int(number) for cloud, number in await reader.rows(_user_counts, k=kind, i=id, by=by)}


async def astray(
    reader: Reader, cloud: str, kind: str, followed: Collection[str], *, limit: int = 1000
) -> list[str]:
    """Ids of some of `kind`, which follows others of the kinds `followed`, that are missing in a cloud, or too many
    there.
    """
    rows = await reader.rows(_astray(tuple(sorted(followed))), c=cloud, k=kind, n=limit)
    return [id for (id,) in rows]
