"""Law 3: a dead cloud changes no other's latency, no list fails or shrinks because of it, and what is stale says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fractus.clouds.simulated.faults import Faults
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, User
from fractus.testing.world import World
from tests.api.house import House, furnish, served

DEATHS: dict[str, Callable[[Faults], None]] = {
    "hangs": Faults.hangs,
    "unreachable": Faults.unreachable,
    "password changed": Faults.credentials_rejected,
    "answers garbage": Faults.garbage,
}

STALE = "fractus-stale"


@pytest.fixture(params=DEATHS)
def dies(request: pytest.FixtureRequest) -> Callable[[Faults], None]:
    return DEATHS[request.param]


async def _two_houses(world: World) -> tuple[User, House, str]:
    """Ann has everything in a, and a second server in b."""
    ann = world.user("ann")
    house = await furnish(world, ann, zone="a")
    other = await ann.boots_server("other", zone="b", network=house.network)
    await world.settle()
    assert (await ann.server(other))["status"] == "ACTIVE"
    return ann, house, other


async def _all_lists(world: World, user: User, house: House) -> dict[str, Any]:
    """Every GET route's answer, whatever it is; of servers, without what may tell that it is old news."""
    answers: dict[str, Any] = {}
    for one in await served(world):
        if one.route.method == "GET" and not one.gone:
            version = "2.104" if one.service.type == "compute" else ""
            period = _PERIOD if "usage" in str(one) else {}
            reply = await user.get(house.path(one), version=version, **period)
            document = reply.json if "json" in reply.headers.get("content-type", "") else reply.body
            answers[str(one)] = (reply.status, _undated(document))
    return answers


#: What tells that a server is old news, how long it runs, and which request a refusal of Placement was.
_DATED = frozenset(("host_status", "uptime", "request_id"))

#: It ends before the cloud dies: what is used grows no more.
_PERIOD = {"start": "2026-01-01T00:00:00", "end": "2026-01-01T00:00:05"}


def _undated(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _undated(value) for key, value in document.items() if key not in _DATED}
    return [_undated(one) for one in document] if isinstance(document, list) else document


async def test_lists_are_as_long_as_before_and_say_what_is_stale(
    world: World, dies: Callable[[Faults], None]
) -> None:
    ann, house, other = await _two_houses(world)
    before = await _all_lists(world, ann, house)
    dies(world.cloud("a").faults)
    await world.run_for(60)
    after = await _all_lists(world, ann, house)
    # A zone whose cloud is dead is not available; all else is as it was.
    zones = "compute GET /os-availability-zone"
    assert {name for name in before if before[name] != after[name]} <= {
        zones,
        "network GET /availability_zones",
        # Read from the cloud of the server while it is asked for.
        "compute GET /servers/{server_id}/os-server-password",
        "compute GET /servers/{server_id}/topology",
    }
    await _says_stale(ann, {house.server: True, other: False})
    await _says_stale(world.admin, {house.server: True, other: False}, all_tenants=1)

    world.cloud("a").faults.heals()
    await world.run_for(60)
    await _says_stale(ann, {house.server: False, other: False})
    assert await _all_lists(world, ann, house) == before


async def _says_stale(user: User, expected: dict[str, bool], **query: Any) -> None:
    """Which servers are shown as old news, in lists and one by one, from 2.16 on; and the header at every version."""
    header = "a" if any(expected.values()) else None
    reply = await user.get(f"{COMPUTE}/servers/detail", version="2.16", **query)
    statuses = {one["id"]: one.get("host_status") for one in reply.ok()["servers"]}
    assert {id: status == "UNKNOWN" for id, status in statuses.items()} == expected
    assert reply.headers.get(STALE) == header
    old = await user.get(f"{COMPUTE}/servers/detail", version="2.15", **query)
    assert old.headers.get(STALE) == header
    assert not any("host_status" in one for one in old.ok()["servers"])
    for id, stale in expected.items():
        for version in ("2.16", "2.104"):
            one = await user.get(f"{COMPUTE}/servers/{id}", version=version)
            assert (one.ok()["server"].get("host_status") == "UNKNOWN") is stale
            assert one.headers.get(STALE) == ("a" if stale else None)
        assert (await user.get(f"{COMPUTE}/servers/{id}")).headers.get(STALE) == ("a" if stale else None)


async def test_a_short_silence_is_not_stale(world: World) -> None:
    ann, house, other = await _two_houses(world)
    world.cloud("a").faults.unreachable()
    await world.run_for(20)
    await _says_stale(ann, {house.server: False, other: False})


async def test_work_for_the_other_cloud_goes_on(world: World, dies: Callable[[Faults], None]) -> None:
    ann, house, other = await _two_houses(world)
    dies(world.cloud("a").faults)
    began = world.clock.monotonic()
    named = await ann.boots_server("named", zone="b", network=house.network)
    free = [await ann.boots_server(f"free{number}", network=house.network) for number in range(3)]
    (await ann.acts(other, "os-stop")).ok()
    # Without a death it takes some seconds; a hanging cloud may cost those who might have gone there its patience.
    # World's rounds wait for the slowest call of each, so that virtual time runs faster than the other cloud's work.
    await world.run_for(180)
    for id in (named, *free):
        shown = await ann.server(id)
        assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "b"), shown.get("fault")
    assert (await ann.server(other))["status"] == "SHUTOFF"
    assert world.clock.monotonic() - began < 400


async def test_what_was_pending_completes_by_itself(world: World, dies: Callable[[Faults], None]) -> None:
    """Everything that can be asked of a server, asked while its cloud is dead."""
    ann, house, _ = await _two_houses(world)
    rebooted, stopped, deleted = [
        await ann.boots_server(name, zone="a", network=house.network) for name in ("reboot", "stop", "delete")
    ]
    await world.settle()
    image = await ann.makes_image("fresh")
    dies(world.cloud("a").faults)
    new = await ann.boots_server("new", zone="a", network=house.network, image=image)
    (await ann.acts(stopped, "os-stop")).ok()
    (await ann.acts(rebooted, "reboot", {"type": "SOFT"})).ok()
    (await ann.put(f"{COMPUTE}/servers/{house.server}", {"server": {"name": "renamed"}})).ok()
    (await ann.post(f"{NETWORK}/security-group-rules", _rule(house.group))).ok()
    await ann.deletes_server(deleted)
    await world.run_for(120)

    waiting = await ann.server(new)
    assert waiting["status"] == "ERROR", "after half a minute the user is shown it"
    assert waiting["fault"]["message"]
    assert (await ann.server(stopped))["OS-EXT-STS:task_state"] == "powering-off"
    leaving = await ann.get(f"{COMPUTE}/servers/{deleted}")
    assert leaving.status == 404 or leaving.json["server"]["OS-EXT-STS:task_state"] == "deleting"

    world.cloud("a").faults.heals()
    await world.settle()
    assert (await ann.server(new))["status"] == "ACTIVE"
    assert "fault" not in await ann.server(new)
    assert (await ann.server(stopped))["status"] == "SHUTOFF"
    assert (await ann.get(f"{COMPUTE}/servers/{deleted}")).status == 404
    a = world.cloud("a")
    assert a.marked("server", deleted) == []
    assert [server.name for server in a.marked("server", house.server)] == ["renamed"]
    assert [len(server.boots) for server in a.marked("server", rebooted)] in ([1], [2])
    (group,) = a.marked("security_group", house.group)
    assert any(rule.port_range_min == 443 for rule in group.rules)
    await world.assert_no_orphans()


def _rule(group: str) -> dict[str, Any]:
    body = {"direction": "ingress", "protocol": "tcp", "port_range_min": 443, "port_range_max": 443}
    return {"security_group_rule": {"security_group_id": group, **body}}


async def test_everything_is_deleted_while_a_cloud_is_dead_and_nothing_stays(
    world: World, dies: Callable[[Faults], None]
) -> None:
    ann, house, other = await _two_houses(world)
    dies(world.cloud("a").faults)
    for server in (house.server, other):
        await ann.deletes_server(server)
    await world.run_for(60)
    assert (await ann.get(f"{COMPUTE}/servers/{other}")).status == 404
    assert world.cloud("b").of("server") == []
    world.cloud("a").faults.heals()
    await world.settle()
    of_trunk = (f"trunks/{house.declared['trunks']}", f"ports/{house.parent}")
    for path in (
        *of_trunk,
        f"ports/{house.port}",
        f"networks/{house.network.id}",
        f"security-groups/{house.group}",
    ):
        (await ann.delete(f"{NETWORK}/{path}")).ok()
    (await ann.delete(f"{COMPUTE}/os-keypairs/{house.key}")).ok()
    (await ann.delete(f"{IMAGE}/images/{house.image}")).ok()
    await world.settle()
    await world.assert_nothing_left()
    await world.assert_no_orphans()


async def test_both_clouds_dead_all_is_still_shown_and_accepted(world: World) -> None:
    ann, house, other = await _two_houses(world)
    for cloud in world.clouds:
        cloud.faults.unreachable()
    await world.run_for(60)
    reply = await ann.get(f"{COMPUTE}/servers/detail", version="2.16")
    assert reply.headers[STALE] == "a, b"
    assert {one["id"] for one in reply.ok()["servers"]} == {house.server, other}
    new = await ann.boots_server("new", network=house.network)
    for _ in range(60):
        await world.run_for(5)
        shown = await ann.server(new)
        if shown["status"] != "BUILD":
            break
    assert shown["status"] == "ERROR"
    assert "No valid host was found" in shown["fault"]["message"]
    for cloud in world.clouds:
        cloud.faults.heals()
    await world.settle()
    assert (await ann.server(new))["status"] == "ACTIVE"
    await world.assert_no_orphans()


async def test_a_console_of_a_dead_cloud_is_an_answer_in_time(
    world: World, dies: Callable[[Faults], None]
) -> None:
    """The one route that asks a cloud: no hang, a 503 with a sentence, and the others' answers as ever."""
    ann, house, _ = await _two_houses(world)
    dies(world.cloud("a").faults)
    began = world.clock.monotonic()
    asked = ann.acts(house.server, "os-getConsoleOutput", {"length": 10})
    reply = await world._drive(asked)
    assert reply.status == 503
    assert reply.json["serviceUnavailable"]["message"].startswith("The cloud a did not give the console log")
    assert world.clock.monotonic() - began <= 10.0
