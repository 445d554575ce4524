"""What is done with an image in a cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fractus.model.cloud import Step
from fractus.model.images import ImageObserved
from fractus.model.resource import BLOCKED, PENDING, SETTLED, Presence, Resource
from fractus.reconcile.kind import Apply, Done, Fail, Item, Wait
from fractus.services.image.bits import BitsDirectory
from fractus.services.image.images import schema
from fractus.services.image.images.lifecycle import ImageLifecycle
from tests.unit.services.image.conftest import Gallery
from tests.unit.services.in_process import ANN

MD5 = "900150983cd24fb0d6963f7d28e17f72"


def item(**desired: Any) -> Item:
    kept = schema.wanted({"name": "pic", "disk_format": "raw", "container_format": "bare"})
    kept.update(path="/bits/i", size=3, checksum=MD5, **desired)
    resource = Resource(kind="image", id="i", project_id="project-a", status="active", desired=kept)
    return Item(resource, Presence(kind="image", id="i", cloud="east"), {})


@pytest.fixture
def life(tmp_path: Path) -> ImageLifecycle:
    return ImageLifecycle(BitsDirectory(tmp_path / "images"))


@pytest.mark.parametrize(
    ("why", "status", "checksum", "plan"),
    [
        (
            "a record without bits gets them",
            "queued",
            None,
            Apply(Step("upload", {"path": "/bits/i", "size": 3})),
        ),
        ("the cloud is taking them in", "saving", None, Wait(2.0, "the cloud is saving it")),
        ("the cloud is taking them in", "importing", None, Wait(2.0, "the cloud is importing it")),
        ("there it is", "active", MD5, Done({"owner": "project-a"})),
        ("a cloud that tells no checksum is believed", "active", None, Done({"owner": "project-a"})),
        (
            "other bits are never used",
            "active",
            "00",
            Fail(f"the image there has other bits (MD5 00, not {MD5})"),
        ),
        ("the cloud gave up", "killed", None, Fail("the image is killed there")),
        ("its admin switched it off", "deactivated", MD5, Fail("the image is deactivated there")),
        ("it is going", "pending_delete", MD5, Fail("the image is pending_delete there")),
    ],
)
def test_the_next_step(life: ImageLifecycle, why: str, status: str, checksum: str | None, plan: Any) -> None:
    seen = ImageObserved(
        remote_id="i", marker="i", name="pic", status=status, checksum=checksum, visibility="private"
    )
    assert life.plan(item(), seen) == plan, why


def test_a_record_without_bits_here_waits(life: ImageLifecycle) -> None:
    seen = ImageObserved(remote_id="i", status="queued")
    assert life.plan(_without_bits(), seen) == Wait(2.0, "it has no bits yet")


def _without_bits() -> Item:
    found = item()
    found.resource.desired["path"] = ""
    return found


@pytest.mark.parametrize(
    ("status", "state", "usable"),
    [
        ("active", SETTLED, True),
        ("active", PENDING, False),
        ("active", BLOCKED, False),
        ("saving", PENDING, False),
        ("queued", PENDING, False),
    ],
)
def test_servers_wait_until_it_is_active(life: ImageLifecycle, status: str, state: str, usable: bool) -> None:
    one = item()
    one.presence.state = state
    assert life.settled(one.presence, ImageObserved(remote_id="i", status=status)) is usable


@pytest.mark.parametrize(
    ("visibility", "members", "private"),
    [
        ("private", {}, True),
        ("shared", {}, True),
        ("shared", {"project-b": "pending"}, True),
        ("community", {}, False),
        ("public", {}, False),
    ],
)
def test_it_lies_with_its_owner_there_unless_everybody_can_use_it(
    life: ImageLifecycle, visibility: str, members: dict[str, str], private: bool
) -> None:
    wanted = life.wanted(item(visibility=visibility, members=members))
    assert wanted.private is private
    assert (wanted.path, wanted.size, wanted.checksum) == ("/bits/i", 3, MD5)


async def test_the_file_stays_until_no_cloud_needs_it(door: Gallery) -> None:
    url = "/image/v2/images"
    body = {"name": "pic", "disk_format": "raw", "container_format": "bare"}
    image_id = (await door(ANN, "POST", url, body)).ok()["id"]
    octets = {"Content-Type": "application/octet-stream"}
    await door(ANN, "PUT", f"{url}/{image_id}/file", body=b"abc", headers=octets)
    await door(ANN, "DELETE", f"{url}/{image_id}")
    assert door.files() == [image_id]
    life = ImageLifecycle(door.bits)
    for _ in range(2):  # a worker that died after the first time does it again
        async with door.rows.store.transaction() as tx:
            row = await door.rows.resources.fetch(tx, "image", image_id)
            assert row is not None
            await life.gone(tx, row)
        assert door.files() == []
