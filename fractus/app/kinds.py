"""The one list of kinds, and of what services have beside them: what is not named here is not there.

A line names a kind's declaration, its API, and its lifecycle and adoption where it is ever in a cloud (as they are, or
as a function of `WorkerParts` where they depend on others). Everything else follows from that.
"""

from __future__ import annotations

from typing import Any

from fractus.app.entry import ApiParts, Entry, Other
from fractus.services.compute.aggregates.api import AggregatesApi
from fractus.services.compute.aggregates.kind import KIND as AGGREGATE
from fractus.services.compute.availability_zones import policy as compute_zone_policy
from fractus.services.compute.availability_zones.api import AvailabilityZonesApi
from fractus.services.compute.extensions import policy as compute_extension_policy
from fractus.services.compute.extensions.api import ExtensionsApi as ComputeExtensionsApi
from fractus.services.compute.flavors.adoption import FlavorAdoption
from fractus.services.compute.flavors.api import FlavorsApi
from fractus.services.compute.flavors.kind import KIND as FLAVOR
from fractus.services.compute.flavors.lifecycle import FlavorLifecycle
from fractus.services.compute.flavors.queries import FlavorSource
from fractus.services.compute.hosts import policy as host_policy
from fractus.services.compute.hosts.api import HostsApi
from fractus.services.compute.hosts.api.access import Given as HostsGiven
from fractus.services.compute.hosts.kind import HYPERVISORS, SERVICES
from fractus.services.compute.hosts.queries import HostNames
from fractus.services.compute.keypairs.adoption import KeypairAdoption
from fractus.services.compute.keypairs.api import KeypairsApi
from fractus.services.compute.keypairs.kind import KIND as KEYPAIR
from fractus.services.compute.keypairs.lifecycle import KeypairLifecycle
from fractus.services.compute.keypairs.queries import KeypairSource
from fractus.services.compute.limits import policy as compute_limit_policy
from fractus.services.compute.limits.api import LimitsApi
from fractus.services.compute.migrations import policy as migration_policy
from fractus.services.compute.migrations.api import MigrationsApi
from fractus.services.compute.other_services import policy as service_policy
from fractus.services.compute.other_services.api import OtherServicesApi
from fractus.services.compute.proxies import policy as proxy_policy
from fractus.services.compute.proxies.api import ProxiesApi
from fractus.services.compute.removed import policy as removed_policy
from fractus.services.compute.removed.api import RemovedApi
from fractus.services.compute.server_groups.api import ServerGroupsApi
from fractus.services.compute.server_groups.kind import KIND as SERVER_GROUP
from fractus.services.compute.server_groups.lifecycle import ServerGroupLifecycle
from fractus.services.compute.server_groups.queries import ServerGroupSource
from fractus.services.compute.servers.adoption import ServerAdoption
from fractus.services.compute.servers.api import ServersApi
from fractus.services.compute.servers.api.access import Dependencies, ServerLimits
from fractus.services.compute.servers.kind import KIND as SERVER
from fractus.services.compute.servers.lifecycle import ServerLifecycle
from fractus.services.compute.servers.queries import ServersOnHosts
from fractus.services.compute.tenant_usage import policy as usage_policy
from fractus.services.compute.tenant_usage.api import TenantUsageApi
from fractus.services.image.cache import policy as cache_policy
from fractus.services.image.cache.api import CacheApi
from fractus.services.image.images.adoption import ImageAdoption
from fractus.services.image.images.kind import KIND as IMAGE
from fractus.services.image.images.kind import TASK as IMAGE_TASK
from fractus.services.image.images.lifecycle import ImageLifecycle
from fractus.services.image.images.made_there import ImageMaker
from fractus.services.image.images.queries import ImageSource
from fractus.services.image.images.writes.stores import ImageCopies
from fractus.services.image.info import policy as info_policy
from fractus.services.image.info.api import InfoApi
from fractus.services.image.metadefs.api import MetadefsApi
from fractus.services.image.metadefs.kind import NAMESPACE as METADEF_NAMESPACE
from fractus.services.image.metadefs.kind import RESOURCE_TYPE as METADEF_RESOURCE_TYPE
from fractus.services.image.schemas import policy as schema_policy
from fractus.services.image.schemas.api import SchemasApi
from fractus.services.kind import Kind
from fractus.services.mirror import MirrorKind
from fractus.services.network.address_groups.api import AddressGroupApi
from fractus.services.network.address_groups.kind import KIND as ADDRESS_GROUP
from fractus.services.network.address_scopes.api import AddressScopeApi
from fractus.services.network.address_scopes.kind import KIND as ADDRESS_SCOPE
from fractus.services.network.agents import policy as agent_policy
from fractus.services.network.agents.api import AgentApi
from fractus.services.network.agents.kind import MIRROR as NETWORK_AGENT
from fractus.services.network.auto_allocated_topologies.api import (
    AllocatedTopologies,
    AutoAllocatedTopologyApi,
    Makers,
)
from fractus.services.network.auto_allocated_topologies.kind import KIND as TOPOLOGY
from fractus.services.network.availability_zones import policy as network_zone_policy
from fractus.services.network.availability_zones.api import AvailabilityZoneApi
from fractus.services.network.default_security_group_rules.api import DefaultSecurityGroupRuleApi
from fractus.services.network.default_security_group_rules.kind import KIND as DEFAULT_SECURITY_GROUP_RULE
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.queries.outside_ports import OutsidePorts
from fractus.services.network.extensions.api import ExtensionApi
from fractus.services.network.flavors.api import NetworkFlavorApi
from fractus.services.network.flavors.kind import KIND as NETWORK_FLAVOR
from fractus.services.network.floating_ip_pools import policy as pool_policy
from fractus.services.network.floating_ip_pools.api import FloatingIpPoolApi
from fractus.services.network.floating_ips.adoption import FloatingIpAdoption
from fractus.services.network.floating_ips.api import FloatingIpApi
from fractus.services.network.floating_ips.kind import KIND as FLOATING_IP
from fractus.services.network.floating_ips.lifecycle import FloatingIpLifecycle
from fractus.services.network.group_members.adoption import GroupMembersAdoption
from fractus.services.network.group_members.kind import KIND as GROUP_MEMBERS
from fractus.services.network.group_members.lifecycle import GroupMembersLifecycle
from fractus.services.network.group_members.writes import GroupMemberWrites
from fractus.services.network.ip_availability import policy as ip_availability_policy
from fractus.services.network.ip_availability.api import IpAvailabilityApi
from fractus.services.network.metering_labels.adoption import MeteringLabelAdoption
from fractus.services.network.metering_labels.api import MeteringLabelApi, MeteringLabelRuleApi
from fractus.services.network.metering_labels.kind import KIND as METERING_LABEL
from fractus.services.network.metering_labels.kind import RULE as METERING_LABEL_RULE
from fractus.services.network.metering_labels.lifecycle import MeteringLabelLifecycle
from fractus.services.network.networks.adoption import NetworkAdoption
from fractus.services.network.networks.api import NetworkApi
from fractus.services.network.networks.kind import KIND as NETWORK
from fractus.services.network.networks.lifecycle import NetworkLifecycle
from fractus.services.network.ports.adoption import PortAdoption
from fractus.services.network.ports.api import PortApi
from fractus.services.network.ports.kind import KIND as PORT
from fractus.services.network.ports.lifecycle import PortLifecycle
from fractus.services.network.qos_policies.adoption import QosPolicyAdoption
from fractus.services.network.qos_policies.api import QosPolicyApi
from fractus.services.network.qos_policies.kind import KIND as QOS_POLICY
from fractus.services.network.qos_policies.lifecycle import QosPolicyLifecycle
from fractus.services.network.quotas import policy as quota_policy
from fractus.services.network.quotas.api import QuotaApi
from fractus.services.network.rbac_policies.api import RbacPolicyApi
from fractus.services.network.rbac_policies.kind import KIND as RBAC_POLICY
from fractus.services.network.router_interfaces.adoption import RouterInterfaceAdoption
from fractus.services.network.router_interfaces.kind import KIND as ROUTER_INTERFACE
from fractus.services.network.router_interfaces.lifecycle import RouterInterfaceLifecycle
from fractus.services.network.routers.adoption import RouterAdoption
from fractus.services.network.routers.api import RouterApi
from fractus.services.network.routers.kind import KIND as ROUTER
from fractus.services.network.routers.lifecycle import RouterLifecycle
from fractus.services.network.security_groups.adoption import SecurityGroupAdoption
from fractus.services.network.security_groups.api import SecurityGroupApi, SecurityGroupRuleApi
from fractus.services.network.security_groups.kind import KIND as SECURITY_GROUP
from fractus.services.network.security_groups.kind import RULE as SECURITY_GROUP_RULE
from fractus.services.network.security_groups.lifecycle import SecurityGroupLifecycle
from fractus.services.network.segment_ranges import policy as range_policy
from fractus.services.network.segment_ranges.api import SegmentRangeApi
from fractus.services.network.segment_ranges.kind import MIRROR as SEGMENT_RANGE
from fractus.services.network.segments import policy as segment_policy
from fractus.services.network.segments.api import SegmentApi
from fractus.services.network.segments.kind import MIRROR as SEGMENT
from fractus.services.network.service_profiles.api import ServiceProfileApi
from fractus.services.network.service_profiles.kind import KIND as SERVICE_PROFILE
from fractus.services.network.service_providers import policy as provider_policy
from fractus.services.network.service_providers.api import ServiceProviderApi
from fractus.services.network.subnet_pools.api import SubnetPoolApi
from fractus.services.network.subnet_pools.kind import KIND as SUBNET_POOL
from fractus.services.network.subnets.adoption import SubnetAdoption
from fractus.services.network.subnets.api import SubnetApi
from fractus.services.network.subnets.kind import KIND as SUBNET
from fractus.services.network.subnets.lifecycle import SubnetLifecycle
from fractus.services.network.trunks.adoption import TrunkAdoption
from fractus.services.network.trunks.api import TrunkApi
from fractus.services.network.trunks.kind import KIND as TRUNK
from fractus.services.network.trunks.lifecycle import TrunkLifecycle
from fractus.services.placement.providers import policy as placement_policy
from fractus.services.placement.providers.api import PlacementApi
from fractus.services.placement.providers.api.access import Given as PlacementGiven
from fractus.services.placement.providers.kind import CLASSES as RESOURCE_CLASSES
from fractus.services.placement.providers.kind import PROVIDERS, TRAITS
from fractus.services.volume.attachments.adoption import VolumeAttachmentAdoption
from fractus.services.volume.attachments.api import AttachmentsApi
from fractus.services.volume.attachments.kind import KIND as VOLUME_ATTACHMENT
from fractus.services.volume.attachments.lifecycle import VolumeAttachmentLifecycle
from fractus.services.volume.backups.adoption import BackupAdoption
from fractus.services.volume.backups.api import BackupsApi
from fractus.services.volume.backups.kind import KIND as BACKUP
from fractus.services.volume.backups.lifecycle import BackupLifecycle
from fractus.services.volume.backups.writes import BackupWrites
from fractus.services.volume.extensions import policy as volume_extension_policy
from fractus.services.volume.extensions.api import ExtensionsApi as VolumeExtensionsApi
from fractus.services.volume.group_snapshots.api import GroupSnapshotsApi
from fractus.services.volume.group_snapshots.kind import KIND as GROUP_SNAPSHOT
from fractus.services.volume.group_snapshots.writes import GroupSnapshotWrites
from fractus.services.volume.group_types.api import GroupTypesApi
from fractus.services.volume.group_types.kind import KIND as GROUP_TYPE
from fractus.services.volume.group_types.queries import GroupTypeSource
from fractus.services.volume.groups.api import GroupsApi
from fractus.services.volume.groups.kind import KIND as VOLUME_GROUP
from fractus.services.volume.groups.writes import GroupWrites
from fractus.services.volume.hosts import policy as volume_host_policy
from fractus.services.volume.hosts.api import HostsApi as VolumeHostsApi
from fractus.services.volume.hosts.api.access import Given as VolumeHostsGiven
from fractus.services.volume.hosts.kind import CLUSTERS as BLOCK_CLUSTERS
from fractus.services.volume.hosts.kind import POOLS as BLOCK_POOLS
from fractus.services.volume.hosts.kind import SERVICES as BLOCK_SERVICES
from fractus.services.volume.hosts.queries import BackendNames
from fractus.services.volume.limits import policy as volume_limit_policy
from fractus.services.volume.limits.api import LimitsApi as VolumeLimitsApi
from fractus.services.volume.lists import policy as volume_list_policy
from fractus.services.volume.lists.api import ListsApi
from fractus.services.volume.messages.api import MessagesApi
from fractus.services.volume.messages.kind import KIND as VOLUME_MESSAGE
from fractus.services.volume.messages.writes import MessageWrites
from fractus.services.volume.qos_specs.api import QosSpecsApi
from fractus.services.volume.qos_specs.kind import KIND as QOS_SPEC
from fractus.services.volume.resource_filters import policy as resource_filter_policy
from fractus.services.volume.resource_filters.api import ResourceFiltersApi
from fractus.services.volume.snapshots.adoption import SnapshotAdoption
from fractus.services.volume.snapshots.api import SnapshotsApi
from fractus.services.volume.snapshots.kind import KIND as SNAPSHOT
from fractus.services.volume.snapshots.lifecycle import SnapshotLifecycle
from fractus.services.volume.snapshots.writes import SnapshotWrites
from fractus.services.volume.transfers.api import TransfersApi
from fractus.services.volume.transfers.kind import KIND as VOLUME_TRANSFER
from fractus.services.volume.volume_types.adoption import VolumeTypeAdoption
from fractus.services.volume.volume_types.api import VolumeTypesApi
from fractus.services.volume.volume_types.kind import DEFAULT as DEFAULT_VOLUME_TYPE
from fractus.services.volume.volume_types.kind import KIND as VOLUME_TYPE
from fractus.services.volume.volume_types.lifecycle import VolumeTypeLifecycle
from fractus.services.volume.volume_types.queries import VolumeTypeSource
from fractus.services.volume.volumes.adoption import VolumeAdoption
from fractus.services.volume.volumes.api import VolumesApi
from fractus.services.volume.volumes.api.making import VolumeMaker
from fractus.services.volume.volumes.kind import KIND as VOLUME
from fractus.services.volume.volumes.lifecycle import VolumeLifecycle
from fractus.services.volume.volumes.queries import VolumesOfTypes
from fractus.services.volume.volumes.writes import VolumeWrites
from fractus.store.ledger import Ledger

# --- the lists ------------------------------------------------------------------------------------


def _volume_maker(at: ApiParts) -> VolumeMaker:
    return VolumeMaker(
        at.ledger,
        at.quota,
        VolumeTypeSource(at.resources),
        ImageSource(at.resources),
        GroupWrites(at.ledger),
    )


def _servers(at: ApiParts) -> ServersApi:
    return ServersApi(
        Dependencies(
            store=at.store,
            ledger=at.ledger,
            clock=at.clock,
            ports=at.ports,
            plugging=at.plugging,
            floating=at.floating,
            attachments=at.attachments,
            snapshots=SnapshotWrites(at.ledger),
            storage=_volume_maker(at),
            images=ImageSource(at.resources),
            maker=ImageMaker(at.ledger),
            flavors=FlavorSource(at.resources),
            keypairs=KeypairSource(at.resources),
            groups=ServerGroupSource(at.resources),
            live=at.live,
            names=HostNames(at.store, at.clock),
            quota=at.quota,
            topologies=AllocatedTopologies(at.inside),
            secrets=at.vault,
            limits=ServerLimits(stale_after=at.stale_after),
        )
    )


def _makers(at: NetworkNeighbours) -> Makers:
    """What makes the parts of a topology."""
    kinds = (NETWORK, SUBNET, ROUTER)
    return Makers(NetworkApi(at), SubnetApi(at), RouterApi(at), {one.name: one.fields for one in kinds})


def _hosts(at: ApiParts) -> HostsApi:
    return HostsApi(
        HostsGiven(
            store=at.store,
            clock=at.clock,
            names=HostNames(at.store, at.clock),
            live=at.live,
            servers=ServersOnHosts(),
            stale_after=at.stale_after,
        )
    )


def _volume_hosts(at: ApiParts) -> VolumeHostsApi:
    return VolumeHostsApi(
        VolumeHostsGiven(
            store=at.store,
            clock=at.clock,
            names=BackendNames(at.store, at.clock),
            live=at.live,
            types=VolumeTypeSource(at.resources),
            stale_after=at.stale_after,
        )
    )


COMPUTE: tuple[Entry[ApiParts], ...] = (
    Entry(
        SERVER,
        _servers,
        lambda at: ServerLifecycle(at.ports, at.clock, at.vault, ImageMaker(at.ledger), at.attachments),
        ServerAdoption(),
    ),
    Entry(FLAVOR, lambda at: FlavorsApi(at.store, at.ledger, at.projects), FlavorLifecycle(), FlavorAdoption()),
    Entry(SERVER_GROUP, lambda at: ServerGroupsApi(at.store, at.ledger), ServerGroupLifecycle()),
    Entry(
        AGGREGATE,
        lambda at: AggregatesApi(
            at.store, at.ledger, HostNames(at.store, at.clock), ImageCopies(at.resources, at.ledger)
        ),
    ),
    Entry(KEYPAIR, lambda at: KeypairsApi(at.store, at.ledger, at.clock), KeypairLifecycle(), KeypairAdoption()),
)  # fmt: skip

IMAGES: tuple[Entry[ApiParts], ...] = (
    Entry(IMAGE, lambda at: at.images, lambda at: ImageLifecycle(at.bits), lambda at: ImageAdoption(at.bits)),
    Entry(METADEF_NAMESPACE, lambda at: MetadefsApi(at.store, at.resources)),
    Entry(METADEF_RESOURCE_TYPE, None),
    Entry(IMAGE_TASK, None),
)

NETWORKING: tuple[Entry[NetworkNeighbours], ...] = (
    Entry(
        NETWORK, NetworkApi, NetworkLifecycle(), lambda at: NetworkAdoption(at.resources, at.external_access)
    ),
    Entry(
        SUBNET,
        SubnetApi,
        lambda at: SubnetLifecycle(at.addresses),
        lambda at: SubnetAdoption(at.resources, at.addresses),
    ),
    Entry(
        PORT,
        PortApi,
        lambda at: PortLifecycle(at.addresses, at.macs, at.clock, at.shown_ports),
        lambda at: PortAdoption(at.addresses, at.macs),
    ),
    Entry(
        SECURITY_GROUP,
        SecurityGroupApi,
        lambda at: SecurityGroupLifecycle(at.resources, GroupMemberWrites(at.ledger)),
        SecurityGroupAdoption(),
    ),
    Entry(
        GROUP_MEMBERS,
        None,
        lambda at: GroupMembersLifecycle(GroupMemberWrites(at.ledger)),
        GroupMembersAdoption(),
    ),
    Entry(SECURITY_GROUP_RULE, SecurityGroupRuleApi),
    Entry(DEFAULT_SECURITY_GROUP_RULE, DefaultSecurityGroupRuleApi),
    Entry(ADDRESS_SCOPE, AddressScopeApi),
    Entry(SUBNET_POOL, SubnetPoolApi),
    Entry(RBAC_POLICY, RbacPolicyApi),
    Entry(ADDRESS_GROUP, AddressGroupApi),
    Entry(QOS_POLICY, QosPolicyApi, QosPolicyLifecycle(), QosPolicyAdoption()),
    Entry(
        ROUTER,
        RouterApi,
        lambda at: RouterLifecycle(at.resources, at.addresses, OutsidePorts(at.resources, PORT.summarise)),
        lambda at: RouterAdoption(at.addresses, OutsidePorts(at.resources, PORT.summarise)),
    ),
    Entry(ROUTER_INTERFACE, None, RouterInterfaceLifecycle(), RouterInterfaceAdoption()),
    Entry(
        FLOATING_IP,
        FloatingIpApi,
        lambda at: FloatingIpLifecycle(at.resources, at.addresses),
        lambda at: FloatingIpAdoption(at.resources, at.addresses, OutsidePorts(at.resources, PORT.summarise)),
    ),
    Entry(TRUNK, TrunkApi, TrunkLifecycle(), TrunkAdoption()),
    Entry(
        METERING_LABEL,
        MeteringLabelApi,
        MeteringLabelLifecycle(),
        lambda at: MeteringLabelAdoption(at.resources),
    ),
    Entry(METERING_LABEL_RULE, MeteringLabelRuleApi),
    Entry(NETWORK_FLAVOR, NetworkFlavorApi),
    Entry(SERVICE_PROFILE, ServiceProfileApi),
    Entry(TOPOLOGY, lambda at: AutoAllocatedTopologyApi(at, _makers(at))),
)


def _backups(ledger: Ledger) -> BackupWrites:
    return BackupWrites(ledger, VolumeWrites(ledger))


VOLUMES: tuple[Entry[ApiParts], ...] = (
    Entry(
        VOLUME_TYPE,
        lambda at: VolumeTypesApi(at.store, at.ledger, at.projects, VolumesOfTypes()),
        VolumeTypeLifecycle(),
        VolumeTypeAdoption(),
    ),
    Entry(DEFAULT_VOLUME_TYPE, None),
    Entry(GROUP_TYPE, lambda at: GroupTypesApi(at.store, at.ledger)),
    Entry(
        VOLUME_GROUP,
        lambda at: GroupsApi(
            at.store,
            at.ledger,
            VolumeTypeSource(at.resources),
            GroupTypeSource(at.resources),
            VolumeWrites(at.ledger),
            _volume_maker(at),
        ),
    ),
    Entry(
        GROUP_SNAPSHOT,
        lambda at: GroupSnapshotsApi(
            at.store, at.ledger, GroupWrites(at.ledger), SnapshotWrites(at.ledger)
        ),
    ),
    Entry(QOS_SPEC, lambda at: QosSpecsApi(at.store, at.ledger, VolumeTypeSource(at.resources))),
    Entry(
        VOLUME,
        lambda at: VolumesApi(
            at.store,
            at.ledger,
            at.quota,
            VolumeTypeSource(at.resources),
            ImageSource(at.resources),
            _backups(at.ledger),
            VolumeWrites(at.ledger),
            at.live,
            ImageMaker(at.ledger),
            GroupWrites(at.ledger),
        ),
        lambda at: VolumeLifecycle(
            VolumeWrites(at.ledger),
            _backups(at.ledger),
            at.attachments,
            MessageWrites(at.ledger),
            ImageMaker(at.ledger),
            GroupWrites(at.ledger),
        ),
        VolumeAdoption(),
    ),
    Entry(
        SNAPSHOT,
        lambda at: SnapshotsApi(at.store, at.ledger, at.live),
        lambda at: SnapshotLifecycle(MessageWrites(at.ledger), GroupSnapshotWrites(at.ledger)),
        SnapshotAdoption(),
    ),
    Entry(
        BACKUP,
        lambda at: BackupsApi(
            at.store,
            at.ledger,
            _backups(at.ledger),
            VolumeWrites(at.ledger),
            VolumeTypeSource(at.resources),
            at.live,
        ),
        lambda at: BackupLifecycle(_backups(at.ledger), MessageWrites(at.ledger)),
        BackupAdoption(),
    ),
    Entry(
        VOLUME_ATTACHMENT,
        lambda at: AttachmentsApi(
            at.store, at.ledger, at.clock, at.live, at.attachments, VolumeWrites(at.ledger)
        ),
        lambda at: VolumeAttachmentLifecycle(at.attachments),
        VolumeAttachmentAdoption(),
    ),
    Entry(VOLUME_MESSAGE, lambda at: MessagesApi(at.store, at.ledger)),
    Entry(VOLUME_TRANSFER, lambda at: TransfersApi(at.store, at.ledger, VolumeWrites(at.ledger))),
)  # fmt: skip

ENTRIES: tuple[Entry[Any], ...] = (*COMPUTE, *IMAGES, *NETWORKING, *VOLUMES)

#: Those that are declared, without what lives in the rows of others.
KINDS: tuple[Kind, ...] = tuple(
    one.kind for one in ENTRIES if isinstance(one.kind, Kind) and one.kind.parent is None
)

#: What the clouds have beside our resources, and is shown as they show it.
MIRRORS: tuple[MirrorKind, ...] = (
    NETWORK_AGENT, SEGMENT, SEGMENT_RANGE, SERVICES, HYPERVISORS, BLOCK_SERVICES, BLOCK_POOLS, BLOCK_CLUSTERS,
    PROVIDERS, RESOURCE_CLASSES, TRAITS,
)  # fmt: skip

# --- what services have beside kinds --------------------------------------------------------------

COMPUTE_OTHERS: tuple[Other[ApiParts], ...] = (
    Other(lambda at: AvailabilityZonesApi(at.store), compute_zone_policy.RULES),
    Other(lambda at: LimitsApi(at.store, at.quota, at.projects), compute_limit_policy.RULES),
    Other(lambda at: TenantUsageApi(at.store, at.clock, SERVER.table), usage_policy.RULES),
    Other(lambda _: ComputeExtensionsApi(), compute_extension_policy.RULES),
    Other(lambda _: RemovedApi(), removed_policy.RULES),
    Other(lambda at: ProxiesApi(at.inside), proxy_policy.RULES),
    Other(
        lambda at: MigrationsApi(at.store, at.live, HostNames(at.store, at.clock), SERVER.table),
        migration_policy.RULES,
    ),
    Other(
        lambda at: OtherServicesApi(
            at.store, at.ledger, SERVER.table, at.live, HostNames(at.store, at.clock)
        ),
        service_policy.RULES,
    ),
    Other(_hosts, host_policy.RULES),
)
IMAGE_OTHERS: tuple[Other[ApiParts], ...] = (
    Other(lambda _: SchemasApi(), schema_policy.RULES),
    Other(lambda _: CacheApi(), cache_policy.RULES),
    Other(lambda at: InfoApi(at.images.import_methods, at.store), info_policy.RULES),
)
NETWORK_OTHERS: tuple[Other[NetworkNeighbours], ...] = (
    Other(lambda _: ExtensionApi([alias for one in NETWORKING for alias in one.kind.extensions])),
    Other(lambda at: AvailabilityZoneApi(at.store), network_zone_policy.RULES),
    Other(lambda at: QuotaApi(at.store, at.quota), quota_policy.RULES),
    Other(lambda at: IpAvailabilityApi(at.store, at.ledger.resources), ip_availability_policy.RULES),
    Other(lambda _: ServiceProviderApi(), provider_policy.RULES),
    Other(AgentApi, agent_policy.RULES),
    Other(SegmentApi, segment_policy.RULES),
    Other(SegmentRangeApi, range_policy.RULES),
    Other(FloatingIpPoolApi, pool_policy.RULES),
)
VOLUME_OTHERS: tuple[Other[ApiParts], ...] = (
    Other(lambda at: ListsApi(at.store), volume_list_policy.RULES),
    Other(
        lambda at: VolumeLimitsApi(at.store, at.quota, VolumeTypeSource(at.resources)),
        volume_limit_policy.RULES,
    ),
    Other(lambda _: VolumeExtensionsApi(), volume_extension_policy.RULES),
    Other(lambda _: ResourceFiltersApi(), resource_filter_policy.RULES),
    Other(_volume_hosts, volume_host_policy.RULES),
)
PLACEMENT: tuple[Other[ApiParts], ...] = (
    Other(
        lambda at: PlacementApi(
            PlacementGiven(
                store=at.store,
                clock=at.clock,
                live=at.live,
                resources=at.resources,
                servers=ServersOnHosts(),
                stale_after=at.stale_after,
            )
        ),
        placement_policy.RULES,
    ),
)
