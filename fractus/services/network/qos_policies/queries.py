"""Statements about QoS policies, and about what uses them."""

from __future__ import annotations

from collections.abc import Collection

from fractus.base.ids import is_uuid
from fractus.services.network.qos_policies.kind import KIND
from fractus.store.listing import Filter, Filters, one_of, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

_ALIVE = Filter("deleted_at", "null")
_AT_ONCE = 500


async def of_rule(reader: Reader, rule_id: str) -> str | None:
    """The id of the policy that has a rule."""
    if not is_uuid(rule_id):
        return None
    conditions = [Filter("rule_ids", "like", f"%|{rule_id}|%"), _ALIVE]
    rows = await page(reader, KIND.table, conditions, columns=("id",), limit=1)
    return str(rows[0][0]) if rows else None


async def used_by(
    reader: Reader, resources: Resources, policy_id: str, kinds: Collection[str], of: Filters = ()
) -> tuple[str, str] | None:
    """(kind, id) of something of these kinds that uses a policy, and for which `of` holds; the first kind first."""
    users = await resources.needed_by(reader, KIND.name, policy_id)
    for kind in kinds:
        ids = [id for other, id in users if other == kind]
        for start in range(0, len(ids), _AT_ONCE):
            some = [one_of("id", ids[start : start + _AT_ONCE]), *of, _ALIVE]
            rows = await page(reader, resources.tables[kind], some, columns=("id",), limit=1)
            if rows:
                return kind, str(rows[0][0])
    return None
