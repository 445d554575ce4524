"""What is done to a flavor in a cloud."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.cloud import Step
from fractus.model.compute import FlavorObserved, FlavorWanted
from fractus.model.resource import BLOCKED, PENDING, SETTLED, Presence, Resource
from fractus.reconcile.kind import Apply, Done, Item
from fractus.services.compute.flavors.lifecycle import FlavorLifecycle

DESIRED = {
    "flavorid": "small",
    "name": "m1.small",
    "vcpus": 1,
    "ram": 2048,
    "disk": 20,
    "ephemeral": 1,
    "swap": 2,
    "rxtx_factor": 1.0,
    "is_public": True,
    "disabled": False,
    "description": None,
    "extra_specs": {"hw:cpu_policy": "shared", "a": "b"},
    "access": [],
}


def item(**specs: str) -> Item:
    desired: dict[str, Any] = {**DESIRED, "extra_specs": specs}
    return Item(
        Resource(kind="flavor", id="small", desired=desired),
        Presence(kind="flavor", id="small", cloud="e"),
        {},
    )


@pytest.mark.parametrize(
    ("why", "wanted", "there", "marker", "plan"),
    [
        ("equal", {"a": "b"}, {"a": "b"}, "small", Done()),
        (
            "what is missing or differs is set at once",
            {"a": "b", "c": "d", "e": "f"},
            {"a": "b", "c": "x"},
            "small",
            Apply(Step("set_extra_specs", {"extra_specs": {"c": "d", "e": "f"}})),
        ),
        (
            "what is too much goes one by one",
            {"a": "b"},
            {"a": "b", "z": "1", "y": "2"},
            "small",
            Apply(Step("unset_extra_spec", {"key": "y"})),
        ),
        (
            "what is missing comes before what is too much",
            {"a": "b"},
            {"z": "1"},
            "small",
            Apply(Step("set_extra_specs", {"extra_specs": {"a": "b"}})),
        ),
        ("a flavor of the cloud's own is left alone", {"a": "b"}, {"z": "1"}, "", Done()),
        (
            "a marker that cannot be read back is still ours",
            {},
            {"z": "1"},
            "derived",
            Apply(Step("unset_extra_spec", {"key": "z"})),
        ),
    ],
)
def test_extra_specs_follow(
    why: str, wanted: dict[str, str], there: dict[str, str], marker: str, plan: Any
) -> None:
    seen = FlavorObserved(remote_id="fractus-small", marker=marker, extra_specs=there)
    assert FlavorLifecycle().plan(item(**wanted), seen) == plan, why


def test_sizes_and_specs_are_wanted() -> None:
    notes = {
        "flavorid": "small", "name": "m1.small", "description": None, "is_public": True, "access": [],
    }  # fmt: skip
    assert FlavorLifecycle().wanted(item(a="b")) == FlavorWanted(
        id="small",
        name="m1.small",
        notes=notes,
        vcpus=1,
        ram=2048,
        disk=20,
        ephemeral=1,
        swap=2,
        extra_specs={"a": "b"},
    )


def test_where_it_is_changes_nothing_for_users() -> None:
    resource = item(a="b").resource
    there = Presence(kind="flavor", id="small", cloud="east", remote_id="x")
    life = FlavorLifecycle()
    assert life.summarise(resource, [there]) == life.summarise(resource, [])


@pytest.mark.parametrize(("state", "usable"), [(PENDING, False), (SETTLED, True), (BLOCKED, False)])
def test_servers_wait_until_the_extra_specs_are_there_too(state: str, usable: bool) -> None:
    one = item(a="b")
    one.presence.state = state
    assert FlavorLifecycle().settled(one.presence, FlavorObserved(remote_id="x", marker="small")) is usable
