"""Tasks of images and types of volumes by project."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision: str | None = "0032"


def _add_default_volume_type() -> None:
    op.create_table(
        "default_volume_type",
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
        sa.Column("type_id", sa.String(length=36), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("default_volume_type", schema=None) as batch_op:
        batch_op.create_index("default_volume_type_by_change", ["updated_at"], unique=False)
        batch_op.create_index("default_volume_type_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index(
            "default_volume_type_by_project", ["project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_default_volume_type_type_id"), ["type_id"], unique=False)


def _add_image_task() -> None:
    op.create_table(
        "image_task",
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
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=255), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"crowded": False},
    )
    with op.batch_alter_table("image_task", schema=None) as batch_op:
        batch_op.create_index("image_task_by_change", ["updated_at"], unique=False)
        batch_op.create_index("image_task_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("image_task_by_image", ["image_id"], unique=False)
        batch_op.create_index("image_task_by_project", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index("image_task_by_status", ["status"], unique=False)


def _add_qos_spec() -> None:
    op.create_table(
        "qos_spec",
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
        sa.Column("live_name", sa.String(length=255), nullable=True),
        sa.Column("consumer", sa.String(length=32), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("live_name"),
        info={"crowded": False},
    )
    with op.batch_alter_table("qos_spec", schema=None) as batch_op:
        batch_op.create_index("qos_spec_by_change", ["updated_at"], unique=False)
        batch_op.create_index("qos_spec_by_creation", ["created_at", "id"], unique=False)
        batch_op.create_index("qos_spec_by_project", ["project_id", "created_at", "id"], unique=False)


def upgrade() -> None:
    _add_default_volume_type()
    _add_image_task()
    _add_qos_spec()


def downgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    with op.batch_alter_table("qos_spec", schema=None) as batch_op:
        batch_op.drop_index("qos_spec_by_project")
        batch_op.drop_index("qos_spec_by_creation")
        batch_op.drop_index("qos_spec_by_change")

    op.drop_table("qos_spec")
    with op.batch_alter_table("image_task", schema=None) as batch_op:
        batch_op.drop_index("image_task_by_status")
        batch_op.drop_index("image_task_by_project")
        batch_op.drop_index("image_task_by_image")
        batch_op.drop_index("image_task_by_creation")
        batch_op.drop_index("image_task_by_change")

    op.drop_table("image_task")
    with op.batch_alter_table("default_volume_type", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_default_volume_type_type_id"))
        batch_op.drop_index("default_volume_type_by_project")
        batch_op.drop_index("default_volume_type_by_creation")
        batch_op.drop_index("default_volume_type_by_change")

    op.drop_table("default_volume_type")
    # ### end Alembic commands ###
