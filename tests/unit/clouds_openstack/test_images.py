from __future__ import annotations

import pathlib
from typing import Any

import pytest

from fractus.clouds.openstack import OpenStackCloud
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, OutcomeUnknown, Refused
from fractus.model.images import ImageWanted
from tests.unit.clouds_openstack.fake import FakeChild, cut_off, drop, fault, reply, text

ANN = Scope("p-ann")
IMAGES = "/image/v2/images"
ONE = f"GET {IMAGES}/w1"
FILE = f"PUT {IMAGES}/w1/file"
GONE = text("<html><h1>404 Not Found</h1>No image found</html>", 404)


def wanted(**changes: Any) -> ImageWanted:
    fields: dict[str, Any] = {"id": "w1", "name": "cirros", "disk_format": "raw", "container_format": "bare"}
    return ImageWanted(**fields | changes)


def image(**changes: Any) -> dict[str, Any]:
    return {"id": "w1", "name": "cirros", "status": "queued", "owner": "p-ann", "fractus_id": "w1"} | changes


def missing(fake: FakeChild) -> None:
    fake.on(ONE, reply({"message": "No image found with ID w1<br />", "code": "404 Not Found"}, 404))


async def test_an_image_of_a_tenant_lies_in_the_tenants_project(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(f"POST {IMAGES}", reply(image(), 201))
    properties = {"os_distro": "x", "status": "forged", "os_glance_import": "x", "fractus_id": "forged"}
    seen = await cloud.actuators()["image"].create(ANN, wanted(properties=properties, min_disk=1))
    assert (seen.remote_id, seen.marker, seen.status) == ("w1", "w1", "queued")
    [heard] = fake.said(f"POST {IMAGES}")
    assert heard.json == {
        "id": "w1",
        "name": "cirros",
        "disk_format": "raw",
        "container_format": "bare",
        "min_disk": 1,
        "min_ram": 0,
        "visibility": "private",
        "fractus_id": "w1",
        "os_distro": "x",
    }
    assert heard.headers["x-auth-token"] == "token-2"


async def test_an_image_for_all_lies_in_the_credentials_own_project(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(f"POST {IMAGES}", reply(image(owner="home"), 201))
    await cloud.actuators()["image"].create(ANN, wanted(private=False))
    [heard] = fake.said(f"POST {IMAGES}")
    assert (heard.json["visibility"], heard.headers["x-auth-token"]) == ("community", "token-1")


async def test_an_id_that_is_taken_by_ours_is_ours(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(f"POST {IMAGES}", fault("Image ID w1 already exists!", 409))
    fake.on(ONE, reply(image(status="active")))
    assert (await cloud.actuators()["image"].create(ANN, wanted())).status == "active"
    assert len(fake.said(f"POST {IMAGES}")) == 1


@pytest.mark.parametrize("other", [image(fractus_id=""), image(owner="mallory")])
async def test_an_id_that_is_taken_by_another_is_left_to_it(
    cloud: OpenStackCloud, fake: FakeChild, other: dict[str, Any]
) -> None:
    fake.on(f"POST {IMAGES}", fault("Image ID w1 already exists!", 409), reply(image(id="chosen"), 201))
    fake.on(ONE, reply(other))
    fake.on(f"GET {IMAGES}", reply({"images": []}))
    assert (await cloud.actuators()["image"].create(ANN, wanted())).remote_id == "chosen"
    assert "id" not in fake.said(f"POST {IMAGES}")[1].json


async def test_an_image_that_was_carried_again_is_found_by_its_property(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    missing(fake)
    fake.on(f"GET {IMAGES}", reply({"images": [image(id="x", fractus_id="w2"), image(id="chosen")]}))
    found = await cloud.actuators()["image"].find(ANN, wanted())
    assert found.remote_id == "chosen"
    query = fake.said(f"GET {IMAGES}")[0].query
    assert query == {"fractus_id": "w1", "visibility": "private", "owner": "p-ann", "limit": "200"}


@pytest.fixture
def upload(tmp_path: pathlib.Path) -> Step:
    path = tmp_path / "bits"
    path.write_bytes(b"x" * 5000)
    return Step("upload", {"path": str(path), "size": 5000})


async def test_bits_are_sent_as_the_owner(cloud: OpenStackCloud, fake: FakeChild, upload: Step) -> None:
    fake.on(FILE, reply(status=204))
    for owner, token in (("p-ann", "token-2"), ("home", "token-1")):
        fake.on(ONE, reply(image(owner=owner)))
        await cloud.actuators()["image"].apply(ANN, "w1", upload)
        heard = fake.said(FILE)[-1]
        assert (heard.body, heard.headers["x-auth-token"]) == (b"x" * 5000, token)
        assert heard.headers["content-type"] == "application/octet-stream"


async def test_bits_are_sent_again_from_the_start_with_a_new_token(
    cloud: OpenStackCloud, fake: FakeChild, upload: Step
) -> None:
    fake.on(ONE, reply(image()))
    fake.on(FILE, fault("expired", 401), reply(status=204))
    await cloud.actuators()["image"].apply(ANN, "w1", upload)
    assert [len(heard.body) for heard in fake.said(FILE)] == [5000, 5000]


async def test_bits_that_are_there_are_not_sent_for_ever(
    cloud: OpenStackCloud, fake: FakeChild, upload: Step
) -> None:
    fake.on(FILE, fault("Image status transition from active to saving is not allowed", 409))
    fake.on(ONE, reply(image(status="active", size=5000)))
    await cloud.actuators()["image"].apply(ANN, "w1", upload)
    fake.on(ONE, reply(image(status="active", size=4999)))
    with pytest.raises(Refused):
        await cloud.actuators()["image"].apply(ANN, "w1", upload)


@pytest.mark.parametrize("accident", [drop, cut_off])
async def test_an_upload_whose_answer_was_lost_is_unknown(
    cloud: OpenStackCloud, fake: FakeChild, upload: Step, accident: Any
) -> None:
    fake.on(ONE, reply(image()))
    fake.on(FILE, accident)
    with pytest.raises(OutcomeUnknown):
        await cloud.actuators()["image"].apply(ANN, "w1", upload)


async def test_an_image_too_large_for_this_cloud(
    cloud: OpenStackCloud, fake: FakeChild, upload: Step
) -> None:
    fake.on(ONE, reply(image()))
    fake.on(FILE, text("<html><body>Image exceeds the storage quota</body></html>", 413))
    with pytest.raises(Refused, match="exceeds the storage quota") as error:
        await cloud.actuators()["image"].apply(ANN, "w1", upload)
    assert error.value.elsewhere


async def test_deleting_what_is_not_there(cloud: OpenStackCloud, fake: FakeChild) -> None:
    missing(fake)
    with pytest.raises(Missing):
        await cloud.actuators()["image"].delete(ANN, "w1")
    with pytest.raises(Refused):
        await cloud.actuators()["image"].apply(HOME, "w1", Step("paint"))


async def test_a_glance_that_does_not_know_all_is_asked_twice(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(
        f"GET {IMAGES}",
        fault("Invalid visibility value: all", 400),
        reply({"images": [image(id="a"), {"id": "odd"}], "next": "/v2/images?marker=odd"}),
        reply({"images": [image(id="b", status="deleted")]}),
        reply({"images": [image(id="c"), image(id="a")]}),
    )
    seen = [one async for one in cloud.actuators()["image"].list_changed("2026-01-01T00:00:00Z")]
    assert [(one.remote_id, one.gone, bool(one.unread)) for one in seen] == [
        ("a", False, False),
        ("odd", False, True),
        ("b", True, False),
        ("c", False, False),
    ]
    queries = [heard.query for heard in fake.said(f"GET {IMAGES}")]
    assert queries[1]["updated_at"] == "gte:2026-01-01T00:00:00Z"
    assert queries[2]["marker"] == "odd"
    assert queries[3]["visibility"] == "community"


PATCH = f"PATCH {IMAGES}/w1"
MEMBERS = f"{IMAGES}/w1/members"


async def test_a_change_is_one_patch_as_the_owner(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(PATCH, reply(image()))
    for owner, token in (("p-ann", "token-2"), ("home", "token-1")):
        fake.on(ONE, reply(image(owner=owner, hw_disk_bus="virtio", note="x")))
        step = Step(
            "update",
            {
                "name": "new",
                "min_ram": 64,
                "visibility": "shared",
                "properties": {"hw_disk_bus": "scsi", "a/b~c": "d"},
                "unset": ["note", "never there"],
                "notes": {"tags": []},
            },
        )
        await cloud.actuators()["image"].apply(ANN, "w1", step)
        heard = fake.said(PATCH)[-1]
        assert heard.headers["content-type"] == "application/openstack-images-v2.1-json-patch"
        assert heard.headers["x-auth-token"] == token
        assert heard.json == [
            {"op": "replace", "path": "/name", "value": "new"},
            {"op": "replace", "path": "/min_ram", "value": 64},
            {"op": "replace", "path": "/visibility", "value": "shared"},
            {"op": "add", "path": "/hw_disk_bus", "value": "scsi"},
            {"op": "add", "path": "/a~1b~0c", "value": "d"},
            {"op": "add", "path": "/fractus_notes", "value": '{"tags":[]}'},
            {"op": "remove", "path": "/note"},
        ]


async def test_an_administrator_gives_it_to_another_project(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(ONE, reply(image()))
    fake.on(PATCH, reply(image()))
    await cloud.actuators()["image"].apply(ANN, "w1", Step("update", {"owner": "p-ben"}))
    heard = fake.said(PATCH)[-1]
    assert heard.json == [{"op": "replace", "path": "/owner", "value": "p-ben"}]
    assert heard.headers["x-auth-token"] == "token-1"


@pytest.mark.parametrize("answer", [reply({}, 200), fault("Member p-ben is duplicated for image w1", 409)])
async def test_a_project_is_let_in_once(cloud: OpenStackCloud, fake: FakeChild, answer: Any) -> None:
    fake.on(ONE, reply(image()))
    fake.on(f"POST {MEMBERS}", answer)
    await cloud.actuators()["image"].apply(ANN, "w1", Step("admit", {"project_id": "p-ben"}))
    assert fake.said(f"POST {MEMBERS}")[0].json == {"member": "p-ben"}


@pytest.mark.parametrize("answer", [reply(status=204), fault("p-ben not found in the member list", 404)])
async def test_a_project_is_let_in_no_longer(cloud: OpenStackCloud, fake: FakeChild, answer: Any) -> None:
    fake.on(ONE, reply(image()))
    fake.on(f"DELETE {MEMBERS}/p-ben", answer)
    await cloud.actuators()["image"].apply(ANN, "w1", Step("expel", {"project_id": "p-ben"}))
    assert len(fake.said(f"DELETE {MEMBERS}/p-ben")) == 1


async def test_a_refused_admission_is_one(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(ONE, reply(image()))
    fake.on(f"POST {MEMBERS}", fault("Only shared images have members.", 403))
    with pytest.raises(Refused):
        await cloud.actuators()["image"].apply(ANN, "w1", Step("admit", {"project_id": "p-ben"}))


async def test_an_image_that_the_cloud_makes_is_found_by_property_or_name_in_any_project(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    id = "5b1c0d7e-0b6c-4a3b-9d63-000000000001"
    nameless = image(id="r1", fractus_id="", name="mine", owner="other")
    marked = nameless | {"name": f"fractus-{id}"}
    fake.on(
        f"GET {IMAGES}", reply({"images": []}), reply({"images": [nameless]}), reply({"images": [marked]})
    )
    found = await cloud.actuators()["image"].find(ANN, wanted(id=id, made_there=True))
    assert found is not None
    assert (found.remote_id, found.marker) == ("r1", id)
    heard = fake.said(f"GET {IMAGES}")
    assert {one.headers["x-auth-token"] for one in heard} == {"token-1"}, (
        "an administrator sees every project"
    )
    assert [one.query.get("fractus_id") for one in heard if "name" not in one.query][-1] == id


async def test_the_name_that_marked_it_goes_when_properties_do(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    id = "5b1c0d7e-0b6c-4a3b-9d63-000000000001"
    fake.on(ONE, reply(image(fractus_id="", name=f"fractus-{id}")))
    fake.on(f"PATCH {IMAGES}/w1", reply(image()))
    await cloud.actuators()["image"].apply(ANN, "w1", Step("update", {"name": "snap"}))
    [heard] = fake.said(f"PATCH {IMAGES}/w1")
    assert heard.json == [
        {"op": "replace", "path": "/name", "value": "snap"},
        {"op": "add", "path": "/fractus_id", "value": id},
    ]


async def test_the_image_of_a_shelved_server_has_the_marker_of_the_image_that_the_server_was_built_of(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    """Nova gives it all properties of that one; one with another marker of ours was asked for by itself."""
    id, base = "5b1c0d7e-0b6c-4a3b-9d63-000000000001", "5b1c0d7e-0b6c-4a3b-9d63-000000000002"
    of = {"instance_uuid": "s1", "name": "vm-shelved"}
    others = [
        image(id="r1", fractus_id="5b1c0d7e-0b6c-4a3b-9d63-000000000003", **of),
        image(id="r2", fractus_id=base, **{**of, "name": "vm"}),
        image(id="r3", fractus_id=base, **{**of, "instance_uuid": "s2"}),
    ]
    fake.on(f"GET {IMAGES}", reply({"images": [*others, image(id="r4", fractus_id=base, **of)]}))
    asked = wanted(id=id, made_there=True, shelved="s1", properties={"base_image_ref": base})
    found = await cloud.actuators()["image"].find(ANN, asked)
    assert found is not None
    assert found.remote_id == "r4"
    assert fake.said(f"GET {IMAGES}")[-1].query["instance_uuid"] == "s1"
