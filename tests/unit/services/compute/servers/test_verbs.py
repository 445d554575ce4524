"""Every verb of a server: in which states it may be asked, what is shown of it, and what its cloud is sent."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from fractus.auth.vault import Vault
from fractus.model.action import Action
from fractus.model.cloud import Step
from fractus.model.errors import Conflict, Forbidden, Invalid
from fractus.model.server_verbs import CLOUD_VERBS, verb_between
from fractus.reconcile.kind import Apply, Wait
from fractus.services.compute.servers import view
from fractus.services.compute.servers.lifecycle import ServerLifecycle
from fractus.store import actions as stored
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
    ("changePassword", {"adminPass": "new"}, "active", "updating_password"),
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


async def test_who_rescues_is_told_the_password(house: House, vault: Vault) -> None:
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
