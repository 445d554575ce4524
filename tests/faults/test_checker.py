"""A checker that cannot fail is worthless: each kind of damage is planted once, and must be found, and named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults import checker, model
from tests.faults.checker import Checker, Wrong
from tests.faults.model import Model
from tests.faults.truth import Held, Truth

RULE = {"id": "rule-1", "direction": "egress"}
SERVER, NETWORK, PORT, GROUP = "s-1", "n-1", "p-1", "g-1"


def _lines(*requests: dict[str, Any]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for request in requests:
        outcome = dict(request.pop("outcome", {"status": 202}))
        asked = {"n": len(lines) + 1, "at": len(lines), "what": "asked", "tenant": "t1", **request}
        what = "answered" if outcome.get("status") else "unknown"
        lines += [
            asked,
            {"n": asked["n"] + 1, "at": len(lines) + 1, "what": what, "to": asked["n"], **outcome},
        ]
    return lines


def _create(kind: str, id: str, name: str, **more: Any) -> dict[str, Any]:
    fields = {"name": name, **more.pop("fields", {})}
    outcome = {"status": 202, "id": id, **more.pop("answered", {})}
    key = f"t1/{kind}/{name}"
    return {
        "act": "create",
        "key": key,
        "kind": kind,
        "name": name,
        "fields": fields,
        "outcome": outcome,
        **more,
    }


REQUESTS = (
    _create("network", NETWORK, "red"),
    _create("group", GROUP, "web"),
    _create(
        "port", PORT, "door",
        answered={"fields": {"mac_address": "fa:16:3e:00:00:01", "fixed_ips": ["10.0.0.5"]}},
    ),
    _create("server", SERVER, "vm", fields={"power": "ACTIVE"}, nets=1, uses=[NETWORK, PORT]),
)  # fmt: skip


def _port(id: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id, "name": "door", "network_id": NETWORK, "device_id": SERVER, "mac_address": "fa:16:3e:00:00:01",
        "fixed_ips": [{"subnet_id": "x", "ip_address": "10.0.0.5"}], "description": "", **more,
    }  # fmt: skip


def _server(id: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id, "name": "vm", "status": "ACTIVE", "metadata": {}, "OS-EXT-AZ:availability_zone": "east",
        "addresses": {"red": [{"addr": "10.0.0.5"}]}, "tenant_id": "p", "flavor": {"vcpus": 2, "ram": 64}, **more,
    }  # fmt: skip


def _nothing() -> dict[str, list[Any]]:
    return {
        kind: [] for kind in ("server", "flavor", "network", "subnet", "port", "group", "image", "keypair")
    }


def _truth() -> Truth:
    """All is well: one server on one network, in the cloud east, where somebody else has a network too."""
    api = _nothing() | {
        "server": [_server(SERVER)],
        "network": [{"id": NETWORK, "name": "red"}],
        "port": [_port(PORT)],
        "group": [{"id": GROUP, "name": "web", "security_group_rules": [RULE], "project_id": "p"}],
    }
    east = _nothing() | {
        "server": [_server("r-s", metadata={"fractus_id": SERVER})],
        "network": [
            {"id": "r-n", "name": "red", "description": f"fractus:{NETWORK}"},
            {"id": "r-x", "name": "theirs", "description": ""},
        ],
        "port": [_port("r-p", description=f"fractus:{PORT}")],
    }
    held = [
        Held(kind, id, "east", remote, True, "settled", "", {})
        for kind, id, remote in (
            ("server", SERVER, "r-s"),
            ("network", NETWORK, "r-n"),
            ("port", PORT, "r-p"),
        )
    ]
    used = {
        "p": {
            "instances": 1,
            "cores": 2,
            "ram": 64,
            "network": 0,
            "security_group": 1,
            "security_group_rule": 1,
        }
    }
    return Truth(
        api, {"t1": []}, {"east": east, "west": _nothing()}, held, used, {"east": {"r-s": 1}, "west": {}}
    )


FOREIGN = {"east": _nothing() | {"network": [{"id": "r-x", "name": "theirs", "description": ""}]}}


def _check(truth: Truth, *more: dict[str, Any], restored: bool = False) -> list[Wrong]:
    made = Model.of(_lines(*copy.deepcopy([*REQUESTS, *more])))
    if restored:
        made.restores.append(("east", 0.0, 1.0))
    return list(Checker(made, truth, FOREIGN, set()).wrongs())


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert _check(_truth()) == []


@pytest.mark.parametrize(
    ("ended", "there", "broken"),
    [
        (False, True, None), (False, False, "LOST"), (True, False, None), (True, True, "UNDEAD"),
    ],
)  # fmt: skip
def test_a_reservation_is_there_until_it_is_ended(ended: bool, there: bool, broken: str | None) -> None:
    truth = _doubled(_truth(), shown=True, deliveries=1)
    status = "reserved" if there else "available"
    for volumes in (truth.api["volume"], truth.children["east"]["volume"]):
        volumes[0]["status"] = status
    truth.api["reservation"] = [{"id": "a-1", "status": "reserved"}] if there else []
    key = "t1/volume/disk"
    asked = [_create("volume", "v-1", "disk"), _create("reservation", "a-1", "kept", parent=key)]
    if ended:
        asked.append({"act": "delete", "key": "t1/reservation/kept", "outcome": {"status": 200}})
    found = {wrong.promise for wrong in _check(truth, *asked)}
    # Of a volume that is reserved, and nobody asked for that, the state is wrong too.
    assert found - {checker.STATE} == ({getattr(checker, broken)} if broken else set())
    assert (checker.STATE in found) == (ended and there)


@pytest.mark.parametrize("restored", [True, False])
def test_a_reservation_is_not_found_where_its_cloud_has_forgotten_it(restored: bool) -> None:
    truth = _doubled(_truth(), shown=True, deliveries=1)
    asked = [
        _create("volume", "v-1", "disk"), _create("reservation", "a-1", "kept", parent="t1/volume/disk"),
        {"act": "delete", "key": "t1/reservation/kept", "outcome": {"status": 404, "message": "a-1"}},
    ]  # fmt: skip
    found = {wrong.promise for wrong in _check(truth, *asked, restored=restored)}
    assert found == (set() if restored else {checker.LOST})


@pytest.mark.parametrize(("action", "right"), [("access_as_external", True), ("access_as_shared", False)])
def test_an_external_network_comes_with_its_policy(action: str, right: bool) -> None:
    truth = _truth()
    truth.api["network"].append({"id": "n-x", "name": "red", "router:external": True})
    truth.api["rbac_policy"] = [{"id": "r-1", "object_id": "n-x", "action": action}]
    found = {wrong.promise for wrong in _check(truth)} - {checker.DOUBLED}
    assert found == (set() if right else {checker.UNREQUESTED})


@pytest.mark.parametrize("restored", [True, False])
def test_what_a_restored_cloud_has_smaller_counts_as_it_was_asked(restored: bool) -> None:
    truth = _doubled(_truth(), shown=True, deliveries=1)
    drift = {"size": {"wanted": 2, "found": 1}}
    truth.held[-1] = truth.held[-1]._replace(memory={"drift": drift})
    truth.used["p"]["gigabytes"] = 2
    wrongs = _check(truth, _create("volume", "v-1", "disk"), restored=restored)
    assert {wrong.promise for wrong in wrongs} == (set() if restored else {checker.QUOTA})


def _plant(change: Callable[[Truth], Any]) -> Truth:
    truth = copy.deepcopy(_truth())
    change(truth)
    return truth


def _doubled(truth: Truth, *, shown: bool, deliveries: int) -> Truth:
    """A volume, and a second one with its marker, in the cloud east."""
    one = {"name": "disk", "status": "available", "size": 1, "attachments": []}
    owner = {"os-vol-tenant-attr:tenant_id": "p"}
    truth.api["volume"] = [{"id": "v-1", **one, **owner}]
    truth.children["east"]["volume"] = [
        {"id": id, "metadata": {"fractus_id": "v-1"}, **one} for id in ("r-v", "r-w")
    ]
    truth.held.append(Held("volume", "v-1", "east", "r-v", True, "settled", "", {}))
    truth.used["p"] |= {"volumes": 1, "gigabytes": 1}
    orphans = frozenset({("volume", "east", "r-w")} if shown else ())
    return truth._replace(orphans=orphans, doubled={("volume", "east"): deliveries})


@pytest.mark.parametrize(
    ("shown", "deliveries", "right"), [(True, 1, True), (False, 1, False), (True, 0, False)]
)
def test_a_second_volume_is_right_where_a_network_made_it_and_operators_are_shown_it(
    shown: bool, deliveries: int, right: bool
) -> None:
    made = Model.of(_lines(*copy.deepcopy([*REQUESTS, _create("volume", "v-1", "disk")])))
    judge = Checker(made, _doubled(_truth(), shown=shown, deliveries=deliveries), FOREIGN, set())
    found = {wrong.promise for wrong in judge.wrongs()}
    assert found == (set() if right else {checker.DOUBLED, checker.ORPHAN})
    counted = judge.reasons["a second volume that a network made, shown as an orphan"]
    assert counted == int(right)


def _east(truth: Truth) -> dict[str, list[Any]]:
    return truth.children["east"]


DAMAGE: list[tuple[str, str, Callable[[Truth], Any]]] = [
    ("our API has lost a network", checker.LOST, lambda t: t.api["network"].clear()),
    ("our API has lost a server", checker.LOST, lambda t: t.api["server"].clear()),
    ("the cloud has no such server", checker.LOST, lambda t: _east(t)["server"].clear()),
    (
        "a network that nobody asked for",
        checker.UNREQUESTED,
        lambda t: t.api["network"].append({"id": "?", "name": "?"}),
    ),
    (
        "a port left behind by a server",
        checker.UNREQUESTED,
        lambda t: t.api["port"].append(
            _port("p-9", name="", device_id="s-9", mac_address="fa:16:3e:00:00:09", fixed_ips=[])
        ),
    ),
    ("another name", checker.STATE, lambda t: t.api["network"][0].update(name="blue")),
    ("another name in the cloud", checker.STATE, lambda t: _east(t)["network"][0].update(name="blue")),
    ("another MAC", checker.STATE, lambda t: t.api["port"][0].update(mac_address="fa:16:3e:00:00:02")),
    ("it is off", checker.STATE, lambda t: t.api["server"][0].update(status="SHUTOFF")),
    ("it is off in the cloud", checker.STATE, lambda t: _east(t)["server"][0].update(status="SHUTOFF")),
    ("other addresses in the cloud", checker.STATE, lambda t: _east(t)["server"][0].update(addresses={})),
    ("it has no port", checker.STATE, lambda t: t.api["port"][0].update(device_id="")),
    (
        "an error out of nowhere",
        checker.ERROR,
        lambda t: t.api["server"][0].update(status="ERROR", fault={"message": "Whatever."}),
    ),
    (
        "an error that puts it on what is there",
        checker.ERROR,
        lambda t: t.api["server"][0].update(
            status="ERROR", fault={"message": f"network {NETWORK} was deleted"}
        ),
    ),
    (
        "an error that puts it on a cloud that forgot nothing",
        checker.ERROR,
        lambda t: t.api["server"][0].update(status="ERROR", fault={"message": "It is gone from east"}),
    ),
    (
        "the server is there twice",
        checker.DOUBLED,
        lambda t: _east(t)["server"].append(_server("r-s2", metadata={"fractus_id": SERVER})),
    ),
    (
        "the server is in two clouds",
        checker.DOUBLED,
        lambda t: t.children["west"]["server"].append(_server("r-w", metadata={"fractus_id": SERVER})),
    ),
    (
        "the network is there twice",
        checker.DOUBLED,
        lambda t: _east(t)["network"].append(
            {"id": "r-n2", "name": "red", "description": f"fractus:{NETWORK}"}
        ),
    ),
    (
        "an address was given twice",
        checker.DOUBLED,
        lambda t: t.api["port"].append(_port("p-2", mac_address="fa:16:3e:00:00:03")),
    ),
    (
        "something of ours that nobody asked for",
        checker.ORPHAN,
        lambda t: t.children["west"]["image"].append({"id": "i", "name": "i", "fractus_id": "i-9"}),
    ),
    (
        "a key left behind",
        checker.ORPHAN,
        lambda t: t.children["west"]["keypair"].append({"name": "fractus-k-9"}),
    ),
    (
        "a flavor left behind",
        checker.ORPHAN,
        lambda t: t.children["west"]["flavor"].append({"id": "fractus-f-9", "name": "f"}),
    ),
    ("our store knows what is not there", checker.PHANTOM, lambda t: _east(t)["network"].pop(0)),
    ("a foreign network is gone", checker.FOREIGN, lambda t: _east(t)["network"].pop(1)),
    ("a foreign network was changed", checker.FOREIGN, lambda t: _east(t)["network"][1].update(name="ours")),
    ("the quota is off by one", checker.QUOTA, lambda t: t.used["p"].update(instances=2)),
    ("the quota forgets its cores", checker.QUOTA, lambda t: t.used["p"].update(cores=0)),
    ("the quota has lost a rule", checker.QUOTA, lambda t: t.used["p"].update(security_group_rule=0)),
    ("it was booted twice", checker.TWICE, lambda t: t.boots["east"].update({"r-s": 2})),
]


@pytest.mark.parametrize(("promise", "change"), [pytest.param(*rest, id=name) for name, *rest in DAMAGE])
def test_planted_damage_is_found(promise: str, change: Callable[[Truth], Any]) -> None:
    found = _check(_plant(change))
    assert promise in {wrong.promise for wrong in found}, found


def test_every_promise_has_damage_that_breaks_it() -> None:
    planted = {promise for _, promise, _ in DAMAGE} | {checker.UNDEAD}
    assert planted == set(checker.PROMISES)


def test_what_was_deleted_must_be_gone() -> None:
    found = _check(_truth(), {"act": "delete", "key": "t1/network/red"})
    assert [(wrong.promise, wrong.id) for wrong in found] == [(checker.UNDEAD, NETWORK)]


def test_what_was_refused_must_not_be_there() -> None:
    refused = _create("network", "", "green")
    refused["outcome"] = {"status": 409}
    truth = _plant(lambda t: t.api["network"].append({"id": "n-2", "name": "green"}))
    assert {wrong.promise for wrong in _check(truth, refused)} == {checker.UNDEAD}
    assert _check(_truth(), refused) == []


def test_what_nobody_can_tell_of_may_be_there_once() -> None:
    lost = _create("network", "", "green")
    lost["outcome"] = {"status": 0}
    once = _plant(lambda t: t.api["network"].append({"id": "n-2", "name": "green"}))
    twice = _plant(lambda t: t.api["network"].extend([{"id": id, "name": "green"} for id in ("n-2", "n-3")]))
    assert _check(_truth(), lost) == []
    assert _check(once, lost) == []
    assert {wrong.promise for wrong in _check(twice, lost)} == {checker.DOUBLED}


def test_a_change_in_doubt_allows_both() -> None:
    change = {"act": "change", "key": "t1/network/red", "fields": {"name": "blue"}, "outcome": {"status": 0}}

    def rename(truth: Truth) -> None:
        truth.api["network"][0]["name"] = _east(truth)["network"][0]["name"] = "blue"

    assert _check(_truth(), change) == []
    assert _check(_plant(rename), change) == []
    later = {**change, "fields": {"name": "green"}, "outcome": {"status": 200}}
    assert {wrong.promise for wrong in _check(_truth(), change, later)} == {checker.STATE}
    # It was held up somewhere, and done after the later one.
    assert _check(_plant(rename), change, later) == []


def test_a_first_change_in_doubt_allows_what_nobody_said_before() -> None:
    """A port has groups that its user never named."""
    change = {
        "act": "change",
        "key": "t1/port/door",
        "fields": {"security_groups": []},
        "outcome": {"status": 0},
    }
    assert _check(_plant(lambda t: t.api["port"][0].update(security_groups=["g"])), change) == []
    sure = {**change, "outcome": {"status": 200}}
    found = _check(_plant(lambda t: t.api["port"][0].update(security_groups=["g"])), sure)
    assert {wrong.promise for wrong in found} == {checker.STATE}


def test_a_true_error_is_no_broken_promise() -> None:
    def gone(truth: Truth) -> None:
        truth.api["server"][0].update(
            status="ERROR", fault={"message": "It is gone from east: it was deleted there."}
        )
        _east(truth)["server"].clear()

    assert _check(_plant(gone), restored=True) == []
    said = _plant(
        lambda t: t.api["server"][0].update(
            status="ERROR", fault={"message": f"network {NETWORK} was deleted"}
        )
    )
    said.api["network"].clear()
    assert _check(said, {"act": "delete", "key": "t1/network/red"}) == []


def test_an_answer_of_404_for_what_was_promised_is_a_loss() -> None:
    change = {
        "act": "change",
        "key": "t1/server/vm",
        "fields": {"power": "SHUTOFF"},
        "outcome": {"status": 404},
    }
    assert [wrong.promise for wrong in _check(_truth(), change)] == [checker.LOST]


def test_a_delete_in_doubt_allows_both_and_takes_its_parts_with_it() -> None:
    subnet = _create("subnet", "x-1", "red-subnet", parent="t1/network/red")
    delete = {"act": "delete", "key": "t1/network/red", "outcome": {"status": 0}}
    made = Model.of(_lines(*copy.deepcopy([*REQUESTS, subnet, delete])))
    assert {made.things[key].exists for key in ("t1/network/red", "t1/subnet/red-subnet")} == {model.MAYBE}


def test_what_the_suite_did_not_live_to_hear_is_in_doubt() -> None:
    lines = _lines(_create("network", NETWORK, "red"))
    made = Model.of(lines[:1])
    assert made.things["t1/network/red"].exists == model.MAYBE
