"""Ports, declared (neutron_lib.api.definitions.port and the extensions that are served)."""

from __future__ import annotations

from msgspec import UNSET
from sqlalchemy import Index

from fractus.model.carried import CARRIED, OURS
from fractus.model.network import PORT as VOCABULARY
from fractus.services.field import Bound, Field, Match, Stored, named, text
from fractus.services.kind import Kind, column, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import dns, values
from fractus.services.network.dialect.schema.attributes import read_only, standard, stated
from fractus.services.network.dialect.schema.qos import QOS_POLICY
from fractus.services.network.dialect.table import standard_columns
from fractus.services.network.dialect.view import among
from fractus.services.network.ports import schema, view
from fractus.services.network.ports.policy import RULES

BINDING = "get_port:binding:host_id"
"""The rule of those who see how a port is bound."""

_BOUND = "once, to the cloud of that host; whoever plugs the port there says it anew"
_PLUGGED = "the Nova of its cloud writes its own there when the port is plugged"


def _device(name: str) -> Field:
    return Field(
        name, post=True, put=True, default="", check=values.string(255), rule=True,
        match=Match(name), sort=name, column=text(name, 255), carried=OURS, why=_PLUGGED,
    )  # fmt: skip


FIELDS = named([
    *standard(tags_on_create=True),
    neutron.NAME,
    Field(
        "network_id", post=True, check=values.uuid, match=Match("network_id"), sort="network_id",
        column=text("network_id", 36),
    ),
    neutron.switch("admin_state_up", default=True, sort=True),
    Field(
        "mac_address", post=True, put=True, default=UNSET, convert=values.canonical_mac, rule=True,
        check=values.mac_address_or_none, match=Match("mac_address", values.canonical_mac), sort="mac_address",
        column=text("mac_address", 17), carried=CARRIED,
    ),
    Field(
        "fixed_ips", post=True, put=True, default=UNSET, bound=stated("fixed_ips"), check=values.fixed_ips, rule=True,
        column=Stored("fixed_ips", str, "", write=view.addresses_column), carried=CARRIED,
    ),
    _device("device_id"),
    _device("device_owner"),
    read_only("status", "status"),
    Field(
        "security_groups", post=True, put=True, default=UNSET, convert=values.to_list,
        bound=stated("security_groups"), check=values.unique(values.uuid),
        match=Match("security_groups", how="member"), column=text("security_groups", write=among), carried=CARRIED,
    ),
    Field(
        "port_security_enabled", post=True, put=True, default=UNSET, convert=values.to_boolean, rule=True,
        carried=CARRIED,
    ),
    Field(
        "allowed_address_pairs", post=True, put=True, default=UNSET, convert=values.to_list,
        bound=Bound(schema.MOST_PAIRS, schema.too_many_pairs), check=schema.address_pairs, rule=True,
        carried=CARRIED,
    ),
    Field(
        "extra_dhcp_opts", post=True, put=True, default=None, bound=stated("extra_dhcp_opts"),
        check=schema.dhcp_options, carried=CARRIED,
    ),
    QOS_POLICY,
    Field(
        "dns_name", post=True, put=True, default="", convert=dns.canonical, check=dns.host, shown="",
        carried=CARRIED, why="a cloud without names of ports goes without it",
    ),
    Field("dns_assignment"),
    Field(
        "binding:vnic_type", post=True, put=True, default="normal", check=values.one_of(schema.VNIC_TYPES), rule=True,
        desired="vnic_type", carried=CARRIED, why="until it is bound there",
    ),
    Field(
        "numa_affinity_policy", post=True, put=True, default=None, check=values.one_of(schema.NUMA_POLICIES),
        carried=CARRIED, why="a cloud whose network service has it not enabled goes without it",
    ),
    Field("device_profile", post=True, default=None, check=values.string_or_none(255)),
    Field("propagate_uplink_status", post=True, default=True, convert=values.to_boolean),
    Field(
        "binding:host_id", post=True, put=True, default=UNSET, convert=schema.to_host, check=values.string(255),
        rule=True, match=Match("host"), desired="host", shown="", column=text("host", 255), carried=CARRIED, why=_BOUND,
    ),
    Field(
        "binding:profile", post=True, put=True, default=UNSET, check=schema.profile, rule=True, desired="profile",
        shown="", carried=CARRIED, why=_BOUND,
    ),
    read_only("binding:vif_type"),
    read_only("binding:vif_details"),
    read_only("resource_request"),
    read_only("ip_allocation"),
    Field("trunk_details"),
])  # fmt: skip

_TABLE = table_of(
    "port",
    FIELDS,
    column(neutron.NETWORK_PROJECT),
    *standard_columns(),
    Index("port_by_network", "network_id"),
    Index("port_by_device", "device_id"),
    # Lists, which Neutron sorts by id: a project's ports, those on its networks, and those on one network.
    Index("port_by_owner", "project_id", "id"),
    Index("port_by_network_owner", "network_project_id", "id"),
    Index("port_on_network", "network_id", "id"),
    order=("network_id", "network_project_id", "mac_address", "device_id", "device_owner", "admin_state_up", "host"),
    crowded=True,
)  # fmt: skip

KIND = Kind(
    name="port",
    service="network",
    collection="ports",
    extensions=(
        "aap-reject-multicast", "allowed-address-pairs", "binding", "binding-extended", "dns-integration",
        "extra_dhcp_opt", "ip_allocation", "ip-substring-filtering", "port-device-profile",
        "port-mac-address-regenerate",
        "port-numa-affinity-policy", "port-numa-affinity-policy-socket", "port-resource-request",
        "port-resource-request-groups", "port-security", "port-security-groups-filtering",
        "uplink-status-propagation",
    ),
    fields=FIELDS,
    table=_TABLE,
    summarise=neutron.Documents(
        FIELDS,
        derived=view.derived,
        status=view.status,
        columns=(neutron.NETWORK_PROJECT,),
        privileged=(
            "binding:host_id", "binding:vif_type", "binding:vif_details", "binding:profile", "resource_request",
        ),
        # Which server it is for is ours to say, also while somebody has taken it from that there.
        ours=("device_id",),
    ),
    scope=neutron.own_or(owners=neutron.ON_NETWORK),
    target=view.target,
    rules=tuple(RULES),
    costs=neutron.cost("port"),
    needs=lambda port: schema.needs_of(port.desired),
    needs_from=schema.NEEDS_FROM,
    vocabulary=VOCABULARY,
)  # fmt: skip
