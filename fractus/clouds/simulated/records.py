"""What a simulated cloud remembers of each thing in it. Stamps are seconds of the cloud's own clock."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from fractus.addressing.ranges import is_self_addressed
from fractus.model.metering import MeteringRule
from fractus.model.network import VOCABULARIES, FixedIp, PortForwarding, QosRule, Rule
from fractus.model.routers import ConntrackHelper
from fractus.model.servers import ServerDisk, ServerFault
from fractus.model.trunks import SubPort
from fractus.model.wire import Vocabulary

#: The owner of a port that the cloud made for its own DHCP.
DHCP = "network:dhcp"


class Record(Struct, kw_only=True):
    """One thing. `ties` name what it holds on to or occupies, so that others can ask who does."""

    KIND: ClassVar[str] = ""

    id: str
    project_id: str
    """The project's id in this cloud."""
    marker: str = ""
    by: str = ""
    """Whose the marker is (`fractus.model.installation.origin`); empty where it does not say."""
    name: str = ""
    user_id: str = ""
    description: str = ""
    tags: list[str] = []
    notes: dict[str, Any] = {}
    created_at: float = 0.0
    changed_at: float = 0.0
    gone: bool = False
    next: str = ""
    """What happens to it next by itself, at `next_at`; empty: nothing."""
    next_at: float = 0.0

    def ties(self) -> set[str]:
        """Keys such as `network/<id>` or `ip/<subnet>/<address>`."""
        return set()


class FlavorRecord(Record, kw_only=True):
    """A flavor; ids are the caller's own."""

    KIND: ClassVar[str] = "flavor"

    vcpus: int
    ram: int
    disk: int
    ephemeral: int = 0
    swap: int = 0
    extra_specs: dict[str, str] = {}
    is_public: bool = True
    access: list[str] = []


class KeypairRecord(Record, kw_only=True):
    """A public key; `id` is its name."""

    KIND: ClassVar[str] = "keypair"

    public_key: str
    type: str = "ssh"
    fingerprint: str = ""


class ServerGroupRecord(Record, kw_only=True):
    """A group of servers of one project."""

    KIND: ClassVar[str] = "server_group"

    policy: str
    rules: dict[str, int] = {}


class ImageRecord(Record, kw_only=True):
    """An image: its record and the sum of its bits; the bits themselves are not kept."""

    KIND: ClassVar[str] = "image"

    disk_format: str
    container_format: str
    min_disk: int = 0
    min_ram: int = 0
    visibility: str = "private"
    properties: dict[str, str] = {}
    status: str = "queued"
    size: int | None = None
    checksum: str | None = None
    protected: bool = False
    members: dict[str, str] = {}


class SharedRecord(Record, kw_only=True):
    """What may be shared with some projects, named by their ids here."""

    shared: bool = False
    shared_with: list[str] = []

    def is_usable_by(self, project_id: str) -> bool:
        """Whether a project's things may have it."""
        return self.shared or project_id in (self.project_id, *self.shared_with)


class NetworkRecord(SharedRecord, kw_only=True):
    """A network."""

    KIND: ClassVar[str] = "network"

    admin_state_up: bool = True
    mtu: int = 1450
    port_security_enabled: bool = True
    external: bool = False
    dns_domain: str = ""
    status: str = "ACTIVE"
    network_type: str = ""
    physical_network: str = ""
    segmentation_id: int | None = None
    segments: list[dict[str, Any]] = []
    qos_policy_id: str | None = None

    def ties(self) -> set[str]:
        """Its QoS policy."""
        return {f"qos_policy/{self.qos_policy_id}"} if self.qos_policy_id else set()


class QosPolicyRecord(SharedRecord, kw_only=True):
    """A QoS policy; each rule carries its own id."""

    KIND: ClassVar[str] = "qos_policy"

    rules: list[QosRule] = []
    is_default: bool = False


class SubnetRecord(Record, kw_only=True):
    """A subnet of a network."""

    KIND: ClassVar[str] = "subnet"

    network_id: str
    cidr: str
    ip_version: int = 4
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    dns_nameservers: list[str] = []
    host_routes: list[dict[str, str]] = []
    pools: list[dict[str, str]] = []
    ipv6_address_mode: str | None = None
    ipv6_ra_mode: str | None = None

    @property
    def self_addressed(self) -> bool:
        """Whether machines give themselves addresses in it."""
        return is_self_addressed(self.ipv6_address_mode)

    def ties(self) -> set[str]:
        """Its network."""
        return {f"network/{self.network_id}"}


class PortRecord(Record, kw_only=True):
    """A port, of a server or of the cloud's own DHCP."""

    KIND: ClassVar[str] = "port"

    network_id: str
    mac_address: str
    fixed_ips: list[FixedIp] = []
    security_groups: list[str] = []
    allowed_address_pairs: list[dict[str, str]] = []
    extra_dhcp_opts: list[dict[str, Any]] = []
    dns_name: str | None = None
    admin_state_up: bool = True
    port_security_enabled: bool = True
    qos_policy_id: str | None = None
    status: str = "DOWN"
    device_id: str = ""
    device_owner: str = ""
    host: str = ""
    profile: dict[str, Any] = {}
    vif_type: str = "unbound"
    vnic_type: str = "normal"
    numa_affinity_policy: str | None = None
    device_profile: str | None = None
    propagate_uplink_status: bool = True
    of_nova: bool = False
    """Nova made it for its server, and takes it away with it."""

    @property
    def serves_dhcp(self) -> bool:
        """Whether it is the cloud's own."""
        return self.device_owner == DHCP

    def ties(self) -> set[str]:
        """Its network, subnets and groups, the router that has it, and the addresses it occupies."""
        held = {f"network/{self.network_id}", f"mac/{self.network_id}/{self.mac_address.lower()}"}
        held |= {f"security_group/{group}" for group in self.security_groups}
        held |= {f"qos_policy/{self.qos_policy_id}"} if self.qos_policy_id else set()
        if self.device_owner.startswith("network:router"):
            held.add(f"device/{self.device_id}")
        for fixed in self.fixed_ips:
            held |= {f"subnet/{fixed.subnet_id}", f"ip/{fixed.subnet_id}/{fixed.ip_address}"}
        return held


class SecurityGroupRecord(SharedRecord, kw_only=True):
    """A security group; each rule carries its own id."""

    KIND: ClassVar[str] = "security_group"

    stateful: bool = True
    rules: list[Rule] = []

    def ties(self) -> set[str]:
        """The other groups, and the address groups, that its rules name."""
        groups = {f"remote_group/{rule.remote_group_id}" for rule in self.rules if rule.remote_group_id}
        named = {rule.remote_address_group_id for rule in self.rules if rule.remote_address_group_id}
        return groups | {f"address_group/{id}" for id in named}


class GroupMembersRecord(Record, kw_only=True):
    """An address group."""

    KIND: ClassVar[str] = "group_members"

    addresses: list[str] = []


class RouterRecord(Record, kw_only=True):
    """A router. `gateway` is as Neutron shows it, with its addresses; they are held by a port of the cloud's own."""

    KIND: ClassVar[str] = "router"

    admin_state_up: bool = True
    gateway: dict[str, Any] | None = None
    routes: list[dict[str, str]] = []
    distributed: bool | None = False
    ha: bool | None = False
    conntrack_helpers: list[ConntrackHelper] = []
    status: str = "ACTIVE"


class RouterInterfaceRecord(Record, kw_only=True):
    """That a router has a port, whose id it bears."""

    KIND: ClassVar[str] = "router_interface"

    router_id: str
    port_id: str
    subnets: list[str] = []
    network_id: str = ""
    device_owner: str = ""

    def ties(self) -> set[str]:
        """Its router."""
        return {f"router/{self.router_id}"}


class FloatingIpRecord(Record, kw_only=True):
    """A floating IP. It occupies its address itself; Neutron has a port for that."""

    KIND: ClassVar[str] = "floatingip"

    floating_network_id: str
    subnet_id: str
    floating_ip_address: str
    port_id: str | None = None
    fixed_ip_address: str | None = None
    dns_name: str = ""
    dns_domain: str = ""
    qos_policy_id: str | None = None
    status: str = "DOWN"
    port_forwardings: list[PortForwarding] = []

    def ties(self) -> set[str]:
        """Its network and subnet, its address, and the ports that it leads and forwards to."""
        held = {
            f"network/{self.floating_network_id}",
            f"subnet/{self.subnet_id}",
            f"ip/{self.subnet_id}/{self.floating_ip_address}",
        }
        held |= {f"port/{one.internal_port_id}" for one in self.port_forwardings}
        return held | ({f"port/{self.port_id}"} if self.port_id else set())


class TrunkRecord(Record, kw_only=True):
    """A trunk on a port, with its sub-ports."""

    KIND: ClassVar[str] = "trunk"

    port_id: str
    admin_state_up: bool = True
    sub_ports: list[SubPort] = []
    status: str = "ACTIVE"

    def ties(self) -> set[str]:
        """Its ports."""
        return {f"port/{self.port_id}", *(f"port/{one.port_id}" for one in self.sub_ports)}


class MeteringLabelRecord(Record, kw_only=True):
    """A metering label, with its rules."""

    KIND: ClassVar[str] = "metering_label"

    shared: bool = False
    rules: list[MeteringRule] = []


class ServerRecord(Record, kw_only=True):
    """A server. `boots` are the moments at which it began to run, for its console."""

    KIND: ClassVar[str] = "server"

    vcpus: int
    ram: int
    disk: int
    flavor_id: str
    image_id: str = ""
    key_name: str = ""
    port_ids: list[str] = []
    metadata: dict[str, str] = {}
    user_data: str = ""
    config_drive: bool = False
    disk_config: str = "AUTO"
    hostname: str = ""
    volumes: list[str] = []
    """Ids of volumes, of which no more is known here."""
    disks: list[ServerDisk] = []
    """What it was built with, where the request named any."""
    number: int = 0
    vm_state: str = "building"
    task_state: str | None = "scheduling"
    power_state: int = 0
    host: str = ""
    launched_at: float | None = None
    terminated_at: float | None = None
    fault: ServerFault | None = None
    boots: list[float] = []
    was: dict[str, Any] = {}
    """What it goes back to: its flavor, sizes and vm_state before a resize."""
    password: str = ""
    """What its guest has posted, encrypted."""
    hints: dict[str, Any] = {}
    """For the scheduler."""
    shelved_image: str = ""
    """The id of the image that its disk is kept as while it is shelved."""

    def ties(self) -> set[str]:
        """Its ports, and its group."""
        if self.gone:
            return set()
        group = {f"server_group/{self.hints['group']}"} if "group" in self.hints else set()
        return {f"port/{port}" for port in self.port_ids} | group


class VolumeTypeRecord(Record, kw_only=True):
    """A volume type: the operator's of this cloud."""

    KIND: ClassVar[str] = "volume_type"

    is_public: bool = True
    extra_specs: dict[str, str] = {}
    encrypted: str = ""
    """Where volumes of it are encrypted."""
    access: list[str] = []
    """The projects that may use a private one."""


class VolumeRecord(Record, kw_only=True):
    """A volume. `attachments` as Cinder prints them."""

    KIND: ClassVar[str] = "volume"

    size: int
    type_id: str = ""
    type_name: str = ""
    status: str = "creating"
    bootable: bool = False
    readonly: bool | None = None
    multiattach: bool = False
    metadata: dict[str, str] = {}
    image_metadata: dict[str, str] = {}
    attachments: list[dict[str, Any]] = []
    migration_status: str | None = None
    host: str = ""
    snapshot_id: str = ""
    source_id: str = ""
    hints: dict[str, Any] = {}
    """Scheduler hints; a simulated cloud has one back end and does not act on them."""

    def ties(self) -> set[str]:
        """Its type."""
        return set() if self.gone else {f"volume_type/{self.type_id}"}


class VolumeAttachmentRecord(Record, kw_only=True):
    """That a server has a volume; `id` is `<server>/<volume>`, unless block storage was asked for it (`direct`)."""

    KIND: ClassVar[str] = "volume_attachment"

    server_id: str
    volume_id: str
    device: str = ""
    status: str = "attaching"
    attached_at: float | None = None
    delete_on_termination: bool = False
    direct: str = ""
    host: str = ""
    mode: str = ""

    def ties(self) -> set[str]:
        """Both of them."""
        server = set() if self.direct else {f"server/{self.server_id}"}
        return {f"volume/{self.volume_id}", *server}


class SnapshotRecord(Record, kw_only=True):
    """A snapshot of a volume."""

    KIND: ClassVar[str] = "snapshot"

    volume_id: str
    size: int = 0
    status: str = "creating"
    metadata: dict[str, str] = {}
    progress: str = ""

    def ties(self) -> set[str]:
        """Its volume."""
        return set() if self.gone else {f"volume/{self.volume_id}"}


class BackupRecord(Record, kw_only=True):
    """A backup. It outlives its volume; another may say the difference to it."""

    KIND: ClassVar[str] = "backup"

    volume_id: str = ""
    snapshot_id: str = ""
    parent_id: str = ""
    size: int = 0
    status: str = "creating"
    container: str = ""
    metadata: dict[str, str] = {}
    fail_reason: str | None = None

    def ties(self) -> set[str]:
        """The one that it says the difference to."""
        return {f"backup/{self.parent_id}"} if self.parent_id and not self.gone else set()


class MarkRecord(Record, kw_only=True):
    """That a fractus manages this cloud. It is in no listing."""

    KIND: ClassVar[str] = "mark"

    installation: str
    cloud: str


class HostRecord(Record, kw_only=True):
    """What an administrator has said of a host; its id is the host's name. It is in no listing."""

    KIND: ClassVar[str] = "host"

    disabled: bool = False
    disabled_reason: str | None = None
    forced_down: bool = False
    removed: bool = False
    frozen: bool = False


#: What users of a cloud have in it.
RECORDS: dict[str, type[Record]] = {
    record.KIND: record
    for record in (
        FlavorRecord,
        KeypairRecord,
        ServerGroupRecord,
        ImageRecord,
        NetworkRecord,
        QosPolicyRecord,
        SubnetRecord,
        PortRecord,
        SecurityGroupRecord,
        GroupMembersRecord,
        RouterRecord,
        RouterInterfaceRecord,
        FloatingIpRecord,
        TrunkRecord,
        MeteringLabelRecord,
        ServerRecord,
        VolumeTypeRecord,
        VolumeRecord,
        SnapshotRecord,
        BackupRecord,
        VolumeAttachmentRecord,
    )
}


def _record_of(vocabulary: Vocabulary[Any, Any]) -> type[Record]:
    """The record of a kind of which no more is known than is wanted of one. It holds on to what it refers to."""
    named = {one.name: one.rules.refers for one in vocabulary.said if one.rules.refers}

    def ties(self: Record) -> set[str]:
        return {f"{kind}/{id}" for name, kind in named.items() if (id := getattr(self, name))}

    made = msgspec.defstruct(
        f"{vocabulary.kind.title().replace('_', '')}Record",
        [(one.name, one.type or Any, one.default) for one in vocabulary.said],
        bases=(Record,),
        namespace={"KIND": vocabulary.kind, "ties": ties},
        kw_only=True,
    )
    assert issubclass(made, Record)
    return made


for _vocabulary in VOCABULARIES:
    if _vocabulary.kind not in RECORDS:
        RECORDS[_vocabulary.kind] = _record_of(_vocabulary)
