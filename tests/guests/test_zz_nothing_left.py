"""A guest that is deleted leaves nothing in its child. The file's name makes it the last: it deletes all of them."""

from __future__ import annotations

from typing import Any

import pytest
from openstack.connection import Connection

from tests.guests.conftest import Lan, nothing_left
from tests.guests.stand import SOON, ZONES, Guest, Key, boot, left_behind
from tests.real.stand import needs_stand, until

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(900)]


@pytest.mark.parametrize("when", ["asked", "active"])
def test_a_guest_deleted_while_it_boots(ann: Connection, key: Key, lan: Lan, when: str) -> None:
    guest = boot(ann, key, ZONES[0], f"short-{when}", networks=[{"uuid": lan.network.id}])
    if when == "active":
        guest.wait()
        assert "guest: ready" not in guest.console()
    ann.compute.delete_server(guest.id)
    until(lambda: ann.compute.find_server(guest.id) is None, seconds=SOON, reason="gone")
    until(lambda: not list(ann.network.ports(device_id=guest.id)), reason="its port is gone")


def test_nothing_is_left_of_any_guest(ann: Connection, guests: dict[str, Guest], lan: Lan) -> None:
    for guest in guests.values():
        ann.compute.delete_server(guest.id)
    until(lambda: not list(ann.compute.servers()), seconds=SOON, reason="the servers are gone")
    for zone in ZONES:
        until(
            lambda zone=zone: set(left_behind(zone)) <= {"namespaces", "taps"},
            seconds=SOON,
            reason=f"no domain and no file in {zone}: {left_behind(zone)}",
        )


def test_nothing_is_left_of_the_tenant(ann: Connection, lan: Lan, image: Any, project: str) -> None:
    """A network or image of a tenant's stays in the clouds where it has been, for as long as the tenant has it."""
    lan.delete(ann)
    ann.image.delete_image(image.id)
    until(
        lambda: nothing_left(project) == {}, seconds=SOON, reason=f"nothing is left: {nothing_left(project)}"
    )
    for zone in ZONES:
        until(
            lambda zone=zone: left_behind(zone) == {},
            seconds=SOON,
            reason=f"no tap and no namespace in {zone}: {left_behind(zone)}",
        )
