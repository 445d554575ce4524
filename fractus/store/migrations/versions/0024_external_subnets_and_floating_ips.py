"""External subnets and floating IPs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision: str | None = "0023"


def upgrade() -> None:
    op.create_table(
        "floatingip",
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
        sa.Column("floating_ip_address", sa.String(length=64), nullable=False),
        sa.Column("floating_network_id", sa.String(length=36), nullable=False),
        sa.Column("router_id", sa.String(length=36), nullable=False),
        sa.Column("port_id", sa.String(length=36), nullable=False),
        sa.Column("fixed_ip_address", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("floatingip", schema=None) as batch_op:
        batch_op.create_index("floatingip_by_change", ["updated_at"], unique=False)
        batch_op.create_index("floatingip_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("floatingip_by_network", ["floating_network_id"], unique=False)
        batch_op.create_index("floatingip_by_port", ["port_id"], unique=False)
        batch_op.create_index("floatingip_by_project", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index("floatingip_by_router", ["router_id"], unique=False)

    with op.batch_alter_table("subnet", schema=None) as batch_op:
        batch_op.add_column(sa.Column("external", sa.Boolean(), nullable=True))
    subnet, network = (
        sa.table("subnet", sa.column("external"), sa.column("network_id")),
        sa.table("network", sa.column("id"), sa.column("external")),
    )
    outside = sa.select(network.c.id).where(network.c.external.is_(True))
    op.get_bind().execute(subnet.update().where(subnet.c.network_id.in_(outside)).values(external=True))


def downgrade() -> None:
    with op.batch_alter_table("subnet", schema=None) as batch_op:
        batch_op.drop_column("external")

    with op.batch_alter_table("floatingip", schema=None) as batch_op:
        batch_op.drop_index("floatingip_by_router")
        batch_op.drop_index("floatingip_by_project")
        batch_op.drop_index("floatingip_by_port")
        batch_op.drop_index("floatingip_by_network")
        batch_op.drop_index("floatingip_by_creation")
        batch_op.drop_index("floatingip_by_change")

    op.drop_table("floatingip")
