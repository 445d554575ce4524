"""Extra specs that Nova knows: every name of the table, with values that it takes and values that it refuses."""

from __future__ import annotations

import contextlib
import time

import pytest

from fractus.model.errors import Invalid
from fractus.services.compute.flavors.schema import extra_specs
from fractus.services.compute.flavors.schema.extra_specs import check, table
from tests.unit.services.compute.flavors.spec_cases import EVERY, PARAMETERS, cases, names
from tests.unit.services.in_process import ROOT, Door, said

URL = "/compute/v2.1/flavors"


def test_the_table_holds_nova_whole() -> None:
    assert len(EVERY) == len({name for name, _ in EVERY}) > 500
    assert {"nova", "os-traits", "os-resource-classes"} == table().source.keys()
    assert table().parameters.keys() == PARAMETERS.keys()


def test_every_name_takes_what_nova_takes_and_refuses_the_rest() -> None:
    refusals = 0
    for name, value, sentence in cases():
        if not sentence:
            check(name, value)
            continue
        with pytest.raises(Invalid) as refused:
            check(name, value)
        assert refused.value.message == f"Validation failed; {sentence}.", name
        refusals += 1
    assert refusals > 1500


def test_names_that_come_near_are_not_known() -> None:
    index = extra_specs._index()
    seen = 0
    for template, _ in EVERY:
        for name in names(template)[1]:
            if index.known(name) is None and index.has_namespace(name):
                with pytest.raises(Invalid, match="does not appear to be a valid extra spec"):
                    check(name, "1")
                seen += 1
    assert seen > 5


@pytest.mark.parametrize(
    "name", ["hw:cpu_polcy", "hw:", "trait:NOSUCH", "resources1:NOSUCH", "capabilities:x"]
)
def test_a_name_in_a_namespace_of_novas_that_it_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(name, "1")
    assert (
        refused.value.message
        == f"Validation failed; extra spec '{name}' does not appear to be a valid extra spec."
    )


@pytest.mark.parametrize("name", ["mine:x", "x", "HW:cpu_policy", "tenant-1:hw:cpu_policy", ":", ""])
def test_other_names_may_be_anything(name: str) -> None:
    check(name, "anything")


def test_no_value_keeps_the_process_busy() -> None:
    """CPU seconds; a format that goes back would need longer than the machine lives."""
    began = time.process_time()
    for known in table().specs:
        for piece in ("a", "1", "1,", "1-1,", "1,1-1", "^1,", "a:1,", ",", " ", "\t", "a:1 , ", ":", "1Gi"):
            value = (piece * 255)[:254] + "!"
            with contextlib.suppress(Invalid):
                check(
                    known.names[0].format(group="", num="0", filter="", key="k", trait="T", resource="R"),
                    value,
                )
    assert time.process_time() - began < 5.0


@pytest.mark.parametrize("several", [True, False])
async def test_the_api_checks_from_2_86_on(door: Door, several: bool) -> None:
    flavor = {"flavor": {"name": "m", "ram": 1, "vcpus": 1, "disk": 0, "id": "m"}}
    (await door(ROOT, "POST", URL, flavor)).ok()

    async def put(name: str, value: str, version: str) -> tuple[int, str]:
        specs = f"{URL}/m/os-extra_specs"
        if several:
            reply = await door(
                ROOT, "POST", specs, {"extra_specs": {"ok": "1", name: value}}, version=version
            )
        else:
            reply = await door(ROOT, "PUT", f"{specs}/{name}", {name: value}, version=version)
        return reply.status, said(reply) if reply.status >= 400 else ""

    policies = "dedicated, shared, mixed"
    sentence = f"Validation failed; 'bogus' is not one of: {policies}."
    assert await put("hw:cpu_policy", "bogus", "2.86") == (400, sentence)
    assert await put("hw:cpu_policy", "bogus", "2.104") == (400, sentence)
    assert await put("hw:cpu_policy", "shared", "2.86") == (200, "")
    assert await put("hw:cpu_policy", "bogus", "2.85") == (200, "")
    assert await put("hw:cpu_policy", "bogus", "") == (200, "")
    assert (await put("hw:cpu_polcy", "shared", "2.86"))[0] == 400
    assert await put("mine:cpu_polcy", "shared", "2.86") == (200, "")
