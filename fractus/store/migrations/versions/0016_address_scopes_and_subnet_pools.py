"""Address scopes and subnet pools."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision: str | None = "0015"

#: Networks whose documents are read at once.
_PAGE = 500


def upgrade() -> None:
    _scopes()
    _pools()
    with op.batch_alter_table("subnet", schema=None) as batch_op:
        batch_op.create_index("subnet_by_pool", ["subnetpool_id"], unique=False)
    _name_scopes()


def _scopes() -> None:
    op.create_table(
        "address_scope",
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
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("ip_version", sa.Integer(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("address_scope", schema=None) as batch_op:
        batch_op.create_index("address_scope_by_change", ["updated_at"], unique=False)
        batch_op.create_index("address_scope_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("address_scope_by_project", ["project_id", "created_at", "id"], unique=False)


def _pools() -> None:
    op.create_table(
        "subnetpool",
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
        sa.Column("default_quota", sa.Integer(), nullable=False),
        sa.Column("ip_version", sa.Integer(), nullable=False),
        sa.Column("default_prefixlen", sa.Integer(), nullable=False),
        sa.Column("min_prefixlen", sa.Integer(), nullable=False),
        sa.Column("max_prefixlen", sa.Integer(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("address_scope_id", sa.String(length=36), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("subnetpool", schema=None) as batch_op:
        batch_op.create_index("subnetpool_by_change", ["updated_at"], unique=False)
        batch_op.create_index("subnetpool_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("subnetpool_by_project", ["project_id", "created_at", "id"], unique=False)


def _name_scopes() -> None:
    """Documents of networks say that they are in no address scope; code of before writes them without.

    That code may write one at the same time: what it has written since the document was read stays.
    """
    network = sa.table("network", sa.column("id", sa.String()), sa.column("summary", sa.LargeBinary()))
    connection, after = op.get_bind(), ""
    page = sa.select(network.c.id, network.c.summary).order_by(network.c.id).limit(_PAGE)
    while rows := connection.execute(page.where(network.c.id > after)).all():
        for id, summary in rows:
            found = json.loads(summary)
            if "ipv4_address_scope" not in found:
                found |= {"ipv4_address_scope": None, "ipv6_address_scope": None}
                written = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
                same = (network.c.id == id, network.c.summary == summary)
                connection.execute(network.update().where(*same).values(summary=written))
        after = rows[-1].id


def downgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    with op.batch_alter_table("subnet", schema=None) as batch_op:
        batch_op.drop_index("subnet_by_pool")

    with op.batch_alter_table("subnetpool", schema=None) as batch_op:
        batch_op.drop_index("subnetpool_by_project")
        batch_op.drop_index("subnetpool_by_creation")
        batch_op.drop_index("subnetpool_by_change")

    op.drop_table("subnetpool")
    with op.batch_alter_table("address_scope", schema=None) as batch_op:
        batch_op.drop_index("address_scope_by_project")
        batch_op.drop_index("address_scope_by_creation")
        batch_op.drop_index("address_scope_by_change")

    op.drop_table("address_scope")
    # ### end Alembic commands ###
