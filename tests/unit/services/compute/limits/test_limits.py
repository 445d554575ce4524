"""Limits, quota sets and quota classes: what is shown, what may be set, and by whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.auth import base_rules
from fractus.model.resource import Resource, Summary
from fractus.quota.limits import StoredLimits
from fractus.quota.quota import Quota
from fractus.services.compute import SERVICE
from fractus.services.compute.limits import policy
from fractus.services.compute.limits.api import LimitsApi
from fractus.services.compute.servers.costs import COSTS
from fractus.store.schema import resource_table
from fractus.web.face import ServiceRoutes
from tests.unit.own_tables import OWN
from tests.unit.services.in_process import ANN, BOB, ROOT, Door, Rows, said

URL = "/compute/v2.1"
# Servers' own table is another folder's; what is counted stands in columns that every kind has.
SERVER = resource_table("test_limits_server", metadata=OWN)
GIVEN = {
    "instances": 10,
    "cores": 20,
    "ram": 51200,
    "key_pairs": 100,
    "metadata_items": 128,
    "server_groups": 10,
    "server_group_members": 11,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    quota = Quota({"server": COSTS}, {"server": SERVER}, StoredLimits(GIVEN))
    rows = Rows(tmp_path, {"server": SERVER}, quota)
    api = LimitsApi(rows.store, quota, rows.tokens)
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
    "maxTotalCores": 20,
    "maxTotalInstances": 10,
    "maxTotalKeypairs": 100,
    "maxServerMeta": 128,
    "maxTotalRAMSize": 51200,
    "maxServerGroups": 10,
    "maxServerGroupMembers": 11,
    "totalRAMUsed": 1024,
    "totalCoresUsed": 4,
    "totalInstancesUsed": 2,
    "totalServerGroupsUsed": 0,
}
FILES = {"maxPersonality": 5, "maxPersonalitySize": 10240}
META = {"maxImageMeta": 128}
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


async def test_limits_of_another_project_are_for_admins(door: Door) -> None:
    await server(door, 1)
    path = f"{URL}/limits?tenant_id=project-a"
    assert (await door(BOB, "GET", path)).status == 403
    absolute = (await door(ROOT, "GET", path)).ok()["limits"]["absolute"]
    assert absolute["totalInstancesUsed"] == 1


QUOTAS = ("instances", "cores", "ram", "metadata_items", "key_pairs", "server_groups", "server_group_members")
FILE_QUOTAS = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")
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
async def test_quota_sets_have_the_shape_of_their_version(
    door: Door, version: str, names: tuple[str, ...], path: str
) -> None:
    reply = await door(ANN, "GET", f"{URL}/os-quota-sets/project-a{path}", version=version)
    assert reply.ok() == {"quota_set": {"id": "project-a", **{name: GIVEN.get(name, -1) for name in names}}}


@pytest.mark.parametrize(("user", "used"), [("", 3), ("?user_id=ann", 2)])
async def test_the_detail_counts(door: Door, user: str, used: int) -> None:
    await server(door, 1)
    await server(door, 2)
    await server(door, 3, user="amy")
    path = f"{URL}/os-quota-sets/project-a/detail{user}"
    quota: dict[str, Any] = (await door(ANN, "GET", path, version="2.35")).ok()["quota_set"]
    assert quota["instances"] == {"in_use": used, "limit": 10, "reserved": 0}
    assert quota["cores"]["in_use"] == 2 * used
    assert quota["ram"]["in_use"] == 512 * used
    assert quota["metadata_items"] == {"in_use": 0, "limit": 128, "reserved": 0}
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


# --- setting ----------------------------------------------------------------------------------------

SET = f"{URL}/os-quota-sets/project-a"
CLASS = f"{URL}/os-quota-class-sets"
PUT_QUOTAS = {name: GIVEN[name] for name in QUOTAS}


async def test_a_limit_that_was_set_is_shown_until_it_is_deleted(door: Door) -> None:
    said = (await door(ROOT, "PUT", SET, {"quota_set": {"instances": 3, "ram": "-1"}}, version="2.104")).ok()
    assert said == {"quota_set": {**PUT_QUOTAS, "instances": 3, "ram": -1}}
    shown = (await door(ANN, "GET", SET, version="2.104")).ok()["quota_set"]
    assert shown == {"id": "project-a", **PUT_QUOTAS, "instances": 3, "ram": -1}
    absolute = (await door(ANN, "GET", f"{URL}/limits")).ok()["limits"]["absolute"]
    assert (absolute["maxTotalInstances"], absolute["maxTotalRAMSize"]) == (3, -1)
    assert (await door(BOB, "GET", f"{URL}/os-quota-sets/project-b")).ok()["quota_set"]["instances"] == 10
    assert (await door(ROOT, "DELETE", SET)).status == 202
    shown = (await door(ANN, "GET", SET, version="2.104")).ok()["quota_set"]
    assert shown == {"id": "project-a", **PUT_QUOTAS}


async def test_only_admins_set_quotas(door: Door) -> None:
    body = {"quota_set": {"instances": 3}}
    assert (await door(ANN, "PUT", SET, body)).status == 403
    assert (await door(ANN, "DELETE", SET)).status == 403
    assert (await door(ANN, "GET", f"{CLASS}/default")).status == 403
    assert (await door(ANN, "PUT", f"{CLASS}/default", {"quota_class_set": {}})).status == 403


async def test_a_limit_below_what_is_used_has_to_be_forced(door: Door) -> None:
    for number in range(2):
        await server(door, number)
    reply = await door(ROOT, "PUT", SET, {"quota_set": {"cores": 9, "instances": 1}})
    assert (reply.status, said(reply)) == (
        400,
        "Quota limit 1 for instances must be greater than or equal to already used and reserved 2.",
    )
    assert (await door(ANN, "GET", SET)).ok()["quota_set"]["cores"] == 20, "nothing of it was set"
    forced = {"quota_set": {"instances": 1, "force": "True"}}
    assert (await door(ROOT, "PUT", SET, forced)).ok()["quota_set"]["instances"] == 1
    assert (await door(ROOT, "PUT", SET, {"quota_set": {"instances": -1}})).status == 200


async def test_a_users_limits_are_a_share_of_the_projects(door: Door) -> None:
    ann, amy = f"{SET}?user_id=ann", f"{SET}?user_id=amy"
    await server(door, 1)
    assert (await door(ROOT, "PUT", ann, {"quota_set": {"instances": 6}})).ok()["quota_set"]["instances"] == 6
    assert (await door(ANN, "GET", ann)).ok()["quota_set"]["instances"] == 6
    assert (await door(ANN, "GET", SET)).ok()["quota_set"]["instances"] == 10
    assert (await door(ANN, "GET", f"{SET}/detail?user_id=ann")).ok()["quota_set"]["instances"] == {
        "in_use": 1,
        "limit": 6,
        "reserved": 0,
    }
    for asked, url, why in (
        ({"instances": 5}, amy, "Quota limit 5 for instances must be less than or equal to 4."),
        (
            {"instances": 0},
            ann,
            "Quota limit 0 for instances must be greater than or equal to already used and reserved 1.",
        ),
        (
            {"instances": 5},
            SET,
            "Quota limit 5 for instances must be greater than or equal to already used and reserved 6.",
        ),
    ):
        reply = await door(ROOT, "PUT", url, {"quota_set": asked})
        assert (reply.status, said(reply)) == (400, why)
    assert (await door(ROOT, "DELETE", ann)).status == 202
    assert (await door(ANN, "GET", ann)).ok()["quota_set"]["instances"] == 10
    await door(ROOT, "PUT", amy, {"quota_set": {"instances": 2}})
    assert (await door(ROOT, "DELETE", SET)).status == 202
    assert (await door(ANN, "GET", amy)).ok()["quota_set"]["instances"] == 10, "its users' limits went too"


async def test_the_class_default_is_everybodys(door: Door) -> None:
    body = {"quota_class_set": {"instances": 4, "key_pairs": 7}}
    reported = (await door(ROOT, "PUT", f"{CLASS}/default", body, version="2.104")).ok()["quota_class_set"]
    assert reported == {**PUT_QUOTAS, "instances": 4, "key_pairs": 7}
    shown = (await door(ROOT, "GET", f"{CLASS}/default", version="2.104")).ok()["quota_class_set"]
    assert shown == {"id": "default", **reported}
    for path in (SET, f"{SET}/defaults"):
        assert (await door(ANN, "GET", path)).ok()["quota_set"]["instances"] == 4
    other = (await door(ROOT, "PUT", f"{CLASS}/gold", {"quota_class_set": {"instances": 99}})).ok()
    assert other["quota_class_set"]["instances"] == 99
    assert (await door(ANN, "GET", SET)).ok()["quota_set"]["instances"] == 4
    await door(ROOT, "PUT", SET, {"quota_set": {"instances": 5}})
    assert (await door(ANN, "GET", SET)).ok()["quota_set"]["instances"] == 5
    assert (await door(ANN, "GET", f"{SET}/defaults")).ok()["quota_set"]["instances"] == 4


@pytest.mark.parametrize(
    ("version", "missing", "more"),
    [
        ("2.57", (), ()),
        ("2.56", (), FILE_QUOTAS),
        ("2.50", (), FILE_QUOTAS),
        ("2.49", ("server_groups", "server_group_members"), (*FILE_QUOTAS, *NETWORK_QUOTAS)),
    ],
)
async def test_classes_have_the_shape_of_their_version(
    door: Door, version: str, missing: tuple[str, ...], more: tuple[str, ...]
) -> None:
    shown = (await door(ROOT, "GET", f"{CLASS}/x", version=version)).ok()["quota_class_set"]
    assert set(shown) == ({"id", *QUOTAS, *more} - set(missing))
    assert (await door(ROOT, "GET", f"{CLASS}/x?a=b", version="2.101")).status == 200
    assert (await door(ROOT, "GET", f"{CLASS}/x?a=b", version="2.102")).status == 400


@pytest.mark.parametrize(
    ("body", "version", "why"),
    [
        ({}, "2.104", "'quota_set' is a required property"),
        ({"quota_set": 1}, "2.104", "1 is not of type 'object'"),
        ({"quota_set": {"instances": -2}}, "2.104", "-2 is less than the minimum of -1"),
        ({"quota_set": {"instances": "ten"}}, "2.104", "'ten' does not match '^-?[0-9]+$'"),
        (
            {"quota_set": {"instances": 2**31}},
            "2.104",
            "2147483648 is greater than the maximum of 2147483647",
        ),
        ({"quota_set": {"instances": "9" * 5000}}, "2.104", "is greater than the maximum of 2147483647"),
        ({"quota_set": {"instances": None}}, "2.104", "None is not of type 'integer', 'string'"),
        ({"quota_set": {"instances": True}}, "2.104", "True is not of type 'integer', 'string'"),
        (
            {"quota_set": {"wheels": 4}},
            "2.104",
            "Additional properties are not allowed ('wheels' was unexpected)",
        ),
        ({"quota_set": {"force": 1}}, "2.104", "1 is not one of [True, 'True'"),
        ({"quota_set": {"fixed_ips": 4}}, "2.36", "('fixed_ips' was unexpected)"),
        ({"quota_set": {"injected_files": 4}}, "2.57", "('injected_files' was unexpected)"),
    ],
)
async def test_what_is_no_quota_is_refused(door: Door, body: Any, version: str, why: str) -> None:
    reply = await door(ROOT, "PUT", SET, body, version=version)
    assert reply.status == 400
    assert why in said(reply)


async def test_older_versions_set_what_they_knew(door: Door) -> None:
    assert (await door(ROOT, "PUT", SET, {"quota_set": {"fixed_ips": 4}}, version="2.35")).status == 200
    shown = (await door(ANN, "GET", SET, version="2.35")).ok()["quota_set"]
    assert (shown["fixed_ips"], shown["injected_files"]) == (4, 5)
    assert (await door(ROOT, "PUT", SET, {"quota_set": {"injected_files": 9}}, version="2.56")).status == 200
    absolute = (await door(ANN, "GET", f"{URL}/limits", version="2.56")).ok()["limits"]["absolute"]
    assert absolute["maxPersonality"] == 9
