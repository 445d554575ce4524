"""What changes after a thing was carried to a real cloud is there before the next server is built of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from tests.real.stand import child, connect, mapped_projects, needs_stand, until

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(600)]

BITS = b"carried bits " * 8192


class Tenant:
    """A tenant with a network of its own, who boots servers and removes them."""

    def __init__(self, name: str, cidr: str) -> None:
        self.sdk: Connection = connect(name)
        self.network = self.sdk.network.create_network(name=f"carried-{name}")
        self.subnet = self.sdk.network.create_subnet(network_id=self.network.id, ip_version=4, cidr=cidr)

    @property
    def project_id(self) -> str:
        return str(self.sdk.current_project_id)

    def boots(self, image: Any, flavor: Any, zone: str) -> str:
        """The status of a new server, once it has come up or failed; it is removed."""
        compute = self.sdk.compute
        server = compute.create_server(
            name="carried",
            image_id=image.id,
            flavor_id=flavor.id,
            networks=[{"uuid": self.network.id}],
            availability_zone=zone,
        )
        states = ("ACTIVE", "ERROR")
        until(lambda: compute.get_server(server.id).status in states, seconds=240, reason="it comes up")
        shown = compute.get_server(server.id)
        compute.delete_server(server.id)
        compute.wait_for_delete(server, wait=120)
        return str(shown.status)

    def ends(self) -> None:
        """Its network goes."""
        self.sdk.network.delete_subnet(self.subnet)
        self.sdk.network.delete_network(self.network)


@pytest.fixture
def tenants() -> Iterator[tuple[Tenant, Tenant]]:
    both = Tenant("ann", "10.64.0.0/24"), Tenant("bob", "10.65.0.0/24")
    yield both
    for one in both:
        one.ends()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "bits.img"
    path.write_bytes(BITS)
    return str(path)


def accepts(owner: Tenant, image: Any, member: Tenant) -> None:
    owner.sdk.image.add_member(image, member_id=member.project_id)
    member.sdk.image.update_member(member.project_id, image, status="accepted")


@pytest.mark.parametrize("zone", ["east", "west"])
def test_an_image_and_a_flavor_change_after_their_first_use(
    tenants: tuple[Tenant, Tenant], file: str, zone: str
) -> None:
    ann, bob = tenants
    root, there = connect("root"), child(zone)
    flavor = root.compute.create_flavor(
        name=f"carried-{zone}", ram=64, vcpus=1, disk=1, **{"os-flavor-access:is_public": False}
    )
    root.compute.flavor_add_tenant_access(flavor.id, ann.project_id)
    image = ann.sdk.create_image(
        f"carried-{zone}",
        filename=file,
        disk_format="raw",
        container_format="bare",
        wait=True,
        hw_disk_bus="virtio",
        visibility="shared",
    )
    try:
        assert ann.boots(image, flavor, zone) == "ACTIVE"
        accepts(ann, image, bob)
        root.compute.flavor_add_tenant_access(flavor.id, bob.project_id)
        ann.sdk.image.update_image(image, hw_disk_bus="scsi")
        assert bob.boots(image, flavor, zone) == "ACTIVE"
        (copy,) = [one for one in there.image.images(visibility="all") if one.name == f"carried-{zone}"]
        assert (copy.visibility, copy.hw_disk_bus) == ("shared", "scsi")
        (theirs,) = mapped_projects(there, bob.project_id)
        assert [one.member_id for one in there.image.members(copy.id)] == [theirs]
        (made,) = [
            one for one in there.compute.flavors(is_public=None) if one.name.startswith(f"carried-{zone}")
        ]
        assert made.is_public is False
        assert theirs in {one["tenant_id"] for one in there.compute.get_flavor_access(made.id)}
        ann.sdk.image.remove_member(bob.project_id, image)
        root.compute.flavor_remove_tenant_access(flavor.id, bob.project_id)
        until(lambda: not list(there.image.members(copy.id)), seconds=60, reason="withdrawn from the image")
        until(
            lambda: theirs not in {one["tenant_id"] for one in there.compute.get_flavor_access(made.id)},
            seconds=60,
            reason="withdrawn from the flavor",
        )
        assert ann.boots(image, flavor, zone) == "ACTIVE"
    finally:
        ann.sdk.image.delete_image(image)
        root.compute.delete_flavor(flavor)
