"""Volume types of a child, and those that are made there where its operator lets us."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.volume_types import VolumeTypes
from fractus.model.cloud import HOME, Step
from fractus.model.errors import CredentialsRejected, Missing, Refused
from fractus.model.volumes import VolumeTypeWanted, makes_types
from tests.unit.clouds_openstack.fake import FakeAuthenticator, FakeChild, reply

TYPES = "/block-storage/v3/home/types"
WANTED = VolumeTypeWanted(id="id-1", name="fast", description="d", extra_specs={"k": "v"})
OURS = {"id": "r", "name": "fast", "is_public": True, "extra_specs": {"k": "v", "fractus:id": "id-1"}}
OWN = {"id": "own", "name": "slow", "is_public": True, "extra_specs": {}}


@pytest.fixture
def types(cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator) -> VolumeTypes:
    """Of a child that has a type of its own, in which we may make others."""
    authenticator.services["block-storage"] = "v3"
    version = {"id": "v3.0", "min_version": "3.0", "version": "3.71", "status": "CURRENT"}
    fake.on("GET /block-storage/v3/", reply({"versions": [version]}))
    fake.on(f"GET {TYPES}", reply({"volume_types": [OWN]}))
    fake.on(f"GET {TYPES}/own", reply({"volume_type": OWN}))
    fake.on(f"GET {TYPES}/r", reply({"volume_type": OURS}))
    return VolumeTypes(cloud._child, makes=True)


async def test_one_is_made_with_our_marker_and_its_encryption(types: VolumeTypes, fake: FakeChild) -> None:
    fake.on(f"POST {TYPES}", reply({"volume_type": OURS}))
    fake.on(f"GET {TYPES}/r/encryption", reply({}))
    fake.on(f"POST {TYPES}/r/encryption", reply({"encryption": {}}))
    encryption = {"provider": "luks", "control_location": "front-end"}
    wanted = VolumeTypeWanted(id="id-1", name="fast", extra_specs={"k": "v"}, encryption=encryption)
    seen = await types.create(HOME, wanted)
    assert (seen.remote_id, seen.marker, seen.extra_specs) == ("r", "id-1", {"k": "v"})
    (sent,) = fake.said(f"POST {TYPES}")
    assert sent.json["volume_type"]["extra_specs"] == {"k": "v", "fractus:id": "id-1"}
    assert sent.json["volume_type"]["os-volume-type-access:is_public"] is True
    (sent,) = fake.said(f"POST {TYPES}/r/encryption")
    assert sent.json == {"encryption": encryption}


@pytest.mark.parametrize(
    ("status", "sentence"), [(403, "and none can be made"), (400, "and none can be made"), (409, "has no")]
)
async def test_a_child_that_refuses_is_left_for_another(
    types: VolumeTypes, fake: FakeChild, status: int, sentence: str
) -> None:
    fake.on(f"POST {TYPES}", reply({"error": {"message": "no"}}, status=status))
    with pytest.raises(Refused, match=sentence) as refusal:
        await types.create(HOME, WANTED)
    assert refusal.value.elsewhere


async def test_none_is_made_unless_the_operator_says_so(types: VolumeTypes, fake: FakeChild) -> None:
    types.makes = False
    with pytest.raises(Refused, match="far has no volume type fast"):
        await types.create(HOME, WANTED)
    assert not fake.said(f"POST {TYPES}")


@pytest.mark.parametrize(
    ("step", "method", "path", "body"),
    [
        (Step("update", {"name": "n"}), "PUT", "", {"volume_type": {"name": "n"}}),
        (Step("set_extra_specs", {"extra_specs": {"a": "b"}}), "POST", "/extra_specs", {"extra_specs": {"a": "b"}}),
        (Step("unset_extra_spec", {"key": "k"}), "DELETE", "/extra_specs/k", None),
        (Step("admit", {"project_id": "p"}), "POST", "/action", {"addProjectAccess": {"project": "p"}}),
        (Step("expel", {"project_id": "p"}), "POST", "/action", {"removeProjectAccess": {"project": "p"}}),
    ],
)  # fmt: skip
async def test_ours_are_changed_and_the_child_s_own_are_not(
    types: VolumeTypes, fake: FakeChild, step: Step, method: str, path: str, body: Any
) -> None:
    fake.on(f"{method} {TYPES}/r{path}", reply({}, status=202))
    await types.apply(HOME, "r", step)
    (sent,) = fake.said(f"{method} {TYPES}/r{path}")
    if body is not None:
        assert sent.json == body
    with pytest.raises(Missing, match="not of our making"):
        await types.apply(HOME, "own", step)
    with pytest.raises(Missing, match="not of our making"):
        await types.delete(HOME, "own")


@pytest.mark.parametrize(("said", "means"), [("true", True), (True, True), ("false", False), (None, False)])
def test_the_setting_is_a_boolean(said: Any, means: bool) -> None:
    assert makes_types({} if said is None else {"make_volume_types": said}) is means


def test_another_setting_is_refused(cloud: OpenStackCloud) -> None:
    from fractus.model.cloud import CloudRow

    row = CloudRow(name="far", driver="openstack", settings={"make_volume_types": "perhaps"})
    with pytest.raises(CredentialsRejected, match="settings of cloud far"):
        OpenStackCloud.connect(row, clock=None, request_id=lambda: "")  # type: ignore[arg-type]
