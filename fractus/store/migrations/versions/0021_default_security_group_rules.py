"""Default security group rules."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision: str | None = "0020"

#: What the ids of the first rules are made from.
_IDS = uuid.UUID("0e0b3a52-8d61-4a35-9e5a-5a2f6c1f0d21")


def upgrade() -> None:
    table = op.create_table(
        "default_security_group_rule",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("desired", sa.Text(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("extra", sa.LargeBinary(), nullable=True),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("remote_group_id", sa.String(length=36), nullable=False),
        sa.Column("remote_address_group_id", sa.String(length=36), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("protocol", sa.String(length=32), nullable=False),
        sa.Column("port_range_min", sa.Integer(), nullable=False),
        sa.Column("port_range_max", sa.Integer(), nullable=False),
        sa.Column("ethertype", sa.String(length=8), nullable=False),
        sa.Column("remote_ip_prefix", sa.String(length=64), nullable=False),
        sa.Column("used_in_default_sg", sa.Boolean(), nullable=False),
        sa.Column("used_in_non_default_sg", sa.Boolean(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("default_security_group_rule", schema=None) as batch_op:
        batch_op.create_index("default_security_group_rule_by_change", ["updated_at"], unique=False)
        batch_op.create_index("default_security_group_rule_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index(
            "default_security_group_rule_by_project", ["project_id", "created_at", "id"], unique=False
        )

    with op.batch_alter_table("security_group_rule", schema=None) as batch_op:
        # Processes of the version before write rules without it.
        batch_op.add_column(
            sa.Column("remote_address_group_id", sa.String(length=36), server_default="", nullable=False)
        )
    _insert(table)


def _insert(table: sa.Table) -> None:
    """What Neutron has from its installation on: all may go out; into default groups their own members may come in.

    MariaDB runs a migration again that died half-way: rows that it had written are known by their ids.
    """
    kinds = [("egress", None, True), ("ingress", "PARENT", False)]
    there = {row.id for row in op.get_bind().execute(sa.select(table.c.id))}
    rows = [_row(ethertype, *kind) for kind in kinds for ethertype in ("IPv4", "IPv6")]
    missing = [row for row in rows if row["id"] not in there]
    if missing:
        op.bulk_insert(table, missing)


def _row(ethertype: str, direction: str, remote: str | None, of_all: bool) -> dict[str, Any]:
    id, now = str(uuid.uuid5(_IDS, f"{direction} {ethertype}")), time.time()
    narrowed = ("protocol", "port_range_min", "port_range_max", "remote_ip_prefix")
    rule = {
        "ethertype": ethertype,
        "direction": direction,
        **dict.fromkeys(narrowed),
        "remote_address_group_id": None,
        "remote_group_id": remote,
        "description": f"Legacy default SG rule for {direction} traffic",
        "used_in_default_sg": True,
        "used_in_non_default_sg": of_all,
    }
    shown = {name: value for name, value in rule.items() if value is not None}
    return {
        "id": id,
        **dict.fromkeys(("project_id", "user_id", "name", "status", "request_id"), ""),
        "desired": json.dumps({**rule, "normalized_cidr": None}),
        "summary": json.dumps({"id": id, **rule}).encode(),
        "choice": "{}",
        "generation": 1,
        "wanted": True,
        "created_at": now,
        "updated_at": now,
        **dict.fromkeys(("remote_group_id", "remote_address_group_id", "protocol", "remote_ip_prefix"), ""),
        **dict.fromkeys(("port_range_min", "port_range_max"), -1),
        **shown,
    }


def downgrade() -> None:
    with op.batch_alter_table("security_group_rule", schema=None) as batch_op:
        batch_op.drop_column("remote_address_group_id")

    with op.batch_alter_table("default_security_group_rule", schema=None) as batch_op:
        batch_op.drop_index("default_security_group_rule_by_project")
        batch_op.drop_index("default_security_group_rule_by_creation")
        batch_op.drop_index("default_security_group_rule_by_change")

    op.drop_table("default_security_group_rule")
