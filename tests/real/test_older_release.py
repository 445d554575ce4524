"""What an older release lacks, it is not asked for: another cloud is, or the user is shown why (`make real-older`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from openstack.connection import Connection

from tests.real.stand import connect, fractus, needs_stand, until

pytestmark = [
    pytest.mark.real,
    needs_stand,
    pytest.mark.skipif(
        os.environ.get("FRACTUS_REAL_RELEASE") != "zed",
        reason="run by tools/real/run.sh with REAL_RELEASE=zed",
    ),
]

BITS = b"older" * 512


@dataclass
class Base:
    """What a server is made of."""

    cloud: Connection
    image: Any
    flavor: Any
    network: Any

    def boot(self, name: str, **more: Any) -> Any:
        """A server whose host name is a whole domain name: Nova takes that from 2.94 on, and Zed ends at 2.93."""
        body = {
            "name": name,
            "imageRef": self.image.id,
            "flavorRef": self.flavor.id,
            "networks": [{"uuid": self.network.id}],
            "hostname": f"{name}.example.org",
            **more,
        }
        answer = self.cloud.compute.post("/servers", json={"server": body}, microversion="2.94")
        assert answer.status_code == 202, answer.text
        return answer.json()["server"]["id"]

    def settled(self, id: str) -> Any:
        """The server when it is ACTIVE or in ERROR."""

        def found() -> Any:
            server = self.cloud.compute.get_server(id)
            return server if server.status in ("ACTIVE", "ERROR") else None

        return until(found, seconds=400, reason=f"{id} is ACTIVE or in ERROR")


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    ann, root = connect("ann"), connect("root")
    flavor = root.compute.create_flavor(name="older.nano", ram=64, vcpus=1, disk=1)
    image = ann.create_image(
        "older", data=BITS, disk_format="raw", container_format="bare", wait=True, validate_checksum=False
    )
    network = ann.network.create_network(name="older")
    subnet = ann.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.64.0.0/24")
    yield Base(ann, image, flavor, network)
    servers = [one for one in ann.compute.servers() if one.name.startswith("older-")]
    for one in servers:
        ann.compute.delete_server(one.id)
    ids = {one.id for one in servers}
    until(lambda: not ids & {one.id for one in ann.compute.servers()}, seconds=400, reason="servers gone")
    ann.network.delete_subnet(subnet.id)
    ann.network.delete_network(network.id)
    ann.image.delete_image(image.id)
    root.compute.delete_flavor(flavor.id)


def test_the_check_says_what_it_is() -> None:
    said = fractus("cloud", "check", "east")
    assert "max 2.93, release Zed" in said
    assert "not well" not in said


def test_what_it_lacks_is_built_in_the_other(base: Base) -> None:
    """Each of them, so that chance alone does not pass."""
    for id in [base.boot(f"older-{number}") for number in range(4)]:
        server = base.settled(id)
        assert (server.status, server.availability_zone) == ("ACTIVE", "west"), server.fault


def test_in_its_own_zone_the_user_is_shown_why(base: Base) -> None:
    server = base.settled(base.boot("older-there", availability_zone="east"))
    assert server.status == "ERROR"
    assert "needs compute 2.94, and 2.93 is there" in server.fault["message"]
