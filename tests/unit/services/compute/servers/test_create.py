from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound, QuotaExceeded
from fractus.services.compute.servers.table import SERVER
from fractus.store import work
from fractus.store.schema import NEED
from fractus.store.transaction import Query
from tests.unit.services.compute.servers.house import (
    BASE_URL,
    PORT,
    House,
    Purse,
    admin,
    bob,
    derived,
    reader,
)


async def rows(house: House, table: Any) -> int:
    found = await house.store.row(Query(select(func.count()).select_from(table)))
    assert found is not None
    return int(found[0])


async def test_the_answer_is_novas(house: House) -> None:
    answer = await house.ask("POST", "/servers", house.body())
    assert house.last.status == 202
    server = answer["server"]
    assert set(server) == {"id", "links", "OS-DCF:diskConfig", "security_groups"}
    assert server["OS-DCF:diskConfig"] == "MANUAL"
    assert server["security_groups"] == [{"name": "default"}]
    assert house.last.headers == {"Location": f"{BASE_URL}/v2.1/servers/{server['id']}"}
    assert server["links"] == [
        {"rel": "self", "href": f"{BASE_URL}/v2.1/servers/{server['id']}"},
        {"rel": "bookmark", "href": f"{BASE_URL}/servers/{server['id']}"},
    ]


async def test_the_request_is_stored_whole_with_what_it_needs_and_work_is_waiting(house: House) -> None:
    house.add_key("ann", "laptop")
    house.networks.groups = {"web": derived("web")}
    id = await house.create(
        name="db",
        key_name="laptop",
        security_groups=[{"name": "web"}, {"name": "web"}],
        metadata={"tier": "1"},
        user_data="aGVsbG8=",
        config_drive="yes",
        tags=["a", "b", "a"],
        description="the database",
        availability_zone="west",
        networks=[{"uuid": derived("net-a"), "fixed_ip": "10.0.0.77", "tag": "front"}],
    )
    server = await house.fetch(id)
    desired = server.desired
    assert server.name == desired["name"] == "db"
    assert desired["zone"] == "west"
    assert desired["config_drive"] is True
    assert desired["tags"] == ["a", "b"]
    assert desired["hostname"] == "db"
    assert desired["port_tags"] == ["front"]
    assert desired["addresses"] == {
        "net-a": [
            {
                "addr": "10.0.0.77",
                "version": 4,
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01",
            }
        ]
    }
    assert desired["image_properties"] == {"hw_disk_bus": "virtio"}
    assert house.networks.asked[0][1:] == (["web"], "west")
    needs = {
        (need.kind, need.id, need.exclusive)
        for need in await house.resources.needs(house.store, "server", id)
    }
    assert needs == {
        ("flavor", "row-of-1", False),
        ("image", house.image, False),
        ("keypair", "key-ann-laptop", False),
        ("port", desired["ports"][0], True),
    }
    assert [item.cloud for item in await work.about(house.store, "server", id)] == [""]
    assert house.notifier.notified == [""]
    assert house.life.demand(server).cloud == "west"
    assert house.life.demand(server).kinds >= {"server", "flavor", "image", "keypair", "port"}


async def test_many_at_once_are_numbered_and_share_a_reservation(house: House) -> None:
    id = await house.create(min_count=2, max_count="3")
    answer = await house.ask("GET", "/servers/detail")
    names = {server["name"] for server in answer["servers"]}
    assert names == {"web-1", "web-2", "web-3"}
    assert {server["OS-EXT-SRV-ATTR:hostname"] for server in answer["servers"]} == names
    reservation = (await house.fetch(id)).desired["reservation_id"]
    found = await house.ask("GET", "/servers", query={"reservation_id": reservation})
    assert len(found["servers"]) == 3
    every = [await house.fetch(server["id"]) for server in found["servers"]]
    assert {one.desired["reservation_id"] for one in every} == {reservation}


async def test_a_reservation_may_be_asked_for_instead_of_a_server(house: House) -> None:
    answer = await house.ask("POST", "/servers", house.body(return_reservation_id=True, max_count=2))
    assert house.last.status == 202
    assert house.last.headers == {}
    found = await house.ask("GET", "/servers", query={"reservation_id": answer["reservation_id"]})
    assert len(found["servers"]) == 2


@pytest.mark.parametrize(
    ("version", "given", "description", "why"),
    [
        ("2.1", None, "web", "before 2.19 the name describes a server"),
        ("2.18", None, "web", "up to the version before"),
        ("2.19", None, None, "from 2.19 on nothing describes it unless it is given"),
        ("2.104", "words", "words", "as given"),
    ],
)
async def test_descriptions_by_version(
    house: House, version: str, given: str | None, description: str | None, why: str
) -> None:
    about = {} if given is None else {"description": given}
    networks = "auto" if version == "2.104" else None
    id = await house.create(version=version, networks=networks, **about)
    assert (await house.fetch(id)).desired["description"] == description, why


# --- networks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "networks", "known", "nics", "why"),
    [
        ("2.36", None, ["net-a"], ["net-a"], "without a word the only network is taken"),
        ("2.36", None, [], [], "without a word and without networks: none"),
        ("2.36", [], ["net-a"], ["net-a"], "an empty list is no word"),
        ("2.104", "auto", ["net-a"], ["net-a"], "auto takes the only one"),
        ("2.104", "none", ["net-a", "net-b"], [], "none is none, however many there are"),
        ("2.104", [], ["net-a"], ["net-a"], "an empty list is no word at newer versions either"),
    ],
)
async def test_networks_by_default(
    house: House, version: str, networks: Any, known: list[str], nics: list[str], why: str
) -> None:
    house.networks.known = known
    await house.create(version=version, networks=networks)
    asked = house.networks.asked[0][0]
    assert [nic.network_id for nic in asked] == [derived(name) for name in nics], why


@pytest.mark.parametrize(("version", "networks"), [("2.36", None), ("2.104", "auto"), ("2.104", [])])
async def test_two_networks_and_no_choice_is_a_conflict(house: House, version: str, networks: Any) -> None:
    house.networks.known = ["net-a", "net-b"]
    said = await house.bad_create(Conflict, version=version, networks=networks)
    assert said == "Multiple possible networks found, use a Network ID to be more specific."


async def test_auto_without_any_network_is_refused(house: House) -> None:
    house.networks.known = []
    said = await house.bad_create(networks="auto")
    assert said == "Unable to automatically allocate a network for project ann-project"


PORT_ID = derived("port")
BAD_NETWORKS: list[tuple[str, dict[str, Any], str]] = [
    ("2.104", {"networks": None}, "'networks' is a required property"),
    ("2.36", {"networks": "auto"}, "'auto' is not of type 'array'"),
    ("2.104", {"networks": "some"}, "'some'"),
    ("2.36", {"networks": [{"uuid": "x"}]}, "Bad networks format: network uuid is not in proper format (x)"),
    ("2.104", {"networks": [{"uuid": "x"}]}, "'x' is not a 'uuid'"),
    ("2.104", {"networks": [{"fixed_ip": "10.0.0.1"}]}, "Bad network format: missing 'uuid'"),
    ("2.104", {"networks": [{"uuid": derived("net-z")}]}, f"Network {derived('net-z')} could not be found."),
    (
        "2.104",
        {"networks": [{"uuid": derived("net-a"), "fixed_ip": "10.0.0.300"}]},
        "'10.0.0.300' is not valid under any of the given schemas",
    ),
    (
        "2.104",
        {"networks": [{"port": PORT_ID, "fixed_ip": "10.0.0.1"}]},
        f"Specified Fixed IP '10.0.0.1' cannot be used with port '{PORT_ID}'",
    ),
    ("2.104", {"networks": [{"port": "x"}]}, "'x' is not a 'uuid'"),
    ("2.104", {"networks": [{"uuid": derived("net-a"), "mac": "x"}]}, "'mac' was unexpected"),
    ("2.31", {"networks": [{"uuid": derived("net-a"), "tag": "x"}]}, "'tag' was unexpected"),
    ("2.37", {"networks": [{"uuid": derived("net-a"), "tag": "x"}]}, "'tag' was unexpected"),
    ("2.41", {"networks": [{"uuid": derived("net-a"), "tag": "x"}]}, "'tag' was unexpected"),
    (
        "2.104",
        {"networks": [{"uuid": derived("net-a"), "fixed_ip": "10.0.0.9"}], "max_count": 2},
        "max_count cannot be greater than 1 if an fixed_ip is specified.",
    ),
    ("2.104", {"networks": [{"port": PORT_ID}], "max_count": 2}, "with a single configured port ID."),
    ("2.104", {"security_groups": [{"name": "nope"}]}, "Security group nope not found."),
]


@pytest.mark.parametrize(("version", "server", "says"), BAD_NETWORKS)
async def test_bad_networks(house: House, version: str, server: dict[str, Any], says: str) -> None:
    assert says in await house.bad_create(version=version, **server)
    assert await rows(house, SERVER) == await rows(house, PORT) == 0


@pytest.mark.parametrize("version", ["2.32", "2.36", "2.42"])
async def test_devices_have_tags_at_some_versions(house: House, version: str) -> None:
    await house.create(version=version, networks=[{"uuid": derived("net-a"), "tag": "x"}])
    assert house.networks.asked[0][0][0].tag == "x"


# --- what is refused, in Nova's words -------------------------------------------------------------

VOLUME = derived("volume")
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "'name' is a required property"),
    ({"name": ""}, "'' should be non-empty"),
    ({"name": "x" * 256}, "is too long"),
    ({"name": " web"}, "An invalid 'name' value was provided. The name must be: printable characters. "
                       "Can not start or end with whitespace."),
    ({"name": "we\x07b"}, "An invalid 'name' value was provided."),
    ({"name": 5}, "5 is not of type 'string'"),
    ({"flavorRef": None}, "'flavorRef' is a required property"),
    ({"flavorRef": "nope"}, "Flavor nope could not be found."),
    ({"flavorRef": "off"}, "Flavor off could not be found."),
    ({"imageRef": "nope"}, "imageRef. Value: nope. 'nope' is not valid under any of the given schemas"),
    ({"imageRef": None}, "Missing imageRef attribute"),
    ({"imageRef": ""}, "Missing imageRef attribute"),
    ({"imageRef": derived("nope")}, "Can not find requested image"),
    ({"imageRef": derived("bobs")}, "Can not find requested image"),
    ({"imageRef": derived("queued")}, f"Image {derived('queued')} is not active."),
    ({"imageRef": derived("hungry")}, "Flavor's memory is too small for requested image."),
    ({"imageRef": derived("large")}, "Flavor's disk is too small for requested image. Flavor disk is 1073741824 bytes"),
    ({"imageRef": derived("wide")}, "Flavor's disk is smaller than the minimum size specified in image metadata."),
    ({"imageRef": derived("sealed")}, "Direct booting of an image uploaded from an encrypted volume is unsupported."),
    ({"imageRef": derived("fixed"), "OS-DCF:diskConfig": "AUTO"}, "has automatic disk resize disabled."),
    ({"key_name": "nope"}, "Invalid key_name provided."),
    ({"availability_zone": "north"}, "The requested availability zone is not available"),
    ({"availability_zone": "resting"}, "The requested availability zone is not available"),
    ({"availability_zone": "a:b:c:d"}, "Unable to parse availability_zone"),
    ({"user_data": "abc"}, "'abc' is not a 'base64'"),
    ({"user_data": "A" * 65536}, "is too long"),
    ({"metadata": {"k!": "v"}}, "'k!' does not match any of the regexes"),
    ({"metadata": {"k": 1}}, "1 is not of type 'string'"),
    ({"metadata": {"k": "v" * 256}}, "is too long"),
    ({"min_count": 0}, "0 is less than the minimum of 1"),
    ({"max_count": "many"}, "'many' does not match '^[0-9]*$'"),
    ({"min_count": 3, "max_count": 2}, "min_count must be <= max_count"),
    ({"config_drive": "maybe"}, "'maybe' is not one of [True, 'True'"),
    ({"tags": ["a,b"]}, "'a,b' does not match '^[^,/]*$'"),
    ({"tags": [""]}, "'' should be non-empty"),
    ({"tags": ["x"] * 51}, "is too long"),
    ({"hostname": "-web"}, None),
    ({"hostname": "we b"}, "'we b' does not match"),
    ({"hostname": "web", "max_count": 2}, "Unable to allocate a single hostname to multiple instances"),
    ({"accessIPv4": "::1"}, "'::1' is not a 'ipv4'"),
    ({"accessIPv6": "10.0.0.1"}, "'10.0.0.1' is not a 'ipv6'"),
    ({"OS-DCF:diskConfig": "SOME"}, "'SOME' is not one of ['AUTO', 'MANUAL']"),
    ({"unknown": 1}, "Additional properties are not allowed ('unknown' was unexpected)"),
    ({"personality": []}, "Additional properties are not allowed ('personality' was unexpected)"),
    # What fractus cannot carry is named (law 10).
    ({"adminPass": "secret"}, "adminPass"),
    ({"trusted_image_certificates": ["a"]}, "trusted_image_certificates"),
    ({"block_device_mapping_v2": [{"uuid": VOLUME}]}, "Some required fields are missing"),
]  # fmt: skip


def furnish(house: House) -> None:
    house.add_flavor("off", disabled=True)
    house.add_image("bobs", owner="bob-project")
    house.add_image("queued", status="queued")
    house.add_image("hungry", min_ram=4096)
    house.add_image("large", size=5 << 30)
    house.add_image("wide", min_disk=9)
    house.add_image("sealed", properties={"cinder_encryption_key_id": "k"})
    house.add_image("fixed", properties={"auto_disk_config": "disabled"})


@pytest.mark.parametrize(("server", "says"), REFUSED)
async def test_a_refusal_names_the_field_and_leaves_nothing(
    house: House, server: dict[str, Any], says: str | None
) -> None:
    furnish(house)
    await house.add_cloud("resting", enabled=False)
    if says is None:
        await house.create(**server)  # a domain name may be anything from its letters, since 2.94
        return
    assert says in await house.bad_create(**server)
    for table in (SERVER, PORT, NEED):
        assert await rows(house, table) == 0
    assert house.notifier.notified == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (None, "None is not of type 'object'"),
        ([], "[] is not of type 'object'"),
        ({}, "'server' is a required property"),
        ({"server": 5}, "5 is not of type 'object'"),
        ({"server": {"name": "x", "flavorRef": "1", "networks": "none"}, "more": 1}, "'more' was unexpected"),
    ],
)
async def test_bodies_of_the_wrong_shape(house: House, body: Any, says: str) -> None:
    assert says in await house.refused(Invalid, "POST", "/servers", body)


@pytest.mark.parametrize("at", ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"])
async def test_scheduler_hints_are_kept_and_shown_as_lists(house: House, at: str) -> None:
    body = house.body()
    body[at] = {"same_host": derived("other"), "cidr": "/24"}
    said = await house.refused(Invalid, "POST", "/servers", body)
    assert said == f"Instance {derived('other')} could not be found."
    body[at] = {
        "_nova_check_type": "x",
        "cidr": "/24",
        "build_near_host_ip": "10.0.0.1",
        "operators": ["own"],
    }
    id = (await house.ask("POST", "/servers", body))["server"]["id"]
    shown = (await house.ask("GET", f"/servers/{id}"))["server"]
    assert shown["scheduler_hints"] == {
        "cidr": ["/24"],
        "build_near_host_ip": ["10.0.0.1"],
        "operators": ["own"],
    }


@pytest.mark.parametrize(
    ("version", "server", "says"),
    [
        ("2.18", {"description": "x"}, "'description' was unexpected"),
        ("2.51", {"tags": ["x"]}, "'tags' was unexpected"),
        ("2.57", {"personality": []}, "'personality' was unexpected"),
        ("2.62", {"trusted_image_certificates": ["x"]}, "'trusted_image_certificates' was unexpected"),
        ("2.73", {"host": "x"}, "'host' was unexpected"),
        ("2.89", {"hostname": "xx"}, "'hostname' was unexpected"),
        ("2.90", {"hostname": "a.b"}, "'a.b' does not match"),
    ],
)
async def test_fields_are_known_since_their_version(
    house: House, version: str, server: dict[str, Any], says: str
) -> None:
    networks = {} if version > "2.37" else {"networks": None}
    assert says in await house.bad_create(version=version, **networks, **server)


async def test_files_are_injected_up_to_their_last_version(house: House) -> None:
    file = {"path": "/etc/motd", "contents": "aGVsbG8="}
    id = await house.create(version="2.56", personality=[file])
    assert (await house.fetch(id)).desired["personality"] == [file]
    assert "Personality file limit exceeded" in await house.bad_create(
        QuotaExceeded, version="2.56", personality=[file] * 6
    )
    assert "missing contents" in await house.bad_create(version="2.56", personality=[{"path": "/x"}])
    long = {"path": "/" + "x" * 255, "contents": ""}
    assert "exceeds maximum 255" in await house.bad_create(QuotaExceeded, version="2.56", personality=[long])


async def test_hosts_are_for_admins_and_refused_to_them_by_name(house: House) -> None:
    said = await house.bad_create(Forbidden, availability_zone="east:node-1")
    assert said == "Policy doesn't allow os_compute_api:servers:create:forced_host to be performed."
    assert "east:node-1" in await house.bad_create(who=admin(), availability_zone="east:node-1")
    said = await house.bad_create(Forbidden, host="node-1")
    assert "compute:servers:create:requested_destination" in said
    assert said != await house.bad_create(who=admin(), hypervisor_hostname="node-1")


async def test_a_flavor_without_disk_is_for_admins(house: House) -> None:
    house.add_flavor("0", disk=0)
    said = await house.bad_create(Forbidden, flavorRef="0")
    assert said == "Only volume-backed servers are allowed for flavors with zero disk."
    assert await house.create(who=admin(), flavorRef="0")


async def test_a_flavor_may_be_named_by_number_or_by_url(house: House) -> None:
    for ref in (1, "1", f"{BASE_URL}/flavors/1"):
        id = await house.create(flavorRef=ref)
        assert (await house.fetch(id)).desired["flavor"]["id"] == "1"


async def test_readers_may_not_create(house: House) -> None:
    said = await house.bad_create(Forbidden, who=reader())
    assert said == "Policy doesn't allow os_compute_api:servers:create to be performed."


async def test_quota_gives_as_many_as_it_can_and_never_less_than_asked_for(house: House) -> None:
    house.quota = Purse(3)
    await house.create(min_count=2, max_count=5)
    assert await rows(house, SERVER) == 3
    house.quota = Purse(1)
    said = await house.bad_create(QuotaExceeded, min_count=2, max_count=5)
    assert said == "Quota exceeded for instances: Requested 2-5, but already used 0 of 1 instances"
    assert await rows(house, SERVER) == 3


async def test_when_the_second_of_two_gets_no_port_the_first_is_not_there_either(house: House) -> None:
    house.networks.full = True
    assert "ports exceeded" in await house.bad_create(QuotaExceeded, max_count=2)
    assert await rows(house, SERVER) == await rows(house, PORT) == 0


async def test_metadata_is_limited(house: House) -> None:
    said = await house.bad_create(QuotaExceeded, metadata={f"k{n}": "" for n in range(129)})
    assert said == "Maximum number of metadata items exceeds 128"


async def test_a_key_is_its_users_own(house: House) -> None:
    house.add_key("ann", "laptop")
    assert await house.bad_create(who=bob(), key_name="laptop") == "Invalid key_name provided."


async def test_names_without_letters_give_a_host_name_all_the_same(house: House) -> None:
    id = await house.create(name="日本")
    assert (await house.fetch(id)).desired["hostname"] == f"Server-{id}"
    with pytest.raises(NotFound):
        await house.ask("GET", f"/servers/{id}", who=bob())


async def test_an_access_address_is_kept_in_its_shortest_form(house: House) -> None:
    id = await house.create(accessIPv4="1.1.1.1", accessIPv6="0000:0000:0000:0000:0000:babe:220.12.22.2")
    server = (await house.ask("GET", f"/servers/{id}"))["server"]
    assert (server["accessIPv4"], server["accessIPv6"]) == ("1.1.1.1", "::babe:dc0c:1602")
    await house.ask("PUT", f"/servers/{id}", {"server": {"accessIPv6": "2001:0DB8::0001"}})
    assert (await house.fetch(id)).desired["access_ip_v6"] == "2001:db8::1"
