"""The tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def _resource(kind: str, *columns: sa.Column[object]) -> None:
    """What every kind has, and its own columns."""
    op.create_table(
        kind,
        sa.Column("id", sa.String(length=255), primary_key=True),
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
        *columns,
    )
    op.create_index(f"{kind}_by_project", kind, ["project_id", "created_at", "id"], unique=False)
    op.create_index(f"{kind}_by_creation", kind, ["created_at", "id"], unique=False)
    op.create_index(f"{kind}_by_change", kind, ["updated_at"], unique=False)


def _address() -> None:
    op.create_table(
        "address",
        sa.Column("subnet_id", sa.String(length=36), primary_key=True),
        sa.Column("position", sa.String(length=32), primary_key=True),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("pooled", sa.Boolean(), nullable=False),
    )
    op.create_index("address_by_holder", "address", ["holder"], unique=False)


def _cloud() -> None:
    op.create_table(
        "cloud",
        sa.Column("name", sa.String(length=64), primary_key=True),
        sa.Column("driver", sa.String(length=32), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("identity", sa.String(length=16), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("cursors", sa.Text(), nullable=False),
    )


def _finding() -> None:
    op.create_table(
        "finding",
        sa.Column("cloud", sa.String(length=64), primary_key=True),
        sa.Column("kind", sa.String(length=32), primary_key=True),
        sa.Column("remote_id", sa.String(length=255), primary_key=True),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
    )


def _flavor() -> None:
    _resource(
        "flavor",
        sa.Column("flavorid", sa.String(length=255), nullable=False),
        sa.Column("live_id", sa.String(length=255), nullable=True, unique=True),
        sa.Column("live_name", sa.String(length=255), nullable=True, unique=True),
        sa.Column("vcpus", sa.Integer(), nullable=False),
        sa.Column("ram", sa.Integer(), nullable=False),
        sa.Column("disk", sa.Integer(), nullable=False),
        sa.Column("ephemeral", sa.Integer(), nullable=False),
        sa.Column("swap", sa.Integer(), nullable=False),
        sa.Column("rxtx_factor", sa.Float(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("access", sa.Text(), nullable=False),
    )


def _free_range() -> None:
    op.create_table(
        "free_range",
        sa.Column("subnet_id", sa.String(length=36), primary_key=True),
        sa.Column("first", sa.String(length=32), primary_key=True),
        sa.Column("last", sa.String(length=32), nullable=False),
    )


def _image() -> None:
    _resource(
        "image",
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("disk_format", sa.String(length=32), nullable=False),
        sa.Column("container_format", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("virtual_size", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.String(length=32), nullable=False),
        sa.Column("os_hash_value", sa.String(length=128), nullable=False),
        sa.Column("min_disk", sa.Integer(), nullable=False),
        sa.Column("min_ram", sa.Integer(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("os_hidden", sa.Boolean(), nullable=False),
        sa.Column("tokens", sa.Text(), nullable=False),
    )


def _keypair() -> None:
    _resource(
        "keypair",
        sa.Column("live", sa.String(length=400), nullable=True, unique=True),
    )


def _mac() -> None:
    op.create_table(
        "mac",
        sa.Column("network_id", sa.String(length=36), primary_key=True),
        sa.Column("mac", sa.String(length=17), primary_key=True),
        sa.Column("holder", sa.String(length=80), nullable=False),
    )
    op.create_index("mac_by_holder", "mac", ["holder"], unique=False)


def _need() -> None:
    op.create_table(
        "need",
        sa.Column("kind", sa.String(length=32), primary_key=True),
        sa.Column("id", sa.String(length=255), primary_key=True),
        sa.Column("need_kind", sa.String(length=32), primary_key=True),
        sa.Column("need_id", sa.String(length=255), primary_key=True),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("loose", sa.Boolean(), nullable=False),
    )
    op.create_index("need_by_target", "need", ["need_kind", "need_id"], unique=False)


def _network() -> None:
    _resource(
        "network",
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("external", sa.Boolean(), nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("mtu", sa.Integer(), nullable=False),
        sa.Column("hints", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
    )


def _port() -> None:
    _resource(
        "port",
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("network_project_id", sa.String(length=64), nullable=False),
        sa.Column("mac_address", sa.String(length=17), nullable=False),
        sa.Column("device_id", sa.String(length=255), nullable=False),
        sa.Column("device_owner", sa.String(length=255), nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("fixed_ips", sa.Text(), nullable=False),
        sa.Column("security_groups", sa.Text(), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
    )
    op.create_index("port_by_device", "port", ["device_id"], unique=False)
    op.create_index("port_by_network", "port", ["network_id"], unique=False)


def _presence() -> None:
    op.create_table(
        "presence",
        sa.Column("kind", sa.String(length=32), primary_key=True),
        sa.Column("id", sa.String(length=255), primary_key=True),
        sa.Column("cloud", sa.String(length=64), primary_key=True),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.String(length=255), nullable=True),
        sa.Column("creating_since", sa.Double(), nullable=True),
        sa.Column("observed", sa.Text(), nullable=True),
        sa.Column("observed_at", sa.Double(), nullable=True),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
    )
    op.create_index("presence_by_cloud", "presence", ["cloud", "kind", "id"], unique=False)
    op.create_index("presence_by_kind", "presence", ["kind", "wanted", "cloud"], unique=False)
    op.create_index("presence_by_remote", "presence", ["cloud", "kind", "remote_id"], unique=False)
    op.create_index("presence_by_state", "presence", ["cloud", "state", "kind"], unique=False)


def _security_group() -> None:
    _resource(
        "security_group",
        sa.Column("stateful", sa.Boolean(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
    )


def _security_group_rule() -> None:
    op.create_table(
        "security_group_rule",
        sa.Column("id", sa.String(length=36), primary_key=True),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("security_group_id", sa.String(length=36), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("ethertype", sa.String(length=8), nullable=False),
        sa.Column("protocol", sa.String(length=32), nullable=False),
        sa.Column("port_range_min", sa.Integer(), nullable=False),
        sa.Column("port_range_max", sa.Integer(), nullable=False),
        sa.Column("remote_ip_prefix", sa.String(length=64), nullable=False),
        sa.Column("normalized_cidr", sa.String(length=64), nullable=False),
        sa.Column("remote_group_id", sa.String(length=36), nullable=False),
        sa.Column("belongs_to_default_sg", sa.Boolean(), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
    )
    op.create_index(
        "security_group_rule_by_group", "security_group_rule", ["security_group_id"], unique=False
    )
    op.create_index("security_group_rule_by_project", "security_group_rule", ["project_id"], unique=False)


def _server() -> None:
    _resource(
        "server",
        sa.Column("cloud", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("vm_state", sa.String(length=32), nullable=False),
        sa.Column("task_state", sa.String(length=64), nullable=False),
        sa.Column("power_state", sa.Integer(), nullable=False),
        sa.Column("launched_at", sa.String(length=32), nullable=False),
        sa.Column("terminated_at", sa.String(length=32), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("locked_by", sa.String(length=8), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("flavor_id", sa.String(length=255), nullable=False),
        sa.Column("key_name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("hostname", sa.String(length=255), nullable=False),
        sa.Column("reservation_id", sa.String(length=64), nullable=False),
        sa.Column("launch_index", sa.Integer(), nullable=False),
        sa.Column("config_drive", sa.String(length=8), nullable=False),
        sa.Column("auto_disk_config", sa.Boolean(), nullable=False),
        sa.Column("root_device_name", sa.String(length=255), nullable=False),
        sa.Column("access_ip_v4", sa.String(length=64), nullable=False),
        sa.Column("access_ip_v6", sa.String(length=64), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.Column("ip", sa.Text(), nullable=False),
        sa.Column("ip6", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
    )
    op.create_index("server_by_cloud", "server", ["cloud"], unique=False)
    op.create_index("server_by_reservation", "server", ["reservation_id"], unique=False)


def _subnet() -> None:
    _resource(
        "subnet",
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("network_project_id", sa.String(length=64), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("ip_version", sa.Integer(), nullable=False),
        sa.Column("cidr", sa.String(length=64), nullable=False),
        sa.Column("gateway_ip", sa.String(length=64), nullable=False),
        sa.Column("enable_dhcp", sa.Boolean(), nullable=False),
        sa.Column("ipv6_ra_mode", sa.String(length=32), nullable=False),
        sa.Column("ipv6_address_mode", sa.String(length=32), nullable=False),
        sa.Column("subnetpool_id", sa.String(length=36), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
    )
    op.create_index("subnet_by_network", "subnet", ["network_id"], unique=False)


def _work() -> None:
    op.create_table(
        "work",
        sa.Column("kind", sa.String(length=32), primary_key=True),
        sa.Column("id", sa.String(length=255), primary_key=True),
        sa.Column("cloud", sa.String(length=64), primary_key=True),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("wakes", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.String(length=36), nullable=False),
        sa.Column("claimed_by", sa.String(length=128), nullable=False),
        sa.Column("claimed_until", sa.Double(), nullable=False),
        sa.Column("waits_on", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
    )
    op.create_index("work_by_due", "work", ["cloud", "due_at"], unique=False)
    op.create_index("work_by_wait", "work", ["waits_on"], unique=False)


def upgrade() -> None:
    """Make all tables."""
    _address()
    _cloud()
    _finding()
    _flavor()
    _free_range()
    _image()
    _keypair()
    _mac()
    _need()
    _network()
    _port()
    _presence()
    _security_group()
    _security_group_rule()
    _server()
    _subnet()
    _work()


def downgrade() -> None:
    """Drop them."""
    op.drop_table("work")
    op.drop_table("subnet")
    op.drop_table("server")
    op.drop_table("security_group_rule")
    op.drop_table("security_group")
    op.drop_table("presence")
    op.drop_table("port")
    op.drop_table("network")
    op.drop_table("need")
    op.drop_table("mac")
    op.drop_table("keypair")
    op.drop_table("image")
    op.drop_table("free_range")
    op.drop_table("flavor")
    op.drop_table("finding")
    op.drop_table("cloud")
    op.drop_table("address")
