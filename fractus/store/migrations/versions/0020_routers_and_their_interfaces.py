"""Routers and their interfaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision: str | None = "0019"


def upgrade() -> None:
    _routers()
    _interfaces()


def _routers() -> None:
    op.create_table(
        "router",
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
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("gateway_network_id", sa.String(length=36), nullable=False),
        sa.Column("hints", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("router", schema=None) as batch_op:
        batch_op.create_index("router_by_change", ["updated_at"], unique=False)
        batch_op.create_index("router_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("router_by_gateway", ["gateway_network_id"], unique=False)
        batch_op.create_index("router_by_project", ["project_id", "created_at", "id"], unique=False)


def _interfaces() -> None:
    op.create_table(
        "router_interface",
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
        sa.Column("router_id", sa.String(length=36), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("router_interface", schema=None) as batch_op:
        batch_op.create_index("router_interface_by_change", ["updated_at"], unique=False)
        batch_op.create_index("router_interface_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("router_interface_by_project", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index("router_interface_by_router", ["router_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("router_interface", schema=None) as batch_op:
        batch_op.drop_index("router_interface_by_router")
        batch_op.drop_index("router_interface_by_project")
        batch_op.drop_index("router_interface_by_creation")
        batch_op.drop_index("router_interface_by_change")

    op.drop_table("router_interface")
    with op.batch_alter_table("router", schema=None) as batch_op:
        batch_op.drop_index("router_by_project")
        batch_op.drop_index("router_by_gateway")
        batch_op.drop_index("router_by_creation")
        batch_op.drop_index("router_by_change")

    op.drop_table("router")
