"""Rules of security groups let packets through and stop them, as they come and go."""

from __future__ import annotations

from typing import Any

import pytest
from openstack.connection import Connection

from tests.guests.conftest import Lan, allow
from tests.guests.stand import SOON, Guest
from tests.real.stand import needs_stand, until

pytestmark = [pytest.mark.real, needs_stand, pytest.mark.timeout(900)]


def test_a_ping_is_refused_until_a_rule_allows_it_and_when_the_rule_is_gone(
    ann: Connection, lan: Lan, one: Guest, two: Guest
) -> None:
    assert not two.pings(one.address)
    rule = allow(ann, lan.group, "icmp")
    until(lambda: two.pings(one.address), seconds=SOON, reason="the ping is answered")
    ann.network.delete_security_group_rule(rule.id)
    until(lambda: not two.pings(one.address), seconds=SOON, reason="the ping is refused again")


def test_members_of_a_group_reach_each_other_by_a_rule_that_names_it(
    ann: Connection, lan: Lan, one: Guest, two: Guest
) -> None:
    group = ann.network.create_security_group(name="guests-members")
    allow(ann, group, "icmp", remote_group_id=group.id)

    def join(guest: Guest, *groups: Any) -> None:
        ann.network.update_port(guest.port.id, security_groups=[one.id for one in groups])

    join(one, lan.group, group)
    try:
        # One alone is a member: the other is a stranger to the rule.
        assert not two.pings(one.address)
        join(two, lan.group, group)
        until(lambda: two.pings(one.address), seconds=SOON, reason="members reach each other")
        join(two, lan.group)
        until(lambda: not two.pings(one.address), seconds=SOON, reason="who left the group is refused")
    finally:
        join(one, lan.group)
        join(two, lan.group)
        ann.network.delete_security_group(group.id)


def test_ssh_between_guests_and_a_port_that_is_not_open(
    lan: Lan, one: Guest, two: Guest, ann: Connection
) -> None:
    def answers(port: int) -> bool:
        return "ok" in two.run(
            f"nc -w 5 {one.address} {port} </dev/null >/dev/null 2>&1 && echo ok || echo no"
        )

    assert answers(22)
    assert not answers(80)
    rule = allow(ann, lan.group, "tcp", port_range_min=80, port_range_max=80)
    until(lambda: answers(80), seconds=SOON, reason="port 80 is open")
    assert two.run(f"wget -q -O - http://{one.address}/").strip() == one.server.name
    ann.network.delete_security_group_rule(rule.id)
    until(lambda: not answers(80), seconds=SOON, reason="port 80 is closed again")
