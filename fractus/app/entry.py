"""What the list of kinds says of one kind: its declaration, and who builds its half of the API and of the worker."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from fractus.addressing.addresses import Addresses
from fractus.addressing.macs import Macs
from fractus.auth.policy import RuleDefault
from fractus.auth.projects import ProjectLookup
from fractus.auth.vault import Vault
from fractus.base.clock import Clock
from fractus.quota.quota import Quota
from fractus.reconcile.adopt.adoption import Adoption
from fractus.reconcile.kind import Lifecycle
from fractus.services.compute.servers.lifecycle import ShownPorts
from fractus.services.image.bits import BitsDirectory
from fractus.services.image.images.api import ImagesApi
from fractus.services.kind import Kind, Undeclared
from fractus.services.network.dialect.writes.neighbours import ExternalAccess
from fractus.services.network.floating_ips.writes import ServerFloatingIps
from fractus.services.network.ports.api import Plugging, PortAllocator
from fractus.services.network.ports.writes import ServerPorts
from fractus.services.relay import Relay
from fractus.services.volume.attachments.writes import AttachmentWrites
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.transaction import Store
from fractus.web.inside import Inside
from fractus.web.routing import Route

A = TypeVar("A")
T = TypeVar("T")


class HasRoutes(Protocol):
    """A resource's half in the API."""

    def routes(self) -> list[Route]:
        """What it serves."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerParts:
    """What the worker's half of a kind may be built of."""

    resources: Resources
    ledger: Ledger
    clock: Clock
    vault: Vault
    addresses: Addresses
    macs: Macs
    bits: BitsDirectory
    ports: ServerPorts
    shown_ports: ShownPorts
    external_access: ExternalAccess
    attachments: AttachmentWrites


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiParts:
    """What the API's half may be built of, but for networking, whose dialect has its own."""

    store: Store
    resources: Resources
    ledger: Ledger
    clock: Clock
    quota: Quota
    vault: Vault
    projects: ProjectLookup
    live: Relay
    ports: PortAllocator
    plugging: Plugging
    floating: ServerFloatingIps
    attachments: AttachmentWrites
    images: ImagesApi
    inside: Inside
    stale_after: float


Builder: TypeAlias = "Callable[[WorkerParts], T]"
"""For what depends on others; what depends on none is named as it is."""


@dataclasses.dataclass(frozen=True)
class Entry(Generic[A]):
    """One kind. `A`: what its API is built of; a kind that users see as a part of others has none."""

    kind: Kind | Undeclared
    api: Callable[[A], HasRoutes] | None
    lifecycle: Lifecycle | Builder[Lifecycle] | None = None
    adoption: Adoption | Builder[Adoption] | None = None


@dataclasses.dataclass(frozen=True)
class Other(Generic[A]):
    """What a service has beside kinds (limits, zones, lists of extensions). `A`: what its API is built of."""

    api: Callable[[A], HasRoutes]
    rules: Sequence[RuleDefault] = ()


def built(half: T | Builder[T], parts: WorkerParts) -> T:
    """The half of a kind that an entry names."""
    return half(parts) if callable(half) else half


def lifecycles(entries: Sequence[Entry[Any]], parts: WorkerParts) -> Mapping[str, Lifecycle]:
    """Every kind that is ever in a cloud, as the machine knows it."""
    return {one.kind.name: built(one.lifecycle, parts) for one in entries if one.lifecycle is not None}


def adoptions(entries: Sequence[Entry[Any]], parts: WorkerParts) -> Mapping[str, Adoption]:
    """Every kind that can be taken over from a cloud."""
    return {one.kind.name: built(one.adoption, parts) for one in entries if one.adoption is not None}
