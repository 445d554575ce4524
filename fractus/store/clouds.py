"""The children: rows that an operator made. Credentials are sealed (`fractus.auth.vault`) before they come here."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Boolean, bindparam, delete, insert, select, update

from fractus.model.installation import Identity
from fractus.store.holds import OPEN
from fractus.store.schema import CLOUD
from fractus.store.transaction import Query, Reader, Row, Transaction

_encode = msgspec.json.encode
_decode = msgspec.json.decode

_FIELDS = tuple(column.name for column in CLOUD.c)


class CloudRecord(Struct, kw_only=True):
    """One row. `version` grows with every change of credential or settings, so that workers reconnect.

    `seen_at`: when it last answered a sweep; `cursors`: kind -> the child's own stamp up to which we know it (law 4).
    `state`: what its operator says of it (`fractus.store.holds`), with the reason, who said so and when; `unswept`:
    that it is not even looked at.
    """

    name: str
    driver: str
    enabled: bool = True
    identity: str = "own"
    settings: dict[str, Any] = {}
    secret: bytes = b""
    version: int = 1
    created_at: float = 0.0
    seen_at: float | None = None
    error: str = ""
    cursors: dict[str, Any] = {}
    state: str = OPEN
    state_reason: str | None = None
    state_by: str | None = None
    state_at: float | None = None
    unswept: bool = False
    identity_seen: Identity | None = None
    """What it was last recognised by; None where nobody has looked yet."""

    @property
    def closed(self) -> str:
        """Why nothing new goes there, in words for users; empty where it does."""
        return Door(self.name, self.enabled, self.state, self.state_reason).closed


class Door(Struct, frozen=True):
    """What of a cloud's row says whether anything new goes there."""

    name: str
    enabled: bool
    state: str
    state_reason: str | None

    @property
    def closed(self) -> str:
        """Why nothing new goes there, in words for users; empty where it does."""
        if not self.enabled:
            return "disabled"
        if self.state == OPEN:
            return ""
        why = f": {self.state_reason}" if self.state_reason else ""
        return f"takes nothing new at present ({self.state}){why}"


def _load(row: Row) -> CloudRecord:
    fields = dict(zip(_FIELDS, row, strict=True))
    fields["enabled"] = bool(fields["enabled"])
    fields["settings"] = _decode(fields["settings"])
    fields["cursors"] = _decode(fields["cursors"])
    fields["unswept"] = bool(fields["unswept"])
    if fields["identity_seen"] is not None:
        fields["identity_seen"] = _decode(fields["identity_seen"], type=Identity)
    return CloudRecord(**fields)


_c = CLOUD.c
_all = select(*(CLOUD.c[name] for name in _FIELDS))
_every = Query(_all.order_by(_c.name))
_doors = Query(select(_c.name, _c.enabled, _c.state, _c.state_reason).order_by(_c.name))
_one = Query(_all.where(_c.name == bindparam("n")))
_enabled = Query(
    select(_c.name).where(_c.enabled == bindparam("yes", type_=Boolean), _c.state == OPEN).order_by(_c.name)
)
_cursors = Query(
    select(_c.name, _c.cursors).where(_c.enabled == bindparam("yes", type_=Boolean)).order_by(_c.name)
)
_hold = Query(
    update(CLOUD)
    .where(_c.name == bindparam("n"))
    .values(
        state=bindparam("state"),
        state_reason=bindparam("why"),
        state_by=bindparam("by"),
        state_at=bindparam("at"),
        unswept=bindparam("unswept", type_=Boolean),
    )
)
_add = Query(insert(CLOUD).values({name: bindparam(name) for name in _FIELDS}))
_CONFIGURED = ("driver", "enabled", "identity", "settings", "secret")
_set = Query(
    update(CLOUD)
    .where(_c.name == bindparam("n"))
    .values({name: bindparam(name) for name in _CONFIGURED} | {"version": _c.version + 1})
)
#: In what listings said of a cloud: why it does not let us list any more what it once let us.
REFUSED = "refused"

_swept = Query(
    update(CLOUD)
    .where(_c.name == bindparam("n"))
    .values(seen_at=bindparam("at"), error="", cursors=bindparam("cur"))
)
_failed = Query(update(CLOUD).where(_c.name == bindparam("n")).values(error=bindparam("why")))
_identified = Query(update(CLOUD).where(_c.name == bindparam("n")).values(identity_seen=bindparam("seen")))
_reconnect = Query(update(CLOUD).values(version=_c.version + 1))
_drop = Query(delete(CLOUD).where(_c.name == bindparam("n")))
_every_cursors = Query(select(_c.name, _c.cursors))
_stale = Query(select(_c.name, _c.seen_at).order_by(_c.name))


async def every(reader: Reader) -> list[CloudRecord]:
    """All clouds by name."""
    return [_load(row) for row in await reader.rows(_every)]


async def doors(reader: Reader) -> list[Door]:
    """Which clouds take anything new, by name: asked for each server that is assigned."""
    return [Door(name, bool(enabled), *rest) for name, enabled, *rest in await reader.rows(_doors)]


async def learnt(reader: Reader, kind: str) -> dict[str, dict[str, Any]]:
    """Enabled cloud -> what listings of a kind said of the cloud itself; empty where they have said nothing."""
    rows = await reader.rows(_cursors, yes=True)
    return {name: _decode(cursors).get(f"{kind}#", {}) for name, cursors in rows}


async def refusing(reader: Reader, kind: str) -> set[str]:
    """The clouds that let us list a kind once and do not any more: what is held of it there is not known to be so."""
    rows = await reader.rows(_every_cursors)
    return {name for name, cursors in rows if _decode(cursors).get(f"{kind}#", {}).get(REFUSED)}


async def fetch(reader: Reader, name: str) -> CloudRecord | None:
    """One cloud."""
    row = await reader.row(_one, n=name)
    return None if row is None else _load(row)


async def enabled(reader: Reader) -> list[str]:
    """Names of the clouds that may be assigned to: the availability zones."""
    return [row[0] for row in await reader.rows(_enabled, yes=True)]


async def hold(
    tx: Transaction, name: str, state: str, *, reason: str = "", by: str = "", unswept: bool = False
) -> None:
    """Say what may be done in a cloud from now on: one of the states of `fractus.store.holds`."""
    await tx.execute(_hold, n=name, state=state, why=reason, by=by, at=tx.now(), unswept=unswept)


async def answered_at(reader: Reader) -> dict[str, float | None]:
    """When each cloud last answered a sweep: whether what we show of it is stale (law 3)."""
    return {row[0]: row[1] for row in await reader.rows(_stale)}


async def add(tx: Transaction, cloud: CloudRecord) -> None:
    """A new cloud."""
    cloud.created_at = cloud.created_at or tx.now()
    values = {name: getattr(cloud, name) for name in _FIELDS}
    values["settings"] = _encode(cloud.settings).decode()
    values["cursors"] = _encode(cloud.cursors).decode()
    if cloud.identity_seen is not None:
        values["identity_seen"] = _encode(cloud.identity_seen).decode()
    await tx.execute(_add, **values)


async def identified(tx: Transaction, name: str, identity: Identity) -> None:
    """Keep what a cloud was recognised by."""
    await tx.execute(_identified, n=name, seen=_encode(identity).decode())


async def reconnect(tx: Transaction) -> None:
    """Have every process connect to every cloud anew."""
    await tx.execute(_reconnect)


async def configure(tx: Transaction, cloud: CloudRecord) -> None:
    """Write what an operator may change; what sweeps learn is left alone."""
    values = {name: getattr(cloud, name) for name in _CONFIGURED}
    values["settings"] = _encode(cloud.settings).decode()
    await tx.execute(_set, n=cloud.name, **values)


async def record_sweep(tx: Transaction, name: str, cursors: dict[str, Any]) -> None:
    """The cloud answered a sweep now, and is known up to `cursors`."""
    await tx.execute(_swept, n=name, at=tx.now(), cur=_encode(cursors).decode())


async def failed(tx: Transaction, name: str, why: str) -> None:
    """The cloud did not answer."""
    await tx.execute(_failed, n=name, why=why)


async def drop(tx: Transaction, name: str) -> None:
    """Forget a cloud. Nothing is touched in the child."""
    await tx.execute(_drop, n=name)
