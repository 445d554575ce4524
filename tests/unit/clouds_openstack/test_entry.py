from __future__ import annotations

import pathlib
import ssl
from typing import Any

import pytest

from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.entry import Entry
from fractus.model.cloud import CloudRow
from fractus.model.errors import CredentialsRejected
from tests.unit.clouds_openstack.fake import Clock

PASSWORD = {
    "auth_url": "https://keystone.example:5000/v3",
    "username": "operator",
    "password": "hunter2-hunter2",
    "project_name": "home",
    "user_domain_name": "Default",
    "project_domain_name": "Default",
}
APPLICATION = {
    "auth_url": "https://keystone.example:5000/v3",
    "application_credential_id": "abc",
    "application_credential_secret": "s3cret-s3cret",
}


def entry(auth: dict[str, Any] = PASSWORD, **more: Any) -> Entry:
    return Entry("far", {"auth": auth, **more})


def test_secrets_are_known_and_not_shown() -> None:
    made = entry()
    assert made.secrets == ("hunter2-hunter2",)
    assert "hunter2" not in repr(made)
    application = entry(APPLICATION, auth_type="v3applicationcredential")
    assert application.secrets == ("s3cret-s3cret",)


def test_a_password_can_be_scoped_to_any_project_an_application_credential_cannot() -> None:
    assert entry().rescopable
    made = entry(APPLICATION, auth_type="v3applicationcredential")
    assert not made.rescopable
    made.plugin("")
    with pytest.raises(CredentialsRejected, match="bound to one project"):
        made.plugin("p2")


def test_a_trust_is_bound_to_its_project() -> None:
    assert not entry({**PASSWORD, "trust_id": "t1"}).rescopable


@pytest.mark.parametrize(
    ("auth_type", "auth"),
    [
        ("none", {"endpoint": "http://x"}),
        ("admin_token", {"endpoint": "http://x", "token": "tttt"}),
        ("http_basic", {"endpoint": "http://x", "username": "u", "password": "pppp"}),
    ],
)
def test_what_gives_no_keystone_token_is_refused(auth_type: str, auth: dict[str, Any]) -> None:
    made = entry(auth, auth_type=auth_type)
    with pytest.raises(CredentialsRejected, match="no Keystone token"):
        made.plugin("")


@pytest.mark.parametrize(
    "given",
    [
        {"auth": PASSWORD, "auth_type": "nosuchplugin"},
        {"auth": {"username": "operator", "password": "hunter2-hunter2"}},
        {"auth": ["hunter2-hunter2"]},
    ],
)
def test_an_entry_that_cannot_be_understood_is_said_to_be_one_without_its_secrets(
    given: dict[str, Any],
) -> None:
    with pytest.raises(CredentialsRejected, match="entry cannot be used") as error:
        Entry("far", given)
    assert "hunter2" not in str(error.value)
    assert error.value.__context__ is None


def test_endpoints_are_chosen_by_region_and_interface() -> None:
    made = entry(region_name="north", interface="internal", compute_endpoint_override="http://nova")
    assert (made.region("compute"), made.interface("image")) == ("north", "internal")
    assert (made.endpoint_override("compute"), made.endpoint_override("image")) == ("http://nova", None)
    plain = entry()
    assert (plain.region("compute"), plain.interface("compute")) == (None, "public")


def test_tls_is_checked_unless_the_entry_says_otherwise(tmp_path: pathlib.Path) -> None:
    context = entry().tls()
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert entry(verify=False).tls() is False
    assert entry(verify=False).requests_tls() == (False, None)
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")
    for path in (wrong, tmp_path / "nothing.pem"):
        with pytest.raises(CredentialsRejected, match="CA file"):
            entry(cacert=str(path)).tls()
    assert isinstance(entry(cacert=str(tmp_path)).tls(), ssl.SSLContext)
    with pytest.raises(CredentialsRejected, match="client certificate"):
        entry(cert=str(wrong)).tls()


def test_settings_that_are_no_limits_are_refused_at_once(clock: Clock) -> None:
    row = CloudRow(name="far", driver="openstack", auth={"auth": PASSWORD}, settings={"max_calls": "many"})
    with pytest.raises(CredentialsRejected, match="max_calls"):
        OpenStackCloud.connect(row, clock=clock, request_id=lambda: "")


async def test_a_cloud_is_connected_without_a_word_to_it(clock: Clock) -> None:
    row = CloudRow(name="far", driver="openstack", auth={"auth": PASSWORD})
    cloud = OpenStackCloud.connect(row, clock=clock, request_id=lambda: "")
    assert cloud.healthy()
    assert set(cloud.actuators()) == {
        *(
            "server",
            "flavor",
            "keypair",
            "image",
            "network",
            "subnet",
            "port",
            "security_group",
            "group_members",
            "router",
            "router_interface",
            "qos_policy",
            "floatingip",
            "trunk",
            "volume",
            "snapshot",
            "backup",
            "volume_type",
            "volume_attachment",
            "server_group",
            "metering_label",
        )
    }
    await cloud.close()
