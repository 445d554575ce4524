"""Limits and quota sets: of one server only, and use is counted from servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.auth import base_rules
from fractus.model.resource import Resource, Summary
from fractus.services.compute import SERVICE
from fractus.services.compute.limits import policy
from fractus.services.compute.limits.api import LimitsApi
from fractus.store.schema import resource_table
from fractus.web.face import ServiceRoutes
from tests.unit.services.in_process import ANN, BOB, ROOT, Door, Rows

URL = "/compute/v2.1"
# Servers' own table is another folder's; what is counted stands in columns that every kind has.
SERVER = resource_table("test_limits_server")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    rows = Rows(tmp_path, {"server": SERVER})
    api = LimitsApi(rows.store, rows.resources)
    rules = [*base_rules.NOVA, *policy.RULES]
    yield Door(rows, [ServiceRoutes(service=SERVICE, routes=api.routes(), rules=rules)])
    await rows.store.close()


async def server(
    door: Door, number: int, *, project: str = "project-a", user: str = "ann", gone: bool = False
) -> None:
    desired = {"name": "x", "flavor": {"vcpus": 2, "ram": 512, "disk": 1}}
    row = Resource(kind="server", id=f"s{number}", project_id=project, user_id=user, desired=desired)
    row.deleted_at = 1.0 if gone else None
    async with door.rows.store.transaction() as tx:
        await door.rows.resources.add(tx, row, Summary("ACTIVE", {}))


ABSOLUTE = {
    "maxTotalCores": -1,
    "maxTotalInstances": -1,
    "maxTotalKeypairs": -1,
    "maxServerMeta": 127,
    "maxTotalRAMSize": -1,
    "maxServerGroups": -1,
    "maxServerGroupMembers": -1,
    "totalRAMUsed": 1024,
    "totalCoresUsed": 4,
    "totalInstancesUsed": 2,
    "totalServerGroupsUsed": 0,
}
FILES = {"maxPersonality": 5, "maxPersonalitySize": 10240}
META = {"maxImageMeta": 127}
NETWORK = {
    "maxTotalFloatingIps": -1,
    "maxSecurityGroups": -1,
    "maxSecurityGroupRules": -1,
    "totalFloatingIpsUsed": 0,
    "totalSecurityGroupsUsed": 0,
}


@pytest.mark.parametrize(
    ("version", "older"),
    [
        ("2.104", {}),
        ("2.57", {}),
        ("2.56", FILES),
        ("2.39", FILES),
        ("2.38", {**FILES, **META}),
        ("2.36", {**FILES, **META}),
        ("2.35", {**FILES, **META, **NETWORK}),
        ("2.1", {**FILES, **META, **NETWORK}),
    ],
)
async def test_limits_have_the_shape_of_their_version(
    door: Door, version: str, older: dict[str, int]
) -> None:
    await server(door, 1)
    await server(door, 2, user="amy")
    await server(door, 3, gone=True)
    await server(door, 4, project="project-b")
    limits = (await door(ANN, "GET", f"{URL}/limits", version=version)).ok()["limits"]
    assert limits == {"rate": [], "absolute": {**ABSOLUTE, **older}}


async def test_more_servers_than_fit_on_a_page_are_all_counted(door: Door) -> None:
    async with door.rows.store.transaction() as tx:
        for number in range(1001):
            desired = {"flavor": {"vcpus": 1, "ram": 2}}
            row = Resource(kind="server", id=f"s{number:04}", project_id="project-a", desired=desired)
            await door.rows.resources.add(tx, row, Summary("ACTIVE", {}))
    absolute = (await door(ANN, "GET", f"{URL}/limits", version="2.104")).ok()["limits"]["absolute"]
    assert (absolute["totalInstancesUsed"], absolute["totalRAMUsed"]) == (1001, 2002)


async def test_limits_of_another_project_are_for_admins(door: Door) -> None:
    await server(door, 1)
    path = f"{URL}/limits?tenant_id=project-a"
    assert (await door(BOB, "GET", path)).status == 403
    absolute = (await door(ROOT, "GET", path)).ok()["limits"]["absolute"]
    assert absolute["totalInstancesUsed"] == 1


QUOTAS = ("instances", "cores", "ram", "metadata_items", "key_pairs", "server_groups", "server_group_members")
FILE_QUOTAS = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")
BOUNDS = {
    "metadata_items": 127,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
}
NETWORK_QUOTAS = ("fixed_ips", "floating_ips", "security_group_rules", "security_groups")


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("2.104", QUOTAS),
        ("2.56", (*QUOTAS, *FILE_QUOTAS)),
        ("2.35", (*QUOTAS, *FILE_QUOTAS, *NETWORK_QUOTAS)),
    ],
)
@pytest.mark.parametrize("path", ["", "/defaults"])
async def test_quota_sets_limit_what_one_server_may_have(
    door: Door, version: str, names: tuple[str, ...], path: str
) -> None:
    reply = await door(ANN, "GET", f"{URL}/os-quota-sets/project-a{path}", version=version)
    assert reply.ok() == {"quota_set": {"id": "project-a", **{name: BOUNDS.get(name, -1) for name in names}}}


@pytest.mark.parametrize(("user", "used"), [("", 3), ("?user_id=ann", 2)])
async def test_the_detail_counts(door: Door, user: str, used: int) -> None:
    await server(door, 1)
    await server(door, 2)
    await server(door, 3, user="amy")
    path = f"{URL}/os-quota-sets/project-a/detail{user}"
    quota: dict[str, Any] = (await door(ANN, "GET", path, version="2.35")).ok()["quota_set"]
    assert quota["instances"] == {"in_use": used, "limit": -1, "reserved": 0}
    assert quota["cores"]["in_use"] == 2 * used
    assert quota["ram"]["in_use"] == 512 * used
    assert quota["metadata_items"] == {"in_use": 0, "limit": 127, "reserved": 0}
    assert quota["injected_files"] == {"in_use": 0, "limit": 5, "reserved": 0}
    assert quota["floating_ips"] == {"in_use": 0, "limit": -1, "reserved": 0}


@pytest.mark.parametrize("path", ["", "/detail"])
async def test_quota_sets_of_others_are_for_admins(door: Door, path: str) -> None:
    url = f"{URL}/os-quota-sets/project-a{path}"
    assert (await door(BOB, "GET", url)).status == 403
    assert (await door(ROOT, "GET", url)).status == 200


@pytest.mark.parametrize(
    ("path", "version", "status"),
    [
        ("limits?foo=1", "2.74", 200),
        ("limits?foo=1", "2.75", 400),
        ("os-quota-sets/project-a?foo=1", "2.74", 200),
        ("os-quota-sets/project-a?foo=1", "2.75", 400),
        ("os-quota-sets/project-a/defaults?foo=1", "2.101", 200),
        ("os-quota-sets/project-a/defaults?foo=1", "2.102", 400),
    ],
)
async def test_unknown_parameters_are_refused_by_newer_versions(
    door: Door, path: str, version: str, status: int
) -> None:
    assert (await door(ANN, "GET", f"{URL}/{path}", version=version)).status == status
