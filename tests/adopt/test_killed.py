"""Taking over fifty servers, broken off again and again: it goes on where it stopped, as if nothing had been."""

from __future__ import annotations

import pytest

from fractus.model.network import Rule
from fractus.reconcile.adopt.adopt import Report
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.testing.natives import Natives
from fractus.testing.user import NETWORK
from fractus.testing.world import Killed, World
from tests.adopt.takes import P1, changes, reported, take

SERVERS = 50


def _life(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    web = natives.group("web", [Rule(direction="ingress", protocol="tcp", remote_id="r-web")])
    nets = [natives.network(f"net-{number}", cidr=f"10.{number}.0.0/24") for number in range(3)]
    image = natives.image("debian")
    natives.keypair("laptop")
    for number in range(SERVERS):
        port = natives.port(nets[1], f"own-{number}", security_groups=[web.id]) if number % 10 == 0 else None
        natives.server(
            f"vm-{number}", nets[number % 3], port=port, image=image, groups=[web], running=number % 7 != 0,
            key_name="laptop", volumes=["v"] if number % 5 == 0 else [],
        )  # fmt: skip


EXPECTED = {
    "flavor": 1, "keypair": 1, "image": 1, "network": 3, "subnet": 3, "security_group": 1, "port": SERVERS,
    "server": SERVERS,
}  # fmt: skip


async def test_fifty_servers(world: World) -> None:
    _life(world)
    report = await take(world)
    assert (reported(report), report.taken) == ([], EXPECTED)
    ann = world.user("ann")
    states = [server["status"] for server in await ann.servers(limit=1000)]
    assert (states.count("ACTIVE"), states.count("SHUTOFF")) == (SERVERS - 8, 8)
    await world.settle()
    assert changes(world) == []


@pytest.mark.parametrize("where", ["before it is written", "after its resource", "after its presence"])
async def test_killed_at_every_thing(world: World, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Each run is killed at the thing after those that it has taken: at its start, half-way, or when all is written
    but the commit. What a killed run has half-written is not there.
    """
    _life(world)
    real_add, real_there = Resources.add, presences.add
    allowed, runs = 0, 0

    async def add(self: Resources, *given: object, **more: object) -> object:
        _count("before it is written")
        made = await real_add(self, *given, **more)  # type: ignore[arg-type]
        _count("after its resource")
        return made

    async def there(*given: object) -> None:
        await real_there(*given)  # type: ignore[arg-type]
        _count("after its presence")

    def _count(place: str) -> None:
        nonlocal allowed
        if place == where:
            if allowed == 0:
                raise Killed
            allowed -= 1

    monkeypatch.setattr(Resources, "add", add)
    monkeypatch.setattr(presences, "add", there)
    report: Report | None = None
    while report is None:
        allowed, runs = 7, runs + 1
        try:
            report = await take(world)
        except Killed:
            continue
    monkeypatch.undo()
    assert runs > 10
    assert reported(report) == []
    again = await take(world)
    assert not again.taken
    for kind, number in EXPECTED.items():
        assert again.known[kind] == number, kind
    ann = world.user("ann")
    assert len(await ann.servers(limit=1000)) == SERVERS
    for network in await ann.listed(f"{NETWORK}/networks"):
        assert len(network["subnets"]) == 1
    addresses = [
        one["ip_address"] + one["subnet_id"]
        for port in await ann.listed(f"{NETWORK}/ports")
        for one in port["fixed_ips"]
    ]
    assert len(addresses) == len(set(addresses)) == SERVERS
    await world.settle()
    assert changes(world) == []
