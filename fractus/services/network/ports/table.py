"""The table of ports. Lists stand in one column, each value between bars: `|subnet_id=...|ip_address=...|`."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String, Text

from fractus.services.network.dialect.table import standard_columns
from fractus.store.schema import resource_table

PORT = resource_table(
    "port",
    Column("network_id", String(36), nullable=False, default=""),
    Column("network_project_id", String(64), nullable=False, default=""),
    Column("mac_address", String(17), nullable=False, default=""),
    Column("device_id", String(255), nullable=False, default=""),
    Column("device_owner", String(255), nullable=False, default=""),
    Column("admin_state_up", Boolean, nullable=False, default=True),
    Column("host", String(255), nullable=False, default=""),
    Column("fixed_ips", Text, nullable=False, default=""),
    Column("security_groups", Text, nullable=False, default=""),
    *standard_columns(),
    Index("port_by_network", "network_id"),
    Index("port_by_device", "device_id"),
    # Lists, which Neutron sorts by id: a project's ports, those on its networks, and those on one network.
    Index("port_by_owner", "project_id", "id"),
    Index("port_by_network_owner", "network_project_id", "id"),
    Index("port_on_network", "network_id", "id"),
    crowded=True,
)
