"""Rules of security groups are found by the address group that they name."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision: str | None = "0024"


def upgrade() -> None:
    with op.batch_alter_table("security_group_rule", schema=None) as batch_op:
        batch_op.create_index("security_group_rule_by_addresses", ["remote_address_group_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("security_group_rule", schema=None) as batch_op:
        batch_op.drop_index("security_group_rule_by_addresses")
