"""How a server is said to be, from its first moment to its last."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import NotFound
from fractus.services.compute.servers import view
from tests.unit.services.compute.servers.house import House, admin


async def server(house: House, id: str, who: Any = None) -> dict[str, Any]:
    answer: dict[str, Any] = (await house.ask("GET", f"/servers/{id}", who=who))["server"]
    return answer


def state(shown: dict[str, Any]) -> tuple[str, str, str | None]:
    return (shown["status"], shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:task_state"])


async def test_a_new_server_is_being_scheduled_and_has_no_addresses_yet(house: House) -> None:
    shown = await server(house, await house.create())
    assert state(shown) == ("BUILD", "building", "scheduling")
    assert shown["addresses"] == {}
    assert shown["hostId"] == ""
    assert shown["OS-EXT-AZ:availability_zone"] == ""
    assert shown["progress"] == 0
    assert "fault" not in shown


async def test_the_zone_that_was_asked_for_shows_before_the_server_is_there(house: House) -> None:
    shown = await server(house, await house.create(availability_zone="west"))
    assert shown["OS-EXT-AZ:availability_zone"] == shown["pinned_availability_zone"] == "west"


async def test_in_its_cloud_the_cloud_tells(house: House) -> None:
    id = await house.create()
    await house.place(
        id, "west", status="BUILD", vm_state="building", task_state="spawning", launched_at=None
    )
    shown = await server(house, id)
    assert state(shown) == ("BUILD", "building", "spawning")
    assert shown["OS-EXT-AZ:availability_zone"] == "west"
    assert shown["pinned_availability_zone"] is None
    await house.place(id, "west", config_drive="True", hostname="web-there", locked=True)
    shown = await server(house, id)
    assert state(shown) == ("ACTIVE", "active", None)
    assert shown["config_drive"] == "True"
    assert shown["OS-EXT-SRV-ATTR:hostname"] == "web-there"
    assert shown["locked"] is True
    assert shown["addresses"]["net-a"][0]["addr"] == "10.0.0.1"


async def test_states_that_a_cloud_does_not_name_follow_from_the_status(house: House) -> None:
    id = await house.create()
    await house.place(id, status="SHUTOFF", vm_state="", power_state=4)
    assert state(await server(house, id)) == ("SHUTOFF", "stopped", None)


@pytest.mark.parametrize(
    ("verb", "before", "after", "next_verb"),
    [
        ("os-stop", {}, {"status": "SHUTOFF", "vm_state": "stopped", "power_state": 4}, "os-start"),
        ("os-start", {"status": "SHUTOFF", "vm_state": "stopped"}, {}, "os-stop"),
    ],
)
async def test_who_sees_that_a_request_has_come_true_may_request_the_next(
    house: House, verb: str, before: dict[str, Any], after: dict[str, Any], next_verb: str
) -> None:
    id = await house.create()
    await house.place(id, **before)
    await house.ask("POST", f"/servers/{id}/action", {verb: None})
    # Seen by a sweep, before the worker has looked at the server itself.
    await house.remember(id, done=2, sent=2)
    await house.place(id, **after)
    await house.remember(id, done=2, sent=2)
    assert state(await server(house, id))[2] is None
    await house.ask("POST", f"/servers/{id}/action", {next_verb: None})
    assert state(await server(house, id))[2] is not None


@pytest.mark.parametrize(
    ("verb", "before", "shown"),
    [
        ("os-stop", {}, ("ACTIVE", "active", "powering-off")),
        ("os-start", {"status": "SHUTOFF", "vm_state": "stopped"}, ("SHUTOFF", "stopped", "powering-on")),
    ],
)
async def test_a_request_shows_at_once_as_a_task(
    house: House, verb: str, before: dict[str, Any], shown: tuple[str, str, str]
) -> None:
    id = await house.create()
    await house.place(id, **before)
    await house.ask("POST", f"/servers/{id}/action", {verb: None})
    assert state(await server(house, id)) == shown
    # Sent, and not looked at since: the old state must not flash up in between.
    await house.remember(id, done=2, sent=2)
    assert state(await server(house, id)) == shown
    # Looked at since: the cloud's own words count.
    await house.remember(id, sent=0)
    assert state(await server(house, id))[2] is None


@pytest.mark.parametrize(
    ("kind", "status", "task"),
    [("SOFT", "REBOOT", "rebooting"), ("HARD", "HARD_REBOOT", "rebooting_hard")],
)
async def test_a_reboot_shows_by_its_kind(house: House, kind: str, status: str, task: str) -> None:
    id = await house.create()
    await house.place(id)
    await house.ask("POST", f"/servers/{id}/action", {"reboot": {"type": kind}})
    assert state(await server(house, id)) == (status, "active", task)
    await house.place(id, status="REBOOT", task_state="reboot_started")
    assert state(await server(house, id))[2] == "reboot_started"


async def test_a_fault_is_the_clouds_own_and_its_details_are_for_admins(house: House) -> None:
    id = await house.create()
    await house.fail(id, "No valid host was found.", launched_at=None)
    shown = await server(house, id)
    assert state(shown) == ("ERROR", "error", None)
    fault = {"code": 500, "created": "2025-06-15T15:06:41Z", "message": "No valid host was found."}
    assert shown["fault"] == fault
    assert "progress" not in shown
    assert (await server(house, id, admin()))["fault"] == {**fault, "details": "Traceback ..."}
    listed = await house.ask("GET", "/servers/detail", who=admin(), query="all_tenants=1")
    assert listed["servers"][0]["fault"]["details"] == "Traceback ..."


async def test_what_cannot_be_done_is_an_error_with_the_reason(house: House) -> None:
    id = await house.create()
    await house.block(id, "Quota exceeded for instances")
    shown = await server(house, id)
    assert state(shown) == ("ERROR", "error", None)
    assert shown["fault"]["message"] == "Quota exceeded for instances"
    assert shown["fault"]["code"] == 500


async def test_a_fault_keeps_its_time_while_work_is_retried_and_the_server_is_changed(house: House) -> None:
    id = await house.create()
    house.clock.at += 30.0
    await house.nowhere(id, "No valid host was found. east: full")
    failed_at = (await server(house, id))["fault"]["created"]
    assert failed_at > (await server(house, id))["created"]
    house.clock.at += 60.0
    await house.nowhere(id, "No valid host was found. east: down")
    shown = await server(house, id)
    assert shown["fault"] == {
        "code": 500,
        "created": failed_at,
        "message": "No valid host was found. east: down",
    }
    assert shown["updated"] > failed_at
    house.clock.at += 60.0
    await house.ask("PUT", f"/servers/{id}", {"server": {"name": "other"}})
    assert house.last.status == 200
    assert (await server(house, id))["fault"]["created"] == failed_at
    # It comes up, and fails anew: that is another fault.
    await house.nowhere(id, "")
    assert "fault" not in await server(house, id)
    house.clock.at += 60.0
    await house.nowhere(id, "No valid host was found. east: full")
    assert (await server(house, id))["fault"]["created"] > failed_at


async def test_that_no_cloud_takes_it_is_an_error_with_all_reasons(house: House) -> None:
    id = await house.create()
    await house.nowhere(id, "No valid host was found. east: full; west: down")
    shown = await server(house, id)
    assert shown["status"] == "ERROR"
    assert shown["fault"]["message"] == "No valid host was found. east: full; west: down"
    await house.ask("DELETE", f"/servers/{id}")
    assert state(await server(house, id)) == ("ERROR", "error", "deleting")


async def test_a_server_that_was_deleted_in_its_cloud_is_not_made_anew(house: House) -> None:
    id = await house.create()
    await house.place(id)
    await house.place(id, status="DELETED", gone=True)
    shown = await server(house, id)
    assert shown["status"] == "ERROR"
    assert shown["fault"]["message"] == "It is gone from east: it was deleted there."


async def test_a_deleted_server_stays_to_be_seen_until_its_cloud_has_confirmed(house: House) -> None:
    id = await house.create()
    await house.place(id)
    await house.ask("DELETE", f"/servers/{id}")
    assert house.last.status == 204
    assert state(await server(house, id)) == ("ACTIVE", "active", "deleting")
    assert (await house.fetch(id)).wanted is False
    await house.gone(id)
    assert house.networks.released == [id]
    with pytest.raises(NotFound, match=f"Instance {id} could not be found."):
        await server(house, id)
    answer = await house.ask("GET", "/servers/detail", query={"changes-since": "2025-01-01T00:00:00Z"})
    assert state(answer["servers"][0]) == ("DELETED", "deleted", None)
    assert answer["servers"][0]["OS-SRV-USG:terminated_at"] == "2025-06-15T15:06:40.000000"


async def test_a_reset_holds_until_the_cloud_says_something_new(house: House) -> None:
    id = await house.create()
    await house.place(id)
    await house.ask("POST", f"/servers/{id}/action", {"os-resetState": {"state": "error"}}, who=admin())
    assert state(await server(house, id)) == ("ERROR", "error", None)
    await house.place(id, status="SHUTOFF", vm_state="stopped")
    assert state(await server(house, id)) == ("SHUTOFF", "stopped", None)
    await house.ask("POST", f"/servers/{id}/action", {"os-resetState": {"state": "active"}}, who=admin())
    assert state(await server(house, id)) == ("ACTIVE", "active", None)


async def test_a_reset_ends_with_what_is_asked_of_the_cloud(house: House) -> None:
    id = await house.create()
    await house.place(id)
    await house.ask("POST", f"/servers/{id}/action", {"os-resetState": {"state": "error"}}, who=admin())
    await house.ask("POST", f"/servers/{id}/action", {"lock": None}, who=admin())
    assert state(await server(house, id)) == ("ERROR", "error", None)
    await house.ask("POST", f"/servers/{id}/action", {"reboot": {"type": "HARD"}}, who=admin())
    await house.place(id)
    assert state(await server(house, id))[1] == "active", "its cloud says again what it said before"


def test_statuses_follow_nova() -> None:
    assert view.status_of("active", None) == "ACTIVE"
    assert view.status_of("active", "resize_prep") == "RESIZE"
    assert view.status_of("active", "powering-off") == "ACTIVE"
    assert view.status_of("stopped", "rebuilding") == "REBUILD"
    assert view.status_of("odd", None) == "UNKNOWN"
    assert view.states_of(["reboot"]) == (["active"], ["reboot_pending", "reboot_started", "rebooting"])
    assert view.states_of(["ACTIVE", "Error"]) == (["active", "error"], [])
    assert view.states_of(["nonsense"]) == ([], [])


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("Web Server_1.example", "web-server-1-example"),
        ("-web-", "web"),
        ("日本", ""),
        ("x" * 70, "x" * 63),
        ("a/b:c", "abc"),
    ],
)
def test_host_names_are_made_as_nova_makes_them(name: str, host: str) -> None:
    assert view.hostname_of(name) == host
