"""The face of block storage, and what of it is empty: by its declarations."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from fractus.auth.principal import Principal
from fractus.services import volume
from fractus.services.volume.extensions import view as extension_view
from fractus.services.volume.lists.api import LISTINGS, Listing
from fractus.services.volume.lists.policy import RULES
from fractus.testing.asgi import HttpReply, call
from fractus.web.microversion import Version
from tests.unit.services.in_process import READER, ROOT, said
from tests.unit.services.volume.conftest import Storage

OWN = "c0ffee00c0ffee00c0ffee00c0ffee00"
ANN = replace(READER, project_id=OWN)
NEWEST = str(volume.RANGE.max)
ADMIN_ONLY = {rule.name for rule in RULES if rule.check_str == "rule:admin_api"}

every_listing = pytest.mark.parametrize("listing", LISTINGS, ids=lambda one: one.path)


async def ask(
    door: Storage, who: Principal, path: str, version: str = NEWEST, method: str = "GET", json: Any = None
) -> HttpReply:
    headers = {"OpenStack-API-Version": f"volume {version}"} if version else {}
    return await door(who, method, f"/volume/v3{path}", json, headers=headers)


def who_may(listing: Listing) -> Principal:
    return ROOT if listing.rule in ADMIN_ONLY else ANN


# ---------------------------------------------------------------------- lists


@every_listing
async def test_every_list_is_empty_from_its_version_on(door: Storage, listing: Listing) -> None:
    paths = [listing.path, *([f"{listing.path}/detail"] if listing.detail else [])]
    first = listing.since or volume.RANGE.min
    for path in paths:
        for version in {first, volume.RANGE.max}:
            reply = await ask(door, who_may(listing), path, str(version))
            assert (reply.status, reply.json) == (200, {listing.key: []}), (path, version)
            assert reply.headers["openstack-api-version"] == f"volume {version}"
        if listing.since is not None:
            before = Version(3, first.minor - 1)
            assert (await ask(door, who_may(listing), path, str(before))).status == 404, path


@every_listing
async def test_lists_of_admins_are_for_nobody_else(door: Storage, listing: Listing) -> None:
    reply = await ask(door, ANN, listing.path)
    if listing.rule in ADMIN_ONLY:
        assert (reply.status, said(reply)) == (403, f"Policy doesn't allow {listing.rule} to be performed.")
    else:
        assert reply.status == 200


@every_listing
async def test_what_is_asked_for_by_its_id_does_not_exist(door: Storage, listing: Listing) -> None:
    if listing.missing:
        one = await ask(door, ROOT, f"{listing.path}/some-id")
        assert (one.status, said(one)) == (404, listing.missing.format("some-id"))
        page = await ask(door, who_may(listing), f"{listing.path}?marker=some-id")
        assert (page.status, said(page)) == (404, listing.missing.format("some-id"))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=x", "limit param must be an integer"),
        ("limit=-1", "limit param must be positive"),
        ("limit=" + "9" * 5000, "limit param must be an integer"),
        ("offset=x", "offset must be an integer"),
        ("offset=-1", "offset must be >= 0"),
        (f"offset={2**31}", f"offset must be <= {2**31 - 1}"),
    ],
)
async def test_pages_that_are_none_are_refused(door: Storage, query: str, sentence: str) -> None:
    for listing in LISTINGS:
        if listing.missing:
            reply = await ask(door, who_may(listing), f"{listing.path}?{query}")
            assert (reply.status, said(reply)) == (400, sentence), listing.path


async def test_a_count_is_shown_to_those_who_ask_for_it(door: Storage) -> None:
    for listing in LISTINGS:
        counted = await ask(door, who_may(listing), f"{listing.path}?with_count=True")
        assert counted.json == {listing.key: []} | ({"count": 0} if listing.counted else {}), listing.path
    assert (await ask(door, ANN, "/volumes?with_count=True", "3.44")).json == {"volumes": []}
    wrong = await ask(door, ANN, "/volumes?with_count=banana")
    assert (wrong.status, said(wrong)) == (400, "Value 'banana' for 'with_count' is not a boolean.")


async def test_volumes_are_counted(door: Storage) -> None:
    zero = {"total_count": 0, "total_size": 0}
    assert (await ask(door, ANN, "/volumes/summary")).json == {"volume-summary": {**zero, "metadata": {}}}
    assert (await ask(door, ANN, "/volumes/summary", "3.35")).json == {"volume-summary": zero}
    assert (await ask(door, ANN, "/volumes/summary", "3.11")).status == 404


# ---------------------------------------------------------------------- limits, extensions


async def test_limits_are_those_of_the_settings(door: Storage) -> None:
    absolute = (await ask(door, ANN, "/limits")).json["limits"]["absolute"]
    assert len(absolute) == 10
    assert (absolute["maxTotalVolumes"], absolute["maxTotalVolumeGigabytes"]) == (10, 1000)
    for path in (f"/os-quota-sets/{OWN}", f"/os-quota-sets/{OWN}/defaults"):
        quotas = (await ask(door, ANN, path)).json["quota_set"]
        assert quotas.pop("id") == OWN
        assert (quotas["volumes"], quotas["snapshots"]) == (10, -1)
    used = (await ask(door, ANN, f"/os-quota-sets/{OWN}?usage=True")).json["quota_set"]
    of = {name: {"limit": limit, "in_use": 0, "reserved": 0} for name, limit in quotas.items()}
    assert used == of | {"id": OWN}
    klass = (await ask(door, ROOT, "/os-quota-class-sets/default")).json["quota_class_set"]
    assert klass == quotas | {"id": "default"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"quota_set": {"nothing": 1}}, "Invalid input received: Bad key(s) in quota set: nothing"),
        ({"quota_set": {"volumes": "x"}}, "volumes must be an integer"),
        ({"quota_set": {"volumes": -2}}, "volumes must be >= -1"),
        ({"quota_set": {}}, "Invalid input for field/attribute quota_set. Value: {}. {} should be non-empty"),
        ({}, "'quota_set' is a required property"),
    ],
)
async def test_bad_quotas_are_refused(door: Storage, body: Any, sentence: str) -> None:
    reply = await ask(door, ROOT, f"/os-quota-sets/{OWN}", method="PUT", json=body)
    assert (reply.status, said(reply)) == (400, sentence)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"size": "x"}, "Invalid input for field/attribute size. Value: x. 'x' does not match '^[0-9]+$'"),
        ({"size": 0}, "Invalid input for field/attribute size. Value: 0. 0 is less than the minimum of 1"),
        (
            {"size": 1, "foo": 1},
            "Invalid input for field/attribute volume. Value: {'size': 1, 'foo': 1}."
            " Additional properties are not allowed ('foo' was unexpected)",
        ),
        ({"size": 1, "name": "x" * 256}, "Invalid input received: name has 256 characters, more than 255."),
        ({"size": 1, "volume_type": "no"}, "Volume type with name no could not be found."),
        (
            {"size": 1, "metadata": {"a": 1}},
            "Invalid input for field/attribute a. Value: 1. 1 is not of type 'string'",
        ),
    ],
)
async def test_bad_volumes_are_refused(door: Storage, given: Any, sentence: str) -> None:
    reply = await ask(door, ROOT, "/volumes", method="POST", json={"volume": given})
    assert reply.status in (400, 404)
    assert said(reply) == sentence


async def test_quotas_of_others_are_for_admins(door: Storage) -> None:
    for path in ("/os-quota-sets/other", "/os-quota-sets/other/defaults"):
        reply = await ask(door, ANN, path)
        assert (reply.status, said(reply)) == (
            403,
            "Policy doesn't allow volume_extension:quotas:show to be performed.",
        )
        assert (await ask(door, ROOT, path)).json["quota_set"]["id"] == "other"
    assert (await ask(door, ANN, "/os-quota-class-sets/default")).status == 403


async def test_extensions_name_what_is_served(door: Storage) -> None:
    listed = (await ask(door, ANN, "/extensions")).json["extensions"]
    assert [one["alias"] for one in listed] == sorted(extension_view.EXTENSIONS)
    paths = {route.path.split("/")[1] for route in door.given.routes}
    assert {one["alias"] for one in listed} - paths == {"os-used-limits"}
    for one in listed:
        assert (await ask(door, ANN, f"/extensions/{one['alias']}")).json == {"extension": one}
    assert (await ask(door, ANN, "/extensions/nosuch")).status == 404


# ---------------------------------------------------------------------- the face


async def test_what_is_not_served_is_refused_with_a_sentence(door: Storage) -> None:
    assert ("POST", "/attachments") in door.given.unserved
    for method, target in door.given.unserved:
        path, _, action = target.partition("#")
        body = {action or "volume": {}} if method in ("POST", "PUT") else None
        reply = await ask(door, ROOT, re.sub(r"\{\w+\}", "x", path), method=method, json=body)
        named = f"the action {action} of {method} {path}" if action else f"{method} {path}"
        assert reply.status == 501, target
        assert said(reply) == f"fractus does not serve {named} of the volume API yet."


async def test_every_path_is_also_there_below_the_project(door: Storage) -> None:
    for route in door.given.routes:
        if route.method != "GET":
            continue
        path = re.sub(r"\{\w+\}", "x", route.path)
        plain = await ask(door, ROOT, path)
        mine = await ask(door, replace(ROOT, project_id=OWN), f"/{OWN}{path}")
        assert (plain.status, plain.status == 404 or plain.json) == (
            mine.status,
            mine.status == 404 or mine.json,
        )
        other = await ask(door, ANN, f"/{'f' * 32}{path}")
        assert (other.status, said(other)) == (400, "Malformed request url")


@pytest.mark.parametrize(("path", "status"), [("/volume/", 300), ("/volume/v3/", 200), ("/volume/v3", 200)])
async def test_the_version_documents(door: Storage, path: str, status: int) -> None:
    reply = await call(door.app, "GET", path)
    assert reply.status == status
    (entry,) = reply.json["versions"]
    assert (entry["id"], entry["status"], entry["min_version"], entry["version"]) == (
        "v3.0",
        "CURRENT",
        "3.0",
        "3.71",
    )
    assert entry["links"][1]["href"].endswith("/volume/v3/")


async def test_versions_are_asked_for_as_in_cinder(door: Storage) -> None:
    plain = await ask(door, ANN, "/volumes", "")
    assert plain.headers["openstack-api-version"] == "volume 3.0"
    assert plain.headers["x-compute-request-id"] == plain.headers["x-openstack-request-id"]
    assert (await ask(door, ANN, "/volumes", "latest")).headers["openstack-api-version"] == "volume 3.71"
    for version in ("3.72", "2.1"):
        refused = await ask(door, ANN, "/volumes", version)
        assert refused.status == 406
        assert said(refused).endswith("Minimum is 3.0 and maximum is 3.71.")
