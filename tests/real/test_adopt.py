"""Clouds that were there before fractus: taken over, changed behind its back, mended, and released again.

`FRACTUS_REAL_SERVERS` (50) is how many servers the first of the two clouds has; the second has a few.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.real.stand import child, connect, fractus, needs_stand, until

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(1500)]

SERVERS = int(os.environ.get("FRACTUS_REAL_SERVERS", "50"))
FEW = 6
#: Of the servers, those with a volume, and those with a floating IP.
WITH_VOLUME, WITH_ADDRESS = 3, 3


class Natives:
    """A project of a child, with a life of its own that fractus knows nothing of."""

    def __init__(self, name: str, servers: int) -> None:
        self.name, self.number = name, servers
        self.admin = child(name)
        self.title = f"natives-{secrets.token_hex(4)}"
        self.project = self.admin.identity.create_project(name=self.title, domain_id="default")
        user = self.admin.identity.get_user(self.admin.current_user_id)
        for role in ("admin", "member"):
            found = self.admin.identity.find_role(role)
            self.admin.identity.assign_project_role_to_user(self.project, user, found)
        for service in (self.admin.set_compute_quotas, self.admin.set_network_quotas):
            much: dict[str, int] = (
                {"port": 500}
                if service == self.admin.set_network_quotas
                else {
                    "instances": 200,
                    "cores": 500,
                    "ram": 999999,
                }
            )
            service(self.project.id, **much)
        self.own: Connection = self.admin.connect_as_project(self.title)

    def build(self) -> None:
        """Networks and a router, servers with volumes and floating IPs."""
        own, tag = self.own, self.title
        self.network = own.network.create_network(name=f"{tag}-net")
        self.subnet = own.network.create_subnet(
            network_id=self.network.id, ip_version=4, cidr="10.91.0.0/24", name=f"{tag}-subnet"
        )
        public = own.network.find_network("public")
        self.router = own.network.create_router(
            name=f"{tag}-router", external_gateway_info={"network_id": public.id}
        )
        own.network.add_interface_to_router(self.router, subnet_id=self.subnet.id)
        self.key = own.compute.create_keypair(name=f"{tag}-key")
        group = own.network.create_security_group(name=f"{tag}-web")
        own.network.create_security_group_rule(
            security_group_id=group.id,
            direction="ingress",
            protocol="tcp",
            port_range_min=80,
            port_range_max=80,
        )
        own.compute.create_server(
            name=tag, flavor_id=own.compute.find_flavor("m1.nano").id, image_id=own.image.find_image("cirros").id,
            networks=[{"uuid": self.network.id}], key_name=self.key.name, min_count=self.number,
            max_count=self.number, metadata={"life": "of its own"}, security_groups=[{"name": group.name}],
        )  # fmt: skip
        until(lambda: len(self.active()) == self.number, seconds=600, reason=f"servers of {self.name}")
        self.volumes = []
        servers = self.servers()
        for server in servers[:WITH_VOLUME]:
            volume = own.block_storage.create_volume(size=1, name=f"{tag}-volume")
            until(
                lambda id=volume.id: own.block_storage.get_volume(id).status == "available", reason="volume"
            )
            own.compute.create_volume_attachment(server.id, volume_id=volume.id)
            self.volumes.append(volume.id)
        for server in servers[-WITH_ADDRESS:]:
            (port,) = own.network.ports(device_id=server.id)
            own.network.create_ip(floating_network_id=public.id, port_id=port.id)
        for id in self.volumes:
            until(lambda id=id: own.block_storage.get_volume(id).status == "in-use", reason="attached")

    def servers(self) -> list[Any]:
        """In the order of their names."""
        return sorted(self.own.compute.servers(), key=lambda server: server.name)

    def active(self) -> list[Any]:
        return [server for server in self.own.compute.servers() if server.status == "ACTIVE"]

    def picture(self) -> dict[str, Any]:
        """All that must not be touched, with the child's own stamps of change."""
        servers = {
            one.id: (one.name, one.status, one.updated_at, one.metadata, one.addresses, one.attached_volumes)
            for one in self.own.compute.servers()
        }
        network = self.own.network
        return {
            "servers": servers,
            "ports": {one.id: (one.revision_number, one.fixed_ips) for one in network.ports()},
            "networks": {one.id: one.revision_number for one in network.networks(project_id=self.project.id)},
            "groups": {one.id: one.revision_number for one in network.security_groups(project_id=self.project.id)},
            "addresses": {one.id: (one.port_id, one.status) for one in network.ips()},
            "volumes": {one.id: one.status for one in self.own.block_storage.volumes()},
        }  # fmt: skip

    def remove(self) -> None:
        """All of it, by the child's own means."""
        own = self.own
        for address in own.network.ips(project_id=self.project.id):
            own.network.delete_ip(address.id)
        for server in own.compute.servers():
            own.compute.delete_server(server.id)
        until(lambda: not list(own.compute.servers()), seconds=300, reason="servers gone")
        for volume in own.block_storage.volumes():
            own.block_storage.delete_volume(volume.id)
        if hasattr(self, "router"):
            own.network.remove_interface_from_router(self.router, subnet_id=self.subnet.id)
            own.network.delete_router(self.router.id)
        for port in own.network.ports(project_id=self.project.id):
            own.network.delete_port(port.id)
        for network in own.network.networks(project_id=self.project.id):
            own.network.delete_network(network.id)
        for group in own.network.security_groups(project_id=self.project.id):
            own.network.delete_security_group(group.id)
        if hasattr(self, "key"):
            own.compute.delete_keypair(self.key.name)
        self.admin.identity.delete_project(self.project.id)


@pytest.fixture
def lives() -> Iterator[dict[str, Natives]]:
    made = {"west": Natives("west", SERVERS), "east": Natives("east", FEW)}
    try:
        for one in made.values():
            one.build()
        yield made
    finally:
        for one in made.values():
            one.remove()


@pytest.fixture
def strangers() -> Iterator[None]:
    """Each cloud is there once: here neither is, so they can be added as clouds of an earlier life."""
    file = os.environ["FRACTUS_REAL_CLOUDS_YAML"]
    for name in ("east", "west"):
        # What other tests had there may still be leaving.
        until(lambda name=name: _removed(name), seconds=120, reason=f"{name} removed")
    yield
    for name in ("east", "west"):
        fractus("cloud", "add", name, "--os-cloud", f"{name}-admin", "--clouds-yaml", file)


def _removed(name: str) -> bool:
    try:
        fractus("cloud", "remove", name)
    except pytest.fail.Exception:
        return False
    return True


@pytest.fixture
def ours() -> Iterator[Any]:
    """A project of fractus, for those of the cloud that has its own Keystone."""
    root = connect("root")
    project = root.identity.create_project(name=f"ours-{secrets.token_hex(4)}", domain_id="default")
    member = root.identity.find_role("member")
    root.identity.assign_project_role_to_user(project, root.identity.get_user(root.current_user_id), member)
    yield project
    root.identity.delete_project(project.id)


def _drift(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(fractus("drift", "list", "--cloud", name, "--json"))
    return found


def test_adopt_drift_and_detach(lives: dict[str, Natives], ours: Any, strangers: None) -> None:
    file = os.environ["FRACTUS_REAL_CLOUDS_YAML"]
    before = {name: natives.picture() for name, natives in lives.items()}
    root = connect("root")
    projects = {"west": ours.id, "east": lives["east"].project.id}
    user = root.connect_as_project(ours.name)
    said = {"west": f"{lives['west'].title}={ours.name}", "east": lives["east"].title}
    for name, natives in lives.items():
        cloud = f"old-{name}"
        fractus("cloud", "add", cloud, "--os-cloud", f"{name}-admin", "--clouds-yaml", file)
        print(fractus("cloud", "adopt", cloud, "--project", said[name], "--dry-run"))
        began = time.monotonic()
        reported = fractus("cloud", "adopt", cloud, "--project", said[name], "--at-most", "2000")
        print(
            f"{reported}\n{natives.number} servers of {name} taken over in {time.monotonic() - began:.1f} s"
        )
        assert "0 conflicts" in reported
        shown = {one.id: one for one in root.compute.servers(all_projects=True, project_id=projects[name])}
        assert set(shown) == set(before[name]["servers"]), "all of them, by the same ids"
        for id, (title, _, _, metadata, _, volumes) in before[name]["servers"].items():
            assert (shown[id].name, shown[id].status, shown[id].metadata) == (title, "ACTIVE", metadata)
            assert [one["id"] for one in shown[id].attached_volumes] == [one["id"] for one in volumes]
    time.sleep(15)  # sweeps, and looks at what they find
    for name, natives in lives.items():
        assert natives.picture() == before[name], f"something was touched in {name}"
    _uses_it(lives["west"], user)
    _goes_behind_its_back(lives["west"], user)
    after = {name: natives.picture()["servers"].keys() for name, natives in lives.items()}
    stopped = {
        name: {one.id: one.status for one in natives.own.compute.servers()} for name, natives in lives.items()
    }
    for name, natives in lives.items():
        print(fractus("cloud", "remove", f"old-{name}", "--detach", "--yes", "--at-most", "2000"))
        assert not list(root.compute.servers(all_projects=True, project_id=projects[name]))
        picture = natives.picture()
        assert picture["servers"].keys() == after[name]
        assert {one.id: one.status for one in natives.own.compute.servers()} == stopped[name]
        assert set(picture["volumes"].values()) <= {"in-use", "available"}
        assert all(picture["volumes"][id] == "in-use" for id in natives.volumes)
        assert len([one for one in picture["addresses"].values() if one[1] == "ACTIVE"]) == WITH_ADDRESS


def _uses_it(natives: Natives, user: Connection) -> None:
    """Its users stop, start, rename and delete servers through fractus; what Nova does with ports, it does."""
    first, second, *_ = natives.servers()[WITH_VOLUME:]
    user.compute.stop_server(first.id)
    user.compute.update_server(first.id, name="renamed")
    until(lambda: natives.own.compute.get_server(first.id).status == "SHUTOFF", reason="stopped there")
    until(lambda: natives.own.compute.get_server(first.id).name == "renamed", reason="renamed there")
    user.compute.start_server(first.id)
    until(lambda: user.compute.get_server(first.id).status == "ACTIVE", reason="started")
    (port,) = user.network.ports(device_id=second.id)
    user.compute.delete_server(second.id)
    until(lambda: second.id not in {one.id for one in natives.own.compute.servers()}, reason="deleted there")
    until(
        lambda: user.network.find_port(port.id) is None, reason="its port is gone here, as Nova took it away"
    )


def _goes_behind_its_back(natives: Natives, user: Connection) -> None:
    """Changed there by its own users: observed, reported, repaired, forgotten."""
    renamed, stopped, deleted = natives.servers()[WITH_VOLUME : WITH_VOLUME + 3]
    natives.own.compute.update_server(renamed.id, name="behind-your-back")
    natives.own.compute.stop_server(stopped.id)
    natives.own.compute.delete_server(deleted.id)
    cloud = f"old-{natives.name}"

    def found() -> dict[str, str]:
        return {one["remote_id"]: one["what"] for one in _drift(cloud) if one["kind"] == "server"}

    until(lambda: found().get(renamed.id) == "changed", reason="a changed name is reported")
    until(lambda: found().get(deleted.id) == "missing", reason="what was deleted is reported")
    until(lambda: user.compute.get_server(stopped.id).status == "SHUTOFF", reason="what was stopped shows so")
    ids = {one["remote_id"]: one["id"] for one in _drift(cloud) if one["kind"] == "server"}
    print(fractus("drift", "repair", ids[renamed.id], "--yes"))
    until(lambda: natives.own.compute.get_server(renamed.id).name == renamed.name, reason="repaired")
    print(fractus("drift", "forget", ids[deleted.id], "--yes"))
    until(lambda: user.compute.find_server(deleted.id) is None, reason="forgotten")
