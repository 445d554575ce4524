"""Quotas: limits, and what is used of them, counted from what is there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Make the tables, and write down what every project uses now."""
    op.create_table(
        "quota_limit",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "owner", "name"),
    )
    usage = op.create_table(
        "quota_usage",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "owner", "name"),
    )
    used: Counter[tuple[str, str, str]] = Counter()
    for kind in ("server", "keypair", "image", "network", "subnet", "port", "security_group"):
        for row in _alive(kind):
            scope = "user" if kind == "keypair" else "project"
            for name, amount in _costs(kind, row.status, json.loads(row.desired)).items():
                used[scope, row.user_id if scope == "user" else row.project_id, name] += amount
    rows = [
        {"scope": scope, "owner": owner, "name": name, "used": amount}
        for (scope, owner, name), amount in used.items()
        if owner and amount
    ]
    if rows:
        op.bulk_insert(usage, rows)


def _alive(kind: str) -> Iterator[Any]:
    names = ("id", "project_id", "user_id", "status", "desired", "deleted_at")
    table = sa.table(kind, *(sa.column(name) for name in names))
    after = ""
    while True:
        page = (
            sa.select(table)
            .where(table.c.deleted_at.is_(None), table.c.id > after)
            .order_by("id")
            .limit(1000)
        )
        rows = op.get_bind().execute(page).fetchall()
        yield from rows
        if len(rows) < 1000:
            return
        after = rows[-1].id


def _costs(kind: str, status: str, desired: dict[str, Any]) -> dict[str, int]:
    """What one cost when this was written; what kinds cost later is no business of this migration."""
    if kind == "server":
        flavor = desired.get("flavor", {})
        return {"instances": 1, "cores": flavor.get("vcpus", 0), "ram": flavor.get("ram", 0)}
    if kind == "security_group":
        return {kind: 1, "security_group_rule": len(desired.get("rules", ()))}
    if kind == "image":
        size = desired.get("size") or 0
        costs = {"image_count_total": 1}
        if status in ("saving", "active", "deactivated"):
            costs["image_size_total"] = size
        if status == "uploading":
            costs["image_stage_total"] = size
        if status in ("saving", "uploading"):
            costs["image_count_uploading"] = 1
        return costs
    return {"key_pairs" if kind == "keypair" else kind: 1}


def downgrade() -> None:
    """Drop them."""
    op.drop_table("quota_usage")
    op.drop_table("quota_limit")
