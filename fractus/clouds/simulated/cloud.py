"""A simulated cloud as the machine sees it: a `fractus.model.cloud.Cloud` over a `SimulatedBackend`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from fractus.base.clock import Clock
from fractus.base.ids import derived_id, new_id
from fractus.clouds.simulated.agents import Agents, shown
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.backup import Backups
from fractus.clouds.simulated.block_hosts import BlockHosts
from fractus.clouds.simulated.fault_injector import FaultInjector
from fractus.clouds.simulated.faults import Faults
from fractus.clouds.simulated.flavor import Flavors
from fractus.clouds.simulated.floating_ip import FloatingIps
from fractus.clouds.simulated.group_members import GroupMembers
from fractus.clouds.simulated.hosts import Hosts
from fractus.clouds.simulated.image import Images
from fractus.clouds.simulated.keypair import Keypairs
from fractus.clouds.simulated.metering_label import MeteringLabels
from fractus.clouds.simulated.migrations import listed
from fractus.clouds.simulated.network import Networks
from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.placement import Placement
from fractus.clouds.simulated.port import Ports
from fractus.clouds.simulated.qos_policy import QosPolicies
from fractus.clouds.simulated.records import RECORDS, FlavorRecord, ImageRecord, MarkRecord, ServerRecord
from fractus.clouds.simulated.router import Routers
from fractus.clouds.simulated.router_interface import RouterInterfaces
from fractus.clouds.simulated.security_group import SecurityGroups
from fractus.clouds.simulated.segments import Segments
from fractus.clouds.simulated.server import Servers
from fractus.clouds.simulated.server_group import ServerGroups
from fractus.clouds.simulated.shape import Shape
from fractus.clouds.simulated.subnet import Subnets
from fractus.clouds.simulated.trunk import Trunks
from fractus.clouds.simulated.volume import Snapshots, Volumes
from fractus.clouds.simulated.volume_attachment import VolumeAttachments
from fractus.clouds.simulated.volume_type import VolumeTypes
from fractus.model.cloud import Actuator, CloudRow, Finding, Observed, Report, Scope, Sighting
from fractus.model.errors import CloudError, Refused, Unreachable
from fractus.model.installation import Identity, Mark
from fractus.model.live import LiveCall, Relayed
from fractus.model.mirror import Mirrored
from fractus.model.network import VOCABULARIES

#: Before our id of a project in the name of the one that is made for it in a cloud with a Keystone of its own.
_PREFIX = "fractus-"

#: Kinds of Neutron to which something is particular.
_PARTICULAR: Mapping[str, type[NeutronSimulated[Any, Any, Any]]] = {
    "network": Networks,
    "subnet": Subnets,
    "port": Ports,
    "router": Routers,
    "router_interface": RouterInterfaces,
    "floatingip": FloatingIps,
    "security_group": SecurityGroups,
    "group_members": GroupMembers,
    "qos_policy": QosPolicies,
    "trunk": Trunks,
    "metering_label": MeteringLabels,
}


class SimulatedCloud:
    """One driver of one simulated cloud. Several may share a backend, as several processes share a real cloud."""

    def __init__(self, row: CloudRow, backend: SimulatedBackend, *, clock: Clock, faults: Faults) -> None:
        """Speak to `backend`. `row.identity` says whether its projects are ours (`shared`) or mapped (`own`)."""
        self.name = row.name
        self.backend = backend
        self.faults = faults
        self._shared = row.identity == "shared"
        mapped = row.settings.get("projects")
        self._mapped: dict[str, str] = mapped if isinstance(mapped, dict) else {}
        self._clock = clock
        self._installation = row.installation
        self._injector = FaultInjector(
            row.name, backend, faults, clock, self.project_of, by=row.origin, ours=row.origins
        )
        self._servers = Servers(self._injector)
        self._images = Images(self._injector)
        self._hosts = Hosts(row.name, backend)
        self._placement = Placement(row.name, backend)
        self._block_hosts = BlockHosts(backend)
        self._segments = Segments(backend.key, backend.records, backend.segments, backend.began)
        self._agents = Agents(backend.agents, backend.agents_serve)
        self._backups = Backups(self._injector)
        self._volumes = Volumes(self._injector)
        self._snapshots = Snapshots(self._injector)
        self._attachments = VolumeAttachments(self._injector)
        self._actuators: dict[str, Actuator[Any, Any]] = {
            "server": self._servers,
            "flavor": Flavors(self._injector),
            "keypair": Keypairs(self._injector),
            "server_group": ServerGroups(self._injector),
            "image": self._images,
            "volume_type": VolumeTypes(self._injector),
            "volume": self._volumes,
            "snapshot": self._snapshots,
            "backup": self._backups,
            "volume_attachment": self._attachments,
            **{
                one.kind: _PARTICULAR.get(one.kind, NeutronSimulated)(self._injector, one)
                for one in VOCABULARIES
            },
        }
        self._owns_backend = False

    @classmethod
    def connect(
        cls,
        row: CloudRow,
        *,
        clock: Clock,
        backend: SimulatedBackend | None = None,
        faults: Faults | None = None,
        directory: Path | None = None,
    ) -> SimulatedCloud:
        """The cloud of `row`, whose settings are a `Shape`'s.

        Without `backend`, its state lies in the file of the setting `path`, else in `<directory>/<name>.sqlite`,
        else in memory. `Refused` where the settings cannot be understood.
        """
        owned = backend is None
        shape = Shape.of(row.settings)
        if directory is not None and not shape.path:
            shape = msgspec.structs.replace(shape, path=str(directory / f"{row.name}.sqlite"))
        state = backend or SimulatedBackend(shape, clock)
        cloud = cls(row, state, clock=clock, faults=faults or Faults())
        cloud._owns_backend = owned
        return cloud

    def project_of(self, scope: Scope) -> tuple[str, str]:
        """Id and name, in this cloud, of the project that `scope` means."""
        if not scope.project_id:
            return derived_id("project", self.name), "fractus"
        if self._shared:
            return scope.project_id, scope.project_name
        if scope.project_id in self._mapped:
            there = self._mapped[scope.project_id]
            return there, self.backend.records.projects().get(there, "")
        return derived_id("project", self.name, scope.project_id).replace("-", ""), _PREFIX + scope.project_id

    def actuators(self) -> Mapping[str, Actuator[Any, Any]]:
        """The kinds this cloud supports: all."""
        return self._actuators

    def healthy(self) -> bool:
        """False while calls would fail at once."""
        return self._injector.healthy()

    async def check(self) -> Report:
        """Whether it answers, and what it is."""
        try:
            shape = await self._injector.call("cloud", "check", "", lambda: self.backend.shape, change=False)
        except CloudError as error:
            return Report(False, [Finding("reachable", False, error.reason)])
        size = f"{shape.hosts} hosts with {shape.vcpus_per_host} vCPUs and {shape.ram_per_host} MiB each"
        where = shape.path or "memory, gone when this process ends"
        return Report(
            True,
            [
                Finding("reachable", True, "It is simulated, and answers."),
                Finding("hosts", shape.hosts > 0, size),
                Finding("state", True, f"kept in {where}"),
            ],
            {
                "compute": {"release": "simulated", "min": "2.1", "max": "2.104"},
                "network": {"release": "simulated", "min": "2.0", "max": "2.0"},
                "image": {"release": "simulated", "min": "2.0", "max": "2.17"},
            },
            [
                "allowed-address-pairs",
                "binding",
                "dns-integration",
                "extra_dhcp_opt",
                "net-mtu-writable",
                "port-device-profile",
                "port-numa-affinity-policy",
                "port-security",
                "security-group",
                "uplink-status-propagation",
            ],
        )

    def address(self) -> str:
        """The file that its state lies in."""
        return f"simulated:{Path(self.backend.shape.path).absolute()}" if self.backend.shape.path else ""

    async def identify(self) -> Identity:
        """Its file, and the marks in it."""

        def work() -> Identity:
            marks = [
                Mark(one.installation, one.cloud, one.id) for one in self.backend.records.every(MarkRecord)
            ]
            where = [self.address()] if self.address() else []
            return Identity(address=self.address(), endpoints=where, marks=marks)

        return await self._injector.call("cloud", "identify", "", work, change=False)

    async def mark(self) -> str:
        """Leave our mark, unless it is there."""
        for one in (await self.identify()).marks:
            if (one.installation, one.cloud) == (self._installation, self.name):
                return one.remote_id

        def work() -> str:
            made = MarkRecord(
                id=new_id(),
                project_id=self._injector.home,
                installation=self._installation,
                cloud=self.name,
            )
            self.backend.records.put(made)
            return made.id

        return await self._injector.call("cloud", "mark", "", work, change=True)

    async def unmark(self, remote_id: str) -> None:
        """Take it away."""

        def work() -> None:
            there = self.backend.records.get(MarkRecord, remote_id)
            if there is not None:
                self.backend.records.drop(there)

        await self._injector.call("cloud", "unmark", remote_id, work, change=True)

    async def projects(self) -> Mapping[str, str]:
        """All projects that were ever used here: name by id."""
        records = self.backend.records
        return await self._injector.call("project", "list", "", records.projects, change=False)

    async def inventory(self, kind: str, users: Collection[str]) -> AsyncIterator[Observed]:
        """Everything of a kind; of keypairs our own user's, and those of `users`."""
        observed: Any
        async for observed in self._actuators[kind].list_changed(""):
            if kind == "keypair" and observed.user_id not in ("", *users):
                continue
            yield self._in_full(kind, observed)

    def _in_full(self, kind: str, observed: Any) -> Observed:
        """With what a sweep is not shown."""
        there = self.backend.records.get(RECORDS[kind], observed.remote_id)
        if isinstance(there, FlavorRecord):
            observed = msgspec.structs.replace(observed, access=list(there.access))
        if isinstance(there, ImageRecord):
            observed = msgspec.structs.replace(observed, members=dict(there.members))
        found: Observed = observed
        return found

    async def mirrored(self, what: Mirrored) -> AsyncIterator[Mapping[str, Any]]:
        """Agents and segments of its Neutron, services of its Nova and Cinder, hypervisors and pools; no more."""
        backend = self.backend

        def agents() -> list[dict[str, Any]]:
            return [shown(agent, backend.began, backend.now()) for agent in backend.agents.values()]

        # A Cinder whose services are not clustered lists no clusters.
        listings: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "network_agent": agents,
            "segment": self._segments.segments,
            "network_segment_range": self._segments.ranges,
            "block_cluster": list,
        }
        if backend.shape.host_lists:
            listings |= {"compute_service": self._hosts.services, "hypervisor": self._hosts.hypervisors}
            listings |= {"resource_provider": self._placement.providers}
            listings |= {"resource_class": self._placement.classes, "trait": self._placement.traits}
            listings |= {"block_service": self._block_hosts.services, "block_pool": self._block_hosts.pools}
        if what.kind in listings:
            for one in await self._injector.call(what.kind, "list", "", listings[what.kind], change=False):
                yield one

    async def sightings(self, besides: Collection[str]) -> list[Sighting]:
        """Whatever is there of other kinds."""
        return [
            Sighting("simulated", kind, len(every), sorted(one.name or one.id for one in every)[:5])
            for kind, every in self.backend.things().items()
            if every and kind not in besides
        ]

    async def relay(self, scope: Scope, remote_id: str, call: LiveCall, deadline: float) -> Relayed:
        """What is answered to a live call. `Unreachable` when `deadline` seconds have passed."""
        answers: Mapping[str, Callable[[], Any]] = {
            "console_log": lambda: self._servers.console(
                remote_id, call.body["os-getConsoleOutput"].get("length")
            ),
            "remote_console": lambda: self._servers.remote_console(
                remote_id, next(iter(call.body.values()))["type"]
            ),
            "diagnostics": lambda: self._servers.diagnostics(remote_id, call.version),
            "server_password": lambda: self._servers.password(remote_id),
            "clear_password": lambda: self._servers.clear_password(remote_id),
            "volume_action": lambda: self._volumes.asked(remote_id, call.body),
            "snapshot_action": lambda: self._snapshots.update_status(remote_id, call.body),
            "attachment_get": lambda: self._attachments.connection(remote_id),
            "attachment_put": lambda: self._attachments.connection(remote_id, call.body),
            "backup_record": lambda: self._backups.written_down(remote_id),
            "service_update": lambda: self._hosts.update(remote_id, call.body),
            "service_delete": lambda: self._hosts.delete(remote_id),
            "server_migrations": lambda: self._servers.migrations(remote_id),
            "server_migration": lambda: self._servers.migration(remote_id, call.path),
            "migration_abort": lambda: self._servers.end_migration(remote_id, call.path, abort=True),
            "migration_force_complete": lambda: self._servers.end_migration(
                remote_id, call.path, abort=False
            ),
            "server_topology": lambda: {"nodes": [], "pagesize_kb": None},
            "hypervisor_uptime": lambda: self._hosts.uptime(remote_id),
            "console_token": lambda: self._servers.opened_by(remote_id),
            "assisted_snapshot_create": lambda: self._volumes.assisted(remote_id, call.body["snapshot"]),
            "assisted_snapshot_delete": lambda: None,
            "migrations": lambda: listed(self.backend.records.every(ServerRecord), self.name, call.query),
            "host_act": lambda: self._hosts.act(remote_id, call.path, call.body),
            "placement": lambda: self._placement.answer(remote_id, call),
            "audit_log": lambda: {"log": self._hosts.audited()},
            **self._block_hosts.answers(remote_id, call),
            **self._agents.answers(remote_id, call),
            **self._segments.answers(remote_id, call),
        }

        def work() -> Any:
            if call.name not in answers:
                raise Refused(f"a simulated cloud does not answer to {call.name}", status=501)
            return answers[call.name]()

        kind = "server" if call.service == "compute" else call.service
        read = asyncio.ensure_future(self._injector.call(kind, call.name, remote_id, work, change=False))
        patience = asyncio.ensure_future(self._clock.sleep(deadline))
        try:
            await asyncio.wait({read, patience}, return_when=asyncio.FIRST_COMPLETED)
            if read.done():
                return Relayed(read.result(), self.project_of(scope)[0])
            raise Unreachable(f"{self.name} did not give {call.noun} within {deadline:g} s")
        finally:
            for task in (read, patience):
                task.cancel()
            await asyncio.gather(read, patience, return_exceptions=True)

    async def piece(self, scope: Scope, remote_id: str, offset: int, length: int) -> bytes:
        """Some of the bits of an image there. Those of which its name is all are known; of others only the sum."""

        def work() -> bytes:
            return self._images.bits(remote_id)[offset : offset + length]

        return await self._injector.call("image", "piece", remote_id, work, change=False)

    async def close(self) -> None:
        """Release the file, if this driver opened it."""
        if self._owns_backend:
            self.backend.close()
