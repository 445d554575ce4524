"""What the tests of guests share: a tenant, its key, the image, one network, and a guest in each zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from tests.guests.stand import IMAGE, ZONES, Guest, Key, boot
from tests.real.stand import connect, left_in, until

USER_DATA = "#!/bin/sh\necho read by $(hostname) >/var/lib/guest/from-user-data\n"


@dataclass
class Lan:
    """A network of the tenant's with one subnet, and a group that lets ssh in."""

    network: Any
    subnet: Any
    group: Any

    def delete(self, cloud: Connection) -> None:
        """Delete all of it; what is gone already is no matter."""
        cloud.network.delete_security_group(self.group.id)
        cloud.network.delete_subnet(self.subnet.id)
        cloud.network.delete_network(self.network.id)


@pytest.fixture(scope="session")
def ann() -> Connection:
    """A plain tenant at the one endpoint."""
    return connect("ann")


@pytest.fixture(scope="session")
def project(ann: Connection) -> str:
    """The tenant's project."""
    return str(ann.current_project_id)


@pytest.fixture(scope="session")
def key(ann: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Key]:
    """The tenant's key pair."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    secret = Ed25519PrivateKey.generate()
    private: Path = tmp_path_factory.mktemp("key") / "id"
    private.touch(mode=0o600)
    private.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = (
        secret.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + " guests@test"
    )
    ann.compute.create_keypair(name="guests", public_key=public)
    yield Key(private, public)
    ann.compute.delete_keypair("guests")


@pytest.fixture(scope="session")
def image(ann: Connection) -> Iterator[Any]:
    """The guest image and its flavor."""
    root = connect("root")
    flavor = root.compute.create_flavor(name="guest.micro", ram=128, vcpus=1, disk=1)
    made = ann.create_image(
        "guest", filename=str(IMAGE), disk_format="qcow2", container_format="bare", min_ram=96, wait=True
    )
    yield made
    ann.image.delete_image(made.id)
    root.compute.delete_flavor(flavor.id)


def allow(cloud: Connection, group: Any, protocol: str, **more: Any) -> Any:
    """A rule that lets a protocol in."""
    return cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", ether_type="IPv4", protocol=protocol, **more
    )


@pytest.fixture(scope="session")
def lan(ann: Connection, image: Any) -> Iterator[Lan]:
    """The network of all guests."""
    network = ann.network.create_network(name="guests")
    subnet = ann.network.create_subnet(
        network_id=network.id,
        name="guests",
        ip_version=4,
        cidr="10.77.0.0/24",
        dns_nameservers=["192.0.2.53", "192.0.2.54"],
        host_routes=[{"destination": "198.51.100.0/24", "nexthop": "10.77.0.9"}],
    )
    group = ann.network.create_security_group(name="guests-ssh")
    allow(ann, group, "tcp", port_range_min=22, port_range_max=22)
    made = Lan(network, subnet, group)
    yield made
    made.delete(ann)


@pytest.fixture(scope="session")
def guests(ann: Connection, key: Key, lan: Lan) -> Iterator[dict[str, Guest]]:
    """A guest in each zone, and one more in the first: by name, all ready."""
    names = {f"one-{zone}": zone for zone in ZONES} | {f"two-{ZONES[0]}": ZONES[0]}
    made = {
        name: boot(
            ann,
            key,
            zone,
            name,
            networks=[{"uuid": lan.network.id}],
            security_groups=[{"name": lan.group.name}],
            user_data=USER_DATA,
            metadata={"colour": "blue"},
            # The second in a zone has none: it learns all from the metadata service.
            config_drive=name.startswith("one-"),
        )
        for name, zone in names.items()
    }
    for guest in made.values():
        guest.wait()
    for guest in made.values():
        guest.wait_ready()
        until(guest.reached, seconds=60, reason=f"{guest.id} can be logged in to")
    yield made
    for guest in made.values():
        ann.compute.delete_server(guest.id, ignore_missing=True)
    until(lambda: not list(ann.compute.servers()), reason="the servers are gone")


@pytest.fixture
def one(guests: dict[str, Guest]) -> Guest:
    """The guest with a config drive in the first zone."""
    return guests[f"one-{ZONES[0]}"]


@pytest.fixture
def two(guests: dict[str, Guest]) -> Guest:
    """The guest without, in the same zone and network."""
    return guests[f"two-{ZONES[0]}"]


def nothing_left(project: str) -> dict[str, dict[str, list[str]]]:
    """What the children hold of a tenant, by zone."""
    return {zone: left for zone in ZONES if (left := left_in(zone, project))}
