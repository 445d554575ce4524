"""A store with servers' API in front of it; flavors, images and networks of the simplest kind around it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from fractus.addressing.ranges import Range
from fractus.auth import base_rules
from fractus.auth.policy import Policy
from fractus.auth.principal import Principal
from fractus.auth.vault import Vault
from fractus.base.ids import new_id
from fractus.model.errors import ApiError, Forbidden, Invalid, NotFound, QuotaExceeded
from fractus.model.images import Asked, Source
from fractus.model.live import LiveCall
from fractus.model.network import NicRequest, ServerPort
from fractus.model.resource import BLOCKED, PENDING, Presence, Resource, Summary
from fractus.model.servers import ServerFault, ServerObserved
from fractus.quota.costs import Over, Room
from fractus.services.compute import SERVICE
from fractus.services.compute.hosts.queries import HostNames
from fractus.services.compute.server_groups.queries import ServerGroupSource
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api import Dependencies, ServerLimits, ServersApi
from fractus.services.compute.servers.lifecycle import ServerLifecycle
from fractus.services.compute.servers.table import SERVER
from fractus.services.volume.attachments.kind import TABLE as ATTACHMENTS
from fractus.services.volume.attachments.writes import AttachmentWrites
from fractus.store import clouds, presences
from fractus.store.clouds import CloudRecord
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.schema import resource_table
from fractus.store.sqlite import SqliteStore
from fractus.store.transaction import Reader, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Query, Reply, Route
from tests.unit.own_tables import OWN
from tests.unit.services.compute.servers.storage import SNAPSHOTS, VOLUMES, Storage, summarise_volume

NEWEST = "2.104"
BASE_URL = "http://cloud.example/compute"
SUBNET = "00000000-0000-4000-8000-000000000001"

# Kinds that other folders own: rows of their own, so that these tests need none of them.
PORT = resource_table("test_servers_port", metadata=OWN)
GROUP = resource_table("test_servers_group", metadata=OWN)
IMAGES = resource_table("test_servers_image", metadata=OWN)

POLICY = Policy({"compute": [*base_rules.NOVA, *policy.RULES]})

_requests = itertools.count(1)


class TestClock:
    """Moved by hand."""

    __test__ = False

    def __init__(self) -> None:
        self.at = 1_750_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


def ann(**other: Any) -> Principal:
    given: dict[str, Any] = {
        "user_id": "ann",
        "project_id": "ann-project",
        "roles": frozenset({"member", "reader"}),
        **other,
    }
    return Principal(**given)


def bob() -> Principal:
    return ann(user_id="bob", project_id="bob-project")


def reader() -> Principal:
    return ann(user_id="rea", roles=frozenset({"reader"}))


def admin() -> Principal:
    return ann(
        user_id="root",
        project_id="admin-project",
        roles=frozenset({"admin", "member", "reader"}),
        is_admin=True,
    )


class Notifications:
    """A notifier that counts."""

    def __init__(self) -> None:
        self.notified: list[str] = []

    def notify(self, cloud: str) -> None:
        self.notified.append(cloud)


@dataclasses.dataclass
class Networks:
    """The simplest network: every server gets the next address of each of its networks."""

    house: House
    known: list[str] = dataclasses.field(default_factory=lambda: ["net-a"])
    groups: dict[str, str] = dataclasses.field(default_factory=dict)
    full: bool = False
    released: list[str] = dataclasses.field(default_factory=list)
    asked: list[tuple[list[NicRequest], list[str], str]] = dataclasses.field(default_factory=list)
    made: int = 0

    async def networks_for(self, reader: Reader, principal: Principal) -> Sequence[Resource]:
        return [Resource(kind="network", id=derived(name), name=name, desired={}) for name in self.known]

    async def for_server(
        self,
        tx: Transaction,
        principal: Principal,
        server_id: str,
        zone: str,
        nics: Sequence[NicRequest],
        security_groups: Sequence[str],
        *,
        hostname: str = "",
    ) -> list[ServerPort]:
        self.asked.append((list(nics), list(security_groups), zone))
        for name in security_groups:
            if name not in ("default", *self.groups):
                raise NotFound(f"Security group {name} not found.")
        return [await self._port(tx, principal, server_id, nic, list(security_groups)) for nic in nics]

    async def _port(
        self, tx: Transaction, principal: Principal, server_id: str, nic: NicRequest, groups: list[str]
    ) -> ServerPort:
        names = {derived(name): name for name in self.known}
        if nic.network_id and nic.network_id not in names:
            raise NotFound(f"Network {nic.network_id} could not be found.")
        if self.full:
            raise QuotaExceeded("Maximum number of ports exceeded")
        self.made += 1
        port = Resource(
            kind="port",
            id=nic.port_id or new_id(),
            project_id=principal.project_id,
            desired={
                "network_id": nic.network_id,
                "mac_address": f"fa:16:3e:00:00:{self.made:02x}",
                "fixed_ips": [{"subnet_id": SUBNET, "ip_address": nic.fixed_ip or f"10.0.0.{self.made}"}],
                "security_groups": [self.groups[name] for name in groups if name in self.groups],
            },
        )
        await self.house.resources.add(tx, port, Summary("DOWN", {}))
        return ServerPort(
            port_id=port.id,
            network_id=nic.network_id,
            network_name=names.get(nic.network_id, "other"),
            mac_address=port.desired["mac_address"],
            addresses=[(port.desired["fixed_ips"][0]["ip_address"], 4)],
            security_groups=groups,
        )

    async def of_server(self, reader: Reader, server_id: str) -> list[ServerPort]:
        return []

    async def servers_at(self, reader: Reader, spans: Sequence[Range], version: int) -> list[str] | None:
        return None

    async def release(self, tx: Transaction, server_id: str) -> None:
        self.released.append(server_id)


class Floats:
    """Notes what is asked of a server's floating IPs."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    async def associate(
        self, tx: Transaction, principal: Principal, server_id: str, address: str, fixed_address: str
    ) -> None:
        self.asked.append(("add", server_id, address, fixed_address))

    async def disassociate(self, tx: Transaction, principal: Principal, server_id: str, address: str) -> None:
        self.asked.append(("remove", server_id, address))


class Plugs:
    """Notes what is asked of a server's groups."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, str]] = []

    async def add_group(self, tx: Transaction, project_id: str, server_id: str, name: str) -> None:
        self.asked.append(("add", project_id, server_id, name))

    async def remove_group(self, tx: Transaction, project_id: str, server_id: str, name: str) -> None:
        self.asked.append(("remove", project_id, server_id, name))

    async def unplug(self, tx: Transaction, server_id: str, port_id: str) -> None:
        self.asked.append(("unplug", "", server_id, port_id))


class Maker:
    """Notes which images are asked for, and which will not come."""

    def __init__(self) -> None:
        self.asked: list[tuple[Source, Asked]] = []
        self.described: list[Asked] = []
        self.overs: list[str] = []

    async def make(self, tx: Transaction, source: Source, asked: Asked) -> Resource:
        self.asked.append((source, asked))
        return Resource(kind="image", id=new_id(), desired={})

    async def without_bits(self, tx: Transaction, asked: Asked) -> Resource:
        self.described.append(asked)
        return Resource(kind="image", id=new_id(), desired={})

    async def over(self, tx: Transaction, image_id: str) -> None:
        self.overs.append(image_id)


class Store(dict[str, Resource]):
    """Flavors or images by id."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence

    async def usable(self, reader: Reader, principal: Principal, id: str) -> Resource:
        found = self.get(id)
        if found is None or found.project_id not in ("", principal.project_id):
            raise NotFound(self.sentence.format(id))
        return found


class Keys(dict[tuple[str, str], Resource]):
    """Keypairs by user and name."""

    async def by_name(self, reader: Reader, user_id: str, name: str) -> Resource | None:
        return self.get((user_id, name))


class Console:
    """Says what it was given to say."""

    def __init__(self) -> None:
        self.text = "booted\x07\n"
        self.asked: list[tuple[str, int | None]] = []
        self.remote: list[tuple[str, Any, str]] = []

    async def ask(self, resource: Resource, call: LiveCall, *, root: str = "") -> Any:
        if call.name == "remote_console":
            self.remote.append((resource.id, call.body, call.version))
            return {**call.body["remote_console"], "url": "ws://there/?token=x"}
        assert call.name == "console_log"
        self.asked.append((resource.id, call.body["os-getConsoleOutput"].get("length")))
        return self.text


class Purse:
    """Quota: so many servers in all."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def room(
        self, tx: Transaction, kind: str, project_id: str, user_id: str, each: Mapping[str, int], most: int
    ) -> Room:
        if kind != "server" or most <= self.left:
            return Room(most)
        over = Over("instances", each["instances"] * most, 0, self.left)
        return Room(self.left, [over])

    async def limit(self, reader: Reader, project_id: str, name: str) -> int:
        return {"metadata_items": 128}.get(name, -1)


def derived(name: str) -> str:
    """A UUID for a name."""
    return f"00000000-0000-4000-8000-{name.encode().hex():0>12.12}"


class House:
    """Everything that a test of the API needs."""

    def __init__(self, store: SqliteStore, clock: TestClock) -> None:
        self.store = store
        self.clock = clock
        self.resources = Resources(
            {
                "server": SERVER, "port": PORT, "security_group": GROUP, "volume": VOLUMES, "snapshot": SNAPSHOTS,
                "volume_attachment": ATTACHMENTS, "image": IMAGES,
            }
        )  # fmt: skip
        self.notifier = Notifications()
        self.ledger = Ledger(self.resources, self.notifier)
        self.networks = Networks(self)
        self.plugging = Plugs()
        self.floating = Floats()
        self.images = Store("No image found with ID {}")
        self.maker = Maker()
        self.storage = Storage(self.store, self.resources)
        self.flavors = Store("Flavor {} could not be found.")
        self.keys = Keys()
        self.console = Console()
        self.quota: Purse | None = None
        self.limits = ServerLimits()
        self.secrets: Vault | None = None
        self.life = ServerLifecycle(self.networks, clock)
        self.flavor = self.add_flavor("1")
        self.image = self.add_image("cirros")
        self.last: Reply = Reply()

    # --- what there is ---------------------------------------------------------------------------

    async def add_cloud(self, name: str, *, enabled: bool = True) -> None:
        async with self.store.transaction() as tx:
            await clouds.add(tx, CloudRecord(name=name, driver="simulated", enabled=enabled))
            await clouds.record_sweep(tx, name, {})

    async def hear(self, name: str) -> None:
        """The cloud answers a sweep now."""
        async with self.store.transaction() as tx:
            await clouds.record_sweep(tx, name, {})

    def add_flavor(self, id: str, **desired: Any) -> str:
        about = {
            "flavorid": id,
            "name": "m1.small",
            "vcpus": 2,
            "ram": 512,
            "disk": 1,
            "ephemeral": 0,
            "swap": 0,
            "rxtx_factor": 1.0,
            "is_public": True,
            "disabled": False,
            "description": None,
            "extra_specs": {"hw:cpu_policy": "shared"},
            "access": [],
            **desired,
        }
        self.flavors[id] = Resource(kind="flavor", id=f"row-of-{id}", name="m1.small", desired=about)
        return id

    def add_image(self, name: str, status: str = "active", owner: str = "", **desired: Any) -> str:
        about = {
            "min_disk": 0,
            "min_ram": 0,
            "size": 100,
            "properties": {"hw_disk_bus": "virtio", "note": "x"},
            **desired,
        }
        id = derived(name)
        self.images[id] = Resource(
            kind="image", id=id, name=name, status=status, project_id=owner, desired=about
        )
        return id

    def add_key(self, user: str, name: str) -> None:
        self.keys[user, name] = Resource(kind="keypair", id=f"key-{user}-{name}", name=name, desired={})

    # --- asking ----------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        return ServersApi(self._given()).routes()

    def _given(self) -> Dependencies:
        return Dependencies(
            store=self.store,
            ledger=self.ledger,
            clock=self.clock,
            ports=self.networks,
            images=self.images,
            maker=self.maker,
            flavors=self.flavors,
            keypairs=self.keys,
            groups=ServerGroupSource(self.ledger.resources),
            plugging=self.plugging,
            floating=self.floating,
            attachments=AttachmentWrites(self.ledger, {"volume": summarise_volume}),
            storage=self.storage,
            snapshots=self.storage,
            live=self.console,
            names=HostNames(self.store, self.clock),
            quota=self.quota,
            limits=self.limits,
            secrets=self.secrets,
        )

    def _route(self, method: str, path: str, body: Any, version: Version) -> tuple[Route, dict[str, str]]:
        parts = path.split("/")
        for route in sorted(self.routes(), key=lambda one: one.path.count("{")):
            names = route.path.split("/")
            if route.method != method or len(names) != len(parts):
                continue
            if route.action and (not isinstance(body, dict) or list(body) != [route.action]):
                continue
            if not all(name == part or name.startswith("{") for name, part in zip(names, parts, strict=True)):
                continue
            low, high = route.min_version, route.max_version
            if (low is not None and version < low) or (high is not None and version > high):
                continue
            params = {
                name[1:-1]: part for name, part in zip(names, parts, strict=True) if name.startswith("{")
            }
            return route, params
        raise NotFound("The resource could not be found.")

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: Principal | None = None,
        version: str = NEWEST,
        query: dict[str, Any] | str = "",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """What a request answers, decoded; `self.last` is the whole reply. Errors are raised as handlers raise them."""
        who = ann() if who is None else who
        asked = Version.parse(version)
        route, params = self._route(method, path, body, asked)
        if not POLICY.allows(route.rule, who):
            raise Forbidden(f"Policy doesn't allow {route.rule} to be performed.")
        if route.schema is not None:
            route.schema(body, asked)
        text = query if isinstance(query, str) else urlencode(query, doseq=True)
        call = Call(
            principal=who,
            params=params,
            query=Query(text),
            body=body,
            version=asked,
            request_id=f"req-{next(_requests)}",
            base_url=BASE_URL,
            headers=headers or {},
            method=method,
            mount=SERVICE.mount,
            path=path,
            allows=POLICY.allows,
            denied=SERVICE.denied,
        )
        self.last = await route.handler(call)
        body_out = self.last.body
        return msgspec.json.decode(body_out) if isinstance(body_out, bytes) else body_out

    async def refused(self, error: type[ApiError], method: str, path: str, *args: Any, **more: Any) -> str:
        """The sentence that the request is refused with."""
        with pytest.raises(error) as caught:
            await self.ask(method, path, *args, **more)
        assert type(caught.value) is error
        return caught.value.message

    def body(self, **server: Any) -> dict[str, Any]:
        """The body of a plain POST."""
        about: dict[str, Any] = {
            "name": "web",
            "flavorRef": self.flavor,
            "imageRef": self.image,
            "networks": "auto",
            **server,
        }
        return {"server": {name: value for name, value in about.items() if value is not None}}

    async def create(self, who: Principal | None = None, version: str = NEWEST, **server: Any) -> str:
        """The id of a new server."""
        answer = await self.ask("POST", "/servers", self.body(**server), who=who, version=version)
        id: str = answer["server"]["id"]
        return id

    async def bad_create(self, error: type[ApiError] = Invalid, **server: Any) -> str:
        version, who = server.pop("version", NEWEST), server.pop("who", None)
        return await self.refused(error, "POST", "/servers", self.body(**server), version=version, who=who)

    # --- what the machine would do ---------------------------------------------------------------

    async def fetch(self, id: str) -> Resource:
        found = await self.resources.fetch(self.store, "server", id)
        assert found is not None
        return found

    async def place(self, id: str, cloud: str = "east", **seen: Any) -> None:
        """The server is seen in a cloud, ACTIVE unless it is said otherwise."""
        about = {
            "remote_id": f"remote-{id}",
            "status": "ACTIVE",
            "vm_state": "active",
            "power_state": 1,
            "host": "node-1",
            "hypervisor_hostname": "node-1.example",
            "launched_at": "2025-06-15T15:06:40.000000",
            **seen,
        }
        async with self.store.transaction() as tx:
            server = await self.resources.fetch(tx, "server", id)
            assert server is not None
            here = await presences.fetch(tx, "server", id, cloud)
            if here is None:
                memory = await self.life.prepare(tx, server, cloud)
                here = Presence(kind="server", id=id, cloud=cloud, memory=memory)
                await presences.add(tx, here)
            here.remote_id = about["remote_id"]
            here.state = PENDING
            here.observed = msgspec.to_builtins(ServerObserved(**about))
            here.observed_at = tx.now()
            await presences.save(tx, here)
            await self._refresh_document(tx, server)

    async def remember(self, id: str, cloud: str = "east", **memory: Any) -> None:
        async with self.store.transaction() as tx:
            here = await presences.fetch(tx, "server", id, cloud)
            server = await self.resources.fetch(tx, "server", id)
            assert here is not None
            assert server is not None
            here.memory.update(memory)
            await presences.save(tx, here)
            await self._refresh_document(tx, server)

    async def block(self, id: str, reason: str, cloud: str = "east") -> None:
        async with self.store.transaction() as tx:
            server = await self.resources.fetch(tx, "server", id)
            assert server is not None
            await presences.add(tx, Presence(kind="server", id=id, cloud=cloud, state=BLOCKED, error=reason))
            await self._refresh_document(tx, server)

    async def nowhere(self, id: str, reason: str) -> None:
        async with self.store.transaction() as tx:
            server = await self.resources.fetch(tx, "server", id)
            assert server is not None
            server.choice = {"error": reason, "cloud": ""}
            await self._refresh_document(tx, server)

    async def gone(self, id: str) -> None:
        async with self.store.transaction() as tx:
            server = await self.resources.fetch(tx, "server", id)
            assert server is not None
            for here in await presences.of_resource(tx, "server", id):
                await presences.drop(tx, here)
            await self.life.gone(tx, server)
            server.wanted = False
            server.deleted_at = tx.now()
            await self._refresh_document(tx, server)

    async def _refresh_document(self, tx: Transaction, server: Resource) -> None:
        every = await presences.of_resource(tx, "server", server.id)
        server.updated_at = tx.now()
        await self.resources.save(tx, server, self.life.summarise(server, every))

    async def fail(self, id: str, message: str, **seen: Any) -> None:
        fault = ServerFault(
            code=500, message=message, created="2025-06-15T15:06:41Z", details="Traceback ..."
        )
        await self.place(id, status="ERROR", vm_state="error", power_state=0, fault=fault, **seen)
