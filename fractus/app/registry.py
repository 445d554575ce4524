"""The one list: every kind of resource, every service, every driver. What is not named here is not there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from sqlalchemy import Table

from fractus.app.children import Connect
from fractus.app.kinds import KINDS
from fractus.app.network_kinds import NetworkKinds
from fractus.auth import base_rules
from fractus.auth.projects import AnyProject, ProjectLookup
from fractus.auth.vault import Vault
from fractus.base.clock import Clock
from fractus.base.log import request_id
from fractus.clouds.openstack.cloud import OpenStackCloud
from fractus.clouds.openstack.wire import CallObserver
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.cloud import Cloud, CloudRow
from fractus.quota.costs import Costs
from fractus.quota.quota import Quota
from fractus.reconcile.adopt.adoption import Adoption
from fractus.reconcile.kind import Lifecycle
from fractus.reconcile.machine import Children
from fractus.services import compute, image, volume
from fractus.services.compute.availability_zones import policy as zone_policy
from fractus.services.compute.availability_zones.api import AvailabilityZonesApi
from fractus.services.compute.extensions import policy as extension_policy
from fractus.services.compute.extensions.api import ExtensionsApi
from fractus.services.compute.flavors.adoption import FlavorAdoption
from fractus.services.compute.flavors.api import FlavorsApi
from fractus.services.compute.flavors.kind import KIND as FLAVOR
from fractus.services.compute.flavors.lifecycle import FlavorLifecycle
from fractus.services.compute.flavors.queries import FlavorSource
from fractus.services.compute.keypairs.adoption import KeypairAdoption
from fractus.services.compute.keypairs.api import KeypairsApi
from fractus.services.compute.keypairs.kind import KIND as KEYPAIR
from fractus.services.compute.keypairs.lifecycle import KeypairLifecycle
from fractus.services.compute.keypairs.queries import KeypairSource
from fractus.services.compute.limits import policy as limit_policy
from fractus.services.compute.limits.api import LimitsApi
from fractus.services.compute.removed import policy as removed_policy
from fractus.services.compute.removed.api import RemovedApi
from fractus.services.compute.servers import policy as server_policy
from fractus.services.compute.servers.adoption import ServerAdoption
from fractus.services.compute.servers.api import ServersApi
from fractus.services.compute.servers.api.access import Dependencies, ServerLimits
from fractus.services.compute.servers.costs import COSTS as SERVER_COSTS
from fractus.services.compute.servers.lifecycle import ServerLifecycle
from fractus.services.compute.servers.table import SERVER
from fractus.services.image.bits import BitsDirectory, Reserve
from fractus.services.image.images import policy as image_policy
from fractus.services.image.images.adoption import ImageAdoption
from fractus.services.image.images.api import ImagesApi
from fractus.services.image.images.costs import COSTS as IMAGE_COSTS
from fractus.services.image.images.lifecycle import ImageLifecycle
from fractus.services.image.images.queries import ImageSource
from fractus.services.image.images.schema import IMPORT_METHODS
from fractus.services.image.images.table import IMAGE
from fractus.services.image.info import policy as info_policy
from fractus.services.image.info.api import InfoApi
from fractus.services.image.schemas import policy as schema_policy
from fractus.services.image.schemas.api import SchemasApi
from fractus.services.network.ports.costs import COSTS as PORT_COSTS
from fractus.services.network.ports.table import PORT
from fractus.services.network.security_groups.costs import COSTS as GROUP_COSTS
from fractus.services.network.security_groups.table import SECURITY_GROUP
from fractus.services.network.subnets.costs import COSTS as SUBNET_COSTS
from fractus.services.network.subnets.table import SUBNET
from fractus.services.relay import Relay
from fractus.services.volume.extensions import policy as volume_extension_policy
from fractus.services.volume.extensions.api import ExtensionsApi as VolumeExtensionsApi
from fractus.services.volume.limits import policy as volume_limit_policy
from fractus.services.volume.limits.api import LimitsApi as VolumeLimitsApi
from fractus.services.volume.lists import policy as volume_list_policy
from fractus.services.volume.lists.api import ListsApi
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.transaction import Store
from fractus.web.face import ServiceRoutes
from fractus.web.routing import Route

#: Every kind, and where its rows are.
#: Kind -> fields of what is desired that are sealed with the key of the vault.
SEALED: Mapping[str, tuple[str, ...]] = {"server": ("admin_pass",)}

TABLES: Mapping[str, Table] = {
    "server": SERVER,
    "image": IMAGE,
    "subnet": SUBNET,
    "port": PORT,
    "security_group": SECURITY_GROUP,
    **{kind.name: kind.table for kind in KINDS},
}

_ANY_PROJECT = AnyProject()

#: Every kind that is limited, and what one of it costs.
COSTS: Mapping[str, Costs] = {
    "server": SERVER_COSTS,
    "image": IMAGE_COSTS,
    "subnet": SUBNET_COSTS,
    "port": PORT_COSTS,
    "security_group": GROUP_COSTS,
    **{kind.name: kind.costs for kind in KINDS if kind.costs is not None},
}


def drivers(clock: Clock, calls: CallObserver, simulations: Path) -> Mapping[str, Connect]:
    """Every driver: how to connect to a child of that sort. `simulations`: where simulated clouds keep their state."""

    def openstack(row: CloudRow) -> Cloud:
        return OpenStackCloud.connect(row, clock=clock, request_id=request_id.get, metrics=calls)

    def simulated(row: CloudRow) -> Cloud:
        return SimulatedCloud.connect(row, clock=clock, directory=simulations)

    return {"openstack": openstack, "simulated": simulated}


class HasRoutes(Protocol):
    """A resource's half in the API."""

    def routes(self) -> list[Route]:
        """What it serves."""
        ...


class Kinds:
    """Every kind, built: its half in the API and its half in the worker."""

    def __init__(
        self,
        *,
        store: Store,
        resources: Resources,
        ledger: Ledger,
        quota: Quota,
        clock: Clock,
        children: Children,
        images: Path,
        reserve: Reserve,
        vault: Vault,
        stale_after: float,
    ) -> None:
        """`images`: the directory of image data; `reserve`: what uploads leave free there; `vault`: what seals first
        passwords of servers; `stale_after`: seconds after which a silent cloud is stale.
        """
        self._vault = vault
        self._store = store
        self._resources = resources
        self._ledger = ledger
        self._quota = quota
        self._clock = clock
        self._live = Relay(store, children, TABLES)
        self._stale_after = stale_after
        self.image_source = ImageSource(resources)
        self._bits = BitsDirectory(images, reserve=reserve)
        self.network = NetworkKinds(store, ledger, quota, clock, stale_after)
        self.lifecycles: Mapping[str, Lifecycle] = {
            "server": ServerLifecycle(self.network.allocator, clock, vault),
            "flavor": FlavorLifecycle(),
            "keypair": KeypairLifecycle(),
            "image": ImageLifecycle(self._bits),
            **self.network.lifecycles,
        }
        self.adoptions: Mapping[str, Adoption] = {
            "flavor": FlavorAdoption(),
            "keypair": KeypairAdoption(),
            "image": ImageAdoption(self._bits),
            **self.network.adoptions,
            "server": ServerAdoption(),
        }
        self.images_api = ImagesApi(store, ledger, self._bits)

    def services(self, projects: ProjectLookup = _ANY_PROJECT) -> list[ServiceRoutes]:
        """All services, with all that their resources contribute. `projects`: who knows which ones there are."""
        return [self._compute(projects), self.network.service(), self._image(), self._volume()]

    def _compute(self, projects: ProjectLookup) -> ServiceRoutes:
        given = Dependencies(
            store=self._store,
            ledger=self._ledger,
            clock=self._clock,
            ports=self.network.allocator,
            images=self.image_source,
            flavors=FlavorSource(self._resources),
            keypairs=KeypairSource(self._resources),
            live=self._live,
            quota=self._quota,
            secrets=self._vault,
            limits=ServerLimits(stale_after=self._stale_after),
        )
        apis: list[HasRoutes] = [
            ServersApi(given),
            FlavorsApi(self._store, self._ledger, projects),
            KeypairsApi(self._store, self._ledger, self._clock),
            AvailabilityZonesApi(self._store),
            LimitsApi(self._store, self._quota, projects),
            ExtensionsApi(),
            RemovedApi(),
        ]
        routes = [route for api in apis for route in api.routes()]
        policies = (
            server_policy,
            zone_policy,
            limit_policy,
            extension_policy,
            removed_policy,
        )
        rules = [
            *base_rules.NOVA,
            *FLAVOR.rules,
            *KEYPAIR.rules,
            *(rule for one in policies for rule in one.RULES),
        ]
        return ServiceRoutes(
            service=compute.SERVICE, routes=routes, rules=rules, unserved=compute.unserved(routes)
        )

    def _image(self) -> ServiceRoutes:
        apis: list[HasRoutes] = [self.images_api, SchemasApi(), InfoApi(IMPORT_METHODS)]
        routes = [route for api in apis for route in api.routes()]
        rules = [*base_rules.GLANCE, *image_policy.RULES, *schema_policy.RULES, *info_policy.RULES]
        return ServiceRoutes(
            service=image.SERVICE, routes=routes, rules=rules, unserved=image.unserved(routes)
        )

    @staticmethod
    def _volume() -> ServiceRoutes:
        apis: list[HasRoutes] = [ListsApi(), VolumeLimitsApi(), VolumeExtensionsApi()]
        routes = [route for api in apis for route in api.routes()]
        policies = (volume_list_policy, volume_limit_policy, volume_extension_policy)
        rules = [*base_rules.CINDER, *(rule for one in policies for rule in one.RULES)]
        return ServiceRoutes(
            service=volume.SERVICE, routes=routes, rules=rules, unserved=volume.unserved(routes)
        )
