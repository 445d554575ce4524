"""The columns that images are filtered and sorted on, and those of the tasks that bring their bits."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Text

from fractus.store.schema import resource_table

#: What Glance has as NULL is here a value below all others (-1, an empty text), for a page must know where it ended.
#: `tokens` has a word for each tag, each property with its value, and each project that a shared image is shared with.
IMAGE = resource_table(
    "image",
    Column("visibility", String(16), nullable=False),
    Column("disk_format", String(32), nullable=False),
    Column("container_format", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("virtual_size", BigInteger, nullable=False),
    Column("checksum", String(32), nullable=False),
    Column("os_hash_value", String(128), nullable=False),
    Column("min_disk", Integer, nullable=False),
    Column("min_ram", Integer, nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("os_hidden", Boolean, nullable=False),
    Column("tokens", Text, nullable=False),
)

#: A task is of one image from when there is one; `image_id` is empty before.
IMAGE_TASK = resource_table(
    "image_task",
    Column("type", String(32), nullable=False),
    Column("image_id", String(255), nullable=False),
    Index("image_task_by_image", "image_id"),
    Index("image_task_by_status", "status"),
)
