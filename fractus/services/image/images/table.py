"""The columns that images are filtered and sorted on."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Text

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
