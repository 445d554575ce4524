"""What is asked of a server's cloud, and when."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.cloud import Step
from fractus.model.placement import assigned
from fractus.model.resource import Presence, Resource
from fractus.model.servers import ServerFault, ServerObserved
from fractus.reconcile.kind import Apply, Done, Fail, Item, Lifecycle, Plan, Wait
from fractus.services.compute.servers import view
from fractus.services.compute.servers.lifecycle import ServerLifecycle
from tests.unit.services.compute.servers.house import House, TestClock

MEMORY = {"done": 0, "sent": 0, "name": "web", "description": "", "metadata": {}}


class NoPorts:
    async def release(self, tx: Any, server_id: str) -> None:
        raise AssertionError("nothing is released here")


CLOCK = TestClock()
LIFE = ServerLifecycle(NoPorts(), CLOCK)


def action(verb: str, token: int = 2, **args: str) -> dict[str, Any]:
    return {"token": token, "verb": verb, "args": args, "request_id": "req-1", "at": 0.0}


def seen(**about: Any) -> ServerObserved:
    given: dict[str, Any] = {
        "remote_id": "r",
        "status": "ACTIVE",
        "vm_state": "active",
        "launched_at": "2025-06-15T15:06:40.000000",
        **about,
    }
    return ServerObserved(**given)


def item(
    actions: list[dict[str, Any]] | None = None,
    memory: dict[str, Any] | None = None,
    name: str = "web",
    age: float = 0.0,
    **desired: Any,
) -> Item:
    about = {"name": name, "description": None, "metadata": {}, "actions": actions or [], **desired}
    since = CLOCK.now() - age
    resource = Resource(
        kind="server", id="s", name=name, desired=about, generation=4, updated_at=since, created_at=since
    )
    here = Presence(
        kind="server", id="s", cloud="east", memory=MEMORY if memory is None else memory, created_at=since
    )
    return Item(resource, here, {})


OFF = {"status": "SHUTOFF", "vm_state": "stopped"}


def fault(message: str) -> ServerFault:
    return ServerFault(message=message)


PLANS: list[tuple[str, Item, ServerObserved, Plan]] = [
    ("as it should be", item(), seen(), Done(MEMORY)),
    ("still being built", item(), seen(status="BUILD", vm_state="building"), Wait(2.0, "it is being built")),
    (
        "the longer it takes the less often it is looked at",
        item(age=50),
        seen(status="BUILD", vm_state="building"),
        Wait(10.0, "it is being built"),
    ),
    ("but never too seldom", item(age=9000), seen(status="BUILD"), Wait(30.0, "it is being built")),
    (
        "no room there: another cloud may have it",
        item(),
        seen(status="ERROR", vm_state="error", launched_at=None, fault=fault("No valid host was found. ")),
        Fail("No valid host was found. ", elsewhere=True),
    ),
    (
        "too many tries there",
        item(),
        seen(status="ERROR", launched_at=None, fault=fault("Exceeded maximum number of retries.")),
        Fail("Exceeded maximum number of retries.", elsewhere=True),
    ),
    (
        "no quota there",
        item(),
        seen(status="ERROR", launched_at=None, fault=fault("Quota exceeded for cores")),
        Fail("Quota exceeded for cores", elsewhere=True),
    ),
    (
        "an error of another kind is shown and left alone",
        item(),
        seen(status="ERROR", vm_state="error", launched_at=None, fault=fault("disk is broken")),
        Done(MEMORY),
    ),
    (
        "a server that ran is never made anew elsewhere",
        item(),
        seen(status="ERROR", vm_state="error", fault=fault("No valid host was found.")),
        Done(MEMORY),
    ),
    ("deleted there", item(), seen(gone=True), Fail("It is gone from east: it was deleted there.")),
    ("stopped there by somebody: shown, not fought", item(), seen(**OFF), Done(MEMORY)),
    ("renamed there by somebody: shown, not fought", item(), seen(name="theirs"), Done(MEMORY)),
    (
        "stop it",
        item([action("stop")]),
        seen(),
        Apply(Step("stop"), {**MEMORY, "done": 2, "sent": 2}, once="stop:2"),
    ),
    ("it is stopped already", item([action("stop")]), seen(**OFF), Done({**MEMORY, "done": 2})),
    (
        "it is being stopped: by us or not, it will be",
        item([action("stop")]),
        seen(task_state="powering-off"),
        Wait(2.0, "it is busy: powering-off"),
    ),
    (
        "the answer was lost, and it did stop",
        item([action("stop")], {**MEMORY, "doing": "stop:2"}),
        seen(**OFF),
        Done({**MEMORY, "done": 2}),
    ),
    (
        "the answer was lost, and it did not stop",
        item([action("stop")], {**MEMORY, "doing": "stop:2"}),
        seen(),
        Apply(Step("stop"), {**MEMORY, "done": 2, "sent": 2}, once="stop:2"),
    ),
    ("sent, and now looked at", item([action("stop")], {**MEMORY, "done": 2, "sent": 2}), seen(**OFF),
     Done({**MEMORY, "done": 2, "sent": 0})),
    (
        "sent, and not there yet",
        item([action("stop")], {**MEMORY, "done": 2, "sent": 2}),
        seen(task_state="powering-off"),
        Wait(2.0, "it is busy: powering-off"),
    ),
    (
        "stopped by us, started there by somebody: shown, not fought",
        item([action("stop")], {**MEMORY, "done": 2}),
        seen(),
        Done({**MEMORY, "done": 2}),
    ),
    (
        "start it",
        item([action("stop"), action("start", 3)], {**MEMORY, "done": 2}),
        seen(**OFF),
        Apply(Step("start"), {**MEMORY, "done": 3, "sent": 3}, once="start:3"),
    ),
    (
        "only the newest request counts",
        item([action("stop"), action("start", 3)]),
        seen(**OFF),
        Apply(Step("start"), {**MEMORY, "done": 3, "sent": 3}, once="start:3"),
    ),
    (
        "reboot it",
        item([action("reboot", type="SOFT")]),
        seen(),
        Apply(Step("reboot", {"type": "SOFT"}), {**MEMORY, "done": 2, "sent": 2}, once="reboot:2"),
    ),
    (
        "it reboots after our answer was lost: that is ours, and not repeated",
        item([action("reboot", type="SOFT")], {**MEMORY, "doing": "reboot:2"}),
        seen(task_state="reboot_started"),
        Done({**MEMORY, "done": 2}),
    ),
    (
        "the answer was lost and it does not reboot: again",
        item([action("reboot", type="HARD")], {**MEMORY, "doing": "reboot:2"}),
        seen(),
        Apply(Step("reboot", {"type": "HARD"}), {**MEMORY, "done": 2, "sent": 2}, once="reboot:2"),
    ),
    (
        "somebody else reboots it softly: ours comes after",
        item([action("reboot", type="SOFT")]),
        seen(task_state="rebooting"),
        Wait(2.0, "it is busy: rebooting"),
    ),
    (
        "hard goes before soft",
        item([action("reboot", type="HARD")]),
        seen(task_state="rebooting"),
        Apply(Step("reboot", {"type": "HARD"}), {**MEMORY, "done": 2, "sent": 2}, once="reboot:2"),
    ),
    ("locks are ours alone", item([action("lock")]), seen(), Done(MEMORY)),
    (
        "renamed by its user",
        item(name="new"),
        seen(),
        Apply(Step("rename", {"name": "new"}), {**MEMORY, "name": "new"}, once="rename:4"),
    ),
    (
        "described by its user",
        item(description="d"),
        seen(),
        Apply(Step("describe", {"description": "d"}), {**MEMORY, "description": "d"}, once="describe:4"),
    ),
    (
        "given metadata by its user",
        item(metadata={"a": "b"}),
        seen(),
        Apply(
            Step("set_metadata", {"metadata": {"a": "b"}}), {**MEMORY, "metadata": {"a": "b"}}, once="set_metadata:4"
        ),
    ),
    (
        "given a host name by its user",
        item(hostname="new", hostname_given=True),
        seen(hostname="web"),
        Apply(Step("set_hostname", {"hostname": "new"}), {**MEMORY, "hostname": "new"}, once="set_hostname:4"),
    ),
    (
        "given the host name that it was made with",
        item(hostname="new", hostname_given=True),
        seen(hostname="new"),
        Done({**MEMORY, "hostname": "new"}),
    ),
    (
        "a host name that we are not shown counts as sent",
        item(hostname="new", hostname_given=True),
        seen(),
        Done({**MEMORY, "hostname": "new"}),
    ),
    (
        "a host name that was sent, and changed there by somebody: shown, not fought",
        item(hostname="new", hostname_given=True, memory={**MEMORY, "hostname": "new"}),
        seen(hostname="theirs"),
        Done({**MEMORY, "hostname": "new"}),
    ),
    ("a host name that nobody asked for is the cloud's own", item(hostname="web"), seen(hostname="x"), Done(MEMORY)),
    ("a broken server takes no metadata; later perhaps", item(metadata={"a": "b"}),
     seen(status="ERROR", vm_state="error"), Done(MEMORY)),
    (
        "stopped already, and renamed: the rename is not forgotten",
        item([action("stop")], name="new"),
        seen(**OFF),
        Apply(Step("rename", {"name": "new"}), {**MEMORY, "done": 2, "name": "new"}, once="rename:4"),
    ),
    (
        "adopted: what it has is as it should be",
        item(name="theirs", memory={}),
        seen(),
        Done({**MEMORY, "name": "theirs"}),
    ),
    ("busy with something of its own", item(), seen(task_state="migrating"), Wait(2.0, "it is busy: migrating")),
]  # fmt: skip


@pytest.mark.parametrize(("why", "given", "looks", "plan"), PLANS, ids=[row[0] for row in PLANS])
def test_plans(why: str, given: Item, looks: ServerObserved, plan: Plan) -> None:
    assert LIFE.plan(given, looks) == plan


def test_it_is_a_lifecycle() -> None:
    life: Lifecycle = LIFE
    assert (life.name, life.traits) == ("server", assigned())


@pytest.mark.parametrize(
    ("status", "usable"), [("ACTIVE", True), ("SHUTOFF", True), ("BUILD", False), ("ERROR", False)]
)
def test_when_it_may_be_used(status: str, usable: bool) -> None:
    assert LIFE.settled(item().presence, seen(status=status)) is usable


async def test_what_is_built_there(house: House) -> None:
    house.add_key("ann", "laptop")
    id = await house.create(
        key_name="laptop",
        metadata={"a": "b"},
        user_data="aGVsbG8=",
        config_drive=True,
        description="d",
        hostname="given.example",
        **{"OS-DCF:diskConfig": "AUTO"},
    )
    server = await house.fetch(id)
    port = server.desired["ports"][0]
    remote = {
        ("flavor", "row-of-1"): "F",
        ("image", house.image): "I",
        ("keypair", "key-ann-laptop"): "K",
        ("port", port): "P",
    }
    here = Presence(kind="server", id=id, cloud="east")
    wanted = house.life.wanted(Item(server, here, remote))
    assert (wanted.id, wanted.name, wanted.flavor_id, wanted.image_id) == (id, "web", "F", "I")
    assert (wanted.key_name, wanted.port_ids, wanted.security_groups) == ("K", ["P"], [])
    assert (wanted.metadata, wanted.user_data, wanted.config_drive) == ({"a": "b"}, "aGVsbG8=", True)
    assert (wanted.description, wanted.hostname, wanted.disk_config) == ("d", "given.example", "AUTO")


async def test_a_host_name_that_nobody_gave_is_left_to_the_cloud(house: House) -> None:
    server = await house.fetch(await house.create(networks="none"))
    remote = {("flavor", "row-of-1"): "F", ("image", house.image): "I"}
    wanted = house.life.wanted(Item(server, Presence(kind="server", id=server.id, cloud="east"), remote))
    assert (wanted.hostname, wanted.port_ids) == ("", [])
    assert house.life.demand(server).kinds == {"server", "flavor", "image"}


async def test_a_new_presence_owes_nothing(house: House) -> None:
    id = await house.create()
    await house.place(id)
    await house.ask("POST", f"/servers/{id}/action", {"os-stop": None})
    await house.ask("PUT", f"/servers/{id}", {"server": {"name": "new"}})
    server = await house.fetch(id)
    async with house.store.transaction() as tx:
        memory = await house.life.prepare(tx, server, "west")
    assert memory == {**MEMORY, "done": 2, "name": "new"}
    fresh = Item(server, Presence(kind="server", id=id, cloud="west", memory=memory), {})
    assert house.life.plan(fresh, seen()) == Done(memory)


@pytest.mark.parametrize(
    ("actions", "adopted", "wanted"),
    [
        ([], None, "active"),
        ([action("stop")], None, "stopped"),
        ([], {"state": "stopped", "after": 0}, "stopped"),
        ([action("stop", 1)], {"state": "active", "after": 1}, "active"),
        ([action("start", 2)], {"state": "stopped", "after": 1}, "active"),
    ],
)
def test_whether_it_should_run_is_its_users_last_word_or_what_was_taken_over_since(
    actions: list[dict[str, Any]], adopted: dict[str, Any] | None, wanted: str
) -> None:
    assert view.power_wanted({"actions": actions, "power_adopted": adopted}) == wanted
