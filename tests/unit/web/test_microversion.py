"""Microversions: what is asked, what is answered, and tables of what changed."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import Invalid, NotAcceptable
from fractus.web.microversion import (
    Behaviour,
    FieldAdded,
    FieldRemoved,
    Negotiator,
    QueryAdded,
    QueryRemoved,
    RequestFieldAdded,
    RequestFieldRemoved,
    Reshaped,
    RouteAdded,
    StatusChanged,
    Version,
    VersionRange,
    VersionTable,
    asked_version,
)
from tests.unit.web.toy import Client, Story, build, compute


def v(minor: int) -> Version:
    return Version(2, minor)


# --- versions and negotiation --------------------------------------------------------------------


def test_versions_compare_as_numbers() -> None:
    assert Version.parse("2.9") < Version.parse("2.10") < Version(3, 0)
    assert str(Version(2, 104)) == "2.104"


@pytest.mark.parametrize(
    "text", ["", "2", "2.01", "02.1", "0.1", "2.x", "2.1 ", "-2.1", "2.1.1", "2.1\n", "2." + "9" * 5000]
)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(ValueError):
        Version.parse(text)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({}, None),
        ({"openstack-api-version": "compute 2.4"}, "2.4"),
        ({"openstack-api-version": "volume 3.5, compute 2.4"}, "2.4"),
        ({"openstack-api-version": "compute 2.3,compute 2.4 , volume 3.1"}, "2.4"),
        ({"openstack-api-version": "COMPUTE   latest"}, "latest"),
        ({"openstack-api-version": "volume 3.5"}, None),
        ({"openstack-api-version": "foo"}, None),
        ({"x-openstack-nova-api-version": "2.7"}, "2.7"),
        ({"openstack-api-version": "volume 3.5", "x-openstack-nova-api-version": "2.7"}, "2.7"),
        ({"openstack-api-version": "compute 2.4", "x-openstack-nova-api-version": "2.7"}, "2.4"),
    ],
)
def test_the_version_asked_for(headers: dict[str, str], asked: str | None) -> None:
    assert asked_version(headers, "compute", "x-openstack-nova-api-version") == asked


def test_a_service_without_an_old_header_does_not_read_it() -> None:
    assert asked_version({"x-openstack-nova-api-version": "2.7"}, "volume") is None
    negotiator = Negotiator("volume", VersionRange(Version(3, 0), Version(3, 71)))
    assert negotiator.headers(Version(3, 5)) == {
        "OpenStack-API-Version": "volume 3.5",
        "Vary": "OpenStack-API-Version",
    }


async def _answer(api: Client, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api("GET", "/compute/v2.1/things", headers=named)


async def test_negotiation_as_nova_does_it() -> None:
    api = build([compute(Story())])
    for headers, version in [
        ({}, "2.1"),
        ({"OpenStack_API_Version": "compute 2.90"}, "2.90"),
        ({"X_OpenStack_Nova_API_Version": "latest"}, "2.104"),
    ]:
        answer = await _answer(api, **headers)
        assert answer.status == 200
        assert answer.headers["openstack-api-version"] == f"compute {version}"
        assert answer.headers["x-openstack-nova-api-version"] == version
        assert answer.headers["vary"] == "OpenStack-API-Version, X-OpenStack-Nova-API-Version"


@pytest.mark.parametrize("asked", ["2.105", "2.0", "3.1", "1.9"])
async def test_a_version_outside_is_not_acceptable(asked: str) -> None:
    answer = await _answer(build([compute(Story())]), OpenStack_API_Version=f"compute {asked}")
    assert answer.status == 406
    message = f"Version {asked} is not supported by the API. Minimum is 2.1 and maximum is 2.104."
    assert answer.json == {"computeFault": {"code": 406, "message": message}}
    assert answer.headers["openstack-api-version"] == f"compute {asked}"


async def test_a_version_that_is_none_is_a_bad_request() -> None:
    answer = await _answer(build([compute(Story())]), OpenStack_API_Version="compute abc")
    message = "API Version String abc is of invalid format. Must be of format MajorNum.MinorNum."
    assert (answer.status, answer.json) == (400, {"badRequest": {"code": 400, "message": message}})
    assert "openstack-api-version" not in answer.headers


async def test_the_version_is_looked_at_after_the_token_and_before_all_else() -> None:
    api = build([compute(Story())])
    headers = {"OpenStack-API-Version": "compute 9.9"}
    assert (await api("GET", "/compute/v2.1/things", token=None, headers=headers)).status == 401
    assert (await api("POST", "/compute/v2.1/things", body=b"{bad", headers=headers)).status == 406


async def test_routes_come_and_go_with_versions() -> None:
    api = build([compute(Story())])

    async def shape(version: str) -> Any:
        answer = await api(
            "GET", "/compute/v2.1/shape", headers={"OpenStack-API-Version": f"compute {version}"}
        )
        return answer.json["shape"] if answer.status == 200 else answer.status

    assert [await shape(each) for each in ("2.1", "2.9", "2.10", "2.20", "2.21")] == [
        "old",
        "old",
        "new",
        "new",
        404,
    ]


def test_what_strangers_ask_for_is_not_kept() -> None:
    negotiator = Negotiator("compute", VersionRange(v(1), v(104)))
    for minor in range(1, 10_000, 97):
        version = negotiator.asked({"openstack-api-version": f"compute 2.{minor}"})
        negotiator.headers(version)
        if minor > 104:
            with pytest.raises(NotAcceptable):
                negotiator.check(version)
    assert negotiator.headers(v(98)) is negotiator.headers(v(98))
    assert negotiator.headers(v(9798)) is not negotiator.headers(v(9798))


# --- tables --------------------------------------------------------------------------------------

TABLE = VersionTable(
    [
        FieldAdded(v(9), "locked"),
        FieldAdded(v(26), "tags"),
        FieldAdded(v(16), "addresses.*[].mac"),
        FieldAdded(v(30), "fault.details"),
        FieldRemoved(v(47), "flavor.ref", lambda document, extra: extra["flavor_id"]),
        Reshaped(v(50), down=lambda document, extra: {**document, "state": document["state"].upper()}),
        Reshaped(v(60), up=lambda body: {"server": {**body["server"], "nets": "auto"}}),
        Behaviour(v(37), "networks_required"),
        StatusChanged(v(3), "create", 201, 200),
        StatusChanged(v(8), "create", 200, 202),
        QueryAdded(v(5), "tags"),
        QueryAdded(v(66), "changes-before", on="list"),
        QueryRemoved(v(70), "tags"),
        QueryRemoved(v(20), "ancient"),
        RequestFieldAdded(v(19), "server.description"),
        RequestFieldAdded(v(32), "server.nets[].tag", on="create"),
        RequestFieldRemoved(v(57), "server.files"),
        RouteAdded(v(26), "GET", "/servers/{id}/tags"),
    ]
)


def document() -> dict[str, Any]:
    return {
        "id": "1",
        "locked": False,
        "tags": ["a"],
        "state": "active",
        "flavor": {"vcpus": 1},
        "fault": {"code": 500, "details": "x"},
        "addresses": {"net": [{"addr": "1", "mac": "m"}, {"addr": "2", "mac": "m"}], "other": [{"mac": "m"}]},
    }


def test_the_newest_reply_is_left_alone() -> None:
    assert TABLE.response_down(document(), v(104)) == document()
    assert TABLE.response_down(document(), v(50)) == document()


def test_a_reply_is_stepped_down_version_by_version() -> None:
    extra = {"flavor_id": "f1"}
    at_49 = TABLE.response_down(document(), v(49), extra)
    assert at_49 == {**document(), "state": "ACTIVE"}
    at_46 = TABLE.response_down(document(), v(46), extra)
    assert at_46["flavor"] == {"vcpus": 1, "ref": "f1"}
    oldest = TABLE.response_down(document(), v(1), extra)
    assert oldest == {
        "id": "1",
        "state": "ACTIVE",
        "flavor": {"vcpus": 1, "ref": "f1"},
        "fault": {"code": 500},
        "addresses": {"net": [{"addr": "1"}, {"addr": "2"}], "other": [{}]},
    }


def test_fields_that_are_not_there_are_not_missed() -> None:
    assert TABLE.response_down(
        {"state": "x", "addresses": None, "flavor": None}, v(1), {"flavor_id": ""}
    ) == {
        "state": "X",
        "addresses": None,
        "flavor": None,
    }


def test_rows_of_one_version_are_undone_from_the_last_to_the_first() -> None:
    table = VersionTable(
        [
            FieldRemoved(v(5), "a", lambda document, _: document["b"]),
            FieldRemoved(v(5), "b", lambda _, __: 7),
        ]
    )
    assert table.response_down({}, v(4)) == {"a": 7, "b": 7}


def test_stored_bytes_are_good_where_nothing_newer_changes_replies() -> None:
    assert [TABLE.newest_at(v(minor)) for minor in (49, 50, 104)] == [False, True, True]
    assert VersionTable([Behaviour(v(99), "x"), QueryAdded(v(99), "y")]).newest_at(v(1))
    assert VersionTable([Reshaped(v(99), up=dict)]).newest_at(v(1))


def test_requests_are_stepped_up() -> None:
    assert TABLE.request_up({"server": {"name": "x"}}, v(59)) == {"server": {"name": "x", "nets": "auto"}}
    assert TABLE.request_up({"server": {"name": "x"}}, v(60)) == {"server": {"name": "x"}}


@pytest.mark.parametrize(
    ("body", "version", "on", "complaint"),
    [
        ({"server": {"description": "x"}}, 18, "", "description"),
        ({"server": {"description": "x"}}, 19, "", None),
        ({"server": {"nets": [{"tag": "x"}]}}, 31, "create", "tag"),
        ({"server": {"nets": [{"tag": "x"}]}}, 31, "update", None),
        ({"server": {"nets": [{"tag": "x"}]}}, 32, "create", None),
        ({"server": {"nets": "auto"}}, 31, "create", None),
        ({"server": {"files": []}}, 56, "", None),
        ({"server": {"files": []}}, 57, "", "files"),
        ([1], 1, "", None),
        (None, 1, "", None),
    ],
)
def test_a_request_may_only_have_the_fields_of_its_version(
    body: Any, version: int, on: str, complaint: str | None
) -> None:
    if complaint is None:
        TABLE.request_check(body, v(version), on)
        return
    with pytest.raises(Invalid) as caught:
        TABLE.request_check(body, v(version), on)
    assert caught.value.message.endswith(
        f"Additional properties are not allowed ('{complaint}' was unexpected)"
    )


def test_the_complaint_is_novas() -> None:
    with pytest.raises(Invalid) as caught:
        TABLE.request_check({"server": {"description": "x"}}, v(1))
    assert caught.value.message == (
        "Invalid input for field/attribute server. Value: {'description': 'x'}. "
        "Additional properties are not allowed ('description' was unexpected)"
    )
    with pytest.raises(Invalid) as caught:
        VersionTable([RequestFieldAdded(v(2), "hints")]).request_check({"hints": 1}, v(1))
    assert caught.value.message == "Additional properties are not allowed ('hints' was unexpected)"


def test_query_parameters_come_and_go() -> None:
    assert [TABLE.query_allowed("tags", v(minor)) for minor in (4, 5, 69, 70)] == [False, True, True, False]
    assert [TABLE.query_allowed("ancient", v(minor)) for minor in (1, 19, 20)] == [True, True, False]
    assert not TABLE.query_allowed("changes-before", v(65), "list")
    assert TABLE.query_allowed("changes-before", v(65), "show")
    assert TABLE.query_allowed("unheard-of", v(1))


def test_behaviours_are_asked_by_name() -> None:
    assert [TABLE.behaviour("networks_required", v(minor)) for minor in (36, 37)] == [False, True]
    with pytest.raises(KeyError):
        TABLE.behaviour("nonsense", v(1))


def test_statuses_change() -> None:
    assert [TABLE.status("create", v(minor)) for minor in (1, 2, 3, 7, 8, 104)] == [
        201,
        201,
        200,
        200,
        202,
        202,
    ]


@pytest.mark.parametrize("path", ["", "a.", ".a", "a..b", "a[]", "*", "a.*"])
def test_paths_that_name_no_field_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not the path of a field"):
        VersionTable([FieldAdded(v(2), path)])
