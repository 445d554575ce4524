"""The same day through openstacksdk, as a plain tenant: what Ansible, Heat and one's own programs do."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from openstack import exceptions
from openstack.connection import Connection

from tests.real.stand import child, connect, left_in, needs_stand, until

pytestmark = [pytest.mark.real, needs_stand]

BITS = b"sdk bits " * 8192


class Day:
    """What the tenant has made so far."""

    def __init__(self, ann: Connection, root: Connection, file: Path) -> None:
        file.write_bytes(BITS)
        self.ann, self.root = ann, root
        self.flavor = root.compute.create_flavor(name="sdk.nano", ram=64, vcpus=1, disk=1)
        self.image = ann.create_image(
            "sdk-image", filename=str(file), disk_format="raw", container_format="bare", wait=True
        )
        self.network = ann.network.create_network(name="sdk-net")
        self.subnet = ann.network.create_subnet(
            network_id=self.network.id, ip_version=4, cidr="10.63.0.0/24", name="sdk-sub"
        )
        self.group = ann.network.create_security_group(name="sdk-sg", description="for the walk")
        self.port = ann.network.create_port(
            network_id=self.network.id,
            name="sdk-port",
            security_groups=[self.group.id],
            fixed_ips=[{"ip_address": "10.63.0.9"}],
        )
        self.key = ann.compute.create_keypair(name="sdk-key")

    def boots_west(self) -> Any:
        """With the cloud layer, as Ansible does."""
        return self.ann.create_server(
            "sdk-one",
            image=self.image,
            flavor="sdk.nano",
            network=self.network.id,
            key_name="sdk-key",
            security_groups=["sdk-sg"],
            userdata="#!/bin/sh\n",
            meta={"role": "sdk"},
            availability_zone="west",
            wait=True,
            auto_ip=False,
            timeout=180,
        )

    def boots_east(self) -> Any:
        """With the compute proxy, on a port of one's own."""
        asked = self.ann.compute.create_server(
            name="sdk-two",
            image_id=self.image.id,
            flavor_id=self.flavor.id,
            networks=[{"port": self.port.id}],
            availability_zone="east",
            config_drive=True,
        )
        return self.ann.compute.wait_for_server(asked, wait=180)

    def ends(self) -> None:
        """Everything goes."""
        compute, network = self.ann.compute, self.ann.network
        for one in list(compute.servers()):
            compute.delete_server(one.id)
        until(lambda: not list(compute.servers()), reason="servers gone")
        network.delete_port(self.port)
        network.delete_subnet(self.subnet)
        network.delete_network(self.network)
        network.delete_security_group(self.group)
        compute.delete_keypair("sdk-key")
        self.ann.image.delete_image(self.image)
        self.root.compute.delete_flavor(self.flavor)


def changes(ann: Connection, server: Any) -> None:
    """Stop, start, reboot, rename, properties, console."""
    compute = ann.compute
    compute.stop_server(server)
    compute.wait_for_server(server, status="SHUTOFF", wait=120)
    compute.start_server(server)
    compute.wait_for_server(server, status="ACTIVE", wait=120)
    compute.reboot_server(server, "SOFT")
    until(lambda: compute.get_server(server.id).status == "ACTIVE", reason="rebooted")
    compute.update_server(server, name="sdk-two-renamed")
    compute.set_server_metadata(server, mood="good")
    assert compute.find_server("sdk-two-renamed").id == server.id
    assert "output" in compute.get_server_console_output(server, length=5)


def test_a_tenants_day_through_openstacksdk(tmp_path: Path) -> None:
    ann = connect("ann")
    day = Day(ann, connect("root"), tmp_path / "bits.img")
    assert day.image.status == "active"
    back = ann.image.download_image(day.image.id).content
    assert hashlib.md5(back).hexdigest() == hashlib.md5(BITS).hexdigest()
    rule = ann.network.create_security_group_rule(
        security_group_id=day.group.id,
        direction="ingress",
        protocol="tcp",
        port_range_min=80,
        port_range_max=80,
    )
    assert rule.id in [one.id for one in ann.network.security_group_rules(security_group_id=day.group.id)]
    assert day.key.private_key.startswith("-----BEGIN")
    assert {zone.name for zone in ann.compute.availability_zones()} == {"east", "west"}

    first, second = day.boots_west(), day.boots_east()
    assert (first.status, first.location.zone, first.metadata["role"]) == ("ACTIVE", "west", "sdk")
    assert second.addresses["sdk-net"][0]["addr"] == "10.63.0.9"
    servers = child("east").compute.servers(all_projects=True)
    there = [one for one in servers if one.metadata.get("fractus_id") == second.id]
    assert [one.addresses["sdk-net"][0]["OS-EXT-IPS-MAC:mac_addr"] for one in there] == [day.port.mac_address]
    changes(ann, second)
    assert [one.id for one in ann.compute.servers(limit=1)] == [second.id, first.id], "paged, newest first"
    with pytest.raises(exceptions.HttpException) as refused:
        ann.network.delete_network(day.network)
    assert refused.value.status_code == 409
    with pytest.raises(exceptions.NotFoundException):
        connect("bob").compute.get_server(second.id)

    day.ends()
    for zone in ("east", "west"):
        until(lambda zone=zone: left_in(zone, ann.current_project_id) == {}, reason=f"nothing left in {zone}")
