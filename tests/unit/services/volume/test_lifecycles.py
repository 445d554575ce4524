"""What of volumes and snapshots their clouds are asked."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fractus.clouds.openstack import cinder, marks, volumes
from fractus.model.cloud import Step
from fractus.model.resource import Presence, Resource
from fractus.model.volumes import RESERVED, BackupObserved, SnapshotObserved, VolumeObserved
from fractus.reconcile.kind import Apply, Done, Item
from fractus.services.volume.backups.lifecycle import BackupLifecycle
from fractus.services.volume.snapshots.lifecycle import SnapshotLifecycle
from fractus.services.volume.volumes.lifecycle import VolumeLifecycle

TEXTS = {"name": "v", "description": None}
VOLUME = {**TEXTS, "size": 1, "bootable": None, "readonly": None, "image_metadata": {}}
KINDS: list[tuple[Any, dict[str, Any], Any]] = [
    (
        VolumeLifecycle(*(cast("Any", None),) * 5),
        VOLUME,
        VolumeObserved(remote_id="r", name="v", size=1, status="available"),
    ),
    (
        BackupLifecycle(*(cast("Any", None),) * 2),
        TEXTS,
        BackupObserved(remote_id="r", name="v", status="available"),
    ),
    (
        SnapshotLifecycle(cast("Any", None)),
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
