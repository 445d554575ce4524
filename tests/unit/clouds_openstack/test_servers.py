from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.server_create import create_body, create_version, derived_hostname
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import CloudError, Missing, OutcomeUnknown, Refused, Throttled, Unreachable
from fractus.model.live import LiveCall
from fractus.model.servers import ServerDisk, ServerObserved, ServerWanted
from fractus.testing.live import console_of
from tests.unit.clouds_openstack.fake import Answering, FakeAuthenticator, FakeChild, drop, fault, hang, reply

ANN = Scope("p-ann")
SERVERS = "/compute/v2.1/servers"
SHOW = f"GET {SERVERS}/s1"
LIST = f"GET {SERVERS}/detail"
INDEX = f"GET {SERVERS}"
DOWN = {"id": "s-down", "status": "UNKNOWN", "tenant_id": "p", "created": "2026-01-01T00:00:00Z"}


def wanted(**changes: Any) -> ServerWanted:
    fields: dict[str, Any] = {
        "id": "w1",
        "name": "web",
        "flavor_id": "f1",
        "image_id": "i1",
        "port_ids": ["p1"],
    }
    return ServerWanted(**fields | changes)


def server(**changes: Any) -> dict[str, Any]:
    return {
        "id": "s1",
        "name": "web",
        "status": "ACTIVE",
        "updated": "2026-01-01T00:00:00Z",
        "metadata": {"fractus_id": "w1", "colour": "blue"},
        "OS-EXT-STS:vm_state": "active",
        "OS-EXT-STS:task_state": None,
        "OS-EXT-SRV-ATTR:host": None,
    } | changes


def body(version: str, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = create_body(wanted(**changes), version, "far")
    return made


def test_disks_of_its_own() -> None:
    disks = [
        ServerDisk(source="volume", id="v1", boot_index=0, disk_bus="scsi"),
        ServerDisk(source="volume", id="v2", device="/dev/vdc"),
        ServerDisk(source="blank", size=128, guest_format="swap"),
    ]
    sent = body("2.90", image_id="", disks=disks)["server"]
    assert "imageRef" not in sent
    plain = {
        "boot_index": -1,
        "delete_on_termination": False,
        "destination_type": "volume",
        "source_type": "volume",
    }
    local = {"source_type": "blank", "destination_type": "local", "delete_on_termination": True}
    assert sent["block_device_mapping_v2"] == [
        {**plain, "boot_index": 0, "uuid": "v1", "disk_bus": "scsi"},
        {**plain, "uuid": "v2", "device_name": "/dev/vdc"},
        {**plain, **local, "volume_size": 128, "guest_format": "swap"},
    ]
    with pytest.raises(Refused, match="cannot give tags of disks"):
        body("2.37", disks=[ServerDisk(source="volume", id="v1", tag="root")])


async def everything(cloud: OpenStackCloud, since: str = "") -> list[ServerObserved]:
    return [seen async for seen in cloud.actuators()["server"].list_changed(since)]


# --- what is sent -------------------------------------------------------------------------------


def test_a_plain_server() -> None:
    assert body("2.90", metadata={"colour": "blue", "fractus_id": "forged"}, security_groups=["g"]) == {
        "server": {
            "name": "web",
            "flavorRef": "f1",
            "imageRef": "i1",
            "networks": [{"port": "p1"}],
            "metadata": {"colour": "blue", "fractus_id": "w1"},
            "config_drive": False,
            "OS-DCF:diskConfig": "AUTO",
            "tags": ["fractus:w1"],
        }
    }


def test_everything_that_can_be_wanted() -> None:
    made = body(
        "2.90",
        port_ids=["p1", "p2"],
        port_tags=["left"],
        key_name="k",
        user_data="IyE=",
        config_drive=True,
        description="text",
        hostname="host",
        disk_config="MANUAL",
        scheduler_hints={"group": "g"},
    )
    assert made["os:scheduler_hints"] == {"group": "g"}
    sent = made["server"]
    assert sent["networks"] == [{"port": "p1", "tag": "left"}, {"port": "p2"}]
    assert (sent["key_name"], sent["user_data"], sent["config_drive"]) == ("k", "IyE=", True)
    assert (sent["description"], sent["hostname"], sent["OS-DCF:diskConfig"]) == ("text", "host", "MANUAL")


def test_as_many_items_of_metadata_as_nova_allows_leave_the_marker_to_the_tag() -> None:
    full = {f"k{number}": "" for number in range(128)}
    made = body("2.90", metadata={**full, "fractus_id": "forged"})["server"]
    assert (made["metadata"], made["tags"]) == (full, ["fractus:w1"])
    with pytest.raises(Refused, match="far cannot give 128 items of metadata beside our marker"):
        body("2.51", metadata=full)
    del full["k0"]
    assert body("2.51", metadata=full)["server"]["metadata"] == {**full, "fractus_id": "w1"}


def test_no_network_is_said_so() -> None:
    assert body("2.37", port_ids=[])["server"]["networks"] == "none"


def test_an_old_child_gets_no_tags() -> None:
    assert "tags" not in body("2.51")["server"]
    assert "tags" not in body("")["server"]


@pytest.mark.parametrize(
    ("version", "changes", "floor"),
    [
        ("2.36", {"port_ids": []}, "2.37"),
        ("2.18", {"description": "text"}, "2.19"),
        ("2.41", {"port_tags": ["left"]}, "2.42"),
        ("2.89", {"hostname": "other"}, "2.90"),
        ("2.93", {"hostname": "a.b"}, "2.94"),
        ("", {"description": "text"}, "2.19"),
    ],
)
def test_what_an_old_child_cannot_carry_is_refused_not_dropped(
    version: str, changes: dict[str, Any], floor: str
) -> None:
    with pytest.raises(Refused, match=f"needs compute {floor}, and {version or '2.1'} is there") as error:
        body(version, **changes)
    assert error.value.elsewhere


def test_an_old_child_derives_the_hostname_by_itself() -> None:
    assert "hostname" not in body("2.60", name="My Web.1", hostname="my-web-1")["server"]
    assert derived_hostname("My_Web 1!") == "my-web-1"
    assert derived_hostname("x" * 80) == "x" * 63
    assert derived_hostname("\u6f22\u5b57") == ""


def test_the_microversion_is_no_higher_than_what_is_wanted_needs() -> None:
    assert create_version(wanted()) == "2.90"
    assert create_version(wanted(hostname="a.b")) == "2.94"
    assert create_version(wanted(personality=[{"path": "/x", "contents": "eA=="}])) == "2.56"
    assert body("2.56", personality=[{"path": "/x", "contents": "eA=="}])["server"]["personality"]


# --- creating and finding -----------------------------------------------------------------------


async def test_a_created_server_is_building(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(
        f"POST {SERVERS}", reply({"server": {"id": "s1", "links": [], "adminPass": "hunter2-hunter2"}}, 202)
    )
    seen = await cloud.actuators()["server"].create(ANN, wanted(metadata={"a": "b"}))
    assert (seen.remote_id, seen.marker, seen.status, seen.metadata) == ("s1", "w1", "BUILD", {"a": "b"})
    [heard] = fake.said(f"POST {SERVERS}")
    assert heard.headers["openstack-api-version"] == "compute 2.90"
    assert heard.headers["x-auth-token"] == "token-2"  # the tenant's


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (drop, OutcomeUnknown),
        (hang, OutcomeUnknown),
        (fault("Unexpected API Error", 500, "computeFault"), OutcomeUnknown),
        (fault("Quota exceeded for instances", 403, "forbidden"), Refused),
        (reply({"overLimit": {"message": "slow down"}}, 429, Retry_After="9"), Throttled),
    ],
)
async def test_a_create_that_goes_wrong(
    cloud: OpenStackCloud, fake: FakeChild, answer: Answering, kind: type[CloudError]
) -> None:
    fake.on(f"POST {SERVERS}", answer)
    with pytest.raises(CloudError) as error:
        await cloud.actuators()["server"].create(ANN, wanted())
    assert type(error.value) is kind
    assert len(fake.said(f"POST {SERVERS}")) == 1


async def test_a_server_is_found_by_its_tag(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(LIST, reply({"servers": [server()]}))
    fake.on(SHOW, reply({"server": server(**{"OS-EXT-SRV-ATTR:host": "h1"})}))
    found = await cloud.actuators()["server"].find(ANN, wanted())
    assert (found.remote_id, found.host, found.metadata) == ("s1", "h1", {"colour": "blue"})
    assert fake.said(LIST)[0].query == {"tags": "fractus:w1", "limit": "200"}


async def test_in_an_old_child_a_server_is_found_among_all_of_the_project(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on("GET /compute/v2.1/", reply({"version": {"min_version": "2.1", "version": "2.38"}}))
    next_page = [{"rel": "next", "href": "x"}]
    fake.on(
        LIST,
        reply({"servers": [server(id="s0", metadata={"fractus_id": "w0"})], "servers_links": next_page}),
        reply({"servers": [server()]}),
    )
    fake.on(SHOW, reply({"server": server()}))
    found = await cloud.actuators()["server"].find(ANN, wanted())
    assert found.remote_id == "s1"
    assert "tags" not in fake.said(LIST)[0].query


async def test_nothing_is_found_only_when_every_cell_answers(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(LIST, reply({"servers": []}))
    fake.on(INDEX, reply({"servers": [{"id": "s9", "name": "other"}]}))
    assert await cloud.actuators()["server"].find(ANN, wanted()) is None
    fake.on(INDEX, reply({"servers": [{"id": "s9", "name": "other"}, DOWN]}))
    with pytest.raises(Unreachable, match="cell of server s-down"):
        await cloud.actuators()["server"].find(ANN, wanted())
    assert fake.said(INDEX)[0].query == {}  # filtered or paged, Nova would not name it


# --- observing ----------------------------------------------------------------------------------


async def test_a_server_is_observed_with_the_rights_that_show_its_host(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    fake.on(SHOW, reply({"server": server(**{"OS-EXT-SRV-ATTR:host": "h1", "host_status": "UP"})}))
    seen = await cloud.actuators()["server"].observe(ANN, "s1")
    assert (seen.host, seen.host_status, seen.hypervisor_hostname) == ("h1", "UP", "")
    assert authenticator.asked == [""]


async def test_without_such_rights_it_is_observed_as_the_tenant_sees_it(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(SHOW, fault("Instance s1 could not be found.", 404, "itemNotFound"), reply({"server": server()}))
    assert (await cloud.actuators()["server"].observe(ANN, "s1")).status == "ACTIVE"
    assert [heard.headers["x-auth-token"] for heard in fake.said(SHOW)] == ["token-1", "token-2"]
    fake.on(SHOW, fault("Instance s1 could not be found.", 404, "itemNotFound"))
    for scope in (ANN, HOME):
        with pytest.raises(Missing):
            await cloud.actuators()["server"].observe(scope, "s1")


async def test_a_fault_is_kept_in_the_childs_words(cloud: OpenStackCloud, fake: FakeChild) -> None:
    broken = {"code": 500, "message": "No valid host was found.", "created": "2026-01-01T00:00:00Z"}
    fake.on(SHOW, reply({"server": server(status="ERROR", fault=broken)}))
    seen = await cloud.actuators()["server"].observe(HOME, "s1")
    assert (seen.fault.message, seen.fault.details) == ("No valid host was found.", "")


async def test_a_server_in_a_cell_that_is_down_is_neither_gone_nor_changed(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(SHOW, reply({"server": DOWN | {"id": "s1"}}))
    with pytest.raises(Unreachable, match="cell of server s1"):
        await cloud.actuators()["server"].observe(ANN, "s1")


async def test_a_404_from_a_proxy_deletes_nothing(cloud: OpenStackCloud, fake: FakeChild) -> None:
    async def proxy(_request: Any) -> Any:
        from aiohttp import web

        return web.Response(text="<html><h1>404</h1>nginx</html>", status=404, content_type="text/html")

    fake.on(SHOW, proxy)
    with pytest.raises(Unreachable):
        await cloud.actuators()["server"].observe(ANN, "s1")


# --- sweeping -----------------------------------------------------------------------------------


async def test_a_sweep_sees_all_projects_from_a_stamp_of_the_child_on(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    dead = server(id="s2", status="DELETED", metadata={}, updated="2026-01-02T00:00:00Z")
    fake.on(LIST, reply({"servers": [server(), dead]}))
    seen = await everything(cloud, "2026-01-01T00:00:00Z")
    assert [(one.remote_id, one.gone, one.changed_at) for one in seen] == [
        ("s1", False, "2026-01-01T00:00:00Z"),
        ("s2", True, "2026-01-02T00:00:00Z"),
    ]
    assert fake.said(LIST)[0].query == {
        "all_tenants": "1",
        "changes-since": "2026-01-01T00:00:00Z",
        "sort_key": "created_at",
        "sort_dir": "asc",
        "limit": "200",
    }
    assert not fake.said(INDEX)


async def test_one_that_cannot_be_read_hides_no_other(cloud: OpenStackCloud, fake: FakeChild) -> None:
    broken = server(id="s2", metadata="none")
    fake.on(LIST, reply({"servers": [broken, {"name": "without id"}, 7, server()]}))
    fake.on(INDEX, reply({"servers": []}))
    with capture_logs() as logs:
        seen = await everything(cloud)
    assert [(one.remote_id, bool(one.unread)) for one in seen] == [("s2", True), ("s1", False)]
    assert [log["remote_id"] for log in logs] == ["s2", "", ""]


async def test_an_inventory_names_what_is_in_cells_that_are_down(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(LIST, reply({"servers": [server()]}))
    fake.on(INDEX, reply({"servers": [{"id": "s1", "name": "web"}, DOWN]}))
    seen = await everything(cloud)
    assert [(one.remote_id, one.unread, one.gone) for one in seen] == [
        ("s1", "", False),
        ("s-down", "its cell does not answer", False),
    ]
    assert fake.said(INDEX)[0].query == {"all_tenants": "1"}


async def test_a_sweep_that_breaks_off_says_so(cloud: OpenStackCloud, fake: FakeChild) -> None:
    more = [{"rel": "next", "href": "x"}]
    fake.on(LIST, reply({"servers": [server()], "servers_links": more}), drop)
    sweep = cloud.actuators()["server"].list_changed("")
    assert (await anext(sweep)).remote_id == "s1"
    with pytest.raises(Unreachable):
        await anext(sweep)


# --- steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tagged", [True, False])
async def test_metadata_without_room_for_the_marker(
    cloud: OpenStackCloud, fake: FakeChild, tagged: bool
) -> None:
    path = f"{SERVERS}/s1/metadata"
    fake.on(f"GET {path}", reply({"metadata": {"fractus_id": "w1", "old": "x"}}))
    fake.on(f"GET {SERVERS}/s1/tags", reply({"tags": ["fractus:w1"] if tagged else []}))
    fake.on(f"PUT {path}", reply({}))
    full = {f"k{number}": "" for number in range(128)}
    applied = cloud.actuators()["server"].apply(ANN, "s1", Step("set_metadata", {"metadata": full}))
    if not tagged:
        with pytest.raises(Refused, match="128 items of metadata beside our marker"):
            await applied
        return
    await applied
    assert fake.said(f"PUT {path}")[0].json == {"metadata": full}


async def test_metadata_is_put_whole_and_the_marker_stays(cloud: OpenStackCloud, fake: FakeChild) -> None:
    path = f"{SERVERS}/s1/metadata"
    fake.on(f"GET {path}", reply({"metadata": {"fractus_id": "w1", "old": "x"}}))
    fake.on(f"PUT {path}", reply({"metadata": {}}))
    step = Step("set_metadata", {"metadata": {"new": "y", "fractus_id": "forged"}})
    await cloud.actuators()["server"].apply(ANN, "s1", step)
    assert fake.said(f"PUT {path}")[0].json == {"metadata": {"new": "y", "fractus_id": "w1"}}


@pytest.mark.parametrize(
    ("step", "sent"),
    [
        (Step("stop"), {"os-stop": None}),
        (Step("start"), {"os-start": None}),
        (Step("reboot", {"type": "HARD"}), {"reboot": {"type": "HARD"}}),
        (Step("reboot"), {"reboot": {"type": "SOFT"}}),
    ],
)
async def test_actions(cloud: OpenStackCloud, fake: FakeChild, step: Step, sent: dict[str, Any]) -> None:
    fake.on(f"POST {SERVERS}/s1/action", reply(status=202))
    await cloud.actuators()["server"].apply(ANN, "s1", step)
    assert [heard.json for heard in fake.said(f"POST {SERVERS}/s1/action")] == [sent]


@pytest.mark.parametrize(
    ("step", "project"),
    [
        (Step("unshelve"), ANN.project_id),
        (Step("unshelve", {"host": "h2"}), ""),
        (Step("migrate", {"host": "h2"}), ""),
        (Step("migrate"), ""),
    ],
)
async def test_who_asks_for_an_action(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator, step: Step, project: str
) -> None:
    fake.on(f"POST {SERVERS}/s1/action", reply(status=202))
    await cloud.actuators()["server"].apply(ANN, "s1", step)
    assert authenticator.asked[-1] == project


@pytest.mark.parametrize(
    ("verb", "state", "kind"),
    [
        ("stop", {"status": "SHUTOFF"}, None),
        ("start", {"status": "ACTIVE"}, None),
        ("stop", {"status": "ACTIVE", "OS-EXT-STS:task_state": "powering-off"}, None),
        ("reboot", {"status": "REBOOT", "OS-EXT-STS:task_state": "reboot_started"}, None),
        ("stop", {"status": "ACTIVE", "OS-EXT-STS:task_state": "image_uploading"}, Throttled),
        ("stop", {"status": "PAUSED"}, Refused),
        ("reboot", {"status": "SHUTOFF"}, Refused),
        ("start", {"status": "ERROR"}, Refused),
    ],
)
async def test_a_conflict_may_mean_that_it_is_so_already(
    cloud: OpenStackCloud, fake: FakeChild, verb: str, state: dict[str, Any], kind: type[CloudError] | None
) -> None:
    sentence = f"Cannot '{verb}' instance s1 while it is in vm_state x"
    fake.on(f"POST {SERVERS}/s1/action", fault(sentence, 409, "conflictingRequest"))
    fake.on(SHOW, reply({"server": server(**state)}))
    step = Step(verb)
    if kind is None:
        await cloud.actuators()["server"].apply(ANN, "s1", step)
        return
    with pytest.raises(CloudError, match="Cannot") as error:
        await cloud.actuators()["server"].apply(ANN, "s1", step)
    assert type(error.value) is kind


async def test_a_reboot_whose_answer_was_lost_is_unknown_a_stop_is_not(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    fake.on(f"POST {SERVERS}/s1/action", drop)
    with pytest.raises(OutcomeUnknown):
        await cloud.actuators()["server"].apply(ANN, "s1", Step("reboot"))
    with pytest.raises(Unreachable):
        await cloud.actuators()["server"].apply(ANN, "s1", Step("stop"))


@pytest.mark.parametrize(("hostname", "version"), [("web", "2.90"), ("web.example", "2.94")])
async def test_a_host_name_is_sent_with_the_version_that_takes_it(
    cloud: OpenStackCloud, fake: FakeChild, hostname: str, version: str
) -> None:
    fake.on(f"PUT {SERVERS}/s1", reply({}))
    await cloud.actuators()["server"].apply(ANN, "s1", Step("set_hostname", {"hostname": hostname}))
    (sent,) = fake.said(f"PUT {SERVERS}/s1")
    assert sent.json == {"server": {"hostname": hostname}}
    assert f"compute {version}" in sent.headers.values()


@pytest.mark.parametrize(
    ("newest", "limit"), [("2.104", ""), ("2.94", ""), ("2.93", "label"), ("2.89", "none")]
)
async def test_what_a_cloud_lets_host_names_be_changed_to(
    cloud: OpenStackCloud, fake: FakeChild, newest: str, limit: str
) -> None:
    fake.on("GET /compute/v2.1/", reply({"version": {"min_version": "2.1", "version": newest}}))
    fake.on(SHOW, reply({"server": server()}))
    assert (await cloud.actuators()["server"].observe(ANN, "s1")).hostnames == limit
    if limit == "none":
        with pytest.raises(Refused, match="too old for the host name 'web'"):
            await cloud.actuators()["server"].apply(ANN, "s1", Step("set_hostname", {"hostname": "web"}))


async def test_names_and_descriptions(cloud: OpenStackCloud, fake: FakeChild) -> None:
    servers = cloud.actuators()["server"]
    fake.on(f"PUT {SERVERS}/s1", reply({"server": server()}))
    await servers.apply(ANN, "s1", Step("rename", {"name": "new"}))
    await servers.apply(ANN, "s1", Step("describe", {"description": ""}))
    assert [heard.json["server"] for heard in fake.said(f"PUT {SERVERS}/s1")] == [
        {"name": "new"},
        {"description": None},
    ]
    cloud._child.services.forget_versions()
    fake.on("GET /compute/v2.1/", reply({"version": {"min_version": "2.1", "version": "2.12"}}))
    with pytest.raises(Refused, match="too old"):
        await servers.apply(ANN, "s1", Step("describe", {"description": "x"}))
    with pytest.raises(Refused, match="no verb fly"):
        await servers.apply(ANN, "s1", Step("fly"))


@pytest.mark.parametrize(
    ("state", "kind", "forced"),
    [
        ({"status": "SOFT_DELETED"}, None, True),
        ({"OS-EXT-STS:task_state": "image_uploading"}, Throttled, False),
        ({"status": "ACTIVE"}, Refused, False),
    ],
)
async def test_a_deletion_that_is_refused(
    cloud: OpenStackCloud, fake: FakeChild, state: dict[str, Any], kind: type[CloudError] | None, forced: bool
) -> None:
    fake.on(f"DELETE {SERVERS}/s1", fault("Instance s1 is locked", 409, "conflictingRequest"))
    fake.on(SHOW, reply({"server": server(**state)}))
    fake.on(f"POST {SERVERS}/s1/action", reply(status=202))
    if kind is None:
        await cloud.actuators()["server"].delete(ANN, "s1")
    else:
        with pytest.raises(kind):
            await cloud.actuators()["server"].delete(ANN, "s1")
    assert [heard.json for heard in fake.said(f"POST {SERVERS}/s1/action")] == [
        {"forceDelete": None}
    ] * forced


@pytest.mark.parametrize("answer", [hang])
async def test_a_deletion_whose_answer_was_lost_may_be_repeated(
    cloud: OpenStackCloud, fake: FakeChild, answer: Answering
) -> None:
    fake.on(f"DELETE {SERVERS}/s1", answer)
    with pytest.raises(Unreachable):
        await cloud.actuators()["server"].delete(ANN, "s1")


# --- the console --------------------------------------------------------------------------------


async def test_the_console_log_has_a_deadline(cloud: OpenStackCloud, fake: FakeChild) -> None:
    action = f"POST {SERVERS}/s1/action"
    fake.on(action, reply({"output": "booting\n"}))
    assert await console_of(cloud, ANN, "s1", 5, 1.0) == "booting\n"
    assert await console_of(cloud, ANN, "s1", None, 1.0) == "booting\n"
    assert [heard.json for heard in fake.said(action)] == [
        {"os-getConsoleOutput": {"length": 5}},
        {"os-getConsoleOutput": {}},
    ]
    fake.on(action, reply({"output": None}))
    assert await console_of(cloud, ANN, "s1", None, 1.0) == ""
    fake.on(action, hang)
    with pytest.raises(Unreachable, match=r"within 0\.02 s"):
        await console_of(cloud, ANN, "s1", 5, 0.02)


async def test_a_live_call_is_made_in_the_microversion_that_its_answer_is_understood_in(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    call = LiveCall(
        name="topology", noun="the topology", service="compute", path="/servers/{id}/topology", version="2.78",
        missing="", not_ready="",
    )  # fmt: skip
    fake.on(f"GET {SERVERS}/s1/topology", reply({"nodes": []}, **{"X-Openstack-Request-Id": "req-2"}))
    relayed = await cloud.relay(ANN, "s1", call, 1.0)
    assert (relayed.body, relayed.request_id, relayed.project_id) == ({"nodes": []}, "req-2", ANN.project_id)
    (heard,) = fake.said(f"GET {SERVERS}/s1/topology")
    assert heard.headers["openstack-api-version"] == "compute 2.78"
    with pytest.raises(Refused, match=r"serves 2\.1 to 2\.104, and not 2\.999"):
        await cloud.relay(ANN, "s1", structs.replace(call, version="2.999"), 1.0)
