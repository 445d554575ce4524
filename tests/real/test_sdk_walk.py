"""The same day through openstacksdk, as a plain tenant: what Ansible, Heat and one's own programs do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from openstack import exceptions

from tests.real.stand import child, connect, left_in, needs_stand, until

pytestmark = [pytest.mark.real, needs_stand]

BITS = b"sdk bits " * 8192


def test_a_tenants_day_through_openstacksdk(tmp_path: Path) -> None:
    ann, root = connect("ann"), connect("root")
    project = ann.current_project_id
    file = tmp_path / "bits.img"
    file.write_bytes(BITS)
    flavor = root.compute.create_flavor(name="sdk.nano", ram=64, vcpus=1, disk=1)
    image = ann.create_image(
        "sdk-image", filename=str(file), disk_format="raw", container_format="bare", wait=True
    )
    assert image.status == "active"
    assert (
        hashlib.md5(ann.image.download_image(image.id).content).hexdigest() == hashlib.md5(BITS).hexdigest()
    )
    network = ann.network.create_network(name="sdk-net")
    subnet = ann.network.create_subnet(
        network_id=network.id, ip_version=4, cidr="10.63.0.0/24", name="sdk-sub"
    )
    group = ann.network.create_security_group(name="sdk-sg", description="for the walk")
    rule = ann.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="tcp", port_range_min=80, port_range_max=80
    )
    assert rule.id in [one.id for one in ann.network.security_group_rules(security_group_id=group.id)]
    port = ann.network.create_port(
        network_id=network.id,
        name="sdk-port",
        security_groups=[group.id],
        fixed_ips=[{"ip_address": "10.63.0.9"}],
    )
    key = ann.compute.create_keypair(name="sdk-key")
    assert key.private_key.startswith("-----BEGIN")
    assert {zone.name for zone in ann.compute.availability_zones()} == {"east", "west"}

    first = ann.create_server(
        "sdk-one",
        image=image,
        flavor="sdk.nano",
        network=network.id,
        key_name="sdk-key",
        security_groups=["sdk-sg"],
        userdata="#!/bin/sh\n",
        meta={"role": "sdk"},
        availability_zone="west",
        wait=True,
        auto_ip=False,
        timeout=180,
    )
    assert (first.status, first.location.zone, first.metadata["role"]) == ("ACTIVE", "west", "sdk")
    second = ann.compute.create_server(
        name="sdk-two",
        image_id=image.id,
        flavor_id=flavor.id,
        networks=[{"port": port.id}],
        availability_zone="east",
        config_drive=True,
    )
    second = ann.compute.wait_for_server(second, wait=180)
    assert second.addresses["sdk-net"][0]["addr"] == "10.63.0.9"
    there = [
        one
        for one in child("east").compute.servers(all_projects=True)
        if one.metadata.get("fractus_id") == second.id
    ]
    assert [one.addresses["sdk-net"][0]["OS-EXT-IPS-MAC:mac_addr"] for one in there] == [port.mac_address]

    ann.compute.stop_server(second)
    ann.compute.wait_for_server(second, status="SHUTOFF", wait=120)
    ann.compute.start_server(second)
    ann.compute.wait_for_server(second, status="ACTIVE", wait=120)
    ann.compute.reboot_server(second, "SOFT")
    until(lambda: ann.compute.get_server(second.id).status == "ACTIVE", reason="rebooted")
    ann.compute.update_server(second, name="sdk-two-renamed")
    ann.compute.set_server_metadata(second, mood="good")
    assert ann.compute.find_server("sdk-two-renamed").id == second.id
    assert "output" in ann.compute.get_server_console_output(second, length=5)
    assert [one.id for one in ann.compute.servers(limit=1)] == [second.id, first.id], "paged, newest first"
    with pytest.raises(exceptions.HttpException) as refused:
        ann.network.delete_network(network)
    assert refused.value.status_code == 409
    with pytest.raises(exceptions.NotFoundException):
        connect("bob").compute.get_server(second.id)

    for one in (first, second):
        ann.compute.delete_server(one.id)
    for one in (first, second):
        ann.compute.wait_for_delete(
            ann.compute.get_server(one.id) if ann.compute.find_server(one.id) else one, wait=120
        )
    ann.network.delete_port(port)
    ann.network.delete_subnet(subnet)
    ann.network.delete_network(network)
    ann.network.delete_security_group(group)
    ann.compute.delete_keypair("sdk-key")
    ann.image.delete_image(image)
    root.compute.delete_flavor(flavor)
    for zone in ("east", "west"):
        until(lambda zone=zone: left_in(zone, project) == {}, reason=f"nothing left in {zone}")
