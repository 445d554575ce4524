"""Reboots, stops and starts reach the guest, and what was written to its disk stays."""

from __future__ import annotations

import pytest

from tests.guests.stand import BOOT, Guest
from tests.real.stand import needs_stand, until

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(1800)]


def booted_again(guest: Guest, before: str) -> None:
    """Until it is up with another boot id, and still the same instance."""

    def other() -> bool:
        return guest.reached() and guest.boot_id() != before

    until(other, seconds=BOOT, reason=f"{guest.id} has booted again")
    assert guest.run("cat /var/lib/guest/kept") == "kept\n"
    assert guest.run("hostname").strip() == guest.server.name


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_a_reboot(two: Guest, kind: str) -> None:
    two.run("echo kept >/var/lib/guest/kept; sync")
    before = two.boot_id()
    two.cloud.compute.reboot_server(two.id, kind)
    two.wait()
    booted_again(two, before)


def test_a_stop_and_a_start(two: Guest) -> None:
    two.run("echo kept >/var/lib/guest/kept; sync")
    before = two.boot_id()
    two.cloud.compute.stop_server(two.id)
    two.wait("SHUTOFF")
    assert not two.reached()
    two.cloud.compute.start_server(two.id)
    two.wait()
    booted_again(two, before)
