"""The face of compute: versions, routes that are known, routes that are gone, zones, extensions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.auth import base_rules
from fractus.services import compute
from fractus.services.compute import SERVICE
from fractus.services.compute.availability_zones import policy as zone_policy
from fractus.services.compute.availability_zones.api import AvailabilityZonesApi
from fractus.services.compute.extensions import policy as extension_policy
from fractus.services.compute.extensions.api import ExtensionsApi
from fractus.services.compute.removed import policy as removed_policy
from fractus.services.compute.removed.api import RemovedApi
from fractus.services.compute.removed.versions import GONE, OUTGROWN
from fractus.store import clouds
from fractus.store.clouds import CloudRecord
from fractus.web.face import ServiceRoutes
from fractus.web.microversion import Version
from tests.unit.services.in_process import ANN, ROOT, Door, Rows, said

URL = "/compute/v2.1"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    rows = Rows(tmp_path, {})
    routes = [
        *AvailabilityZonesApi(rows.store).routes(),
        *ExtensionsApi().routes(),
        *RemovedApi().routes(),
    ]
    rules = [*base_rules.NOVA, *zone_policy.RULES, *extension_policy.RULES, *removed_policy.RULES]
    given = ServiceRoutes(service=SERVICE, routes=routes, rules=rules, unserved=compute.unserved(routes))
    yield Door(rows, [given])
    await rows.store.close()


def test_every_version_has_one_sentence_without_gaps() -> None:
    assert [version for version, _ in compute.VERSIONS] == [Version(2, minor) for minor in range(1, 105)]
    sentences = [sentence for _, sentence in compute.VERSIONS]
    assert len(set(sentences)) == 104
    assert all(sentence.endswith(".") for sentence in sentences)


async def test_version_documents_are_novas(door: Door) -> None:
    root = (await door(ANN, "GET", "/compute/")).ok()
    old, entry = root["versions"]
    assert old == {
        "id": "v2.0",
        "status": "DEPRECATED",
        "version": "",
        "min_version": "",
        "updated": "2025-07-04T12:00:00Z",
        "links": [{"rel": "self", "href": "http://fractus.test/compute/v2/"}],
    }
    assert entry == {
        "id": "v2.1",
        "status": "CURRENT",
        "version": "2.104",
        "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": "http://fractus.test/compute/v2.1/"}],
    }
    for mount, listed in (("v2.1", entry), ("v2", old)):
        one = (await door(ANN, "GET", f"/compute/{mount}/")).ok()["version"]
        assert [link["rel"] for link in one.pop("links")] == ["self", "describedby"]
        media = f"application/vnd.openstack.compute+json;version={mount[1:]}"
        assert one.pop("media-types") == [{"base": "application/json", "type": media}]
        assert {**one, "links": listed["links"]} == listed


async def test_the_old_mount_is_the_api_at_its_oldest_version(door: Door) -> None:
    answer = await door(ANN, "GET", "/compute/v2/extensions", version="2.104")
    assert answer.ok() == (await door(ANN, "GET", "/compute/v2.1/extensions")).ok()
    assert not {"openstack-api-version", "x-openstack-nova-api-version"} & set(answer.headers)
    assert (await door(ANN, "GET", "/compute/v2/nosuch")).status == 404


@pytest.mark.parametrize(
    ("version", "status"), [("2.1", 200), ("2.104", 200), ("2.105", 406), ("2.0", 406), ("latest", 200)]
)
async def test_versions_outside_the_range_are_not_acceptable(door: Door, version: str, status: int) -> None:
    assert (await door(ANN, "GET", f"{URL}/extensions", version=version)).status == status


def test_what_is_served_leaves_the_list_of_what_is_not() -> None:
    routes = ExtensionsApi().routes()
    left = compute.unserved(routes)
    assert ("GET", "/extensions") not in left
    assert ("GET", "/extensions/{alias}") not in left
    assert ("GET", "/os-hypervisors") in left
    assert ("POST", "/servers/{server_id}/action#evacuate") in left
    assert set(left) < set(compute.known())


def test_no_route_is_known_twice() -> None:
    rows = compute.known()
    assert len(rows) == len(set(rows))
    removed = {(route.method, route.path, route.action) for route in RemovedApi().routes()}
    for method, path in rows:
        plain, _, action = path.partition("#")
        assert (method, plain, action) not in removed


async def test_what_is_known_and_not_served_answers_501(door: Door) -> None:
    reply = await door(ROOT, "GET", f"{URL}/os-hypervisors")
    assert reply.status == 501
    assert said(reply) == "fractus does not serve GET /os-hypervisors of the compute API yet."


async def test_what_is_gone_answers_410_at_every_version(door: Door) -> None:
    for path, methods in GONE:
        for method in methods.split():
            url = URL + path.replace("{", "").replace("}", "")
            body = {method.removeprefix("#"): {}} if method.startswith("#") else None
            verb = "POST" if method.startswith("#") else method
            for version in ("2.1", "2.104"):
                reply = await door(ROOT, verb, url, body, version=version)
                assert reply.status == 410, (method, path)
                assert reply.json == {
                    "computeFault": {
                        "code": 410,
                        "message": "This resource is no longer available. No forwarding address is given.",
                    }
                }


async def test_what_newer_versions_lost_is_not_found_there_and_not_served_before(door: Door) -> None:
    for last, path, methods in OUTGROWN:
        for method in methods.split():
            url = URL + path.replace("{", "").replace("}", "")
            body = {method.removeprefix("#"): {}} if method.startswith("#") else None
            verb = "POST" if method.startswith("#") else method
            before = await door(ROOT, verb, url, body, version=str(last))
            assert before.status == 501, (method, path)
            after = await door(ROOT, verb, url, body, version=f"2.{last.minor + 1}")
            assert (after.status, said(after)) == (404, "The resource could not be found."), (method, path)


# --- zones ------------------------------------------------------------------------------------------


async def some_clouds(door: Door) -> None:
    async with door.rows.store.transaction() as tx:
        await clouds.add(tx, CloudRecord(name="west", driver="simulated"))
        await clouds.add(tx, CloudRecord(name="east", driver="simulated"))
        await clouds.add(tx, CloudRecord(name="away", driver="simulated"))
        await clouds.add(tx, CloudRecord(name="off", driver="simulated", enabled=False))
        for name in ("west", "east", "off"):
            await clouds.record_sweep(tx, name, {})
        await clouds.failed(tx, "away", "no route to host")


async def test_zones_are_the_clouds(door: Door) -> None:
    await some_clouds(door)
    zones = (await door(ANN, "GET", f"{URL}/os-availability-zone")).ok()["availabilityZoneInfo"]
    assert zones == [
        {"zoneName": "east", "zoneState": {"available": True}, "hosts": None},
        {"zoneName": "west", "zoneState": {"available": True}, "hosts": None},
        {"zoneName": "away", "zoneState": {"available": False}, "hosts": None},
        {"zoneName": "off", "zoneState": {"available": False}, "hosts": None},
    ]


async def test_admins_see_what_stands_behind_a_zone(door: Door) -> None:
    await some_clouds(door)
    path = f"{URL}/os-availability-zone/detail"
    assert (await door(ANN, "GET", path)).status == 403
    zones = (await door(ROOT, "GET", path)).ok()["availabilityZoneInfo"]
    by_name = {zone["zoneName"]: zone["hosts"] for zone in zones}
    seen = "2026-01-01T00:00:00.000000"
    assert by_name["east"] == {
        "east": {"nova-compute": {"available": True, "active": True, "updated_at": seen}}
    }
    assert by_name["away"]["away"]["nova-compute"] == {"available": False, "active": True, "updated_at": None}
    assert by_name["off"]["off"]["nova-compute"]["active"] is False


# --- extensions -------------------------------------------------------------------------------------


async def test_extensions_are_novas_fixed_list(door: Door) -> None:
    listed = (await door(ANN, "GET", f"{URL}/extensions")).ok()["extensions"]
    assert len(listed) == 99
    assert {tuple(sorted(one)) for one in listed} == {
        ("alias", "description", "links", "name", "namespace", "updated")
    }
    one = (await door(ANN, "GET", f"{URL}/extensions/os-keypairs")).ok()["extension"]
    assert one in listed
    assert (await door(ANN, "GET", f"{URL}/extensions/nope")).status == 404


@pytest.mark.parametrize("path", ["extensions", "os-availability-zone"])
@pytest.mark.parametrize(("version", "status"), [("2.101", 200), ("2.102", 400)])
async def test_unknown_parameters_are_refused_since_2_102(
    door: Door, path: str, version: str, status: int
) -> None:
    assert (await door(ANN, "GET", f"{URL}/{path}?foo=1", version=version)).status == status
