"""Twenty at once over both clouds; a child that stands still; a worker that is killed. Through openstacksdk."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from tests.real.stand import child, connect, fractus, left_in, needs_stand, realcloud, until

pytestmark = [pytest.mark.real, needs_stand]


class Base:
    """What a tenant needs before servers."""

    def __init__(self, ann: Connection, root: Connection, file: Path) -> None:
        self.ann, self.root = ann, root
        file.write_bytes(b"bits" * 1024)
        self.flavor = root.compute.create_flavor(name="many.nano", ram=64, vcpus=1, disk=1)
        self.image = ann.create_image(
            "many-image", filename=str(file), disk_format="raw", container_format="bare", wait=True
        )
        self.network = ann.network.create_network(name="many-net")
        self.subnet = ann.network.create_subnet(network_id=self.network.id, ip_version=4, cidr="10.62.0.0/24")
        self.other = ann.network.create_network(name="many-other")
        ann.network.create_subnet(network_id=self.other.id, ip_version=4, cidr="10.63.0.0/24")

    def boot(self, name: str, *, network_id: str = "", **more: Any) -> Any:
        """Ask for a server, without waiting."""
        return self.ann.compute.create_server(
            name=name,
            image_id=self.image.id,
            flavor_id=self.flavor.id,
            networks=[{"uuid": network_id or self.network.id}],
            **more,
        )

    def statuses(self) -> Counter[str]:
        return Counter(one.status for one in self.ann.compute.servers())

    def remove_servers(self) -> None:
        for one in self.ann.compute.servers():
            self.ann.compute.delete_server(one.id)
        until(lambda: not self.statuses(), reason="all servers gone")

    def remove(self) -> None:
        self.remove_servers()
        self.ann.network.delete_network(self.network.id)
        self.ann.network.delete_network(self.other.id)
        self.ann.image.delete_image(self.image.id)
        self.root.compute.delete_flavor(self.flavor.id)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    made = Base(connect("ann"), connect("root"), tmp_path_factory.mktemp("many") / "bits.img")
    yield made
    made.remove()
    for zone in ("east", "west"):
        until(
            lambda zone=zone: left_in(zone, made.ann.current_project_id) == {},
            reason=f"nothing left in {zone}",
        )


def ours_in(zone: str, ids: set[str]) -> list[str]:
    """Our ids of what the child has of them, each as often as it is there."""
    servers = child(zone).compute.servers(all_projects=True)
    marks = [one.metadata.get("fractus_id") for one in servers]
    return [mark for mark in marks if mark in ids]


def test_twenty_at_once_of_two_networks_land_on_both_clouds(base: Base) -> None:
    """Ten of each network: those of one network stay together, the networks are spread by load."""
    before = time.monotonic()
    base.boot("many", min_count=10, max_count=10)
    base.boot("others", network_id=base.other.id, min_count=10, max_count=10)
    until(lambda: base.statuses() == Counter(ACTIVE=20), seconds=300, reason="20 ACTIVE")
    print(f"20 servers ACTIVE after {time.monotonic() - before:.1f} s")
    ids = {one.id for one in base.ann.compute.servers()}
    assert len(ids) == 20
    east, west = ours_in("east", ids), ours_in("west", ids)
    assert sorted(east + west) == sorted(ids), "each is in exactly one child, once"
    assert len(east) == len(west) == 10, "both clouds carry the load"
    zones: dict[str, set[str]] = {}
    for one in base.ann.compute.servers():
        zones.setdefault(one.name.partition("-")[0], set()).add(one.availability_zone)
    assert {name: len(found) for name, found in zones.items()} == {"many": 1, "others": 1}
    base.remove_servers()
    for zone in ("east", "west"):
        until(lambda zone=zone: not ours_in(zone, ids), reason=f"gone from {zone}")


def worker_pid() -> int:
    for line in fractus("status").splitlines():
        words = line.split()
        if words[:1] == ["worker"]:
            return int(next(word for word in words[1:] if word.isdigit()))
    raise AssertionError("no worker in `fractus status`")


def test_a_killed_worker_loses_and_doubles_nothing(base: Base) -> None:
    base.boot("kill", min_count=6, max_count=6)
    killed = 0
    end = time.monotonic() + 300
    while base.statuses() != Counter(ACTIVE=6):
        assert time.monotonic() < end, base.statuses()
        if killed < 4:
            time.sleep(1.5)
            os.kill(worker_pid(), signal.SIGKILL)
            killed += 1
        time.sleep(1.0)
    ids = {one.id for one in base.ann.compute.servers()}
    assert sorted(ours_in("east", ids) + ours_in("west", ids)) == sorted(ids)
    base.remove_servers()
    for zone in ("east", "west"):
        until(lambda zone=zone: not ours_in(zone, ids), reason=f"gone from {zone}")


def test_a_child_stands_still_and_comes_back(base: Base) -> None:
    base.boot("still-east", availability_zone="east")
    base.boot("still-west", availability_zone="west")
    until(lambda: base.statuses() == Counter(ACTIVE=2), reason="both ACTIVE")
    realcloud("pause", "west")
    try:
        until(
            lambda: {one.name: one.host_status for one in servers(base)}.get("still-west") == "UNKNOWN",
            reason="the server of the paused cloud says that it is stale",
        )
        began = time.monotonic()
        assert len(servers(base)) == 2
        assert time.monotonic() - began < 5.0
        pending = base.boot("still-pending", availability_zone="west")
        other = base.boot("still-other")
        until(
            lambda: base.ann.compute.get_server(other.id).status == "ACTIVE",
            reason="work for the other goes on",
        )
        assert base.ann.compute.get_server(pending.id).status in ("BUILD", "ERROR")
    finally:
        realcloud("resume", "west")
    until(
        lambda: base.ann.compute.get_server(pending.id).status == "ACTIVE",
        seconds=240,
        reason="what was pending completes by itself",
    )
    until(
        lambda: {one.name: one.host_status for one in servers(base)}.get("still-west") != "UNKNOWN",
        reason="nothing is stale any more",
    )
    ids = {one.id for one in base.ann.compute.servers()}
    assert sorted(ours_in("east", ids) + ours_in("west", ids)) == sorted(ids)


def servers(base: Base) -> list[Any]:
    """All servers at a microversion that tells their host's status."""
    found: list[Any] = base.ann.compute.get(
        "/servers/detail", microversion="2.90", headers={"Accept": "application/json"}
    ).json()["servers"]
    return [_Bunch(one) for one in found]


class _Bunch:
    def __init__(self, document: dict[str, Any]) -> None:
        self.name = document["name"]
        self.host_status = document.get("host_status")
