"""Every rule says nothing of the example, and its sentence when the example is made unsafe in that one way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fractus.cli.main import cli
from fractus.deploy import check, secret
from tests.unit.deploy.inventories import EXAMPLE, example, inventory, nodes

FACTS = check.Facts(lease=60.0, longest_request=10.0)
FENCE = {"agent": "fence_ipmilan", "options": {"ip": "10.30.0.1"}}


def unsafe(**sections: Any) -> dict[str, str]:
    return {
        one.code: one.text for one in check.look(inventory(**sections), None, FACTS) if one.level == "unsafe"
    }


def without(role: str, *names: str) -> list[dict[str, Any]]:
    every = example()["node"]
    for node in every:
        if node["name"] in names:
            node["roles"].remove(role)
    return list(every)


def test_nothing_is_unsafe_about_the_example() -> None:
    assert unsafe() == {}


@pytest.mark.parametrize(
    ("sections", "code", "says"),
    [
        ({"node": nodes(2)}, "database-count", "two are a majority"),
        ({"node": nodes(4)}, "broker-count", "odd number"),
        ({"node": without("database", "n3")}, "database-count", "two are a majority"),
        ({"node": without("balancer", "n2")}, "balancer-count", "the VIP"),
        ({"node": without("identity", "n2", "n3")}, "identity-count", "Keystone"),
        ({"node": nodes(3, rack="a")}, "one-rack", "its power"),
        ({"node": nodes(3, rack="")}, "rack-unknown", "n1, n2, n3"),
        ({"node": [*nodes(2, rack="a"), nodes(3)[2]]}, "database-rack", "2 of 3"),
        ({"vip": {"address": "10.21.0.10"}}, "vip-outside", "10.21.0.10"),
        ({"vip": {"address": "10.20.0.11"}}, "vip-taken", "could not move"),
        ({"vip": {"address": "10.20.0.255"}}, "vip-taken", "first or last"),
        ({"deployment": {"network": "10.20.0.0/28"}, "node": nodes(7)}, "node-outside", "10.20.0.17"),
        ({"deployment": {"variant": "pacemaker"}}, "no-fencing", "n1, n2, n3"),
        ({"deployment": {"variant": "pacemaker"}, "node": nodes(4, fence=FENCE)}, "cluster-count", "odd"),
        ({"timeouts": {"request": 8}}, "timeout-request", "still going on"),
        ({"broker": {"heartbeat": 30}}, "heartbeat", "two workers"),
        ({"broker": {"heartbeat": 0}}, "heartbeat", "for hours"),
        ({"broker": {"net_ticktime": 2}}, "net-ticktime", "2 s"),
        ({"timeouts": {"drain": 2}}, "drain-short", "a process that is gone"),
        ({"timeouts": {"api_check_falls": 2}}, "check-falls", "no API at all"),
        ({"timeouts": {"database": 60}}, "timeout-database", "idle"),
        ({"timeouts": {"connect": 30}}, "timeout-connect", "30 s"),
        ({"database": {"suspect_timeout": 0.5}}, "suspect-timeout", "expel"),
        ({"database": {"max_connections": 100}}, "max-connections", "it takes 100"),
        ({"programs": {"store_connections": 200}}, "max-connections", "API 1200"),
        ({"deployment": {"images_shared": False}}, "images-local", "missing on the others"),
        ({"broker": {"partitions": "autoheal"}}, "partition-handling", "autoheal"),
        ({"broker": {"partitions": "ignore"}}, "partition-handling", "ignore"),
        ({"database": {"sst": "rsync"}}, "sst", "stops the node"),
        ({"database": {"sst": "mysqldump"}}, "sst", "in the clear"),
        ({"tls": {"endpoint": ""}}, "tls-endpoint", "in the clear"),
        (
            {"tls": {"endpoint": ""}, "deployment": {"endpoint": "https://cloud.example.org"}},
            "tls-endpoint",
            "Keystone",
        ),
        ({"tls": {"ca": "", "certificate": "", "key": ""}}, "tls-inside", "full copies"),
        ({"tls": {"key": ""}}, "tls-inside", "go together"),
    ],
)
def test_what_is_unsafe_is_said(sections: dict[str, Any], code: str, says: str) -> None:
    found = unsafe(**sections)
    assert code in found
    assert says in found[code]


def test_what_stands_in_front_may_speak_tls_instead() -> None:
    urls = {"endpoint": "https://cloud.example.org", "identity_endpoint": "https://id.example.org/v3"}
    assert "tls-endpoint" not in unsafe(tls={"endpoint": ""}, deployment=urls)


def test_pacemaker_with_a_switch_for_every_node_is_safe() -> None:
    assert unsafe(deployment={"variant": "pacemaker"}, node=nodes(3, fence=FENCE)) == {}


def test_what_the_operator_takes_on_is_said_with_the_reason_and_not_counted() -> None:
    sections = {"node": nodes(3, rack="a"), "accepted": {"one-rack": "a test", "no-such": "old"}}
    found = {one.code: one for one in check.look(inventory(**sections), None, FACTS)}
    assert found["one-rack"].level == "accepted"
    assert found["one-rack"].text.endswith("Accepted: a test")
    assert "no-such" in found["accepted"].text
    assert unsafe(**sections) == {}


def test_passwords_that_are_the_same_short_or_missing_are_named_and_not_shown(tmp_path: Path) -> None:
    deployment = inventory(deployment={"variant": "pacemaker"}, node=nodes(3, fence=FENCE))
    place = tmp_path / "secrets.toml"
    made = secret.load_or_make(place, deployment)
    text = place.read_text().replace(made["database-health"], made["database-fractus"])
    place.write_text(text.replace(made["statistics"], "short"))
    found = {one.code: one.text for one in check.look(deployment, secret.read(place), FACTS)}
    assert "database-fractus, database-health" in found["password-twice"]
    assert "statistics" in found["password-short"]
    assert "n1, n2, n3" in found["fence-password"]
    assert made["database-fractus"] not in " ".join(found.values())


def fractus(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["deploy", *arguments], prog_name="fractus")


def test_the_commands(tmp_path: Path) -> None:
    place = tmp_path / "inventory.toml"
    place.write_text(EXAMPLE.read_text())
    before = fractus("check", str(place), "--live")
    assert before.exit_code == 1
    assert "render first" in before.output
    done = fractus("render", str(place), "-o", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out/n1/root/etc/haproxy/haproxy.cfg").exists()
    made = secret.read(tmp_path / "secrets.toml")
    assert made is not None
    assert not any(made[name] in done.output for name in secret.PASSWORDS)
    assert "0 changed" in fractus("render", str(place), "-o", str(tmp_path / "out")).output
    well = fractus("check", str(place), "--json")
    assert well.exit_code == 0
    assert json.loads(well.output)["safe"] is True
    place.write_text(EXAMPLE.read_text().replace("images_shared = true", "images_shared = false"))
    bad = fractus("check", str(place))
    assert bad.exit_code == 1
    assert "images-local" in bad.output
    assert "1 unsafe." in bad.output
    assert fractus("rotate-keys", str(place)).exit_code == 0
    assert "fernet-keys/2" in fractus("render", str(place), "-o", str(tmp_path / "out")).output


def test_a_wrong_inventory_is_one_sentence(tmp_path: Path) -> None:
    place = tmp_path / "inventory.toml"
    place.write_text(EXAMPLE.read_text().replace("[vip]", "[pip]"))
    done = fractus("check", str(place))
    assert done.exit_code == 1
    assert "pip" in done.output
    assert "Traceback" not in done.output
