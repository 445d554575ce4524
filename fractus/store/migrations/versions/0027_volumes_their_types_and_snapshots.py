"""Volumes, their types and snapshots."""

from __future__ import annotations

import json
import time
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision: str | None = "0026"

#: The id of the first type: the one that the program derives of its name.
_DEFAULT_ID = "e8365270-3571-5fa8-8090-631693fbab18"


def upgrade() -> None:
    _snapshot()
    _volume()
    _volume_type()


def _snapshot() -> None:
    op.create_table(
        "snapshot",
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
        sa.Column("volume_id", sa.String(length=36), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("snapshot", schema=None) as batch_op:
        batch_op.create_index("snapshot_by_change", ["updated_at"], unique=False)
        batch_op.create_index("snapshot_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("snapshot_by_project", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index("snapshot_by_volume", ["volume_id"], unique=False)


def _volume() -> None:
    op.create_table(
        "volume",
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
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("bootable", sa.Boolean(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("type_id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("source_id", sa.String(length=36), nullable=False),
        sa.Column("group_id", sa.String(length=36), nullable=False),
        sa.Column("migration_status", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("image_items", sa.Text(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": True},
    )
    with op.batch_alter_table("volume", schema=None) as batch_op:
        batch_op.create_index("volume_by_change", ["updated_at"], unique=False)
        batch_op.create_index("volume_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("volume_by_project", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index("volume_by_type", ["type_id"], unique=False)


def _volume_type() -> None:
    table = op.create_table(
        "volume_type",
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
        sa.Column("live_name", sa.String(length=255), nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("access", sa.Text(), nullable=False),
        sa.Column("specs", sa.Text(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("live_name"),
        info={"crowded": False},
    )
    with op.batch_alter_table("volume_type", schema=None) as batch_op:
        batch_op.create_index("volume_type_by_change", ["updated_at"], unique=False)
        batch_op.create_index("volume_type_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("volume_type_by_project", ["project_id", "created_at", "id"], unique=False)
    _insert(table)


def _insert(table: sa.Table) -> None:
    """The type that Cinder has from its installation on.

    MariaDB runs a migration again that died half-way: a row that it had written is known by its id.
    """
    if not op.get_bind().execute(sa.select(table.c.id).where(table.c.id == _DEFAULT_ID)).first():
        op.bulk_insert(table, [_default()])


def _default() -> dict[str, Any]:
    now, name, description = time.time(), "__DEFAULT__", "Default Volume Type"
    shown = {
        "id": _DEFAULT_ID,
        "name": name,
        "is_public": True,
        "description": description,
        "extra_specs": {},
    }
    desired = {**shown, "access": [], "mapped": {}}
    del desired["id"]
    return {
        "id": _DEFAULT_ID,
        **dict.fromkeys(("project_id", "user_id", "status", "request_id"), ""),
        "name": name,
        "desired": json.dumps(desired),
        "summary": json.dumps({**shown, "os-volume-type-access:is_public": True}).encode(),
        "extra": json.dumps({"extra_specs": {}, "qos_specs_id": None}).encode(),
        "choice": "{}",
        "generation": 1,
        "wanted": True,
        "created_at": now,
        "updated_at": now,
        "live_name": name,
        "is_public": True,
        "description": description,
        "access": "",
        "specs": "",
    }


def downgrade() -> None:
    with op.batch_alter_table("volume_type", schema=None) as batch_op:
        batch_op.drop_index("volume_type_by_project")
        batch_op.drop_index("volume_type_by_creation")
        batch_op.drop_index("volume_type_by_change")

    op.drop_table("volume_type")
    with op.batch_alter_table("volume", schema=None) as batch_op:
        batch_op.drop_index("volume_by_type")
        batch_op.drop_index("volume_by_project")
        batch_op.drop_index("volume_by_creation")
        batch_op.drop_index("volume_by_change")

    op.drop_table("volume")
    with op.batch_alter_table("snapshot", schema=None) as batch_op:
        batch_op.drop_index("snapshot_by_volume")
        batch_op.drop_index("snapshot_by_project")
        batch_op.drop_index("snapshot_by_creation")
        batch_op.drop_index("snapshot_by_change")

    op.drop_table("snapshot")
