"""Address groups are shared with some projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision: str | None = "0021"


def upgrade() -> None:
    with op.batch_alter_table("address_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shared", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("shared_with", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("address_group", schema=None) as batch_op:
        batch_op.drop_column("shared_with")
        batch_op.drop_column("shared")
