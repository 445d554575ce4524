"""A guest knows of itself what our API says of it, and has read what it was given."""

from __future__ import annotations

import json

import pytest

from tests.guests.conftest import Lan
from tests.guests.stand import ZONES, Guest
from tests.real.stand import needs_stand

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(1500)]

EACH = [f"one-{zone}" for zone in ZONES] + [f"two-{ZONES[0]}"]


@pytest.mark.parametrize("name", EACH)
def test_its_card_and_addresses_are_those_of_its_port(name: str, guests: dict[str, Guest], lan: Lan) -> None:
    guest = guests[name]
    (link,) = json.loads(guest.run("cat /sys/class/net/eth0/address | sed 's/.*/[\"&\"]/'"))
    assert link == guest.port.mac_address
    assert f"inet {guest.address}/24 " in guest.run("ip -4 address show dev eth0")
    assert int(guest.run("cat /sys/class/net/eth0/mtu")) == lan.network.mtu
    (listed,) = guest.server.addresses["guests"]
    assert (listed["addr"], listed["OS-EXT-IPS-MAC:mac_addr"]) == (guest.address, link)


@pytest.mark.parametrize("name", EACH)
def test_its_lease_says_what_the_subnet_says(name: str, guests: dict[str, Guest], lan: Lan) -> None:
    guest = guests[name]
    routes = guest.run("ip route")
    assert f"default via {lan.subnet.gateway_ip} dev eth0" in routes
    assert "198.51.100.0/24 via 10.77.0.9 dev eth0" in routes
    names = [
        line.split()[1] for line in guest.run("cat /etc/resolv.conf").splitlines() if "nameserver" in line
    ]
    assert names == lan.subnet.dns_nameservers


@pytest.mark.parametrize("name", EACH)
def test_its_name_keys_and_user_data_are_what_was_asked(name: str, guests: dict[str, Guest]) -> None:
    guest = guests[name]
    assert guest.run("hostname").strip() == name == guest.server.name
    assert guest.run("cat ~/.ssh/authorized_keys").strip() == guest.key.public
    assert guest.run("cat /var/lib/guest/from-user-data") == f"read by {name}\n"
    assert guest.run("wget -q -O - http://127.0.0.1/").strip() == name


@pytest.mark.parametrize("name", EACH)
def test_config_drive_and_metadata_service_say_the_same(name: str, guests: dict[str, Guest]) -> None:
    guest = guests[name]
    drive = bool(guest.server.has_config_drive)
    assert drive is name.startswith("one-")
    kept = guest.run("ls /run/guest").split()
    assert ("drive" in kept) is drive
    service = json.loads(guest.run("cat /run/guest/service/meta_data.json"))
    assert service["meta"]["colour"] == "blue"
    assert service["meta"]["fractus_id"] == guest.id
    assert (service["name"], service["hostname"].split(".")[0]) == (name, name)
    if drive:
        other = json.loads(guest.run("cat /run/guest/drive/meta_data.json"))
        for field in ("uuid", "hostname", "name", "public_keys", "meta", "project_id"):
            assert other[field] == service[field], field


def test_its_disk_has_the_size_of_the_flavor(one: Guest) -> None:
    assert int(one.run("cat /sys/block/vda/size")) == 1 * 2**21
    # The root file system is what the boot partition leaves of 1 GiB.
    size = int(one.run("df -k / | tail -n 1").split()[1])
    assert size > 900 * 1024


@pytest.mark.parametrize("name", EACH)
def test_its_console_log_is_read_through_our_endpoint(name: str, guests: dict[str, Guest]) -> None:
    log = guests[name].console()
    assert f"guest: ready: {name}" in log
    assert f"{name} login:" in log
    short = guests[name].cloud.compute.get_server_console_output(guests[name].id, length=2)["output"]
    assert len(short.splitlines()) <= 3 < len(log.splitlines())
