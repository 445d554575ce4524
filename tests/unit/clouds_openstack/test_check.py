from __future__ import annotations

import pytest

from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.check import login_remarks
from fractus.clouds.openstack.entry import Entry
from fractus.clouds.openstack.releases import release_of
from fractus.clouds.openstack.transport import AiohttpTransport
from fractus.model.cloud import CloudRow, Report
from fractus.model.errors import CredentialsRejected, Unreachable
from tests.unit.clouds_openstack.fake import Clock, FakeAuthenticator, FakeChild, drop, fault, reply, text

PUT_ROLE = "PUT /identity/v3/projects/home/users/me/roles/r1"


@pytest.fixture
def well(fake: FakeChild) -> FakeChild:
    """A child that lacks nothing."""
    fake.on("GET /identity/v3/", reply({"version": {"id": "v3.14"}}))
    fake.on("GET /image/v2/images", reply({"images": []}))
    fake.on("GET /image/versions", reply({"versions": [{"id": "v2.9"}, {"id": "v2.17"}, {"id": "v1"}]}))
    aliases = ["security-group", "standard-attr-description", "standard-attr-timestamp", "port-security"]
    aliases += ["allowed-address-pairs", "extra_dhcp_opt", "net-mtu-writable", "stateful-security-group"]
    fake.on("GET /network/v2.0/extensions", reply({"extensions": [{"alias": alias} for alias in aliases]}))
    fake.on("GET /compute/v2.1/servers/detail", reply({"servers": []}))
    fake.on("GET /compute/v2.1/limits", reply({"limits": {"absolute": {"maxTotalKeypairs": -1}}}))
    fake.on("GET /identity/v3/roles", reply({"roles": [{"id": "r1"}]}))
    fake.on("HEAD /identity/v3/projects/home/users/me/roles/r1", reply(status=204))
    fake.on(PUT_ROLE, reply(status=204))
    return fake


def wrong(report: Report) -> dict[str, str]:
    return {finding.subject: finding.text for finding in report.findings if not finding.ok}


@pytest.fixture
def cloud_of_own(
    clock: Clock, authenticator: FakeAuthenticator, transport: AiohttpTransport
) -> OpenStackCloud:
    return OpenStackCloud.connect(
        CloudRow(name="far", driver="openstack", identity="own"),
        clock=clock,
        request_id=lambda: "",
        transport=transport,
        authenticator=authenticator,
    )


async def test_a_child_that_lacks_nothing(
    cloud: OpenStackCloud, well: FakeChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fractus.clouds.openstack.check.uuid.uuid4", lambda: "nothing")
    well.on("DELETE /compute/v2.1/flavors/fractus-nothing-nothing", fault("no flavor", 404, "itemNotFound"))
    report = await cloud.check()
    assert wrong(report) == {}
    assert report.reachable
    assert report.services == {
        "identity": {"max": "3.14"},
        "compute": {"min": "2.1", "max": "2.104", "release": "2026.2"},
        "network": {"max": "2.0"},
        "image": {"max": "2.17"},
    }
    assert len(report.extensions) == 8


async def test_missing_rights_are_said_with_the_command_that_mends_them(
    cloud_of_own: OpenStackCloud, well: FakeChild
) -> None:
    well.on("GET /compute/v2.1/servers/detail", fault("Policy doesn't allow", 403, "forbidden"))
    well.on(PUT_ROLE, fault("not authorized", 403, "error"))
    well.on("GET /compute/v2.1/limits", reply({"limits": {"absolute": {"maxTotalKeypairs": 100}}}))
    report = await cloud_of_own.check()
    mend = "openstack role add --user me --project home admin"
    assert wrong(report)["servers"] == f"may not list the servers of all projects: {mend}"
    keys = [finding.text for finding in report.findings if finding.subject == "keypairs"]
    assert keys == [
        "holds at most 100 keypairs of all tenants together: openstack quota set --key-pairs -1 home",
    ]


async def test_rights_over_projects(
    cloud_of_own: OpenStackCloud, well: FakeChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fixed:
        hex = "nothing"

    monkeypatch.setattr("fractus.clouds.openstack.check.uuid.uuid4", Fixed)
    well.on("DELETE /identity/v3/projects/nothing", fault("not authorized", 403, "error"))
    assert wrong(await cloud_of_own.check())["projects"].startswith(
        "may not make projects for tenants: openstack role"
    )
    well.on("DELETE /identity/v3/projects/nothing", fault("Could not find project", 404, "error"))
    assert "projects" not in wrong(await cloud_of_own.check())
    well.on("HEAD /identity/v3/projects/home/users/me/roles/r1", fault("not directly", 404, "error"))
    puts = len(well.said(PUT_ROLE))
    assert wrong(await cloud_of_own.check())["projects"].startswith("may not assign roles")
    assert len(well.said(PUT_ROLE)) == puts  # a role held through a group is not given directly


async def test_missing_extensions_are_said_with_what_they_are_for(
    cloud: OpenStackCloud, well: FakeChild
) -> None:
    well.on("GET /network/v2.0/extensions", reply({"extensions": [{"alias": "security-group"}]}))
    report = await cloud.check()
    assert "standard-attr-description" in wrong(report)["network"]
    assert any(
        "works without" in finding.text and "port-security" in finding.text for finding in report.findings
    )


async def test_one_dead_service_hides_nothing_of_the_others(cloud: OpenStackCloud, well: FakeChild) -> None:
    well.on("GET /image/v2/images", drop)
    well.on("GET /network/v2.0/extensions", text("<html>maintenance", 503))
    report = await cloud.check()
    assert report.reachable
    assert {"image", "network"} <= set(wrong(report))
    assert set(report.services) == {"identity", "compute"}


async def test_a_glance_that_hides_its_versions_is_well(cloud: OpenStackCloud, well: FakeChild) -> None:
    well.on("GET /image/versions", text("<html>nothing here", 404))
    report = await cloud.check()
    assert "image" not in wrong(report)
    assert report.services["image"] == {}


async def test_a_credential_that_is_bound_to_one_project(
    cloud_of_own: OpenStackCloud, well: FakeChild, authenticator: FakeAuthenticator
) -> None:
    authenticator.rescopable = False
    assert "bound to one project" in wrong(await cloud_of_own.check())["projects"]


async def test_a_refused_credential_and_a_dead_keystone(
    cloud: OpenStackCloud, authenticator: FakeAuthenticator
) -> None:
    authenticator.errors = [CredentialsRejected("wrong password"), Unreachable("no route")]
    refused = await cloud.check()
    assert refused.reachable
    assert wrong(refused) == {
        "credential": "wrong password; give it one that works: fractus cloud set far --os-cloud ENTRY"
    }
    dead = await cloud.check()
    assert not dead.reachable
    assert wrong(dead) == {"identity": "no route"}


def test_releases_are_recognised_by_the_highest_microversion() -> None:
    assert release_of("2.90") == "Xena or Yoga"
    assert release_of("2.91") == "after Xena or Yoga"
    assert release_of("2.999") == "after 2026.2"
    assert release_of("2.1") == release_of("") == release_of("x") == ""


def remarks(url: str, endpoints: dict[str, str] | None = None, **more: object) -> list[str]:
    """What is said of the way to a cloud."""
    auth = {"auth_url": url, "username": "admin", "password": "p", "project_name": "admin"}
    found = login_remarks(Entry("far", {"auth": auth, **more}), endpoints or {})
    assert all(one.ok and one.note for one in found)
    return [one.text for one in found]


def test_certificates_that_are_not_looked_at_are_remarked() -> None:
    assert remarks("https://far.example:5000/v3") == []
    (said,) = remarks("https://far.example:5000/v3", verify=False)
    assert said.startswith("verify: false: whoever is on the way can pose as this cloud")


def test_a_password_that_travels_in_the_clear_is_remarked() -> None:
    """On this machine nobody is on the way."""
    (said,) = remarks("http://far.example:5000/v3")
    assert "http://far.example:5000/v3 is not https: the password can be read" in said
    assert remarks("http://127.0.0.1:5000/v3") == remarks("http://[::1]:5000/v3") == []
    assert remarks("http://localhost:5000/v3") == []


def test_tokens_that_travel_in_the_clear_are_remarked() -> None:
    endpoints = {
        "compute": "http://far.example/compute",
        "image": "https://far.example",
        "dns": "http://far.example",
    }
    (said,) = remarks("https://far.example/v3", endpoints)
    assert said.startswith("the endpoints of compute are not https")
