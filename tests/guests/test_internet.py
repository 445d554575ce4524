"""Guests reach the internet through a router of the tenant's, and are reached from there by a floating IP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from openstack.connection import Connection

from tests.guests.conftest import Lan, allow
from tests.guests.stand import SOON, ZONES, Guest, Unreached, realcloud
from tests.real.stand import child, fractus, needs_stand, until

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(1800)]


@dataclass
class Internet:
    """The external network of all clouds, and the router that leads there."""

    network: Any
    router: Any


def pool(zone: str) -> Any:
    """The external IPv4 subnet of a cloud, as the cloud itself has it."""
    return child(zone).network.find_subnet("public-subnet")


@pytest.fixture(scope="module")
def internet(ann: Connection, lan: Lan, guests: dict[str, Guest]) -> Iterator[Internet]:
    """The operator has the external networks adopted; the tenant makes a router."""
    for zone in ZONES:
        fractus("cloud", "adopt", zone, "--external-networks")
    network = ann.network.find_network("public")
    assert network is not None
    assert network.is_router_external
    router = ann.network.create_router(name="guests-out", external_gateway_info={"network_id": network.id})
    ann.network.add_interface_to_router(router, subnet_id=lan.subnet.id)
    yield Internet(network, router)
    ann.network.remove_interface_from_router(router, subnet_id=lan.subnet.id)
    ann.network.delete_router(router.id)


def answers(zone: str, address: str) -> bool:
    """Whether an address answers a ping from the internet."""
    return realcloud("internet", zone, "ping", "-c", "3", "-W", "3", address).returncode == 0


@pytest.mark.parametrize("zone", ZONES)
def test_a_guest_without_an_address_of_its_own_reaches_the_internet(
    zone: str, internet: Internet, guests: dict[str, Guest]
) -> None:
    gateway = pool(zone).gateway_ip
    until(lambda: guests[f"one-{zone}"].pings(gateway), seconds=SOON, reason="the internet answers")


@pytest.mark.parametrize("zone", ZONES)
def test_a_floating_ip_leads_to_its_guest_as_its_rules_allow(
    ann: Connection, zone: str, internet: Internet, lan: Lan, guests: dict[str, Guest]
) -> None:
    guest = guests[f"one-{zone}"]
    made = ann.network.create_ip(floating_network_id=internet.network.id, port_id=guest.port.id)
    try:
        address = made.floating_ip_address
        assert ip_address(address) in ip_network(pool(zone).cidr)
        assert made.fixed_ip_address == guest.address

        def named() -> bool:
            try:
                return guest.outside(address, "hostname").strip() == guest.server.name
            except Unreached:
                return False

        until(named, seconds=SOON, reason=f"ssh from the internet to {address}")
        listed = {one["addr"]: one["OS-EXT-IPS:type"] for one in guest.server.addresses["guests"]}
        assert listed == {guest.address: "fixed", address: "floating"}
        # The group lets ssh in, and nothing else until a rule does.
        assert not answers(zone, address)
        rule = allow(ann, lan.group, "icmp")
        until(lambda: answers(zone, address), seconds=SOON, reason="the ping is answered")
        ann.network.delete_security_group_rule(rule.id)
        ann.network.update_ip(made, port_id=None)
        until(lambda: not named(), seconds=SOON, reason="nobody is behind the address any more")
    finally:
        ann.network.delete_ip(made)
