"""What operators decided about findings in general: `changed` names of servers are ignored, say."""

from __future__ import annotations

import uuid

from msgspec import Struct
from sqlalchemy import bindparam, delete, insert, select

from fractus.store.schema import DRIFT_RULE
from fractus.store.transaction import Query, Reader, Transaction


class DriftRule(Struct, frozen=True):
    """One row. An empty `cloud`, `kind` or `field` is any."""

    id: str
    what: str
    cloud: str
    kind: str
    field: str
    verb: str
    created_at: float = 0.0


_FIELDS = tuple(column.name for column in DRIFT_RULE.c)
_c = DRIFT_RULE.c
_every = Query(select(*(_c[name] for name in _FIELDS)).order_by(_c.created_at, _c.id))
_add = Query(insert(DRIFT_RULE).values({name: bindparam(name) for name in _FIELDS}))
_drop = Query(delete(DRIFT_RULE).where(_c.id == bindparam("i")))


async def every(reader: Reader) -> list[DriftRule]:
    """All rules, the oldest first: the first that is about a finding decides."""
    return [DriftRule(*row) for row in await reader.rows(_every)]


async def add(tx: Transaction, *, what: str, cloud: str, kind: str, field: str, verb: str) -> DriftRule:
    """A new rule."""
    made = DriftRule(uuid.uuid4().hex[:8], what, cloud, kind, field, verb, tx.now())
    await tx.execute(_add, **{name: getattr(made, name) for name in _FIELDS})
    return made


async def drop(tx: Transaction, id: str) -> bool:
    """Remove a rule; whether there was one. What it did stays done."""
    return bool(await tx.execute(_drop, i=id))
