from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.base.ids import new_id, new_mac
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.cloud import CloudRow, Observed, Scope, Step
from fractus.model.compute import FlavorWanted
from fractus.model.images import ImageWanted
from fractus.model.network import FixedIp, NetworkWanted, PortWanted, SubnetWanted
from fractus.model.servers import ServerObserved, ServerWanted
from fractus.testing.clock import VirtualClock

ANN, BEN = Scope("p-ann", "ann's"), Scope("p-ben", "ben's")


class Place:
    """A simulated cloud with short names for what tests do in it."""

    def __init__(self, clock: VirtualClock, directory: Path, **settings: Any) -> None:
        self.clock = clock
        self._directory = directory
        row = CloudRow(name="sim", driver="simulated", identity="shared", settings=settings)
        self.cloud = SimulatedCloud.connect(row, clock=clock)
        self.backend, self.faults = self.cloud.backend, self.cloud.faults

    def __getitem__(self, kind: str) -> Any:
        return self.cloud.actuators()[kind]

    async def flavor(self, vcpus: int = 1, ram: int = 512, disk: int = 1) -> str:
        wanted = FlavorWanted(id=new_id(), name="tiny", vcpus=vcpus, ram=ram, disk=disk)
        return str((await self["flavor"].create(Scope(), wanted)).remote_id)

    async def image(self, bits: bytes = b"bits", scope: Scope = ANN, **more: Any) -> str:
        path = self._directory / new_id()
        path.write_bytes(bits)
        wanted = ImageWanted(id=new_id(), name="image", disk_format="raw", container_format="bare", **more)
        made = await self["image"].create(scope, wanted)
        upload = Step("upload", {"path": str(path), "size": len(bits)})
        await self["image"].apply(scope, made.remote_id, upload)
        return str(made.remote_id)

    async def network(self, scope: Scope = ANN, cidr: str = "10.0.0.0/24", **subnet: Any) -> tuple[str, str]:
        network = await self["network"].create(scope, NetworkWanted(id=new_id(), name="net"))
        wanted = SubnetWanted(id=new_id(), network_id=network.remote_id, cidr=cidr, **subnet)
        made = await self["subnet"].create(scope, wanted)
        return network.remote_id, made.remote_id

    async def port(self, net: tuple[str, str], ip: str, scope: Scope = ANN, **more: Any) -> str:
        fixed = [FixedIp(net[1], ip)]
        wanted = PortWanted(id=new_id(), network_id=net[0], mac_address=new_mac(), fixed_ips=fixed, **more)
        return str((await self["port"].create(scope, wanted)).remote_id)

    async def server(
        self, scope: Scope = ANN, *, flavor: str = "", image: str = "", **more: Any
    ) -> ServerObserved:
        wanted = ServerWanted(
            id=new_id(),
            name="vm",
            flavor_id=flavor or await self.flavor(),
            image_id=image or await self.image(scope=scope),
            **more,
        )
        made: ServerObserved = await self["server"].create(scope, wanted)
        return made

    async def now(self, made: Observed, kind: str = "server", scope: Scope = ANN) -> Any:
        return await self[kind].observe(scope, made.remote_id)

    async def listed(self, kind: str, since: str = "") -> dict[str, Any]:
        return {seen.remote_id: seen async for seen in self[kind].list_changed(since)}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def place(clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(clock, tmp_path)
    yield made
    await made.cloud.close()
