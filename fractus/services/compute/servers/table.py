"""The table of servers: beside what every resource has, what users filter and sort by."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Text

from fractus.store.schema import resource_table

# Sort columns are never NULL: an empty text says "none". Stamps that Nova matches by regular expression are texts.
SERVER = resource_table(
    "server",
    # Where it is: the cloud by its name, which users see as the availability zone once it is there.
    Column("cloud", String(64), nullable=False),
    Column("zone", String(255), nullable=False),
    Column("host", String(255), nullable=False),
    Column("node", String(255), nullable=False),
    # How it is.
    Column("vm_state", String(32), nullable=False),
    Column("task_state", String(64), nullable=False),
    Column("power_state", Integer, nullable=False),
    Column("launched_at", String(32), nullable=False),
    Column("terminated_at", String(32), nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("locked_by", String(8), nullable=False),
    # What was asked for.
    Column("image_id", String(64), nullable=False),
    Column("flavor_id", String(255), nullable=False),
    Column("key_name", String(255), nullable=False),
    Column("description", String(255), nullable=False),
    Column("hostname", String(255), nullable=False),
    Column("reservation_id", String(64), nullable=False),
    Column("launch_index", Integer, nullable=False),
    Column("config_drive", String(8), nullable=False),
    Column("auto_disk_config", Boolean, nullable=False),
    Column("root_device_name", String(255), nullable=False),
    Column("access_ip_v4", String(64), nullable=False),
    Column("access_ip_v6", String(64), nullable=False),
    Column("created", String(32), nullable=False),
    # Sets, as texts that a pattern can be looked up in: addresses between blanks, tags in hex between commas (hex,
    # because LIKE does not tell upper from lower case, and tags do).
    Column("ip", Text, nullable=False),
    Column("ip6", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Index("server_by_reservation", "reservation_id"),
    Index("server_by_cloud", "cloud"),
    # Lists: a project's servers by name, state, zone and last change, and an administrator's over all projects by host,
    # state and zone.
    Index("server_by_name", "project_id", "name", "created_at", "id"),
    Index("server_by_state", "vm_state", "project_id", "created_at", "id"),
    Index("server_by_zone", "zone", "project_id", "created_at", "id"),
    Index("server_by_state_everywhere", "vm_state", "created_at", "id"),
    Index("server_by_zone_everywhere", "zone", "created_at", "id"),
    Index("server_by_host", "host", "created_at", "id"),
    Index("server_by_project_change", "project_id", "updated_at", "created_at", "id"),
    crowded=True,
)
