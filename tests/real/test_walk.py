"""A plain tenant's day with the stock `openstack` command, in front of two real clouds, from nothing to nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.real.stand import (
    Refused,
    child,
    client,
    fractus,
    left_in,
    mapped_projects,
    needs_stand,
    reported,
    until,
)

pytestmark = [pytest.mark.real, needs_stand]

BITS = bytes(range(256)) * 512


def server_status(name: str) -> str:
    return str(reported("ann", "server", "show", name)["status"])


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("walk") / "bits.img"
    file.write_bytes(BITS)
    return file


def test_the_administrator_makes_a_flavor() -> None:
    made = reported("root", "flavor", "create", "--ram", "64", "--disk", "1", "--vcpus", "1", "walk.nano")
    assert made["ram"] == 64
    assert "walk.nano" in [one["Name"] for one in reported("ann", "flavor", "list")]
    assert reported("ann", "flavor", "show", "walk.nano")["vcpus"] == 1


def test_zones_are_the_clouds() -> None:
    zones = {
        one["Zone Name"]: one["Zone Status"]
        for one in reported("ann", "availability", "zone", "list", "--compute")
    }
    assert zones == {"east": "available", "west": "available"}


def test_an_image_goes_up_and_comes_back(image: Path, tmp_path: Path) -> None:
    words = ["--file", str(image), "--disk-format", "raw", "--container-format", "bare"]
    made = reported("ann", "image", "create", *words, "--property", "colour=blue", "walk-image")
    assert made["status"] == "active"
    shown = reported("ann", "image", "show", "walk-image")
    assert shown["checksum"] == hashlib.md5(BITS).hexdigest()
    assert shown["properties"]["colour"] == "blue"
    back = tmp_path / "back.img"
    client("ann", "image", "save", "--file", str(back), "walk-image")
    assert back.read_bytes() == BITS
    assert "walk-image" in [one["Name"] for one in reported("ann", "image", "list")]
    assert "walk-image" not in [one["Name"] for one in reported("bob", "image", "list")]


def test_networks_and_groups() -> None:
    client("ann", "network", "create", "walk-net")
    made = reported(
        "ann", "subnet", "create", "--network", "walk-net", "--subnet-range", "10.61.0.0/24", "walk-sub"
    )
    assert made["gateway_ip"] == "10.61.0.1"
    assert [one["Name"] for one in reported("ann", "subnet", "list")] == ["walk-sub"]
    client("ann", "security", "group", "create", "--description", "for the walk", "walk-sg")
    rule = ["--protocol", "tcp", "--dst-port", "22", "--remote-ip", "0.0.0.0/0", "walk-sg"]
    assert reported("ann", "security", "group", "rule", "create", *rule)["port_range_min"] == 22
    assert len(reported("ann", "security", "group", "rule", "list", "walk-sg")) == 3
    port = reported(
        "ann", "port", "create", "--network", "walk-net", "--fixed-ip", "ip-address=10.61.0.77", "walk-port"
    )
    assert port["fixed_ips"][0]["ip_address"] == "10.61.0.77"
    assert reported("ann", "port", "show", "walk-port")["mac_address"] == port["mac_address"]
    with pytest.raises(Refused, match="overlap"):
        client(
            "ann",
            "subnet",
            "create",
            "--network",
            "walk-net",
            "--subnet-range",
            "10.61.0.128/25",
            "walk-over",
        )
    with pytest.raises(Refused):
        client("bob", "network", "show", "walk-net")


def test_a_key(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    file = tmp_path / "key.pub"
    file.write_bytes(public + b" walk@test\n")
    made = reported("ann", "keypair", "create", "--public-key", str(file), "walk-key")
    assert made["fingerprint"]
    assert [one["Name"] for one in reported("ann", "keypair", "list")] == ["walk-key"]
    assert reported("ann", "keypair", "show", "walk-key")["fingerprint"] == made["fingerprint"]


def test_a_server_in_each_zone(tmp_path: Path) -> None:
    data = tmp_path / "user-data"
    data.write_text("#!/bin/sh\necho walk\n")
    port = [
        "--nic",
        "net-id=" + reported("ann", "network", "show", "walk-net")["id"] + ",v4-fixed-ip=10.61.0.50",
    ]
    base = [
        "--image",
        "walk-image",
        "--flavor",
        "walk.nano",
        "--key-name",
        "walk-key",
        "--user-data",
        str(data),
    ]
    base += ["--security-group", "walk-sg", "--property", "role=walker", "--wait"]
    client("ann", "server", "create", *base, *port, "--availability-zone", "west", "walk-west")
    shown = reported("ann", "server", "show", "walk-west")
    assert shown["status"] == "ACTIVE"
    assert shown["addresses"] == {"walk-net": ["10.61.0.50"]}
    assert shown["OS-EXT-AZ:availability_zone"] == "west"
    assert shown["properties"] == {"role": "walker"}
    own = ["--nic", "port-id=" + reported("ann", "port", "show", "walk-port")["id"]]
    client("ann", "server", "create", *base, *own, "--availability-zone", "east", "walk-east")
    assert reported("ann", "server", "show", "walk-east")["addresses"] == {"walk-net": ["10.61.0.77"]}


@pytest.mark.parametrize("zone", ["east", "west"])
def test_it_is_in_its_cloud_under_the_tenants_own_project(zone: str) -> None:
    project = reported("root", "project", "show", "ann")["id"]
    cloud = child(zone)
    id = reported("ann", "server", "show", f"walk-{zone}")["id"]
    mine = [one for one in cloud.compute.servers(all_projects=True) if one.metadata.get("fractus_id") == id]
    assert len(mine) == 1
    assert mine[0].status == "ACTIVE"
    assert [mine[0].project_id] == mapped_projects(cloud, project)
    ports = list(cloud.network.ports(device_id=mine[0].id))
    ours = reported("ann", "port", "list", "--server", id, "--long")
    assert [one.mac_address for one in ports] == [one["MAC Address"] for one in ours]
    assert [one.fixed_ips[0]["ip_address"] for one in ports] == [
        one["Fixed IP Addresses"][0]["ip_address"] for one in ours
    ]


def test_an_operator_sees_where_it_is() -> None:
    id = reported("ann", "server", "show", "walk-west")["id"]
    reported_there = fractus("resource", "show", id)
    assert "west" in reported_there
    assert "asked for by its zone" in reported_there


@pytest.mark.parametrize("zone", ["east", "west"])
def test_stop_start_reboot_rename(zone: str) -> None:
    name = f"walk-{zone}"
    client("ann", "server", "stop", name)
    until(lambda: server_status(name) == "SHUTOFF", reason="stopped")
    client("ann", "server", "start", name)
    until(lambda: server_status(name) == "ACTIVE", reason="started")
    client("ann", "server", "reboot", "--hard", "--wait", name)
    id = reported("ann", "server", "show", name)["id"]
    client("ann", "server", "set", "--name", f"{name}-renamed", "--property", "mood=good", id)
    shown = reported("ann", "server", "show", id)
    assert shown["name"] == f"{name}-renamed"
    assert shown["properties"] == {"role": "walker", "mood": "good"}
    there = until(
        lambda: [
            one for one in child(zone).compute.servers(all_projects=True) if one.name == f"{name}-renamed"
        ],
        reason="renamed in the child",
    )
    assert there[0].metadata["mood"] == "good"
    client("ann", "server", "set", "--name", name, id)
    assert client("ann", "console", "log", "show", name)


def test_bad_requests_are_refused_in_words() -> None:
    net = ["--network", "walk-net"]
    for words, sentence in [
        (["--image", "walk-image", "--flavor", "no-such", *net], "No Flavor found|not found"),
        (["--image", "no-such", "--flavor", "walk.nano", *net], "No Image found|not found"),
        (
            ["--image", "walk-image", "--flavor", "walk.nano", *net, "--availability-zone", "mars"],
            "availability zone is not available",
        ),
        (
            ["--image", "walk-image", "--flavor", "walk.nano", *net, "--key-name", "none"],
            "No Keypair|Invalid key_name",
        ),
    ]:
        with pytest.raises(Refused, match=sentence):
            client("ann", "server", "create", *words, "walk-refused")
    assert "walk-refused" not in [one["Name"] for one in reported("ann", "server", "list")]


def test_a_stranger_sees_nothing() -> None:
    id = reported("ann", "server", "show", "walk-west")["id"]
    with pytest.raises(Refused):
        client("bob", "server", "show", id)
    with pytest.raises(Refused):
        client("bob", "server", "delete", id)
    for noun in (["server"], ["network"], ["subnet"], ["port"], ["keypair"]):
        assert reported("bob", *noun, "list") == []


def carried_flavors(zone: str) -> list[str]:
    return [one.name for one in child(zone).compute.flavors(is_public=None) if one.name.startswith("walk.")]


def test_everything_goes_and_nothing_stays_behind() -> None:
    project = reported("root", "project", "show", "ann")["id"]
    client("ann", "server", "delete", "--wait", "walk-east", "walk-west")
    assert reported("ann", "server", "list") == []
    client("ann", "port", "delete", "walk-port")
    client("ann", "subnet", "delete", "walk-sub")
    client("ann", "network", "delete", "walk-net")
    client("ann", "security", "group", "delete", "walk-sg")
    client("ann", "keypair", "delete", "walk-key")
    client("ann", "image", "delete", "walk-image")
    client("root", "flavor", "delete", "walk.nano")
    for zone in ("east", "west"):
        until(lambda zone=zone: left_in(zone, project) == {}, reason=f"nothing left in {zone}")
        until(lambda zone=zone: not carried_flavors(zone), reason="the flavor is gone")
