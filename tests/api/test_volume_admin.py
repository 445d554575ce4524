"""What administrators say of block storage: QoS specifications, encryption of types, default types, filters."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.clouds.simulated.records import VolumeTypeRecord
from fractus.services.volume.resource_filters.view import FILTERS
from fractus.services.volume.snapshots.kind import KIND as SNAPSHOT
from fractus.services.volume.volume_types.kind import KIND as VOLUME_TYPE
from fractus.services.volume.volumes.kind import KIND as VOLUME_KIND
from fractus.testing.asgi import HttpReply
from fractus.testing.user import VOLUME
from fractus.testing.world import World

V = "3.71"
QOS = f"{VOLUME}/qos-specs"


async def makes(world: World, path: str, key: str, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await world.admin.post(f"{VOLUME}{path}", {key: body}, version=V)).ok()[key]
    return made


async def asks(world: World, method: str, path: str, body: Any = None) -> HttpReply:
    return await world.admin.call(method, f"{VOLUME}{path}", body, version=V)


async def test_a_qos_specification_is_a_types_while_they_are_associated(world: World) -> None:
    gold = await makes(world, "/types", "volume_type", name="gold")
    qos = await makes(
        world, "/qos-specs", "qos_specs", name=" fast ", consumer="front-end", total_iops_sec="500"
    )
    at = f"/qos-specs/{qos['id']}"
    assert (qos["name"], qos["consumer"], qos["specs"]) == ("fast", "front-end", {"total_iops_sec": "500"})
    shown = (await asks(world, "GET", at)).ok()
    assert shown["qos_specs"] == qos
    assert shown["links"][0]["href"].endswith(f"/v3{at}")
    assert (await asks(world, "GET", f"{at}/associate?vol_type_id={gold['id']}")).status == 202
    type_ = (await asks(world, "GET", f"/types/{gold['id']}")).ok()["volume_type"]
    assert type_["qos_specs_id"] == qos["id"]
    found = (await asks(world, "GET", f"{at}/associations")).ok()["qos_associations"]
    assert found == [{"association_type": "volume_type", "name": "gold", "id": gold["id"]}]
    other = await makes(world, "/qos-specs", "qos_specs", name="slow")
    assert other["consumer"] == "back-end"
    reply = await asks(world, "GET", f"/qos-specs/{other['id']}/associate?vol_type_id={gold['id']}")
    assert (reply.status, b"already associated with another qos specs" in reply.body) == (400, True)
    assert (await asks(world, "DELETE", at)).status == 400, "it is still in use"
    assert (await asks(world, "GET", f"{at}/disassociate?vol_type_id={gold['id']}")).status == 202
    type_ = (await asks(world, "GET", f"/types/{gold['id']}")).ok()["volume_type"]
    assert type_["qos_specs_id"] is None
    assert (await asks(world, "GET", f"{at}/associate?vol_type_id={gold['id']}")).status == 202
    assert (await asks(world, "GET", f"{at}/disassociate_all")).status == 202
    assert (await asks(world, "GET", f"{at}/associations")).ok()["qos_associations"] == []
    assert (await asks(world, "GET", f"{at}/associate?vol_type_id={gold['id']}")).status == 202
    assert (await asks(world, "DELETE", f"{at}?force=true")).status == 202
    assert (await asks(world, "GET", at)).status == 404
    assert (await makes(world, "/qos-specs", "qos_specs", name="fast"))["id"] != qos["id"]


async def test_keys_of_a_qos_specification_come_and_go(world: World) -> None:
    qos = await makes(world, "/qos-specs", "qos_specs", name="fast", a="1", b="2")
    at = f"/qos-specs/{qos['id']}"
    body = {"qos_specs": {"consumer": "both", "c": "3"}}
    assert (await asks(world, "PUT", at, body)).ok() == body
    assert (await asks(world, "PUT", f"{at}/delete_keys", {"keys": ["a"]})).status == 202
    shown = (await asks(world, "GET", at)).ok()["qos_specs"]
    assert (shown["consumer"], shown["specs"]) == ("both", {"b": "2", "c": "3"})
    reply = await asks(world, "PUT", f"{at}/delete_keys", {"keys": ["c", "x"]})
    assert (reply.status, b"has no spec with key x" in reply.body) == (404, True)
    assert (await asks(world, "GET", at)).ok()["qos_specs"]["specs"] == {"b": "2"}
    listed = (await asks(world, "GET", "/qos-specs?consumer=both")).ok()["qos_specs"]
    assert [one["name"] for one in listed] == ["fast"]
    assert (await asks(world, "GET", "/qos-specs?consumer=front-end")).ok()["qos_specs"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("POST", "", {"qos_specs": {"name": "  "}}, 400, "The 'name' can not be empty."),
        ("POST", "", {"qos_specs": {"name": "x" * 256}}, 400, "can not be greater than 255 characters."),
        ("POST", "", {"qos_specs": {}}, 400, "'name' is a required property"),
        ("POST", "", {"qos_specs": {"name": "x", "consumer": "me"}}, 400, "Valid consumer of QoS specs are"),
        ("POST", "", {"qos_specs": {"name": "x", "k": "v" * 256}}, 400, "more than 255"),
        ("POST", "", {"qos_specs": {"name": "x", "k": 1}}, 400, "is not a string or unicode"),
        ("POST", "", {"qos_specs": {"name": "there"}}, 409, "QoS Specs there already exists."),
        ("PUT", "/{id}", {"qos_specs": {"consumer": "me"}}, 400, "Valid consumer of QoS specs are"),
        ("PUT", "/{id}", {"qos_specs": {"a\tb": "x"}}, 400, "does not match"),
        ("PUT", "/{id}/delete_keys", {"keys": "x"}, 400, "is not of type 'array'"),
        ("PUT", "/{id}/delete_keys", {"keys": ["x", "x"]}, 400, "non-unique"),
        ("GET", "/{id}/associate", None, 400, "Volume Type id must not be None."),
        ("GET", "/{id}/disassociate", None, 400, "Volume Type id must not be None."),
        ("GET", "/{id}/associate?vol_type_id=x", None, 404, "Volume type x could not be found."),
        ("GET", "/x", None, 404, "No such QoS spec x."),
        ("GET", "/x/associations", None, 404, "No such QoS spec x."),
    ],
)
async def test_wrong_requests_of_qos_specifications(
    world: World, method: str, path: str, body: Any, status: int, sentence: str
) -> None:
    qos = await makes(world, "/qos-specs", "qos_specs", name="there")
    reply = await asks(world, method, f"/qos-specs{path.replace('{id}', qos['id'])}", body)
    assert (reply.status, sentence in reply.body.decode()) == (status, True), reply.body
    assert (await world.user("ann").call(method, f"{QOS}{path}", body, version=V)).status in (400, 403)


# --- encryption --------------------------------------------------------------------------------------


async def test_encryption_of_a_type_is_set_changed_and_removed(world: World) -> None:
    gold = await makes(world, "/types", "volume_type", name="gold")
    at = f"/types/{gold['id']}/encryption"
    assert (await asks(world, "GET", at)).ok() == {}
    given = {
        "provider": "luks",
        "control_location": "front-end",
        "cipher": "aes-xts-plain64",
        "key_size": "256",
    }
    made = (await asks(world, "POST", at, {"encryption": given})).ok()["encryption"]
    ids = {"volume_type_id": gold["id"], "encryption_id": made["encryption_id"]}
    assert made == {**given, "key_size": 256, **ids}
    assert (await asks(world, "POST", at, {"encryption": given})).status == 400
    shown = (await asks(world, "GET", at)).ok()
    assert shown.items() >= {**made, "volume_type_id": gold["id"], "deleted": False}.items()
    assert (await asks(world, "GET", f"{at}/key_size")).ok() == {"key_size": 256}
    assert (await asks(world, "GET", f"{at}/colour")).status == 404
    changed = {"encryption": {"key_size": 512}}
    assert (await asks(world, "PUT", f"{at}/{shown['encryption_id']}", changed)).ok() == changed
    assert (await asks(world, "GET", at)).ok()["key_size"] == 512
    assert (await asks(world, "DELETE", f"{at}/provider")).status == 202
    assert (await asks(world, "GET", at)).ok() == {}
    assert (await asks(world, "DELETE", f"{at}/provider")).status == 404
    assert (await asks(world, "PUT", f"{at}/x", changed)).status == 404


async def test_what_has_to_be_encrypted_is_made_where_it_will_be(world: World) -> None:
    """A cloud whose own type is not encrypted is left for another, unless its zone was asked for."""
    gold = await makes(world, "/types", "volume_type", name="gold")
    for cloud, encrypted in (("a", ""), ("b", "front-end")):
        world.cloud(cloud).backend.records.put(
            VolumeTypeRecord(id=f"g-{cloud}", project_id="", name="gold", encrypted=encrypted)
        )
    ann = world.user("ann", project="p1")
    plain = await ann.makes_volume("v0", volume_type="gold", zone="a")
    await world.settle()
    assert (await ann.volume(plain))["status"] == "available"
    given = {"provider": "luks", "control_location": "front-end"}
    at = f"/types/{gold['id']}/encryption"
    reply = await asks(world, "POST", at, {"encryption": given})
    assert (reply.status, b"Volume type in use." in reply.body) == (400, True)
    (await ann.delete(f"{VOLUME}/volumes/{plain}")).ok()
    await world.settle()
    assert (await asks(world, "POST", at, {"encryption": given})).status == 200
    await world.settle()
    free, bound = (
        await ann.makes_volume("v1", volume_type="gold"),
        await ann.makes_volume("v2", volume_type="gold", zone="a"),
    )
    await world.settle()
    found = await ann.volume(free)
    assert (found["status"], found["availability_zone"]) == ("available", "b")
    assert (await ann.volume(bound))["status"] == "error"
    assert not world.cloud("a").of("volume")


@pytest.mark.parametrize(
    ("encryption", "sentence"),
    [
        ({"provider": "luks"}, "'control_location' is a required property"),
        ({"control_location": "front-end"}, "'provider' is a required property"),
        ({"provider": "luks", "control_location": "moon"}, "is not one of"),
        ({"provider": "luks", "control_location": "front-end", "key_size": -1}, "less than the minimum of 0"),
        (
            {"provider": "luks", "control_location": "front-end", "key_size": "x"},
            "key_size must be an integer.",
        ),
        ({"provider": "x" * 256, "control_location": "front-end"}, "is too long"),
    ],
)
async def test_wrong_encryption_is_refused(world: World, encryption: Any, sentence: str) -> None:
    gold = await makes(world, "/types", "volume_type", name="gold")
    reply = await asks(world, "POST", f"/types/{gold['id']}/encryption", {"encryption": encryption})
    assert (reply.status, sentence in reply.body.decode()) == (400, True), reply.body


# --- default types -----------------------------------------------------------------------------------


async def test_a_project_has_a_default_type_of_its_own(world: World) -> None:
    gold = await makes(world, "/types", "volume_type", name="gold")
    ann = world.user("ann", project="p1")
    at = f"/default-types/{ann.project_id}"
    assert (await asks(world, "GET", at)).status == 404
    for named in ("gold", gold["id"]):
        reply = await asks(world, "PUT", at, {"default_type": {"volume_type": named}})
        assert reply.ok()["default_type"] == {"project_id": ann.project_id, "volume_type_id": gold["id"]}
    assert (await asks(world, "GET", at)).ok() == reply.json
    assert (await asks(world, "GET", "/default-types")).ok()["default_types"] == [reply.json["default_type"]]
    volume = await ann.makes_volume("v1")
    assert (await ann.volume(volume))["volume_type"] == "gold"
    shown = (await ann.get(f"{VOLUME}/types/default", version=V)).ok()["volume_type"]
    assert shown["name"] == "gold"
    assert (await asks(world, "DELETE", f"/types/{gold['id']}")).status == 400
    assert (await asks(world, "DELETE", at)).status == 204
    assert (await asks(world, "DELETE", at)).status == 204
    assert (await ann.get(f"{VOLUME}/types/default", version=V)).ok()["volume_type"]["name"] == "__DEFAULT__"
    reply = await asks(world, "PUT", at, {"default_type": {"volume_type": "none"}})
    assert (reply.status, b"could not be found" in reply.body) == (400, True)
    assert (await asks(world, "PUT", at, {"default_type": {}})).status == 400
    assert (await ann.call("GET", f"{VOLUME}{at}", version=V)).status == 403
    assert (await world.admin.call("GET", f"{VOLUME}{at}", version="3.61")).status == 404


# --- filters -----------------------------------------------------------------------------------------


async def test_the_filters_that_are_listed_are_those_that_are_heeded(world: World) -> None:
    ann = world.user("ann", project="p1")
    listed = (await ann.get(f"{VOLUME}/resource_filters", version=V)).ok()["resource_filters"]
    assert {one["resource"]: one["filters"] for one in listed} == {
        name: list(filters) for name, filters in FILTERS.items()
    }
    one = (await ann.get(f"{VOLUME}/resource_filters", version=V, resource="volume")).ok()["resource_filters"]
    assert [row["resource"] for row in one] == ["volume"]
    assert (await ann.get(f"{VOLUME}/resource_filters", version=V, resource="x")).ok() == {
        "resource_filters": []
    }
    for kind in (VOLUME_KIND, SNAPSHOT, VOLUME_TYPE):
        assert set(FILTERS[kind.name]) <= set(kind.open_filters)


# --- types that change --------------------------------------------------------------------------------


async def retyped(world: World, volume: str, name: str, **more: Any) -> HttpReply:
    body = {"os-retype": {"new_type": name, **more}}
    return await world.user("ann", project="p1").post(f"{VOLUME}/volumes/{volume}/action", body, version=V)


async def used(world: World) -> dict[str, int]:
    ann = world.user("ann", project="p1")
    path = f"/os-quota-sets/{ann.project_id}?usage=True"
    quotas = (await asks(world, "GET", path)).ok()["quota_set"]
    return {name: quotas[f"volumes_{name}"]["in_use"] for name in ("__DEFAULT__", "gold")}


def gold_in(world: World, cloud: str, name: str = "gold", **specs: str) -> None:
    record = VolumeTypeRecord(id=f"g-{cloud}", project_id="", name=name, extra_specs=specs)
    world.cloud(cloud).backend.records.put(record)


async def test_a_volume_gets_another_type(world: World) -> None:
    gold_in(world, "a")
    gold = await makes(world, "/types", "volume_type", name="gold")
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1", zone="a")
    await world.settle()
    assert await used(world) == {"__DEFAULT__": 1, "gold": 0}
    assert (await retyped(world, volume, gold["id"], migration_policy="on-demand")).status == 202
    found = await ann.volume(volume)
    assert (found["status"], found["volume_type"]) == ("retyping", "__DEFAULT__"), "until it is done"
    assert await used(world) == {"__DEFAULT__": 0, "gold": 1}
    await world.settle()
    found = await ann.volume(volume)
    assert (found["status"], found["volume_type"]) == ("available", "gold")
    (there,) = world.cloud("a").of("volume")
    assert there.type_name == "gold"  # type: ignore[attr-defined]
    assert (await asks(world, "DELETE", f"/types/{gold['id']}")).status == 400, "a volume has it"
    assert (await retyped(world, volume, "__DEFAULT__")).status == 202
    await world.settle()
    assert (await ann.volume(volume))["volume_type"] == "__DEFAULT__"
    assert await used(world) == {"__DEFAULT__": 1, "gold": 0}
    (await ann.delete(f"{VOLUME}/volumes/{volume}")).ok()
    await world.settle()
    assert not world.cloud("a").of("volume")


@pytest.mark.parametrize("how", ["no such type there", "the back end cannot"])
async def test_a_type_that_cannot_be_had_leaves_the_volume_as_it_was(world: World, how: str) -> None:
    if how == "the back end cannot":
        gold_in(world, "a", **{"simulated:retype": "fails"})
    await makes(world, "/types", "volume_type", name="gold")
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1", zone="a")
    await world.settle()
    assert (await retyped(world, volume, "gold")).status == 202
    await world.settle()
    found = await ann.volume(volume)
    assert (found["status"], found["volume_type"]) == ("available", "__DEFAULT__")
    assert await used(world) == {"__DEFAULT__": 1, "gold": 0}
    (await ann.put(f"{VOLUME}/volumes/{volume}", {"volume": {"name": "v2"}}, version=V)).ok()
    await world.settle()
    (there,) = world.cloud("a").of("volume")
    assert (there.name, there.type_name) == ("v2", "__DEFAULT__")  # type: ignore[attr-defined]
    (gold,) = [
        one for one in (await asks(world, "GET", "/types")).ok()["volume_types"] if one["name"] == "gold"
    ]
    assert (await asks(world, "DELETE", f"/types/{gold['id']}")).status == 202, "no volume has it"


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"new_type": "none"}, 404, "could not be found"),
        ({"new_type": 7}, 400, "is not of type 'string'"),
        ({"new_type": "gold", "migration_policy": "soon"}, 400, "is not one of"),
        ({}, 400, "'new_type' is a required property"),
        ({"new_type": "__DEFAULT__"}, 400, "requested type has to be different"),
    ],
)
async def test_wrong_changes_of_types_are_refused(
    world: World, body: Any, status: int, sentence: str
) -> None:
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1", zone="a")
    await world.settle()
    reply = await ann.post(f"{VOLUME}/volumes/{volume}/action", {"os-retype": body}, version=V)
    assert (reply.status, sentence in reply.body.decode()) == (status, True), reply.body
