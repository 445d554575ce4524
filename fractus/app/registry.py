"""What follows from the lists of kinds and drivers: tables, costs, services, and both halves of every kind, built."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Table

from fractus.app import kinds
from fractus.app.children import Connect
from fractus.app.entry import ApiParts, Entry, Other, WorkerParts, adoptions, lifecycles
from fractus.app.network_neighbours import JoinedNetwork
from fractus.auth import base_rules
from fractus.auth.policy import RuleDefault
from fractus.auth.projects import AnyProject, ProjectLookup
from fractus.auth.vault import Vault
from fractus.base.clock import Clock
from fractus.base.log import request_id
from fractus.clouds.openstack.cloud import OpenStackCloud
from fractus.clouds.openstack.wire import CallObserver
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.carried import Field
from fractus.model.cloud import Cloud, CloudRow
from fractus.quota.costs import Costs
from fractus.quota.quota import Quota
from fractus.reconcile.adopt.adoption import Adoption
from fractus.reconcile.kind import Lifecycle
from fractus.reconcile.machine import Children
from fractus.services import compute, image, network, placement, volume
from fractus.services.compute.servers import view as server_view
from fractus.services.image.bits import BitsDirectory, Reserve
from fractus.services.image.download import Allowed, Downloads
from fractus.services.image.images.api import ImagesApi
from fractus.services.relay import Relay
from fractus.services.volume.attachments.writes import AttachmentWrites, Summarise
from fractus.services.volume.volumes.kind import KIND as VOLUME
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.transaction import Store
from fractus.web.face import ServiceRoutes
from fractus.web.inside import Inside
from fractus.web.routing import Route

A = TypeVar("A")

#: Every kind of resource, and where its rows are.
TABLES: Mapping[str, Table] = {
    one.kind.name: one.kind.table for one in kinds.ENTRIES if one.kind.parent is None
}

#: Kind -> fields of what is desired that are sealed with the key of the vault.
SEALED: Mapping[str, tuple[str, ...]] = {
    one.kind.name: one.kind.sealed for one in kinds.ENTRIES if one.kind.sealed
}

#: Every kind that is limited, and what one of it costs.
COSTS: Mapping[str, Costs] = {
    one.kind.name: one.kind.costs for one in kinds.ENTRIES if one.kind.costs is not None
}

#: What becomes of changes of every kind that is carried, field by field.
CARRIED_FIELDS: Mapping[str, Sequence[Field]] = {
    one.kind.name: one.kind.carried for one in kinds.ENTRIES if one.lifecycle is not None and one.kind.carried
}

#: What shows its attachments: how it is shown.
SHOWN_WITH_ATTACHMENTS: Mapping[str, Summarise] = {
    "server": server_view.summarise,
    "volume": VOLUME.summarise,
}

#: Collections of networking that are served: path -> kind.
_COLLECTIONS = {one.kind.root: one.kind.name for one in kinds.NETWORKING if one.api is not None}

_ANY_PROJECT = AnyProject()


def drivers(clock: Clock, calls: CallObserver, simulations: Path) -> Mapping[str, Connect]:
    """Every driver: how to connect to a child of that sort. `simulations`: where simulated clouds keep their state."""

    def openstack(row: CloudRow) -> Cloud:
        return OpenStackCloud.connect(row, clock=clock, request_id=request_id.get, metrics=calls)

    def simulated(row: CloudRow) -> Cloud:
        return SimulatedCloud.connect(row, clock=clock, directory=simulations)

    return {"openstack": openstack, "simulated": simulated}


def _routes(entries: Iterable[Entry[A] | Other[A]], at: A) -> list[Route]:
    return [route for one in entries if one.api is not None for route in one.api(at).routes()]


def _rules(
    base: Sequence[RuleDefault], entries: Sequence[Entry[A]], others: Sequence[Other[A]]
) -> list[RuleDefault]:
    declared = [rule for one in entries for rule in one.kind.rules]
    return [*base, *declared, *(rule for one in others for rule in one.rules)]


class Kinds:
    """Every kind: its half in the API, built when it is asked for, and its half in the worker."""

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
        downloads: Allowed,
        vault: Vault,
        stale_after: float,
        dns_domain: str,
    ) -> None:
        """`images`: the directory of image data; `reserve`: what uploads leave free there;
        `downloads`: from where bits may be downloaded; `vault`: what seals first
        passwords of servers; `stale_after`: seconds after which a silent cloud is stale; `dns_domain`: that of all
        ports.
        """
        self._vault = vault
        self._store = store
        self._resources = resources
        self._ledger = ledger
        self._quota = quota
        self._clock = clock
        self._children = children
        self._stale_after = stale_after
        self._bits = BitsDirectory(images, reserve=reserve)
        self._downloads = Downloads(downloads)
        self._live = Relay(store, children, TABLES)
        self._network = JoinedNetwork(store, ledger, quota, clock, self._live, stale_after, dns_domain)
        self._attachments = AttachmentWrites(ledger, SHOWN_WITH_ATTACHMENTS)
        parts = WorkerParts(
            resources=resources,
            ledger=ledger,
            clock=clock,
            vault=vault,
            addresses=self._network.addresses,
            macs=self._network.macs,
            bits=self._bits,
            ports=self._network.server_ports,
            shown_ports=self._network.shown_ports,
            external_access=self._network.api.external_access,
            attachments=self._attachments,
        )
        self.lifecycles: Mapping[str, Lifecycle] = lifecycles(kinds.ENTRIES, parts)
        self.adoptions: Mapping[str, Adoption] = adoptions(kinds.ENTRIES, parts)

    @functools.cached_property
    def images_api(self) -> ImagesApi:
        """The API of images: its uploads are settled at the start and the end of a process."""
        return ImagesApi(self._store, self._ledger, self._bits, self._children, self._downloads)

    def services(self, projects: ProjectLookup = _ANY_PROJECT) -> list[ServiceRoutes]:
        """All services, with all that their resources contribute. `projects`: who knows which ones there are."""
        inside = Inside()
        at = ApiParts(
            store=self._store,
            resources=self._resources,
            ledger=self._ledger,
            clock=self._clock,
            quota=self._quota,
            vault=self._vault,
            projects=projects,
            live=self._live,
            ports=self._network.allocator,
            plugging=self._network.plugging,
            floating=self._network.server_floating,
            attachments=self._attachments,
            images=self.images_api,
            inside=inside,
            stale_after=self._stale_after,
        )
        services = [_compute(at), self._networking(), _image(at), _volume(at), _placement(at)]
        inside.join(services)
        return services

    def _networking(self) -> ServiceRoutes:
        routes = _routes((*kinds.NETWORKING, *kinds.NETWORK_OTHERS), self._network.api)
        return ServiceRoutes(
            service=network.service(_COLLECTIONS),
            routes=routes,
            rules=_rules(base_rules.NEUTRON, kinds.NETWORKING, kinds.NETWORK_OTHERS),
            unserved=network.unserved(routes),
        )


def _compute(at: ApiParts) -> ServiceRoutes:
    routes = _routes((*kinds.COMPUTE, *kinds.COMPUTE_OTHERS), at)
    rules = _rules(base_rules.NOVA, kinds.COMPUTE, kinds.COMPUTE_OTHERS)
    return ServiceRoutes(
        service=compute.SERVICE, routes=routes, rules=rules, unserved=compute.unserved(routes)
    )


def _image(at: ApiParts) -> ServiceRoutes:
    routes = _routes((*kinds.IMAGES, *kinds.IMAGE_OTHERS), at)
    rules = _rules(base_rules.GLANCE, kinds.IMAGES, kinds.IMAGE_OTHERS)
    return ServiceRoutes(service=image.SERVICE, routes=routes, rules=rules, unserved=image.unserved(routes))


def _volume(at: ApiParts) -> ServiceRoutes:
    routes = _routes((*kinds.VOLUMES, *kinds.VOLUME_OTHERS), at)
    rules = _rules(base_rules.CINDER, kinds.VOLUMES, kinds.VOLUME_OTHERS)
    return ServiceRoutes(service=volume.SERVICE, routes=routes, rules=rules, unserved=volume.unserved(routes))


def _placement(at: ApiParts) -> ServiceRoutes:
    routes = _routes(kinds.PLACEMENT, at)
    rules = _rules(base_rules.PLACEMENT, (), kinds.PLACEMENT)
    return ServiceRoutes(
        service=placement.SERVICE, routes=routes, rules=rules, unserved=placement.unserved(routes)
    )
