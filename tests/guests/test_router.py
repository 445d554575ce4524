"""A router of the tenant's joins two networks: guests reach each other over it, and the metadata service through it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from openstack.connection import Connection

from tests.guests.conftest import Lan, allow
from tests.guests.stand import SOON, ZONES, Guest, Key, boot
from tests.real.stand import needs_stand, until

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(1800)]

MTU = 1300


@dataclass
class Routed:
    """A router between the network of all guests and another one, and a guest in that."""

    router: Any
    subnet: Any
    far: Guest


@pytest.fixture(scope="module")
def routed(ann: Connection, key: Key, lan: Lan, guests: dict[str, Guest]) -> Iterator[Routed]:
    """The guest learns of the metadata service from nothing but the router, and of an MTU by its port alone."""
    network = ann.network.create_network(name="guests-far")
    subnet = ann.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.78.0.0/24")
    router = ann.network.create_router(name="guests")
    for one in (lan.subnet, subnet):
        ann.network.add_interface_to_router(router, subnet_id=one.id)
    port = ann.network.create_port(
        network_id=network.id,
        security_groups=[lan.group.id],
        extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": str(MTU)}],
    )
    far = boot(ann, key, ZONES[0], "far", networks=[{"port": port.id}], metadata={"colour": "green"})
    far.wait()
    far.wait_ready()
    until(far.reached, seconds=SOON, reason="it can be logged in to")
    yield Routed(router, subnet, far)
    ann.compute.delete_server(far.id)
    until(lambda: not ann.compute.find_server(far.id), seconds=SOON, reason="the guest is gone")
    ann.network.delete_port(port.id)
    for one in (lan.subnet, subnet):
        ann.network.remove_interface_from_router(router, subnet_id=one.id)
    ann.network.delete_router(router.id)
    ann.network.delete_subnet(subnet.id)
    ann.network.delete_network(network.id)


def test_guests_of_two_networks_reach_each_other_by_the_router(
    ann: Connection, routed: Routed, lan: Lan, one: Guest
) -> None:
    far = routed.far
    assert f"default via {routed.subnet.gateway_ip} dev eth0" in far.run("ip route")
    rule = allow(ann, lan.group, "icmp")
    try:
        until(lambda: one.pings(far.address), seconds=SOON, reason="the far one answers")
        until(lambda: far.pings(one.address), seconds=SOON, reason="the near one answers")
    finally:
        ann.network.delete_security_group_rule(rule.id)
    # One hop lies between them.
    assert f"{far.address} via" in one.run(f"ip route get {far.address}")


def test_a_guest_behind_a_router_has_read_the_metadata_service(routed: Routed) -> None:
    assert not routed.far.server.has_config_drive
    read = json.loads(routed.far.run("cat /run/guest/service/meta_data.json"))
    assert (read["name"], read["meta"]["colour"]) == ("far", "green")


def test_a_dhcp_option_of_the_port_reaches_the_guest(routed: Routed) -> None:
    assert int(routed.far.run("cat /sys/class/net/eth0/mtu")) == MTU
