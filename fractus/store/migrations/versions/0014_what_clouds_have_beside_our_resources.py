"""What clouds have beside our resources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    op.create_table(
        "mirror_network_agent",
        sa.Column("cloud", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=255), nullable=False),
        sa.Column("id", sa.String(length=320), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("observed_at", sa.Double(), nullable=False),
        sa.Column("agent_type", sa.String(length=255), nullable=False),
        sa.Column("binary", sa.String(length=255), nullable=False),
        sa.Column("topic", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.String(length=64), nullable=False),
        sa.Column("heartbeat_timestamp", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("alive", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("cloud", "remote_id"),
    )
    with op.batch_alter_table("mirror_network_agent", schema=None) as batch_op:
        batch_op.create_index("mirror_network_agent_by_id", ["id"], unique=False)
        batch_op.create_index("mirror_network_agent_by_remote", ["remote_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("mirror_network_agent", schema=None) as batch_op:
        batch_op.drop_index("mirror_network_agent_by_remote")
        batch_op.drop_index("mirror_network_agent_by_id")

    op.drop_table("mirror_network_agent")
