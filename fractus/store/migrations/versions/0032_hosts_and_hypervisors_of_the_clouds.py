"""Hosts and hypervisors of the clouds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision: str | None = "0031"


def upgrade() -> None:
    op.create_table(
        "mirror_compute_service",
        sa.Column("cloud", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=255), nullable=False),
        sa.Column("id", sa.String(length=320), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("observed_at", sa.Double(), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("binary", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("cloud", "remote_id"),
        info={"mirror": True, "crowded": False},
    )
    with op.batch_alter_table("mirror_compute_service", schema=None) as batch_op:
        batch_op.create_index("mirror_compute_service_by_id", ["id"], unique=False)
        batch_op.create_index("mirror_compute_service_by_remote", ["remote_id"], unique=False)

    op.create_table(
        "mirror_hypervisor",
        sa.Column("cloud", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=255), nullable=False),
        sa.Column("id", sa.String(length=320), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("observed_at", sa.Double(), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("hypervisor_hostname", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("cloud", "remote_id"),
        info={"mirror": True, "crowded": False},
    )
    with op.batch_alter_table("mirror_hypervisor", schema=None) as batch_op:
        batch_op.create_index("mirror_hypervisor_by_id", ["id"], unique=False)
        batch_op.create_index("mirror_hypervisor_by_remote", ["remote_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("mirror_hypervisor", schema=None) as batch_op:
        batch_op.drop_index("mirror_hypervisor_by_remote")
        batch_op.drop_index("mirror_hypervisor_by_id")

    op.drop_table("mirror_hypervisor")
    with op.batch_alter_table("mirror_compute_service", schema=None) as batch_op:
        batch_op.drop_index("mirror_compute_service_by_remote")
        batch_op.drop_index("mirror_compute_service_by_id")

    op.drop_table("mirror_compute_service")
