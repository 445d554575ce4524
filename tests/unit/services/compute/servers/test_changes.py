"""PUT, DELETE and actions."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from fractus.auth.vault import Vault
from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound
from fractus.services.compute.servers import policy
from fractus.store import work
from tests.unit.services.compute.servers.house import NEWEST, POLICY, House, admin, ann, bob, reader


async def act(house: House, id: str, body: Any, **more: Any) -> Any:
    return await house.ask("POST", f"/servers/{id}/action", body, **more)


async def refused(house: House, error: Any, id: str, body: Any, **more: Any) -> str:
    return await house.refused(error, "POST", f"/servers/{id}/action", body, **more)


async def shown(house: House, id: str, **more: Any) -> dict[str, Any]:
    server: dict[str, Any] = (await house.ask("GET", f"/servers/{id}", **more))["server"]
    return server


# --- PUT ------------------------------------------------------------------------------------------


async def test_a_put_changes_the_request_and_wakes_the_machine(house: House) -> None:
    id = await house.create()
    await house.place(id)
    house.notifier.notified.clear()
    house.clock.at += 5
    body = {
        "name": "new",
        "description": "words",
        "accessIPv4": "192.0.2.1",
        "accessIPv6": "2001:db8::1",
        "OS-DCF:diskConfig": "AUTO",
    }
    answer = (await house.ask("PUT", f"/servers/{id}", {"server": body}))["server"]
    assert {name: answer[name] for name in body} == body
    assert answer["updated"] == "2025-06-15T15:06:45Z"
    server = await house.fetch(id)
    assert (server.name, server.desired["name"], server.generation) == ("new", "new", 2)
    assert house.notifier.notified == [""]


async def test_a_put_that_changes_nothing_writes_nothing(house: House) -> None:
    id = await house.create()
    await house.ask("PUT", f"/servers/{id}", {"server": {"name": "web"}})
    await house.ask("PUT", f"/servers/{id}", {"server": {}})
    assert (await house.fetch(id)).generation == 1


@pytest.mark.parametrize(
    ("version", "server", "says"),
    [
        ("2.104", {"name": ""}, "'' should be non-empty"),
        ("2.104", {"name": "x "}, "An invalid 'name' value was provided."),
        ("2.104", {"metadata": {}}, "'metadata' was unexpected"),
        ("2.104", {"accessIPv4": "x"}, "'x' is not a 'ipv4'"),
        ("2.93", {"hostname": "a.b"}, "'a.b' does not match"),
        ("2.18", {"description": "x"}, "'description' was unexpected"),
        ("2.89", {"hostname": "web"}, "'hostname' was unexpected"),
        ("2.103", {"pinned_availability_zone": None}, "'pinned_availability_zone' was unexpected"),
    ],
)
async def test_bad_puts(house: House, version: str, server: dict[str, Any], says: str) -> None:
    id = await house.create()
    assert says in await house.refused(Invalid, "PUT", f"/servers/{id}", {"server": server}, version=version)


HOSTNAME = "OS-EXT-SRV-ATTR:hostname"


@pytest.mark.parametrize("placed", [True, False])
async def test_a_host_name_is_changed_with_all_the_rest(house: House, placed: bool) -> None:
    id = await house.create()
    if placed:
        await house.place(id, hostname="web-1")
    put = {"server": {"hostname": "other", "name": "new", "description": "d"}}
    shown = (await house.ask("PUT", f"/servers/{id}", put, version="2.90"))["server"]
    assert (shown[HOSTNAME], shown["name"], shown["description"]) == ("other", "new", "d")
    desired = (await house.fetch(id)).desired
    assert (desired["hostname"], desired["hostname_given"]) == ("other", True)
    await house.ask("PUT", f"/servers/{id}", {"server": {"hostname": "a.example"}}, version="2.94")
    assert (await house.fetch(id)).desired["hostname"] == "a.example"


@pytest.mark.parametrize(("limit", "name", "floor"), [("none", "b", "2.90"), ("label", "b.example", "2.94")])
async def test_a_host_name_that_its_cloud_cannot_change_is_refused_with_a_sentence(
    house: House, limit: str, name: str, floor: str
) -> None:
    id = await house.create()
    await house.place(id, hostname="web-1", hostnames=limit)
    put = {"server": {"hostname": name, "name": "new"}}
    assert await house.refused(Invalid, "PUT", f"/servers/{id}", put, version="2.94") == (
        f"hostname cannot be changed to {name!r} in the cloud east, where the server is: "
        f"that needs compute {floor} there."
    )
    assert (await house.fetch(id)).name != "new"
    put["server"]["hostname"] = "web-1"
    await house.ask("PUT", f"/servers/{id}", put, version="2.94")
    assert house.last.status == 200


async def test_a_server_is_pinned_to_where_it_is_and_let_go(house: House) -> None:
    id = await house.create()
    await house.place(id, "west")
    put = {"server": {"pinned_availability_zone": "east"}}
    said = await house.refused(Conflict, "PUT", f"/servers/{id}", put)
    assert said == (
        "Server can only be pinned to its current availability zone 'west', but 'east' was requested."
    )
    put["server"]["pinned_availability_zone"] = "west"
    answer = await house.ask("PUT", f"/servers/{id}", put)
    assert answer["server"]["pinned_availability_zone"] == "west"
    assert house.life.demand(await house.fetch(id)).cloud == "west"
    put["server"]["pinned_availability_zone"] = "east"
    said = await house.refused(Conflict, "PUT", f"/servers/{id}", put)
    assert said.startswith("Cannot change pinned availability zone directly.")
    answer = await house.ask("PUT", f"/servers/{id}", {"server": {"pinned_availability_zone": None}})
    assert answer["server"]["pinned_availability_zone"] is None


# --- power ----------------------------------------------------------------------------------------

BUILDING = {"status": "BUILD", "vm_state": "building", "task_state": "spawning"}
OFF = {"status": "SHUTOFF", "vm_state": "stopped", "power_state": 4}
NEVER_RAN = {"status": "ERROR", "vm_state": "error", "launched_at": None}
BUSY = {"task_state": "powering-off"}
STOP, START = {"os-stop": None}, {"os-start": None}
SOFT, HARD = {"reboot": {"type": "SOFT"}}, {"reboot": {"type": "Hard"}}


@pytest.mark.parametrize(
    ("seen", "body", "verb", "args"),
    [
        ({}, STOP, "stop", {}),
        ({"status": "ERROR", "vm_state": "error"}, STOP, "stop", {}),
        (OFF, START, "start", {}),
        ({}, SOFT, "reboot", {"type": "SOFT"}),
        ({}, HARD, "reboot", {"type": "HARD"}),
        (OFF, HARD, "reboot", {"type": "HARD"}),
        ({"task_state": "rebooting", "status": "REBOOT"}, HARD, "reboot", {"type": "HARD"}),
    ],
)
async def test_actions_are_written_down_with_a_growing_token(
    house: House, seen: dict[str, Any], body: dict[str, Any], verb: str, args: dict[str, Any]
) -> None:
    id = await house.create()
    await house.place(id, **seen)
    assert await act(house, id, body) is None
    assert house.last.status == 202
    server = await house.fetch(id)
    created, done = server.desired["actions"]
    assert (created["token"], created["verb"]) == (1, "create")
    assert (done["token"], done["verb"], done["args"], done["user_id"]) == (2, verb, args, "ann")
    assert server.generation == 2
    assert [item.cloud for item in await work.about(house.store, "server", id)] == [""]


@pytest.mark.parametrize(
    ("seen", "body", "says"),
    [
        (None, STOP, "Instance {id} is not ready"),
        (None, START, "Instance {id} is not ready"),
        (None, SOFT, "Cannot 'reboot' instance {id} while it is in vm_state building"),
        (BUILDING, STOP, "Cannot 'stop' instance {id} while it is in vm_state building"),
        ({}, START, "Cannot 'start' instance {id} while it is in vm_state active"),
        (OFF, STOP, "Cannot 'stop' instance {id} while it is in vm_state stopped"),
        (OFF, SOFT, "Cannot 'reboot' instance {id} while it is in vm_state stopped"),
        (BUSY, STOP, "Cannot 'stop' instance {id} while it is in task_state powering-off"),
        (BUSY, HARD, "Cannot 'reboot' instance {id} while it is in task_state powering-off"),
        (NEVER_RAN, STOP, "Instance {id} is in an invalid state for 'stop'"),
        (NEVER_RAN, HARD, "Instance {id} is in an invalid state for 'reboot'"),
    ],
)
async def test_states_that_forbid(house: House, seen: Any, body: dict[str, Any], says: str) -> None:
    id = await house.create()
    if seen is not None:
        await house.place(id, **seen)
    assert await refused(house, Conflict, id, body) == says.format(id=id)
    assert (await house.fetch(id)).generation == 1


async def test_while_one_action_is_under_way_the_next_has_to_wait(house: House) -> None:
    id = await house.create()
    await house.place(id)
    await act(house, id, STOP)
    said = await refused(house, Conflict, id, STOP)
    assert said == f"Cannot 'stop' instance {id} while it is in task_state powering-off"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"reboot": {}}, "'type' is a required property"),
        ({"reboot": {"type": "WARM"}}, "'WARM' is not one of"),
        ({"reboot": {"type": "SOFT", "x": 1}}, "'x' was unexpected"),
        ({"reboot": None}, "None is not of type 'object'"),
        ({"os-resetState": {"state": "paused"}}, "'paused' is not one of"),
        ({"os-getConsoleOutput": {"length": "x"}}, "does not match"),
        ({"os-getConsoleOutput": {"length": -2}}, "-2 is less than the minimum of -1"),
        ({"os-getConsoleOutput": None}, "None is not of type 'object'"),
        ({"lock": {"locked_reason": ""}}, "'' should be non-empty"),
        ({"lock": {"why": "x"}}, "'why' was unexpected"),
    ],
)
async def test_bad_action_bodies(house: House, body: dict[str, Any], says: str) -> None:
    id = await house.create()
    assert says in await refused(house, Invalid, id, body, who=admin())


async def test_the_list_of_actions_keeps_the_first_and_the_newest(house: House) -> None:
    id = await house.create()
    await house.place(id)
    for _ in range(205):
        await act(house, id, {"unlock": None})
    actions = (await house.fetch(id)).desired["actions"]
    assert len(actions) == 200
    assert actions[0]["verb"] == "create"
    assert actions[-1]["token"] == 206


# --- locks ----------------------------------------------------------------------------------------


async def test_a_lock_keeps_everybody_but_admins_out(house: House) -> None:
    id = await house.create()
    await house.place(id)
    await act(house, id, {"lock": {"locked_reason": "mine"}})
    assert house.last.status == 202
    server = await shown(house, id)
    assert (server["locked"], server["locked_reason"]) == (True, "mine")
    locked = f"Instance {id} is locked"
    for body in (STOP, SOFT, {"forceDelete": None}):
        assert await refused(house, Conflict, id, body) == locked
    assert await house.refused(Conflict, "DELETE", f"/servers/{id}") == locked
    meta = {"metadata": {"a": "b"}}
    assert await house.refused(Conflict, "POST", f"/servers/{id}/metadata", meta) == locked
    await house.ask("PUT", f"/servers/{id}", {"server": {"name": "n"}})  # names are free, as in Nova
    await act(house, id, STOP, who=admin())
    await act(house, id, {"unlock": None})
    server = await shown(house, id)
    assert (server["locked"], server["locked_reason"]) == (False, None)


async def test_what_an_admin_locked_only_an_admin_unlocks(house: House) -> None:
    id = await house.create()
    await act(house, id, {"lock": None}, who=admin())
    said = await refused(house, Forbidden, id, {"unlock": None})
    assert (
        said == "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed."
    )
    await act(house, id, {"unlock": None}, who=admin())
    assert (await shown(house, id))["locked"] is False


async def test_before_2_73_a_lock_has_no_reason(house: House) -> None:
    id = await house.create()
    await act(house, id, {"lock": {"locked_reason": "x"}}, version="2.72")
    assert (await house.fetch(id)).desired["locked_reason"] is None


# --- the end --------------------------------------------------------------------------------------


async def test_deleting_twice_is_as_good_as_once(house: House) -> None:
    id = await house.create()
    await house.ask("DELETE", f"/servers/{id}")
    generation = (await house.fetch(id)).generation
    await house.ask("DELETE", f"/servers/{id}")
    assert house.last.status == 204
    assert house.last.body is None
    assert (await house.fetch(id)).generation == generation


async def test_force_delete_deletes(house: House) -> None:
    id = await house.create()
    await act(house, id, {"forceDelete": None})
    assert house.last.status == 202
    assert (await house.fetch(id)).wanted is False


# --- the console ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "lines"), [({}, None), ({"length": None}, None), ({"length": -1}, None), ({"length": "7"}, 7)]
)
async def test_the_console_log_comes_from_the_cloud(house: House, length: Any, lines: int | None) -> None:
    id = await house.create()
    assert await refused(house, Conflict, id, {"os-getConsoleOutput": {}}) == f"Instance {id} is not ready"
    await house.place(id)
    assert await act(house, id, {"os-getConsoleOutput": length}) == {"output": "booted\n"}
    assert house.last.status == 200
    assert house.console.asked == [(id, lines)]


def test_only_what_its_cloud_alone_knows_is_live(house: House) -> None:
    live = [(route.path.rpartition("/")[2], route.action) for route in house.routes() if route.live]
    assert live == [
        ("action", "os-getConsoleOutput"),
        ("remote-consoles", ""),
        ("action", "os-getVNCConsole"),
        ("action", "os-getSPICEConsole"),
        ("action", "os-getSerialConsole"),
        ("diagnostics", ""),
        ("os-server-password", ""),
        ("os-server-password", ""),
        ("migrations", ""),
        ("{id}", ""),
        ("{id}", ""),
        ("action", "force_complete"),
        ("topology", ""),
    ]


# --- strangers ------------------------------------------------------------------------------------


IMAGE = "00000000-0000-4000-8000-00000000000a"


async def test_a_stranger_finds_nothing_on_any_route(house: House) -> None:
    house.secrets = Vault([Fernet.generate_key().decode()])
    id = await house.create(tags=["t"], metadata={"k": "v"})
    await house.place(id)
    bodies: dict[str, Any] = {
        "PUT": {"server": {"name": "x"}},
        "PUT metadata": {"metadata": {}},
        "POST metadata": {"metadata": {}},
        "PUT {key}": {"meta": {"k": "w"}},
        "PUT tags": {"tags": []},
        "reboot": {"reboot": {"type": "SOFT"}},
        "os-getConsoleOutput": {"os-getConsoleOutput": {}},
        "os-getVNCConsole": {"os-getVNCConsole": {"type": "novnc"}},
        "os-getSPICEConsole": {"os-getSPICEConsole": {"type": "spice-html5"}},
        "os-getSerialConsole": {"os-getSerialConsole": {"type": "serial"}},
        "changePassword": {"changePassword": {"adminPass": "new"}},
        "resize": {"resize": {"flavorRef": "2"}},
        "createImage": {"createImage": {"name": "snap"}},
        "createBackup": {"createBackup": {"name": "snap", "backup_type": "daily", "rotation": 1}},
        "rebuild": {"rebuild": {"imageRef": IMAGE}},
        "addSecurityGroup": {"addSecurityGroup": {"name": "web"}},
        "removeSecurityGroup": {"removeSecurityGroup": {"name": "web"}},
        "addFixedIp": {"addFixedIp": {"networkId": IMAGE}},
        "removeFixedIp": {"removeFixedIp": {"address": "10.0.0.7"}},
        "addFloatingIp": {"addFloatingIp": {"address": "203.0.113.7"}},
        "removeFloatingIp": {"removeFloatingIp": {"address": "203.0.113.7"}},
        "POST os-interface": {},
        "POST os-volume_attachments": {"volumeAttachment": {"volumeId": IMAGE}},
        "PUT {volume_id}": {"volumeAttachment": {"volumeId": IMAGE}},
        "POST remote-consoles": {"remote_console": {"protocol": "vnc", "type": "novnc"}},
    }
    walked = 0
    for route in house.routes():
        if "{server_id}" not in route.path or not POLICY.allows(route.rule, ann()):
            continue
        last = route.path.rsplit("/", 1)[-1]
        path = route.path.replace("{server_id}", id).replace("{key}", "k").replace("{tag}", "t")
        body = bodies.get(f"{route.method} {last}", bodies.get(route.action or route.method))
        if route.action and body is None:
            body = {route.action: None}
        at = str(route.max_version or NEWEST)
        said = await house.refused(NotFound, route.method, path, body, who=bob(), version=at)
        assert said == f"Instance {id} could not be found.", route.path
        walked += 1
    assert walked > 30
    assert (await house.fetch(id)).generation == 1


async def test_readers_only_read(house: House) -> None:
    id = await house.create()
    await house.place(id)
    others = (policy.DIAGNOSTICS, policy.MIGRATIONS_LIST, policy.MIGRATIONS_SHOW)
    for route in house.routes():
        reads = route.method == "GET" and route.rule not in others
        assert POLICY.allows(route.rule, reader()) is reads, route.path
    assert (await shown(house, id, who=reader()))["id"] == id
    with pytest.raises(Forbidden):
        await house.ask("DELETE", f"/servers/{id}", who=reader())
    with pytest.raises(Forbidden):
        await act(house, id, {"os-resetState": {"state": "active"}}, who=ann())


async def test_admins_reach_everybodys_servers(house: House) -> None:
    id = await house.create()
    await house.place(id)
    await act(house, id, STOP, who=admin())
    assert (await house.fetch(id)).desired["actions"][-1]["project_id"] == "admin-project"
    await house.ask("DELETE", f"/servers/{id}", who=admin())
