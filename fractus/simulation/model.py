"""The model that filled clouds are copies of: one server, made by the program itself in a small simulated cloud.

Where the servers are to be a parent's, a parent is stood up above it that makes the server there as it would in any
cloud: so the markers are its own. A clock that stands still while the server is made gives all of its stamps values
that are known, so that copies may have others.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from msgspec import Struct

from fractus.addressing import ranges
from fractus.auth.calls import Caller
from fractus.base.clock import Clock, SystemClock
from fractus.local.processes import free_port
from fractus.local.seed import IMAGE_BYTES
from fractus.operations import cloud_rows
from fractus.reconcile.machine import Pace
from fractus.reconcile.sweep.sweep import sweep
from fractus.services.network.security_groups.kind import default_id
from fractus.simulation import IDENTITY, INSIDE, ids
from fractus.simulation.child import Child
from fractus.simulation.credentials import entry
from fractus.simulation.identity import first_id
from fractus.simulation.listen import Door
from fractus.simulation.node import NEVER, Node
from fractus.store.sqlite import SqliteStore

#: A moment long before anything else that stands in the model, so that its stamps are known from all other numbers.
_ERA = 1_000_000_000.0

#: The model's own addresses: of the subnet, not of the pool, and of no copy.
IP, _OTHER_IP = "10.250.9.7", "10.250.9.6"
NAME, PASSWORD = "model-server", "of-the-model-alone"
REGION = "sim-model"

#: Of the flavor that all share.
FLAVOR = {"name": "m1.sim", "vcpus": 1, "ram": 512, "disk": 1, "id": ids.parent_id("flavor", 1)}

_PARENT = Pace(poll=0.2, sweep=0.5, sweep_busy=0.2, inventory=NEVER, drain=2.0)

#: It takes a few seconds; on a machine that is very busy, many. Seconds.
_PATIENCE = 300.0


class ModelClock(SystemClock):
    """Goes on from `_ERA`, until it is asked to stand still."""

    def __init__(self) -> None:
        self._began = time.time()
        self.still: float | None = None

    def now(self) -> float:
        """Seconds since the epoch."""
        return _ERA + time.time() - self._began if self.still is None else self.still


class Model(Struct, frozen=True, kw_only=True):
    """Where the model is, and which texts in it are the server's, the project's and the cloud's own.

    The texts are by what stands for them: `server` the child's id of it, `server inside` that in the simulated cloud
    below, `server above` that in the parent, where there is one; and so on.
    """

    directory: str
    """The child's."""
    made_at: float
    """When the server was asked for; it was ACTIVE `ids.BOOT` later. All else has other stamps, between these two."""
    began: float
    ended: float
    server: dict[str, str]
    project: dict[str, str]
    cloud: dict[str, str]
    other: list[str]
    """Ids of a server and a port that were made to have all else in place: not to be copied."""
    usage: dict[str, int]
    """What the project uses of its quotas without any server."""
    costs: dict[str, int]
    """What a server and its port add."""


async def make(directory: Path, *, owned: bool) -> Model:
    """Make it in an empty directory. `owned`: by a parent above it."""
    clock = ModelClock()
    async with AsyncExitStack() as stack:
        child = Child(directory / "child", REGION, _free_url(), 3, clock)
        child.is_model = True
        child.found(PASSWORD)
        await child.start()
        await _open(stack, child)
        top: Node = child
        if owned:
            top = await _parent(stack, directory / "parent", child, clock)
        made = await _Making(child, top, clock).run()
    return made


def _free_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


async def _open(stack: AsyncExitStack, node: Node) -> None:
    door = Door(node, "127.0.0.1", int(node.url.rpartition(":")[2]))
    stack.push_async_callback(node.close)
    await door.open()
    stack.callback(door.shut)


async def _parent(stack: AsyncExitStack, directory: Path, child: Child, clock: Clock) -> Node:
    parent = Node(directory, "parent", _free_url(), clock)
    parent.is_model = True
    parent.identity.found(PASSWORD)
    parent.open()
    await cloud_rows.add(
        parent.parts.store,
        parent.parts.vault,
        name=REGION,
        driver="openstack",
        identity="own",
        settings={"weight": 1.0},
        auth=entry(child.url, REGION, PASSWORD),
    )
    await parent.parts.children.refresh(parent.parts.store)
    parent.work(_PARENT)
    await _open(stack, parent)
    return parent


class _Making:
    """Makes the server, through the API of the uppermost node."""

    def __init__(self, child: Child, top: Node, clock: ModelClock) -> None:
        self._child, self._top, self._clock = child, top, clock
        self._began = clock.now()
        self._compute = f"{top.url}/compute/v2.1"
        self._network = f"{top.url}/network/v2.0"

    async def run(self) -> Model:
        """Make everything; the model, once nothing is left to be done."""
        async with Caller() as admin, Caller() as user:
            flavor, image = await self._shared(admin)
            await self._tenant(user)
            network = await self._net(user)
            other = await self._boot(user, "other", _OTHER_IP, flavor, image, network)
            await self._until(lambda: self._is_active(user, other))
            await self._settle()
            before = self._usage()
            at = float(int(self._clock.now()) + 10)
            self._clock.still = at
            server = await self._boot(user, NAME, IP, flavor, image, network)
            await self._until(self._is_building)
            self._clock.still = at + ids.BOOT
            self._child.pulse.changed()
            self._top.worker.ring_all()
            await self._until(lambda: self._is_active(user, server))
            await self._settle()
            await self._see_networks()
            port = await self._only(user, f"ports?device_id={server}", "ports")
            subnet = await self._only(user, "subnets", "subnets")
        costs = {name: used - before.get(name, 0) for name, used in self._usage().items()}
        project = self._project()
        return Model(
            directory=str(self._child.directory),
            made_at=at,
            began=self._began,
            ended=self._clock.now(),
            server=self._of_server(server, port),
            project={
                **self._texts({"network": network, "subnet": subnet}),
                **self._of_project(project),
            },
            cloud=self._of_cloud(),
            other=self._others(),
            usage={name: used - costs.get(name, 0) for name, used in before.items()},
            costs=costs,
        )

    # ------------------------------------------------------------------ what is made

    async def _shared(self, admin: Caller) -> tuple[str, str]:
        await admin.log_in(f"{self._top.url}{IDENTITY}/v3", "admin", PASSWORD, "admin")
        flavor = (await admin.call("POST", f"{self._compute}/flavors", {"flavor": FLAVOR}))["flavor"]["id"]
        images = f"{self._top.url}/image/v2/images"
        body = {"id": ids.parent_id("image", 1), "name": "sim", "visibility": "public"}
        body |= {"disk_format": "raw", "container_format": "bare"}
        image = (await admin.call("POST", images, body))["id"]
        await admin.call("PUT", f"{images}/{image}/file", data=IMAGE_BYTES)
        return str(flavor), str(image)

    async def _tenant(self, user: Caller) -> None:
        identity = self._top.identity
        project = identity.add_project("tenant")
        if self._top is self._child:
            # In its own clouds the administrator makes them, as he is the one user there is.
            person, name = next(iter(identity.users.values())), "admin"
        else:
            person, name = identity.add_user("tenant", PASSWORD), "tenant"
        identity.grant(person.id, project.id, identity.role_named("member"))
        await user.log_in(f"{self._top.url}{IDENTITY}/v3", name, PASSWORD, "tenant")

    async def _net(self, user: Caller) -> str:
        made = await user.call("POST", f"{self._network}/networks", {"network": {"name": "net"}})
        network = str(made["network"]["id"])
        subnet = {"name": "subnet", "network_id": network, "ip_version": 4, "cidr": ids.CIDR}
        await user.call(
            "POST", f"{self._network}/subnets", {"subnet": {**subnet, "allocation_pools": [ids.POOL]}}
        )
        return network

    async def _boot(self, user: Caller, name: str, ip: str, flavor: str, image: str, network: str) -> str:
        nics = [{"uuid": network, "fixed_ip": ip}]
        body = {"name": name, "flavorRef": flavor, "imageRef": image, "networks": nics}
        return str((await user.call("POST", f"{self._compute}/servers", {"server": body}))["server"]["id"])

    # ------------------------------------------------------------------ waiting

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(_PATIENCE):
            while not await holds():
                await self._clock.sleep(0.1)

    async def _is_active(self, user: Caller, server: str) -> bool:
        shown = (await user.call("GET", f"{self._compute}/servers/{server}"))["server"]
        return bool(shown["status"] == "ACTIVE")

    async def _is_building(self) -> bool:
        return len(self._child.inside.backend.servers) == 2

    async def _settle(self) -> None:
        """No work is left anywhere."""

        async def rested() -> bool:
            return not any(_rows(node, "SELECT 1 FROM work") for node in (self._child, self._top))

        await self._until(rested)

    async def _see_networks(self) -> None:
        """A cloud's answer to a create is a tenant's: it lacks what administrators alone are shown."""
        await sweep(self._child.worker.machine, INSIDE, full=True, kinds=("network",))
        if self._top is not self._child:
            await sweep(self._top.worker.machine, REGION, full=True, kinds=("network",))

    # ------------------------------------------------------------------ what came of it

    def _project(self) -> str:
        return str(_rows(self._child, "SELECT project_id FROM network")[0][0])

    def _usage(self) -> dict[str, int]:
        text = "SELECT name, used FROM quota_usage WHERE scope = 'project' AND owner = ?"
        return dict(_rows(self._child, text, self._project()))

    async def _only(self, user: Caller, path: str, key: str) -> str:
        return str((await user.call("GET", f"{self._network}/{path}"))[key][0]["id"])

    def _texts(self, made: dict[str, str]) -> dict[str, str]:
        """What was made in the uppermost node, by kind: its ids there, in the child, and below."""
        texts: dict[str, str] = {}
        for kind, id in made.items():
            there = id
            if self._top is not self._child:
                texts[f"{kind} above"] = id
                there = self._below(self._top, kind, id)
            texts |= {kind: there, f"{kind} inside": self._below(self._child, kind, there)}
        return texts

    @staticmethod
    def _below(node: Node, kind: str, id: str) -> str:
        found = _rows(node, "SELECT remote_id FROM presence WHERE kind = ? AND id = ?", kind, id)
        return str(found[0][0])

    def _of_server(self, server: str, port: str) -> dict[str, str]:
        texts = self._texts({"server": server, "port": port})
        mac = _rows(self._child, "SELECT mac_address FROM port WHERE id = ?", texts["port"])
        reservation = _rows(self._child, "SELECT reservation_id FROM server WHERE id = ?", texts["server"])
        inside = self._child.inside.backend.servers[texts["server inside"]]
        project = self._project()
        return {
            **texts,
            "ip": IP,
            "address": ranges.key(ranges.number(IP), 4),
            "mac": str(mac[0][0]),
            "name": NAME,
            "host": inside.host,
            "host id": host_id(project, inside.host),
            "reservation": str(reservation[0][0]),
            "number": f'"number":{inside.number},',
            "instance": f"instance-{inside.number:08x}",
        }

    def _of_project(self, project: str) -> dict[str, str]:
        texts = {"project": project, "default group": default_id(project)}
        if self._top is not self._child:
            identity = self._top.identity
            texts["project above"] = next(id for id, one in identity.projects.items() if one.name == "tenant")
            texts["user above"] = next(id for id, one in identity.users.items() if one.name == "tenant")
            texts |= self._texts({"security_group": default_id(texts["project above"])})
        else:
            texts["default group inside"] = self._below(self._child, "security_group", default_id(project))
        return texts

    def _of_cloud(self) -> dict[str, str]:
        admin = first_id(REGION, "project", "admin")
        return {"admin": first_id(REGION, "user", "admin"), "home": admin, "home group": default_id(admin)}

    def _others(self) -> list[str]:
        found = _rows(self._child, "SELECT id FROM server WHERE name = 'other'")
        found += _rows(
            self._child, "SELECT id FROM port WHERE CAST(summary AS TEXT) LIKE ?", f"%{_OTHER_IP}%"
        )
        known = [str(row[0]) for row in found]
        inner = [
            str(row[0])
            for id in known
            for row in _rows(self._child, "SELECT remote_id FROM presence WHERE id = ?", id)
        ]
        return [*known, *inner]


def host_id(project: str, host: str) -> str:
    """What a child shows as `hostId` of a server on a host of the cloud below it, as Nova makes it."""
    return hashlib.sha224(f"{project}{INSIDE}:{host}".encode()).hexdigest()


def _rows(node: Node, text: str, *values: Any) -> list[Any]:
    # By the node's own connection: another SQLite in this process would undo the locks of the first on the same file.
    store = node.parts.store
    assert isinstance(store, SqliteStore)
    return store.connection.execute(text, values).fetchall()
