"""Homes of resources, roles of presences and modes of needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    with op.batch_alter_table("flavor", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(length=64), nullable=True))

    with op.batch_alter_table("image", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(length=64), nullable=True))

    with op.batch_alter_table("keypair", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(length=64), nullable=True))

    with op.batch_alter_table("need", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mode", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("generation", sa.Integer(), nullable=True))

    with op.batch_alter_table("network", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(length=64), nullable=True))

    with op.batch_alter_table("port", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(length=64), nullable=True))

    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.String(length=16), nullable=True))

    with op.batch_alter_table("security_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(length=64), nullable=True))

    with op.batch_alter_table("server", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(length=64), nullable=True))

    with op.batch_alter_table("subnet", schema=None) as batch_op:
        batch_op.add_column(sa.Column("home", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("subnet", schema=None) as batch_op:
        batch_op.drop_column("home")

    with op.batch_alter_table("server", schema=None) as batch_op:
        batch_op.drop_column("home")

    with op.batch_alter_table("security_group", schema=None) as batch_op:
        batch_op.drop_column("home")

    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.drop_column("role")

    with op.batch_alter_table("port", schema=None) as batch_op:
        batch_op.drop_column("home")

    with op.batch_alter_table("network", schema=None) as batch_op:
        batch_op.drop_column("home")

    with op.batch_alter_table("need", schema=None) as batch_op:
        batch_op.drop_column("generation")
        batch_op.drop_column("mode")

    with op.batch_alter_table("keypair", schema=None) as batch_op:
        batch_op.drop_column("home")

    with op.batch_alter_table("image", schema=None) as batch_op:
        batch_op.drop_column("home")

    with op.batch_alter_table("flavor", schema=None) as batch_op:
        batch_op.drop_column("home")
