"""One unmodified child OpenStack, spoken to over its own REST APIs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any

import msgspec

from fractus.base.clock import Clock
from fractus.clouds.openstack.backups import Backups
from fractus.clouds.openstack.check import examine, login_remarks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.entry import Entry
from fractus.clouds.openstack.floating_ips import FloatingIps
from fractus.clouds.openstack.group_members import GroupMembers
from fractus.clouds.openstack.identify import identify, mark, spelled, unmark
from fractus.clouds.openstack.inventory import Inventory, mirrored, sightings
from fractus.clouds.openstack.live import relay
from fractus.clouds.openstack.metering_labels import MeteringLabels
from fractus.clouds.openstack.neutron import NeutronKind
from fractus.clouds.openstack.pace import Limits
from fractus.clouds.openstack.ports import Ports
from fractus.clouds.openstack.projects import Projects
from fractus.clouds.openstack.qos_policies import QosPolicies
from fractus.clouds.openstack.router_interfaces import RouterInterfaces
from fractus.clouds.openstack.routers import Routers
from fractus.clouds.openstack.security_groups import SecurityGroups
from fractus.clouds.openstack.server_groups import ServerGroups
from fractus.clouds.openstack.servers import Servers
from fractus.clouds.openstack.services import Services
from fractus.clouds.openstack.sharing import SharedKind
from fractus.clouds.openstack.tokens import Authenticator, KeystoneAuthenticator, Tokens
from fractus.clouds.openstack.transport import AiohttpTransport, Transport
from fractus.clouds.openstack.trunks import Trunks
from fractus.clouds.openstack.volume_attachments import VolumeAttachments
from fractus.clouds.openstack.volume_types import VolumeTypes
from fractus.clouds.openstack.volumes import Snapshots, Volumes
from fractus.clouds.openstack.wire import CallObserver, Wire
from fractus.model.cloud import Actuator, CloudRow, Observed, Report, Scope, Sighting
from fractus.model.errors import CredentialsRejected, Unreachable
from fractus.model.installation import Identity, Mark
from fractus.model.live import LiveCall, Relayed
from fractus.model.mirror import Mirrored
from fractus.model.network import VOCABULARIES
from fractus.model.volumes import makes_types

#: Kinds of Neutron to which something is particular.
_PARTICULAR: Mapping[str, type[NeutronKind[Any, Any]]] = {
    "floatingip": FloatingIps,
    "group_members": GroupMembers,
    "network": SharedKind,
    "port": Ports,
    "router": Routers,
    "router_interface": RouterInterfaces,
    "security_group": SecurityGroups,
    "qos_policy": QosPolicies,
    "trunk": Trunks,
    "metering_label": MeteringLabels,
}


class OpenStackCloud:
    """A `fractus.model.cloud.Cloud` over a child's Nova, Neutron, Glance, Cinder and Keystone."""

    def __init__(self, row: CloudRow, child: Child, entry: Entry | None = None) -> None:
        types = VolumeTypes(child, makes=makes_types(row.settings))
        self.name = row.name
        self._child = child
        self._entry = entry
        self._mark = Mark(row.installation, row.name)
        self._inventory = Inventory(child)
        self._actuators: dict[str, Actuator[Any, Any]] = {
            "server": Servers(child),
            "flavor": self._inventory.flavors,
            "keypair": self._inventory.keypairs,
            "server_group": ServerGroups(child),
            "image": self._inventory.images,
            "volume_type": types,
            "volume": Volumes(child, types),
            "snapshot": Snapshots(child),
            "backup": Backups(child),
            "volume_attachment": VolumeAttachments(child),
            **{one.kind: _PARTICULAR.get(one.kind, NeutronKind)(child, one) for one in VOCABULARIES},
        }

    @classmethod
    def connect(
        cls,
        row: CloudRow,
        *,
        clock: Clock,
        request_id: Callable[[], str],
        metrics: CallObserver | None = None,
        transport: Transport | None = None,
        authenticator: Authenticator | None = None,
    ) -> OpenStackCloud:
        """The cloud of `row`. Nothing is sent yet, and no loop need run.

        `request_id` gives the id to be sent on with each call, or an empty text. `transport` and `authenticator` stand
        in for the network and for Keystone where the child lives in this process. Raises `CredentialsRejected` where
        the row's entry or limits cannot be understood.
        """
        try:
            limits = Limits.of(row.settings)
            makes_types(row.settings)
        except msgspec.ValidationError as error:
            raise CredentialsRejected(f"the settings of cloud {row.name} cannot be used: {error}") from error
        secrets: tuple[str, ...] = ()
        entry = None
        if transport is None or authenticator is None:
            entry = Entry(row.name, row.auth)
            secrets = entry.secrets
            transport = transport or AiohttpTransport(entry.tls(), limits)
            authenticator = authenticator or KeystoneAuthenticator(entry)
        wire = Wire(row.name, transport, limits, clock, metrics)
        tokens = Tokens(authenticator, wire, clock)
        services = Services(row.name, wire, tokens, clock, request_id, secrets)
        mapped = row.settings.get("projects")
        projects = Projects(
            services, shared=row.identity == "shared", mapped=mapped if isinstance(mapped, dict) else None
        )
        return cls(row, Child(services, projects, by=row.origin, ours=row.origins), entry)

    def actuators(self) -> Mapping[str, Actuator[Any, Any]]:
        """The kinds this cloud supports, by name."""
        return self._actuators

    def healthy(self) -> bool:
        """False while calls to its Keystone, Nova or Neutron would fail at once."""
        return self._child.services.wire.healthy()

    async def check(self) -> Report:
        """Look at everything that fractus needs of this child; changes nothing there."""
        report = await examine(self._child)
        if self._entry is None:
            return report
        endpoints = (
            (await self._child.projects.home()).endpoints if report.reachable and report.services else {}
        )
        remarks = login_remarks(self._entry, endpoints)
        return msgspec.structs.replace(report, findings=[*report.findings, *remarks])

    def address(self) -> str:
        """Where its Keystone is, which region of it is meant, and the endpoints that the entry itself gives."""
        entry = self._entry
        if entry is None or not entry.auth_url:
            return ""
        keystone = spelled(entry.auth_url).removesuffix("/v3").removesuffix("/v2.0")
        given = [entry.endpoint_override(one) or "" for one in ("compute", "network")]
        where = [keystone, entry.region("compute") or "", *(spelled(one) for one in given if one)]
        return " ".join(where).strip()

    async def identify(self) -> Identity:
        """What it can be recognised by."""
        return await identify(self._child, self.address())

    async def mark(self) -> str:
        """Leave our mark there, unless it is there."""
        return await mark(self._child, self._mark)

    async def unmark(self, remote_id: str) -> None:
        """Take our mark away."""
        await unmark(self._child, remote_id)

    async def projects(self) -> Mapping[str, str]:
        """All projects of the child: name by id."""
        return await self._child.projects.names()

    def inventory(self, kind: str, users: Collection[str]) -> AsyncIterator[Observed]:
        """Everything of a kind, to be taken under our management."""
        match kind:
            case "flavor":
                return self._inventory.all_flavors()
            case "image":
                return self._inventory.all_images()
            case "keypair":
                return self._inventory.keys_of(users)
        listed: AsyncIterator[Observed] = self._actuators[kind].list_changed("")
        return listed

    def mirrored(self, what: Mirrored) -> AsyncIterator[Mapping[str, Any]]:
        """All of a collection, as the cloud shows it; nothing where it has no such thing."""
        return mirrored(self._child, what)

    async def sightings(self, besides: Collection[str]) -> list[Sighting]:
        """What is there of kinds that are never taken over; `besides`: those that are."""
        return await sightings(self._child, besides)

    async def relay(self, scope: Scope, remote_id: str, call: LiveCall, deadline: float) -> Relayed:
        """The answer of the service. `Unreachable` when `deadline` seconds have passed."""
        try:
            async with asyncio.timeout(deadline):
                return await relay(self._child, scope, remote_id, call)
        except TimeoutError as error:
            raise Unreachable(f"{self.name} did not give {call.noun} within {deadline:g} s") from error

    async def piece(self, scope: Scope, remote_id: str, offset: int, length: int) -> bytes:
        """Some of the bits of an image there."""
        return await self._inventory.images.piece(scope, remote_id, offset, length)

    async def close(self) -> None:
        """Release connections and threads."""
        await self._child.services.close()
