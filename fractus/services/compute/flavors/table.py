"""The columns that flavors are filtered and sorted on."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Text

from fractus.store.schema import resource_table

#: `flavorid` is what users call a flavor. It is also our id, except for a flavor that takes over the flavorid of one
#: that was deleted and has not left every cloud yet (servers that were built with it still run there): its row stays
#: as a tombstone, so the new one gets an id of its own. `live_id` and `live_name` are unique and empty once deleted.
#: `access` holds `|project|` for each project that may use a private flavor.
FLAVOR = resource_table(
    "flavor",
    Column("flavorid", String(255), nullable=False),
    Column("live_id", String(255), nullable=True, unique=True),
    Column("live_name", String(255), nullable=True, unique=True),
    Column("vcpus", Integer, nullable=False),
    Column("ram", Integer, nullable=False),
    Column("disk", Integer, nullable=False),
    Column("ephemeral", Integer, nullable=False),
    Column("swap", Integer, nullable=False),
    Column("rxtx_factor", Float, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("description", String(255), nullable=False),
    Column("access", Text, nullable=False),
)
