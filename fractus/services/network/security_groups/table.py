"""The tables of security groups and of their rules.

A group is one resource with all its rules in its wish; the rules' own rows are there for their list alone, and are
written together with the group.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, LargeBinary, String, Table

from fractus.services.network.dialect.table import shareable, standard_columns
from fractus.store.schema import METADATA, resource_table

SECURITY_GROUP = shareable(
    resource_table(
        "security_group",
        Column("stateful", Boolean, nullable=False, default=True),
        Column("shared", Boolean, nullable=False, default=False),
        *standard_columns(),
    )
)

#: `port_range_*` are -1 where there is none: sort columns are never NULL.
SECURITY_GROUP_RULE = Table(
    "security_group_rule",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("security_group_id", String(36), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("ethertype", String(8), nullable=False),
    Column("protocol", String(32), nullable=False),
    Column("port_range_min", Integer, nullable=False),
    Column("port_range_max", Integer, nullable=False),
    Column("remote_ip_prefix", String(64), nullable=False),
    Column("normalized_cidr", String(64), nullable=False),
    Column("remote_group_id", String(36), nullable=False),
    Column("belongs_to_default_sg", Boolean, nullable=False),
    Column("description", String(255), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("summary", LargeBinary, nullable=False),
    Index("security_group_rule_by_project", "project_id"),
    Index("security_group_rule_by_group", "security_group_id"),
)
