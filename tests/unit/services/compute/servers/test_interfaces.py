"""Ports that a server is given after it was built, and that it loses."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fractus.model.cloud import Step
from fractus.model.errors import ApiError, Conflict, Invalid, NotFound
from fractus.reconcile.kind import Apply, Done, Item, Plan, Wait
from tests.unit.services.compute.servers.house import House, derived
from tests.unit.services.compute.servers.test_lifecycle import LIFE, MEMORY, item, seen

NET = derived("net-a")


async def placed(house: House, **about: Any) -> str:
    id = await house.create()
    await house.place(id, **about)
    return id


async def plug(house: House, id: str, asked: Any = None, **more: Any) -> dict[str, Any]:
    body = {} if asked is None else {"interfaceAttachment": asked}
    answer = await house.ask("POST", f"/servers/{id}/os-interface", body, **more)
    found: dict[str, Any] = answer["interfaceAttachment"]
    return found


async def test_it_gets_a_port_and_needs_it(house: House) -> None:
    id = await placed(house)
    made = await plug(house, id, {"net_id": NET, "fixed_ips": [{"ip_address": "10.0.0.99"}], "tag": "blue"})
    assert (made["net_id"], made["tag"]) == (NET, "blue")
    assert [one["ip_address"] for one in made["fixed_ips"]] == ["10.0.0.99"]
    desired = (await house.fetch(id)).desired
    assert desired["ports"][1:] == list(desired["plugged"]) == [made["port_id"]]
    assert desired["port_tags"] == ["", "blue"]
    needs = [one for one in await house.resources.needs(house.store, "server", id) if one.kind == "port"]
    assert {one.id for one in needs} == set(desired["ports"])
    assert all(one.exclusive for one in needs)
    listed = await house.ask("GET", f"/servers/{id}/os-interface")
    assert [one["tag"] for one in listed["interfaceAttachments"]] == [None, "blue"]
    assert "tag" not in await plug(house, id, version="2.69")


async def test_it_loses_it_again(house: House) -> None:
    id = await placed(house)
    first, second = await plug(house, id, {}), await plug(house, id, {})
    await house.ask("DELETE", f"/servers/{id}/os-interface/{first['port_id']}")
    desired = (await house.fetch(id)).desired
    assert first["port_id"] not in desired["ports"]
    assert second["port_id"] in desired["ports"]
    assert house.plugging.asked == [("unplug", "", id, first["port_id"])]
    needs = await house.resources.needs(house.store, "server", id)
    assert first["port_id"] not in [one.id for one in needs]
    said = await house.refused(NotFound, "DELETE", f"/servers/{id}/os-interface/{first['port_id']}")
    assert said == f"Port id {first['port_id']} could not be found."
    actions = (await house.ask("GET", f"/servers/{id}/os-instance-actions"))["instanceActions"]
    assert [one["action"] for one in actions][:3] == [
        "detach_interface",
        "attach_interface",
        "attach_interface",
    ]


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"net_id": NET, "port_id": NET}, Invalid, "Must not input both network_id and port_id"),
        (
            {"fixed_ips": [{"ip_address": "10.0.0.9"}]},
            Invalid,
            "Must input network_id when request IP address",
        ),
        ({"net_id": derived("other")}, NotFound, f"Network {derived('other')} could not be found."),
    ],
)
async def test_what_it_cannot_be_given(
    house: House, asked: dict[str, Any], error: type[ApiError], says: str
) -> None:
    id = await placed(house)
    body = {"interfaceAttachment": asked}
    assert await house.refused(error, "POST", f"/servers/{id}/os-interface", body) == says


async def test_which_network_where_none_is_named(house: House) -> None:
    id = await placed(house)
    house.networks.known = []
    said = await house.refused(Invalid, "POST", f"/servers/{id}/os-interface", {})
    assert said.startswith("No specific network was requested and none are available for project")
    house.networks.known = ["net-a", "net-b"]
    said = await house.refused(Invalid, "POST", f"/servers/{id}/os-interface", {})
    assert said.startswith("More than one possible network found.")


async def test_it_is_asked_in_nova_s_states(house: House) -> None:
    id = await placed(house, vm_state="suspended", status="SUSPENDED")
    for method, path, verb in (
        ("POST", "os-interface", "attach_interface"),
        ("DELETE", "os-interface/x", "detach_interface"),
    ):
        said = await house.refused(Conflict, method, f"/servers/{id}/{path}", {})
        assert said == f"Cannot '{verb}' instance {id} while it is in vm_state suspended"


# --- the plan -------------------------------------------------------------------------------------

P = {"ports": ["first", "new"], "port_tags": [], "plugged": {"new": 3}}
GONE = {"new": {"token": 4, "remote_id": "theirs"}}
THERE = {("port", "new"): "theirs"}


def of(remote: dict[tuple[str, str], str], memory: dict[str, Any], **desired: Any) -> Item:
    about = item(memory={**MEMORY, **memory}, **{**P, **desired})
    return Item(about.resource, about.presence, remote)


WAITS, NONE_WAITS = {"ports_there": {"new": "theirs"}}, {"ports_there": {}}
PLANS: list[tuple[str, Item, dict[str, Any], Plan]] = [
    (
        "it is attached",
        of(THERE, {}),
        {},
        Apply(
            Step("plug", {"port_id": "theirs"}),
            {**MEMORY, **NONE_WAITS, "plugged": {"new": 3}},
            once="plug:new:3",
        ),
    ),
    (
        "with its tag",
        of(THERE, {}, port_tags=["", "blue"]),
        {},
        Apply(
            Step("plug", {"port_id": "theirs", "tag": "blue"}),
            {**MEMORY, **NONE_WAITS, "plugged": {"new": 3}},
            once="plug:new:3",
        ),
    ),
    ("once", of(THERE, {"plugged": {"new": 3}}), {}, Done(MEMORY)),
    (
        "again, where it was detached since; what is remembered of others goes",
        of(THERE, {"plugged": {"new": 1, "old": 2}, "unplugged": {"new": 2}}),
        {},
        Apply(
            Step("plug", {"port_id": "theirs"}),
            {**MEMORY, **NONE_WAITS, "plugged": {"new": 3}},
            once="plug:new:3",
        ),
    ),
    (
        "one that is not there yet keeps none waiting",
        of(THERE, {}, ports=["first", "later", "new"], plugged={"later": 3, "new": 4}),
        {},
        Apply(
            Step("plug", {"port_id": "theirs"}),
            {**MEMORY, **NONE_WAITS, "plugged": {"new": 4}},
            once="plug:new:4",
        ),
    ),
    ("not while it is busy", of(THERE, {}), {"task_state": "pausing"}, Wait(2.0, "it is busy: pausing")),
    (
        "nor where it takes none: its id there is kept",
        of(THERE, {}),
        {"vm_state": "rescued"},
        Done({**MEMORY, **WAITS}),
    ),
    (
        "for when it takes some again",
        of({}, WAITS),
        {},
        Apply(
            Step("plug", {"port_id": "theirs"}),
            {**MEMORY, **NONE_WAITS, "plugged": {"new": 3}},
            once="plug:new:3",
        ),
    ),
    (
        "before what is asked later ends where it takes none",
        of(THERE, {}, acting={"token": 4, "verb": "suspend", "args": {}}),
        {},
        Apply(
            Step("plug", {"port_id": "theirs"}),
            {**MEMORY, **NONE_WAITS, "plugged": {"new": 3}},
            once="plug:new:3",
        ),
    ),
    (
        "what was attached is detached",
        of({}, {"plugged": {"new": 3}}, plugged={}, unplugged=GONE),
        {},
        Apply(
            Step("unplug", {"port_id": "theirs"}), {**MEMORY, "unplugged": {"new": 4}}, once="unplug:new:4"
        ),
    ),
    (
        "again, where it was attached since; what is remembered of others goes",
        of({}, {"plugged": {"new": 3}, "unplugged": {"new": 2, "old": 1}}, plugged={}, unplugged=GONE),
        {},
        Apply(
            Step("unplug", {"port_id": "theirs"}), {**MEMORY, "unplugged": {"new": 4}}, once="unplug:new:4"
        ),
    ),
    (
        "what is detached already is left alone",
        of({}, {"plugged": {"new": 3}, "unplugged": {"new": 4}}, plugged={}, unplugged=GONE),
        {},
        Done(MEMORY),
    ),
]


@pytest.mark.parametrize(
    ("about", "there", "plan"), [row[1:] for row in PLANS], ids=[row[0] for row in PLANS]
)
def test_what_its_cloud_is_asked(about: Item, there: dict[str, Any], plan: Plan) -> None:
    assert LIFE.plan(about, msgspec.structs.replace(seen(), **there)) == plan


def test_what_was_detached_is_asked_for_no_longer() -> None:
    about = of(
        {}, {"unplugged": {"new": 4}}, plugged={}, unplugged={**GONE, "next": {**GONE["new"], "token": 5}}
    )
    LIFE.learn(about.resource, [about.presence])
    assert list(about.resource.desired["unplugged"]) == ["next"]
