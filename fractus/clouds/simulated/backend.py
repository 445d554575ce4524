"""The state of one simulated cloud, shared by every driver that speaks to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from fractus.base.clock import Clock
from fractus.base.ids import new_id
from fractus.clouds.simulated.agents import agents_of
from fractus.clouds.simulated.external import make_external
from fractus.clouds.simulated.life import move_on
from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import (
    RECORDS,
    FlavorRecord,
    HostRecord,
    ImageRecord,
    KeypairRecord,
    NetworkRecord,
    PortRecord,
    Record,
    SecurityGroupRecord,
    ServerRecord,
    SubnetRecord,
    VolumeTypeRecord,
)
from fractus.clouds.simulated.shape import Shape

R = TypeVar("R", bound=Record)


class SimulatedBackend:
    """A cloud without a driver. Every look first brings it up to the present."""

    def __init__(self, shape: Shape, clock: Clock) -> None:
        """Open the file that `shape` names, or begin anew in memory."""
        self.shape = shape
        self.records = Records(shape.path)
        self._clock = clock
        self.clock_offset = shape.clock_offset
        """How far this cloud's clock is ahead of ours; a test may change it."""
        self.moved: Callable[[], None] | None = None
        """Called when a look, whoever's, has brought something up to the present."""
        self._quotas: dict[tuple[str, str], int] = {}
        self.began = self.now()
        self.key = shape.path or new_id()
        """What ids are derived from that are this cloud's own."""
        self.agents = agents_of(self.key, shape.hosts) if shape.agents else {}
        """Neutron's, by id; a test may change them."""
        self.segments: dict[str, dict[str, dict[str, Any]]] = {}
        """Segments and ranges of them that administrators made or changed, by noun and id."""
        self.agents_serve: dict[str, set[str]] = {}
        """The id of an agent -> those of the networks and routers that it serves."""
        if shape.external:
            make_external(self.records, shape, self.began)
        self._make_volume_types()

    def _make_volume_types(self) -> None:
        """Those of its shape, unless the file has them."""
        with self.records.changing():
            there = {one.name for one in self.records.every(VolumeTypeRecord)}
            for name in self.shape.volume_types:
                if name not in there:
                    self.records.put(VolumeTypeRecord(id=new_id(), project_id="", name=name))

    def now(self) -> float:
        """The time by this cloud's own clock."""
        return self._clock.now() + self.clock_offset

    def look(self) -> Records:
        """The records, as of now."""
        now = self.now()
        due = self.records.next_at()
        if due is not None and due <= now:
            move_on(self.records, self.shape, now)
            if self.moved is not None:
                self.moved()
        return self.records

    def quiet_for(self) -> float | None:
        """Seconds until something happens here by itself; None: nothing will."""
        due = self.look().next_at()
        return None if due is None else due - self.now()

    # ------------------------------------------------------------------ quotas and hosts

    def limit(self, project_id: str, what: str, number: int) -> None:
        """Give one project (by its id here; empty: every project) a quota of its own, in this process."""
        self._quotas[project_id, what] = number

    def quota(self, project_id: str, what: str) -> int | None:
        """What a project may have; None: no limit."""
        for key in ((project_id, what), ("", what)):
            if key in self._quotas:
                return self._quotas[key]
        return self.shape.quota.get(what)

    def host(self, name: str) -> HostRecord:
        """What an administrator has said of a host."""
        return self.records.get(HostRecord, name) or HostRecord(id=name, project_id="")

    def hosts(self) -> list[str]:
        """The names of those that have a compute service."""
        removed = {one.id for one in self.records.every(HostRecord) if one.removed}
        names = (f"host-{number}" for number in range(1, self.shape.hosts + 1))
        return [name for name in names if name not in removed]

    def place(
        self, vcpus: int, ram: int, disk: int, allowed: Callable[[str], bool] = lambda _host: True
    ) -> str:
        """The emptiest of the `allowed` hosts that has room, or an empty string."""
        used = self.records.used_by_host()
        shape = self.shape
        said = {one.id: one for one in self.records.every(HostRecord)}
        best, best_free = "", -1
        for number in range(1, shape.hosts + 1):
            host = f"host-{number}"
            of = said.get(host)
            if (of and (of.disabled or of.forced_down or of.removed)) or not allowed(host):
                continue
            if host not in used and best_free < shape.ram_per_host - ram:
                # An empty one: none after it has more room.
                fits = vcpus <= shape.vcpus_per_host and disk <= shape.disk_per_host
                return host if fits else best
            in_vcpus, in_ram, in_disk = used.get(host, (0, 0, 0))
            free = shape.ram_per_host - in_ram - ram
            fits = in_vcpus + vcpus <= shape.vcpus_per_host and in_disk + disk <= shape.disk_per_host
            if fits and free > best_free:
                best, best_free = host, free
        return best

    # ------------------------------------------------------------------ what is there, for tests and for people

    def all(self, record: type[R], *, gone: bool = False) -> dict[str, R]:
        """Everything of a kind by id, oldest change first."""
        return {thing.id: thing for thing in self.look().every(record, gone=gone)}

    @property
    def servers(self) -> dict[str, ServerRecord]:
        """Servers that are there now."""
        return self.all(ServerRecord)

    @property
    def images(self) -> dict[str, ImageRecord]:
        """Images that are there now."""
        return self.all(ImageRecord)

    @property
    def flavors(self) -> dict[str, FlavorRecord]:
        """Flavors that are there now."""
        return self.all(FlavorRecord)

    @property
    def keypairs(self) -> dict[str, KeypairRecord]:
        """Keypairs that are there now."""
        return self.all(KeypairRecord)

    @property
    def networks(self) -> dict[str, NetworkRecord]:
        """Networks that are there now."""
        return self.all(NetworkRecord)

    @property
    def subnets(self) -> dict[str, SubnetRecord]:
        """Subnets that are there now."""
        return self.all(SubnetRecord)

    @property
    def ports(self) -> dict[str, PortRecord]:
        """Ports that are there now, the cloud's own DHCP ports included."""
        return self.all(PortRecord)

    @property
    def security_groups(self) -> dict[str, SecurityGroupRecord]:
        """Security groups that are there now."""
        return self.all(SecurityGroupRecord)

    def things(self) -> dict[str, list[Record]]:
        """Everything that is there now, by kind."""
        return {kind: list(self.all(record).values()) for kind, record in RECORDS.items()}

    def save_to(self, path: Path | str) -> None:
        """Write a snapshot that a backend with that path opens."""
        self.look().save_to(path)

    def close(self) -> None:
        """Release the file."""
        self.records.close()
