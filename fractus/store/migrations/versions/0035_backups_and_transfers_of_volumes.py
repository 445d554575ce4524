"""Backups and transfers of volumes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision: str | None = "0034"


def upgrade() -> None:
    _backups()
    _transfers()


def _backups() -> None:
    op.create_table(
        "backup",
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
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("parent_id", sa.String(length=36), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("backup", schema=None) as batch_op:
        batch_op.create_index("backup_by_change", ["updated_at"], unique=False)
        batch_op.create_index("backup_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("backup_by_project", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index("backup_by_volume", ["volume_id"], unique=False)


def _transfers() -> None:
    op.create_table(
        "volume_transfer",
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
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("volume_transfer", schema=None) as batch_op:
        batch_op.create_index("volume_transfer_by_change", ["updated_at"], unique=False)
        batch_op.create_index("volume_transfer_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("volume_transfer_by_project", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index("volume_transfer_by_volume", ["volume_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("volume_transfer", schema=None) as batch_op:
        batch_op.drop_index("volume_transfer_by_volume")
        batch_op.drop_index("volume_transfer_by_project")
        batch_op.drop_index("volume_transfer_by_creation")
        batch_op.drop_index("volume_transfer_by_change")

    op.drop_table("volume_transfer")
    with op.batch_alter_table("backup", schema=None) as batch_op:
        batch_op.drop_index("backup_by_volume")
        batch_op.drop_index("backup_by_project")
        batch_op.drop_index("backup_by_creation")
        batch_op.drop_index("backup_by_change")

    op.drop_table("backup")
