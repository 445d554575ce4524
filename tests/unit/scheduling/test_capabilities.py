"""Pools that are what a volume type asks for, and have room: as Cinder's filters judge."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.scheduling.capabilities import has_room, meets

POOL: dict[str, Any] = {
    "volume_backend_name": "lvm", "multiattach": True, "replicas": 3, "protocols": ["iscsi", "nvme"],
    "location": {"row": "b"}, "qos": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "asked", "met"),
    [
        ("volume_backend_name", "lvm", True),
        ("volume_backend_name", "ceph", False),
        ("capabilities:volume_backend_name", "lvm", True),
        ("vendor:anything", "x", True),
        ("multiattach", "<is> True", True),
        ("multiattach", "<is> False", False),
        ("replicas", ">= 3", True),
        ("replicas", "= 4", False),
        ("replicas", "!= 4", True),
        ("replicas", ">= many", False),
        ("protocols", "nvme", True),
        ("protocols", "fc", False),
        ("volume_backend_name", "<or> ceph <or> lvm", True),
        ("volume_backend_name", "<or> ceph", False),
        ("volume_backend_name", "<in> v", True),
        ("volume_backend_name", "s!= lvm", False),
        ("capabilities:location:row", "b", True),
        ("capabilities:location:rack", "b", False),
        ("missing", "x", False),
        ("qos", ">= 1", False),
    ],
)
def test_what_a_type_asks_of_a_pool(name: str, asked: str, met: bool) -> None:
    assert meets(POOL, {name: asked}) is met


THIN = {
    "thin_provisioning_support": True,
    "max_over_subscription_ratio": "2.0",
    "provisioned_capacity_gb": 100,
}


@pytest.mark.parametrize(
    ("pool", "room", "why"),
    [
        ({"free_capacity_gb": 10, "total_capacity_gb": 100}, True, "just"),
        ({"free_capacity_gb": 9.5, "total_capacity_gb": 100}, False, "a little too small"),
        ({"free_capacity_gb": "infinite", "total_capacity_gb": "infinite"}, True, "infinite"),
        ({"free_capacity_gb": "unknown", "total_capacity_gb": 100}, True, "not known"),
        ({}, True, "not said"),
        ({"free_capacity_gb": 10, "total_capacity_gb": 100, "reserved_percentage": 5}, False, "reserved"),
        ({"free_capacity_gb": 5, "total_capacity_gb": 100, **THIN}, True, "thin: twice what is there"),
        ({"free_capacity_gb": 4, "total_capacity_gb": 100, **THIN}, False, "more than twice"),
        ({"free_capacity_gb": 50, "total_capacity_gb": 54, **THIN}, False, "too much is promised"),
        ({"free_capacity_gb": 0, "total_capacity_gb": 0, **THIN}, False, "nothing"),
    ],
)
def test_whether_ten_gibibytes_have_a_place(pool: dict[str, Any], room: bool, why: str) -> None:
    assert has_room(pool, 10) is room, why
