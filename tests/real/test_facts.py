"""Facts that were taken from the real services: still theirs, and what fractus makes of them is what they answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from fractus.model.errors import Invalid
from fractus.services.compute.flavors.schema.extra_specs import check
from tests.real.stand import child, connect, needs_stand, printed
from tests.unit.services.compute.flavors import spec_cases

pytestmark = [pytest.mark.real, needs_stand]

TOP = Path(__file__).parents[2]


def test_the_table_of_extra_specs_is_what_the_installed_nova_says() -> None:
    kept = TOP / "fractus/services/compute/flavors/schema/extra_specs.json"
    assert json.loads(kept.read_text()) == printed(TOP / "tools/facts/extra_specs.py")


def test_the_defaults_are_those_of_the_installed_services() -> None:
    kept = TOP / "tools/facts/defaults.json"
    assert json.loads(kept.read_text()) == printed(TOP / "tools/facts/defaults.py")


class Specs:
    """A flavor of one cloud, whose extra specs are set."""

    def __init__(self, cloud: Connection) -> None:
        self.cloud = cloud
        self.flavor = cloud.compute.create_flavor(name="facts-specs", ram=64, vcpus=1, disk=1)

    def sets(self, specs: dict[str, Any]) -> tuple[int, str]:
        """The status, and the sentence of a refusal."""
        path = f"/flavors/{self.flavor.id}/os-extra_specs"
        reply = self.cloud.compute.post(
            path, json={"extra_specs": specs}, microversion="2.86", raise_exc=False
        )
        reported = reply.json()
        return reply.status_code, reported["badRequest"]["message"] if "badRequest" in reported else ""

    def drops(self) -> None:
        self.cloud.compute.delete_flavor(self.flavor)


def _said(name: str, value: str) -> str:
    try:
        check(name, value)
    except Invalid as error:
        return error.message
    return ""


NEAR = [(name, "1") for template, _ in spec_cases.EVERY for name in spec_cases.names(template)[1]]
OTHERS = [("hw:cpu_polcy", "shared"), ("trait:NOSUCH", "required"), ("mine:x", "y"), ("x", "y"), ("hw:", "")]


def test_every_extra_spec_is_taken_and_refused_as_by_novas_own_validators(tmp_path: Path) -> None:
    cases = [(name, value) for name, value, _ in spec_cases.cases()] + NEAR + OTHERS
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    theirs = printed(Path(__file__).with_name("nova_specs.py"), str(file))
    assert [_said(*case) for case in cases] == theirs


def test_extra_specs_are_taken_and_refused_as_by_a_cloud() -> None:
    """One name of each namespace and sort of value: what is between a validator and the answer is the same for all."""
    some: dict[tuple[str, bool, str], tuple[str, str]] = {}
    for name, value, sentence in spec_cases.cases():
        some.setdefault((name.partition(":")[0][:9], bool(sentence), sentence[-9:]), (name, value))
    ours, theirs = Specs(connect("root")), Specs(child("west"))
    try:
        for name, value in [*some.values(), *OTHERS[:-1]]:
            assert ours.sets({name: value}) == theirs.sets({name: value}), (name, value)
    finally:
        ours.drops()
        theirs.drops()
