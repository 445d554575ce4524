"""The table of networks."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, String

from fractus.services.network.dialect.table import standard_columns
from fractus.store.schema import resource_table

NETWORK = resource_table(
    "network",
    Column("shared", Boolean, nullable=False, default=False),
    Column("external", Boolean, nullable=False, default=False),
    Column("admin_state_up", Boolean, nullable=False, default=True),
    Column("mtu", Integer, nullable=False, default=0),
    Column("hints", String(255), nullable=False, default=""),
    *standard_columns(),
)
