"""Trunks and flavors of network services."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision: str | None = "0025"


def upgrade() -> None:
    _make_network_flavor()
    _make_service_profile()
    _make_trunk()


def _make_network_flavor() -> None:
    op.create_table(
        "network_flavor",
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
        sa.Column("description", sa.String(length=1024), nullable=False),
        sa.Column("service_type", sa.String(length=36), nullable=False),
        sa.Column("service_profiles", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("network_flavor", schema=None) as batch_op:
        batch_op.create_index("network_flavor_by_change", ["updated_at"], unique=False)
        batch_op.create_index("network_flavor_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("network_flavor_by_project", ["project_id", "created_at", "id"], unique=False)


def _make_service_profile() -> None:
    op.create_table(
        "service_profile",
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
        sa.Column("description", sa.String(length=1024), nullable=False),
        sa.Column("driver", sa.String(length=1024), nullable=False),
        sa.Column("metainfo", sa.String(length=4096), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("service_profile", schema=None) as batch_op:
        batch_op.create_index("service_profile_by_change", ["updated_at"], unique=False)
        batch_op.create_index("service_profile_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("service_profile_by_project", ["project_id", "created_at", "id"], unique=False)


def _make_trunk() -> None:
    op.create_table(
        "trunk",
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
        sa.Column("port_id", sa.String(length=36), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("trunk", schema=None) as batch_op:
        batch_op.create_index("trunk_by_change", ["updated_at"], unique=False)
        batch_op.create_index("trunk_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("trunk_by_port", ["port_id"], unique=False)
        batch_op.create_index("trunk_by_project", ["project_id", "created_at", "id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("trunk", schema=None) as batch_op:
        batch_op.drop_index("trunk_by_project")
        batch_op.drop_index("trunk_by_port")
        batch_op.drop_index("trunk_by_creation")
        batch_op.drop_index("trunk_by_change")

    op.drop_table("trunk")
    with op.batch_alter_table("service_profile", schema=None) as batch_op:
        batch_op.drop_index("service_profile_by_project")
        batch_op.drop_index("service_profile_by_creation")
        batch_op.drop_index("service_profile_by_change")

    op.drop_table("service_profile")
    with op.batch_alter_table("network_flavor", schema=None) as batch_op:
        batch_op.drop_index("network_flavor_by_project")
        batch_op.drop_index("network_flavor_by_creation")
        batch_op.drop_index("network_flavor_by_change")

    op.drop_table("network_flavor")
