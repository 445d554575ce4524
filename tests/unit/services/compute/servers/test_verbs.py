"""Every verb of a server: in which states it may be asked, what is shown of it, and what its cloud is sent."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from fractus.auth.vault import Vault
from fractus.model.action import Action
from fractus.model.cloud import Step
from fractus.model.errors import Conflict, Forbidden, Invalid
from fractus.model.resource import Resource
from fractus.model.server_verbs import CLOUD_VERBS, verb_between
from fractus.reconcile.kind import Apply, Wait
from fractus.services.compute.servers import view
from fractus.services.compute.servers.costs import COSTS
from fractus.services.compute.servers.lifecycle import ServerLifecycle
from fractus.store import actions as stored
from fractus.store import presences
from tests.unit.services.compute.servers.house import House, admin
from tests.unit.services.compute.servers.test_lifecycle import CLOCK, LIFE, NoPorts, item, seen

STATES = "active stopped paused suspended rescued error shelved shelved_offloaded resized soft-delete".split()

#: The action's key, its value, the states in which Nova takes it (`nova.compute.api`), the task that is shown then.
ROWS: list[tuple[str, Any, str, str | None]] = [
    ("pause", None, "active", "pausing"),
    ("unpause", None, "paused", "unpausing"),
    ("suspend", None, "active", "suspending"),
    ("resume", None, "suspended", "resuming"),
    ("rescue", None, "active stopped error", "rescuing"),
    ("unrescue", None, "rescued", "unrescuing"),
    ("shelve", None, "active stopped paused suspended", "shelving"),
    ("shelveOffload", None, "shelved", "shelving_offloading"),
    ("unshelve", None, "shelved shelved_offloaded", "unshelving"),
    ("createImage", {"name": "snap"}, "active stopped paused suspended", "image_snapshot_pending"),
    (
        "createBackup",
        {"name": "snap", "backup_type": "daily", "rotation": "1"},
        "active stopped paused suspended",
        "image_backup",
    ),
    ("changePassword", {"adminPass": "new"}, "active", "updating_password"),
    ("resize", {"flavorRef": "big"}, "active stopped", "resize_prep"),
    ("confirmResize", None, "resized", None),
    ("revertResize", None, "resized", "resize_reverting"),
    ("rebuild", {"imageRef": "IMAGE"}, "active stopped error", "rebuilding"),
    ("trigger_crash_dump", None, "active paused rescued resized error", None),
    ("restore", None, "soft-delete", "restoring"),
    ("injectNetworkInfo", None, " ".join(STATES), None),
]


@pytest.fixture
def vault(house: House) -> Vault:
    house.secrets = Vault([Fernet.generate_key().decode()])
    return house.secrets


async def at(house: House, vm_state: str, **about: Any) -> str:
    """A server that its cloud shows in a state."""
    id = await house.create()
    host = "" if vm_state == "shelved_offloaded" else "h"
    await house.place(id, vm_state=vm_state, status=view.status_of(vm_state, None), host=host, **about)
    return id


async def act(house: House, id: str, body: dict[str, Any], **more: Any) -> Any:
    return await house.ask("POST", f"/servers/{id}/action", body, who=admin(), **more)


@pytest.mark.parametrize(("key", "value", "states", "task"), ROWS, ids=[row[0] for row in ROWS])
async def test_it_is_taken_in_its_states_only(
    house: House, vault: Vault, key: str, value: Any, states: str, task: str | None
) -> None:
    house.add_flavor("big", vcpus=4)
    if key == "rebuild":
        value = {"imageRef": house.add_image("other")}
    for state in STATES:
        if key == "injectNetworkInfo" and state == "shelved_offloaded":
            continue  # it is on no host
        id = await at(house, state)
        if state not in states.split():
            with pytest.raises(Conflict) as refused:
                await act(house, id, {key: value})
            assert refused.value.message == f"Cannot '{key}' instance {id} while it is in vm_state {state}"
            continue
        await act(house, id, {key: value})
        shown = (await house.ask("GET", f"/servers/{id}"))["server"]
        assert shown["OS-EXT-STS:task_state"] == task


async def test_one_that_is_busy_is_not_asked(house: House) -> None:
    id = await at(house, "active", task_state="powering-off")
    said = await house.refused(Conflict, "POST", f"/servers/{id}/action", {"pause": None})
    assert said == f"Cannot 'pause' instance {id} while it is in task_state powering-off"


# --- passwords ------------------------------------------------------------------------------------


async def test_a_password_lies_sealed_and_is_sent_in_the_clear(house: House, vault: Vault) -> None:
    id = await at(house, "active")
    await act(house, id, {"changePassword": {"adminPass": "secret-word"}})
    (row,) = [
        one for one in await stored.history(house.store, "server", id, 9) if one.verb == "changePassword"
    ]
    assert "secret-word" not in str(row.args)
    life = ServerLifecycle(NoPorts(), CLOCK, vault)
    plan = life.plan(item(acting={"token": 2, "verb": "changePassword", "args": row.args}), seen())
    assert isinstance(plan, Apply)
    assert plan.step == Step("changePassword", {"adminPass": "secret-word"})


async def test_without_a_key_no_password_is_taken(house: House) -> None:
    id = await at(house, "active")
    for body in ({"changePassword": {"adminPass": "x"}}, {"rescue": {"adminPass": "x"}}):
        said = await house.refused(Invalid, "POST", f"/servers/{id}/action", body)
        assert said.startswith("adminPass is not carried to the clouds by fractus")
    assert await act(house, id, {"rescue": None}) == {}


async def test_who_rescues_is_shown_the_password(house: House, vault: Vault) -> None:
    first = await act(house, await at(house, "active"), {"rescue": {"adminPass": "given"}})
    assert first == {"adminPass": "given"}
    other = await act(house, await at(house, "active"), {"rescue": None})
    assert len(other["adminPass"]) == 12


# --- images ---------------------------------------------------------------------------------------


async def test_the_image_of_a_rescue_is_needed_and_named_by_its_id_there(house: House, vault: Vault) -> None:
    id, image = await at(house, "active"), house.add_image("mender")
    await act(house, id, {"rescue": {"rescue_image_ref": image}})
    needs = await house.resources.needs(house.store, "server", id)
    assert ("image", image) in [(one.kind, one.id) for one in needs]
    asked = {"token": 2, "verb": "rescue", "args": {"rescue_image_ref": image}}
    assert isinstance(LIFE.plan(item(acting=asked), seen()), Wait)
    there = item(acting=asked)
    there = type(there)(there.resource, there.presence, {("image", image): "theirs"})
    plan = LIFE.plan(there, seen())
    assert isinstance(plan, Apply)
    assert plan.step == Step("rescue", {"rescue_image_ref": "theirs"})
    action = Action(kind="server", id="s", token=2, verb="rescue", args=asked["args"])
    assert LIFE.names(action) == [("image", image)]
    assert LIFE.names(Action(kind="server", id="s", token=3, verb="of a later version")) == []


async def test_an_image_that_cannot_be_used_is_refused(house: House, vault: Vault) -> None:
    id = await at(house, "active")
    for image in ("00000000-0000-4000-8000-00000000000a", house.add_image("queued", status="queued")):
        said = await house.refused(
            Invalid, "POST", f"/servers/{id}/action", {"rescue": {"rescue_image_ref": image}}
        )
        assert said == f"Requested rescue image '{image}' is not supported"


# --- zones ----------------------------------------------------------------------------------------


async def test_where_it_is_unshelved(house: House) -> None:
    body: dict[str, Any] = {"unshelve": {"availability_zone": "east"}}
    id = await at(house, "shelved")
    said = await house.refused(Conflict, "POST", f"/servers/{id}/action", body)
    assert said.endswith(
        'with status "shelved" is not supported. The server status must be SHELVED_OFFLOADED.'
    )
    id = await at(house, "shelved_offloaded")
    body = {"unshelve": {"availability_zone": "nowhere"}}
    said = await house.refused(Invalid, "POST", f"/servers/{id}/action", body)
    assert said == "The requested availability zone is not available"
    await house.refused(Forbidden, "POST", f"/servers/{id}/action", {"unshelve": {"host": "h1"}})
    await act(house, id, {"unshelve": {"host": "east:h1", "availability_zone": None}})
    assert (await house.fetch(id)).desired["acting"]["args"] == {"host": "h1"}
    assert CLOUD_VERBS["unshelve"].version({"host": "h1"}) == "2.91"
    assert CLOUD_VERBS["trigger_crash_dump"].version({}) == "2.17"
    assert CLOUD_VERBS["pause"].version({}) == ""


# --- resizing -------------------------------------------------------------------------------------


async def resized(house: House, vm_state: str, **more: Any) -> Resource:
    """A server that was asked for four CPUs, as its cloud has it when nothing is under way there."""
    house.add_flavor("big", vcpus=4)
    id = await at(house, "active")
    await act(house, id, {"resize": {"flavorRef": "big"}})
    await house.remember(id, done=2, sent=more.pop("sent", 0))
    await house.place(id, vm_state=vm_state, status=view.status_of(vm_state, None), **more)
    async with house.store.transaction() as tx:
        server = await house.resources.fetch(tx, "server", id)
        assert server is not None
        house.life.learn(server, await presences.of_resource(tx, "server", id))
    return server


BIG, SMALL = {"flavor": {"vcpus": 4}}, {"flavor": {"vcpus": 2}}


@pytest.mark.parametrize(
    ("vm_state", "there", "vcpus", "decided", "why"),
    [
        ("resized", BIG, 2, False, "it waits to be confirmed"),
        ("active", BIG, 4, True, "it was confirmed, by whomever"),
        ("stopped", BIG, 4, True, "it was confirmed, and is off"),
        ("active", SMALL, 2, True, "it went back, or was refused"),
        ("active", {**BIG, "task_state": "resize_finish"}, 2, False, "it is under way"),
        ("active", {**SMALL, "sent": 2}, 2, False, "what its cloud shows is from before the request"),
    ],
)
async def test_which_flavor_it_keeps(
    house: House, vm_state: str, there: dict[str, Any], vcpus: int, decided: bool, why: str
) -> None:
    server = await resized(house, vm_state, **there)
    assert server.desired["flavor"]["vcpus"] == vcpus, why
    assert ("resize" not in server.desired) is decided, why


async def test_the_new_flavor_is_shown_when_it_is_there_and_both_are_paid_for_until_then(
    house: House,
) -> None:
    server = await resized(house, "resized", **BIG)
    shown = (await house.ask("GET", f"/servers/{server.id}"))["server"]
    assert (shown["status"], shown["flavor"]["vcpus"]) == ("VERIFY_RESIZE", 4)
    assert COSTS.of(server)["cores"] == 4
    assert ("flavor", server.desired["resize"]["flavor_need"]) in [
        (one.kind, one.id) for one in await house.resources.needs(house.store, "server", server.id)
    ]


@pytest.mark.parametrize(
    ("flavor", "says"),
    [
        ("small", "When resizing, instances must change flavor!"),
        ("nowhere", "Flavor nowhere could not be found."),
        (
            "diskless",
            "Server disk was unable to be resized because: Resize to zero disk flavor is not allowed.",
        ),
    ],
)
async def test_a_flavor_that_it_cannot_have(house: House, flavor: str, says: str) -> None:
    house.add_flavor("diskless", disk=0)
    id = await at(house, "active")
    if flavor == "small":
        flavor = (await house.fetch(id)).desired["flavor"]["id"]
    said = await house.refused(Invalid, "POST", f"/servers/{id}/action", {"resize": {"flavorRef": flavor}})
    assert said == says


# --- rebuilding -----------------------------------------------------------------------------------


async def test_it_is_built_anew_with_what_is_asked(house: House, vault: Vault) -> None:
    house.add_key("root", "laptop")
    id, image = await at(house, "stopped"), house.add_image("other")
    asked = {
        "imageRef": image,
        "name": "renamed",
        "metadata": {"a": "b"},
        "description": "new",
        "key_name": "laptop",
        "user_data": "bmV3",
        "hostname": "called",
        "adminPass": "given",
        "preserve_ephemeral": "True",
        "accessIPv6": "2001:DB8::0",
    }
    answer = (await act(house, id, {"rebuild": asked}))["server"]
    assert (answer["adminPass"], answer["user_data"], answer["status"]) == ("given", "bmV3", "REBUILD")
    assert (answer["name"], answer["image"]["id"], answer["key_name"]) == ("renamed", image, "laptop")
    desired = (await house.fetch(id)).desired
    assert (desired["image_id"], desired["description"], desired["hostname"]) == (image, "new", "called")
    assert desired["access_ip_v6"] == "2001:db8::"
    args = desired["acting"]["args"]
    assert args.pop("adminPass") != "given"
    assert args == {
        "imageRef": image,
        "metadata": {"a": "b"},
        "user_data": "bmV3",
        "preserve_ephemeral": True,
        "key_name": desired["keypair_id"],
    }
    kinds = [one.kind for one in await house.resources.needs(house.store, "server", id)]
    assert sorted(kinds) == ["flavor", "image", "keypair", "port"]
    assert view.power_wanted(desired) == "active"
    assert view.rests_as_wanted(desired, "stopped")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"imageRef": "00000000-0000-4000-8000-00000000000a"}, "Can not find requested image"),
        ({"key_name": "nobody's"}, "Invalid key_name provided."),
        ({"trusted_image_certificates": ["c"]}, "trusted_image_certificates are not carried to the clouds"),
    ],
)
async def test_what_it_cannot_be_built_of(
    house: House, vault: Vault, asked: dict[str, Any], says: str
) -> None:
    id = await at(house, "active")
    body = {"rebuild": {"imageRef": house.add_image("other"), **asked}}
    assert (await house.refused(Invalid, "POST", f"/servers/{id}/action", body)).startswith(says)
    assert (await house.fetch(id)).desired.get("acting") is None


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ("2.1", ()),
        ("2.54", ("key_name",)),
        ("2.57", ("key_name", "user_data")),
        ("2.75", ("key_name", "user_data")),
    ],
)
async def test_what_the_answer_to_a_rebuild_shows(house: House, version: str, has: tuple[str, ...]) -> None:
    id = await at(house, "active")
    body = {"rebuild": {"imageRef": house.add_image("other")}}
    answer = (await act(house, id, body, version=version))["server"]
    assert tuple(name for name in ("key_name", "user_data") if name in answer) == has
    assert ("OS-EXT-STS:vm_state" in answer) is (version == "2.75")
    assert "OS-EXT-SRV-ATTR:user_data" not in answer


# --- mending --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "wanted", "verb"),
    [
        ("stopped", "active", "start"),
        ("paused", "active", "unpause"),
        ("suspended", "active", "resume"),
        ("rescued", "active", "unrescue"),
        ("shelved_offloaded", "active", "unshelve"),
        ("active", "paused", "pause"),
        ("paused", "stopped", None),
        ("shelved", "shelved_offloaded", None),
    ],
)
def test_what_brings_it_back(found: str, wanted: str, verb: str | None) -> None:
    between = verb_between(found, wanted)
    assert (between and between.name) == verb


def test_what_leaves_it_as_it_is_does_not_say_where_it_rests() -> None:
    acting = {"token": 3, "verb": "trigger_crash_dump", "args": {}}
    assert view.power_wanted({"acting": acting, "rests_in": "paused"}) == "paused"
    assert view.power_wanted({"acting": acting}) == "active"
    shelved = {"acting": {"token": 3, "verb": "shelve", "args": {}}}
    assert all(view.rests_as_wanted(shelved, state) for state in ("shelved", "shelved_offloaded"))
    assert not view.rests_as_wanted(shelved, "active")
