"""The names that filled clouds and a filled parent agree upon."""

from __future__ import annotations

import collections
import ipaddress

from fractus.base.ids import is_uuid
from fractus.simulation import ids


def test_every_server_is_in_exactly_one_cloud() -> None:
    """Clouds share the numbers out among them, without a gap."""
    dealt = [number for cloud in (1, 2, 3) for number in ids.numbers_in(cloud, 3, 10)]
    assert sorted(dealt) == list(range(1, 31))
    for cloud in (1, 2, 3):
        assert {ids.cloud_of(number, 3) for number in ids.numbers_in(cloud, 3, 10)} == {cloud}


def test_ids_look_like_those_of_openstack_and_never_change() -> None:
    """A parent that was filled last month knows the clouds that are filled today."""
    assert ids.child_id("server", 17, 4711) == "55f1ed4d-8b07-441e-b725-7550fa5354cf"
    assert ids.parent_id("server", 4711) == "780f1f85-55a4-4888-ab4a-13eacf9a6a05"
    assert is_uuid(ids.child_id("port", 1, 1))
    assert len({ids.child_id(kind, cloud, 1) for kind in ("server", "port") for cloud in (1, 2)}) == 4
    assert len(ids.parent_project(1)) == len(ids.child_project(1)) == 32


def test_projects_are_of_very_different_size() -> None:
    """The largest has three of ten servers, and each has some."""
    sizes = collections.Counter(ids.project_of(number) for number in range(1, 100_001))
    assert sorted(sizes) == list(range(1, ids.PROJECTS + 1))
    assert abs(sizes[1] - 30_000) < 10
    assert sizes[2] > 10 * sizes[ids.PROJECTS]


def test_projects_are_of_the_same_shares_in_every_cloud() -> None:
    """No cloud has the largest project all to itself."""
    sizes = collections.Counter(ids.project_of(number) for number in ids.numbers_in(37, 100, 10_000))
    assert abs(sizes[1] - 3000) < 30


def test_addresses_are_of_the_subnet_and_not_of_its_pool() -> None:
    """What is made later takes an address of the pool, and none that is in use."""
    first, last = (ipaddress.ip_address(ids.POOL[end]) for end in ("start", "end"))
    for number in (1, 1_000_000, 16_000_000):
        address = ipaddress.ip_address(ids.ip(number))
        assert address in ipaddress.ip_network(ids.CIDR)
        assert int(address) < int(first) < int(last)
    assert ids.mac(1_000_000) == "fa:16:3e:0f:42:40"


def test_hosts_have_equally_many_servers() -> None:
    """Every host of a cloud has some."""
    hosts = collections.Counter(ids.host(number, 3, 10) for number in ids.numbers_in(2, 3, 100))
    assert hosts == {f"host-{number}": 10 for number in range(1, 11)}
