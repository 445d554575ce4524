"""The table of subnets. `shared` and `network_project_id` are the network's, for who may see what."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String

from fractus.services.network.dialect.table import shareable, standard_columns
from fractus.store.schema import resource_table

SUBNET = shareable(
    resource_table(
        "subnet",
        Column("network_id", String(36), nullable=False, default=""),
        Column("network_project_id", String(64), nullable=False, default=""),
        Column("shared", Boolean, nullable=False, default=False),
        Column("ip_version", Integer, nullable=False, default=4),
        Column("cidr", String(64), nullable=False, default=""),
        Column("gateway_ip", String(64), nullable=False, default=""),
        Column("enable_dhcp", Boolean, nullable=False, default=True),
        Column("ipv6_ra_mode", String(32), nullable=False, default=""),
        Column("ipv6_address_mode", String(32), nullable=False, default=""),
        Column("subnetpool_id", String(36), nullable=False, default=""),
        *standard_columns(),
        Index("subnet_by_network", "network_id"),
        Index("subnet_by_pool", "subnetpool_id"),
    )
)
