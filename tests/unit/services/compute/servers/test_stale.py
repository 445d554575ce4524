"""What is old says so, and what admins may ask for besides (law 3)."""

from __future__ import annotations

import pytest

from fractus.store import work
from tests.unit.services.compute.servers.house import House, admin


async def two(house: House) -> tuple[str, str]:
    """A server in east and one in west; only west goes on answering."""
    one, other = await house.create(name="one"), await house.create(name="other")
    await house.place(one, "east")
    await house.place(other, "west")
    house.clock.at += 31
    await house.hear("west")
    return one, other


async def test_a_silent_cloud_shows_in_the_header_and_to_the_owner(house: House) -> None:
    one, other = await two(house)
    answer = await house.ask("GET", "/servers/detail")
    assert house.last.headers == {"Fractus-Stale": "east"}
    reported = {server["id"]: server.get("host_status") for server in answer["servers"]}
    assert reported == {one: "UNKNOWN", other: None}
    assert (await house.ask("GET", f"/servers/{one}"))["server"]["host_status"] == "UNKNOWN"
    assert house.last.headers == {"Fractus-Stale": "east"}
    assert "host_status" not in (await house.ask("GET", f"/servers/{other}"))["server"]
    assert house.last.headers == {}


@pytest.mark.parametrize(("version", "reported"), [("2.15", False), ("2.16", True), ("2.99", True)])
async def test_older_versions_have_the_header_and_newer_ones_the_field(
    house: House, version: str, reported: bool
) -> None:
    one, _ = await two(house)
    server = (await house.ask("GET", f"/servers/{one}", version=version))["server"]
    assert ("host_status" in server) is reported
    assert house.last.headers == {"Fractus-Stale": "east"}


async def test_admins_see_the_state_of_every_host(house: House) -> None:
    one, other = await two(house)
    answer = await house.ask("GET", "/servers/detail", who=admin(), query="all_tenants=1")
    reported = {server["id"]: server["host_status"] for server in answer["servers"]}
    assert reported == {one: "UNKNOWN", other: "UP"}
    await house.place(other, "west", host_status="DOWN")
    shown = await house.ask("GET", f"/servers/{other}", who=admin())
    assert shown["server"]["host_status"] == "DOWN"


async def test_a_server_that_is_nowhere_yet_is_not_stale(house: House) -> None:
    id = await house.create()
    house.clock.at += 3600
    assert "host_status" not in (await house.ask("GET", f"/servers/{id}"))["server"]
    assert house.last.headers == {}
    shown = await house.ask("GET", f"/servers/{id}", who=admin())
    assert shown["server"]["host_status"] == ""


async def test_a_list_is_as_long_with_a_silent_cloud(house: House) -> None:
    await two(house)
    assert len((await house.ask("GET", "/servers"))["servers"]) == 2
    assert len((await house.ask("GET", "/servers/detail"))["servers"]) == 2


async def test_hearing_again_is_seen_within_a_second(house: House) -> None:
    one, _ = await two(house)
    await house.ask("GET", f"/servers/{one}")
    await house.hear("east")
    house.clock.at += 1
    assert "host_status" not in (await house.ask("GET", f"/servers/{one}"))["server"]


MORE = {"fractus-extra": "1"}


async def test_admins_may_ask_where_a_server_is_and_why(house: House) -> None:
    one, _ = await two(house)
    await house.ask("PUT", f"/servers/{one}", {"server": {"name": "new"}})
    shown = (await house.ask("GET", f"/servers/{one}", who=admin(), headers=MORE))["server"]
    more = {name: value for name, value in shown.items() if name.startswith("fractus:")}
    pending = more.pop("fractus:pending")
    assert more == {
        "fractus:cloud": "east",
        "fractus:remote_id": f"remote-{one}",
        "fractus:observed_at": "2025-06-15T15:06:40Z",
        "fractus:stale": True,
        "fractus:choice": {},
    }
    assert [item["cloud"] for item in pending] == [None]
    assert len(await work.about(house.store, "server", one)) == 1
    listed = await house.ask("GET", "/servers/detail", who=admin(), headers=MORE, query="all_tenants=1")
    assert all("fractus:cloud" in server for server in listed["servers"])


async def test_nobody_else_does_and_nobody_by_accident(house: House) -> None:
    one, _ = await two(house)
    for who, headers in ((None, MORE), (admin(), {}), (admin(), {"fractus-extra": "0"})):
        shown = await house.ask("GET", f"/servers/{one}", who=who, headers=headers)
        assert not any(name.startswith("fractus:") for name in shown["server"])
