"""Flavors and keypairs."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.clouds.openstack import OpenStackCloud, marks
from fractus.clouds.openstack.flavors import remote_name
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.compute import FlavorWanted, KeypairWanted
from fractus.model.errors import Missing, OutcomeUnknown, Refused
from tests.unit.clouds_openstack.fake import FakeAuthenticator, FakeChild, drop, fault, reply

ANN = Scope("p-ann")
FLAVORS = "/compute/v2.1/flavors"
KEYS = "/compute/v2.1/os-keypairs"
OURS = "fractus-w1"


def wanted(**changes: Any) -> FlavorWanted:
    fields: dict[str, Any] = {"id": "w1", "name": "m1.small", "vcpus": 1, "ram": 512, "disk": 1}
    return FlavorWanted(**fields | changes)


def flavor(**changes: Any) -> dict[str, Any]:
    ours = {"id": OURS, "name": "m1.small.fractus-x", "vcpus": 1, "ram": 512, "disk": 1, "swap": ""}
    return ours | {"OS-FLV-EXT-DATA:ephemeral": 0, "extra_specs": {}} | changes


def test_names_carry_the_marker_as_far_as_nova_allows() -> None:
    assert marks.name("w1") == OURS
    assert marks.from_name(OURS) == "w1"
    assert marks.from_name("m1.small") == ""
    for odd in ("a b", "a/b", "x" * 250, "", "\u00e9"):
        made = marks.name(odd)
        assert made == marks.name(odd)
        assert len(made) == 44
    assert marks.from_tag("somebody's words") == marks.from_tag(None) == ""


def test_two_flavors_of_one_name_are_two_in_the_child() -> None:
    assert remote_name(wanted()) != remote_name(wanted(id="w2"))
    assert remote_name(wanted()).startswith("m1.small.fractus-")
    assert len(remote_name(wanted(name="x" * 255))) == 255


async def test_a_flavor_is_made_with_the_credentials_own_rights(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    fake.on(f"POST {FLAVORS}", reply({"flavor": flavor(swap=64, extra_specs=None)}))
    seen = await cloud.actuators()["flavor"].create(ANN, wanted(swap=64, ephemeral=2))
    assert (seen.remote_id, seen.marker, seen.swap) == (OURS, "w1", 64)
    sent = fake.said(f"POST {FLAVORS}")[0].json["flavor"]
    assert (sent["id"], sent["swap"], sent["OS-FLV-EXT-DATA:ephemeral"]) == (OURS, 64, 2)
    assert authenticator.asked == [""]


async def test_an_old_child_says_swap_and_extra_specs_otherwise(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    old = flavor(swap="")
    del old["extra_specs"]
    fake.on(f"GET {FLAVORS}/{OURS}", reply({"flavor": old}))
    fake.on(f"GET {FLAVORS}/{OURS}/os-extra_specs", reply({"extra_specs": {"a": "b"}}))
    seen = await cloud.actuators()["flavor"].observe(ANN, OURS)
    assert (seen.swap, seen.extra_specs) == (0, {"a": "b"})


async def test_a_flavor_that_is_there_already_is_ours_or_a_conflict(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(f"POST {FLAVORS}", fault("Flavor with ID already exists.", 409, "conflictingRequest"))
    fake.on(f"GET {FLAVORS}/{OURS}", reply({"flavor": flavor()}))
    assert (await cloud.actuators()["flavor"].create(ANN, wanted())).remote_id == OURS
    fake.on(f"GET {FLAVORS}/{OURS}", fault("not found", 404, "itemNotFound"))
    with pytest.raises(Refused, match="already exists"):
        await cloud.actuators()["flavor"].create(ANN, wanted())


async def test_who_may_not_make_flavors_takes_an_equal_one_of_the_childs_own(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(f"POST {FLAVORS}", fault("Policy doesn't allow it to be performed.", 403, "forbidden"))
    others = [
        flavor(id="1", disk=2),
        flavor(id="2", extra_specs={"hw:numa_nodes": "2"}),
        flavor(id="3", **{"OS-FLV-DISABLED:disabled": True}),
        flavor(id="fractus-other"),
        {"id": "4", "vcpus": "many"},
        flavor(id="5", name="tiny"),
    ]
    fake.on(f"GET {FLAVORS}/detail", reply({"flavors": others}))
    seen = await cloud.actuators()["flavor"].create(ANN, wanted())
    assert (seen.remote_id, seen.marker) == ("5", "")
    with pytest.raises(Refused, match=r"no flavor like m1\.small") as error:
        await cloud.actuators()["flavor"].create(ANN, wanted(ram=513))
    assert error.value.elsewhere


async def test_a_full_child_is_not_mistaken_for_a_forbidding_one(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(f"POST {FLAVORS}", fault("Quota exceeded for flavors", 403, "forbidden"))
    with pytest.raises(Refused, match="Quota exceeded"):
        await cloud.actuators()["flavor"].create(ANN, wanted())
    assert not fake.said(f"GET {FLAVORS}/detail")


async def test_a_flavor_of_the_childs_own_is_never_touched(cloud: OpenStackCloud, fake: FakeChild) -> None:
    flavors = cloud.actuators()["flavor"]
    with pytest.raises(Missing):
        await flavors.delete(HOME, "m1.small")
    with pytest.raises(Refused):
        await flavors.apply(HOME, "m1.small", Step("set_extra_specs", {"extra_specs": {"a": "b"}}))
    assert fake.heard == []


async def test_extra_specs_are_sent_in_a_version_that_takes_any(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    flavors = cloud.actuators()["flavor"]
    path = f"{FLAVORS}/{OURS}/os-extra_specs"
    fake.on(f"POST {path}", reply({"extra_specs": {}}))
    await flavors.apply(HOME, OURS, Step("set_extra_specs", {"extra_specs": {"hw:odd": "1"}}))
    [heard] = fake.said(f"POST {path}")
    assert heard.json == {"extra_specs": {"hw:odd": "1"}}
    assert heard.headers["openstack-api-version"] == "compute 2.85"
    fake.on(f"DELETE {path}/hw:odd", fault("no such key", 404, "itemNotFound"))
    fake.on(f"GET {FLAVORS}/{OURS}", reply({"flavor": flavor()}))
    await flavors.apply(HOME, OURS, Step("unset_extra_spec", {"key": "hw:odd"}))
    fake.on(f"GET {FLAVORS}/{OURS}", fault("no flavor", 404, "itemNotFound"))
    with pytest.raises(Missing):
        await flavors.apply(HOME, OURS, Step("unset_extra_spec", {"key": "hw:odd"}))


async def test_all_flavors_are_listed(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(f"GET {FLAVORS}/detail", reply({"flavors": [flavor(), {"id": "4", "vcpus": "many"}]}))
    seen = [one async for one in cloud.actuators()["flavor"].list_changed("2026-01-01T00:00:00Z")]
    assert [(one.remote_id, one.marker, bool(one.unread)) for one in seen] == [
        (OURS, "w1", False),
        ("4", "", True),
    ]
    assert fake.said(f"GET {FLAVORS}/detail")[0].query["is_public"] == "none"


# --- keypairs -----------------------------------------------------------------------------------

KEY = KeypairWanted(id="w1", name="mine", public_key="ssh-ed25519 AAAA ann@home")


def key(**changes: Any) -> dict[str, Any]:
    return {"keypair": {"name": OURS, "fingerprint": "aa:bb", "public_key": KEY.public_key + "\n"} | changes}


async def test_a_key_is_imported_for_the_service_user(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    fake.on(f"POST {KEYS}", reply(key()))
    seen = await cloud.actuators()["keypair"].create(ANN, KEY)
    assert (seen.remote_id, seen.marker, seen.fingerprint) == (OURS, "w1", "aa:bb")
    [heard] = fake.said(f"POST {KEYS}")
    assert heard.json["keypair"] == {"name": OURS, "public_key": KEY.public_key, "type": "ssh"}
    assert authenticator.asked == [""]


async def test_a_key_that_is_there_is_ours_only_if_it_is_the_same(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(f"POST {KEYS}", fault(f"Key pair '{OURS}' already exists.", 409, "conflictingRequest"))
    fake.on(f"GET {KEYS}/{OURS}", reply(key()))
    assert (await cloud.actuators()["keypair"].create(ANN, KEY)).remote_id == OURS
    fake.on(f"GET {KEYS}/{OURS}", reply(key(public_key="ssh-ed25519 BBBB")))
    with pytest.raises(Refused, match="another key"):
        await cloud.actuators()["keypair"].create(ANN, KEY)


async def test_too_many_keys_are_a_reason_to_go_elsewhere(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(f"POST {KEYS}", fault("Quota exceeded, too many key pairs.", 403, "forbidden"))
    with pytest.raises(Refused) as error:
        await cloud.actuators()["keypair"].create(ANN, KEY)
    assert error.value.elsewhere


async def test_a_lost_answer_is_looked_for_by_name(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(f"POST {KEYS}", drop)
    with pytest.raises(OutcomeUnknown):
        await cloud.actuators()["keypair"].create(ANN, KEY)
    fake.on(f"GET {KEYS}/{OURS}", reply(key()))
    assert (await cloud.actuators()["keypair"].find(ANN, KEY)).marker == "w1"


async def test_an_old_child_knows_one_type_of_key(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on("GET /compute/v2.1/", reply({"version": {"min_version": "", "version": ""}}))
    fake.on(f"POST {KEYS}", reply(key()))
    await cloud.actuators()["keypair"].create(ANN, KEY)
    assert "type" not in fake.said(f"POST {KEYS}")[0].json["keypair"]
    with pytest.raises(Refused, match="too old for keys of type x509"):
        await cloud.actuators()["keypair"].create(ANN, KeypairWanted(id="w2", public_key="c", type="x509"))


async def test_keys_that_are_not_ours_stay(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(f"GET {KEYS}", reply({"keypairs": [key(), {"keypair": {"name": "operators"}}, {"odd": 1}]}))
    seen = [one async for one in cloud.actuators()["keypair"].list_changed("")]
    assert [(one.remote_id, one.marker) for one in seen] == [(OURS, "w1"), ("operators", "")]
    with pytest.raises(Missing):
        await cloud.actuators()["keypair"].delete(HOME, "operators")
    with pytest.raises(Refused):
        await cloud.actuators()["keypair"].apply(HOME, OURS, Step("rename", {"name": "x"}))
    assert not [heard for heard in fake.heard if heard.method == "DELETE"]
