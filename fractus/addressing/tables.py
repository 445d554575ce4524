"""Tables of addresses.

What is free is kept as ranges, so that a pool of 65,000 addresses (or of 2^64) is one row until somebody asks for one
in its middle, and the next free address is found by one look at an index.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String, Table

from fractus.store.schema import METADATA

#: Who holds an address. `first`, `last` and `position` are `ranges.key`s; `pooled`: it came out of the subnet's pools
#: and returns there.
ADDRESS = Table(
    "address",
    METADATA,
    Column("subnet_id", String(36), primary_key=True),
    Column("position", String(32), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("pooled", Boolean, nullable=False),
    Index("address_by_holder", "holder"),
    Index("address_by_position", "position"),
)

FREE_RANGE = Table(
    "free_range",
    METADATA,
    Column("subnet_id", String(36), primary_key=True),
    Column("first", String(32), primary_key=True),
    Column("last", String(32), nullable=False),
)

MAC = Table(
    "mac",
    METADATA,
    Column("network_id", String(36), primary_key=True),
    Column("mac", String(17), primary_key=True),
    Column("holder", String(80), nullable=False),
    Index("mac_by_holder", "holder"),
    Index("mac_by_mac", "mac"),
)
