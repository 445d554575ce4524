"""What of volumes and snapshots their clouds are asked."""

from __future__ import annotations

from typing import Any, cast

import pytest
from msgspec import structs

from fractus.clouds.openstack import cinder, marks, volumes
from fractus.model.cloud import Step
from fractus.model.resource import Presence, Resource
from fractus.model.volumes import RESERVED, BackupObserved, SnapshotObserved, VolumeObserved
from fractus.reconcile.kind import Apply, Done, Item, JudgesDoubles
from fractus.services.volume.backups.lifecycle import BackupLifecycle
from fractus.services.volume.snapshots.lifecycle import SnapshotLifecycle
from fractus.services.volume.volumes.lifecycle import VolumeLifecycle

TEXTS = {"name": "v", "description": None}
VOLUME = {**TEXTS, "size": 1, "bootable": None, "readonly": None, "image_metadata": {}}
KINDS: list[tuple[Any, dict[str, Any], Any]] = [
    (
        VolumeLifecycle(*(cast("Any", None),) * 6),
        VOLUME,
        VolumeObserved(remote_id="r", name="v", size=1, status="available"),
    ),
    (
        BackupLifecycle(*(cast("Any", None),) * 2),
        TEXTS,
        BackupObserved(remote_id="r", name="v", status="available"),
    ),
    (
        SnapshotLifecycle(*(cast("Any", None),) * 2),
        TEXTS,
        SnapshotObserved(remote_id="r", name="v", status="available"),
    ),
]


def item(kind: str, desired: dict[str, Any]) -> Item:
    resource = Resource(kind=kind, id="1", desired=desired)
    return Item(resource, Presence(kind=kind, id="1", cloud="a", remote_id="r"), {})


@pytest.mark.parametrize(("life", "desired", "observed"), KINDS, ids=["volume", "backup", "snapshot"])
@pytest.mark.parametrize("key", sorted(RESERVED))
def test_what_no_cloud_keeps_as_metadata_is_not_sent_again_and_again(
    life: Any, desired: dict[str, Any], observed: Any, key: str
) -> None:
    about = item(life.name, {**desired, "metadata": {key: "x"}})
    assert isinstance(life.plan(about, observed), Done)
    assert not life.differences(about, observed)
    more = item(life.name, {**desired, "metadata": {key: "x", "colour": "red"}})
    plan = life.plan(more, observed)
    assert isinstance(plan, Apply)
    verb = "update" if life.name == "backup" else "set_metadata"
    assert plan.step == Step(verb, {"metadata": {"colour": "red"}})


def test_what_a_driver_keeps_to_itself_is_reserved() -> None:
    assert {marks.KEY, marks.BY, marks.NOTES, *cinder.OURS, *volumes._ADMINS} == RESERVED


@pytest.mark.parametrize(
    ("life", "observed"), [(life, seen) for life, _, seen in KINDS[1:]], ids=["backup", "snapshot"]
)
def test_two_of_one_volume_made_in_one_moment_are_one_requests(life: Any, observed: Any) -> None:
    assert isinstance(life, JudgesDoubles)
    ours = structs.replace(observed, volume_id="v", size=2, created_at="2026-12-01T10:00:00.000000")
    twin = structs.replace(ours, remote_id="other", created_at="2026-12-01T10:00:01.500000", name="")
    assert life.is_double(ours, twin)
    for otherwise in (
        {"created_at": "2026-12-01T10:00:30.000000"}, {"created_at": ""}, {"volume_id": "w"}, {"size": 3},
        {"status": "creating"},
    ):  # fmt: skip
        assert not life.is_double(ours, structs.replace(twin, **otherwise))


def test_a_second_volume_may_have_been_written_to() -> None:
    assert not isinstance(KINDS[0][0], JudgesDoubles)
