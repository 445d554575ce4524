"""What can fail in a laboratory, one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.lab import net
from tools.lab.load import IDENTITY
from tools.lab.node import run, send_command
from tools.lab.place import ADDRESSES, Place


@dataclass(frozen=True)
class State:
    """Who does what before a fault."""

    writer: str
    others: list[str]
    holder: str
    """The balancer that has the VIP."""


@dataclass(frozen=True)
class Scenario:
    """A fault: whom it hits, how it begins and ends. What is not started again by itself is, afterwards, by hand."""

    name: str
    target: Callable[[State], str]
    begin: Callable[[Place, str], None]
    end: Callable[[Place, str], None]
    minority: bool = False
    """Whether the target, alone, is asked if it still serves."""


def _writer(state: State) -> str:
    return state.writer


def _other(state: State) -> str:
    return state.others[0]


def _last(state: State) -> str:
    return state.others[-1]


def _holder(state: State) -> str:
    return state.holder


def _do(command: str, service: str) -> Callable[[Place, str], None]:
    def do(place: Place, target: str) -> None:
        send_command(place, target, command, service)

    return do


def _nothing(_place: Place, _target: str) -> None:
    pass


def _all(command: str, *services: str) -> Callable[[Place, str], None]:
    def do(place: Place, target: str) -> None:
        for service in services:
            send_command(place, target, command, service)

    return do


_NODE = ("api", "worker", "identity", "broker", "cache", "health", "database")

SCENARIOS = (
    Scenario("database writer killed", _writer, _do("kill", "database"), _do("start", "database")),
    Scenario("database writer frozen", _writer, _do("pause", "database"), _do("resume", "database")),
    Scenario("database writer stopped in order", _writer, _do("stop", "database"), _do("start", "database")),
    Scenario("other database killed", _other, _do("kill", "database"), _do("start", "database")),
    Scenario("other database frozen", _other, _do("pause", "database"), _do("resume", "database")),
    Scenario("writer's node cut off", _writer, net.partition, net.heal, minority=True),
    Scenario("other node cut off", _last, net.partition, net.heal, minority=True),
    Scenario(
        "whole node of the writer killed", _writer, _all("kill", *_NODE), _all("start", *reversed(_NODE))
    ),
    Scenario("broker killed (writer's node)", _writer, _do("kill", "broker"), _do("start", "broker")),
    Scenario("broker killed (second node)", _other, _do("kill", "broker"), _do("start", "broker")),
    Scenario("broker killed (third node)", _last, _do("kill", "broker"), _do("start", "broker")),
    Scenario("broker frozen", _other, _do("pause", "broker"), _do("resume", "broker")),
    Scenario("memcached killed", _other, _do("kill", "cache"), _do("start", "cache")),
    Scenario("memcached frozen", _other, _do("pause", "cache"), _do("resume", "cache")),
    Scenario("API killed, started again by systemd", _other, _do("crash", "api"), _nothing),
    Scenario("API killed for good", _other, _do("kill", "api"), _do("start", "api")),
    Scenario("API frozen", _other, _do("pause", "api"), _do("resume", "api")),
    Scenario("API stopped in order", _other, _do("stop", "api"), _do("start", "api")),
    Scenario("worker killed for good", _other, _do("kill", "worker"), _do("start", "worker")),
    Scenario("worker frozen", _last, _do("pause", "worker"), _do("resume", "worker")),
    Scenario("Keystone killed for good", _other, _do("kill", "identity"), _do("start", "identity")),
    Scenario("Keystone frozen", _other, _do("pause", "identity"), _do("resume", "identity")),
    Scenario("HAProxy killed (with the VIP), started again", _holder, _do("crash", "haproxy"), _nothing),
    Scenario("HAProxy killed for good", _holder, _do("kill", "haproxy"), _do("start", "haproxy")),
    Scenario("HAProxy frozen", _holder, _do("pause", "haproxy"), _do("resume", "haproxy")),
    Scenario("Keepalived killed for good", _holder, _do("kill", "keepalived"), _do("start", "keepalived")),
    Scenario("balancer with the VIP cut off", _holder, net.partition, net.heal),
)


def minority(place: Place, target: str) -> dict[str, Any]:
    """A node that is alone, asked from itself: does its own API still serve, does its own database still write?"""
    own = f"http://{ADDRESSES[target]}:8780"
    token = _token(place)
    body = json.dumps({"keypair": {"name": f"alone-{target}"}})
    sql = "CREATE TABLE IF NOT EXISTS fractus.alone (id INT PRIMARY KEY)"
    database = run(place, target, "mariadb", "-e", sql, check=False, within=60)
    return {
        "health": _status(place, target, f"{own}/healthcheck"),
        "read": _status(place, target, f"{own}/compute/v2.1/servers", "-H", f"X-Auth-Token: {token}"),
        "write": _status(
            place,
            target,
            f"{own}/compute/v2.1/os-keypairs",
            *("-H", f"X-Auth-Token: {token}", "-H", "Content-Type: application/json", "-d", body),
        ),
        "database": "took a write" if database.returncode == 0 else database.stderr.strip()[-120:],
    }


def _status(place: Place, target: str, url: str, *words: str) -> str:
    said = ("-s", "-m", "15", "-o", "/dev/null", "-w", "%{http_code}")
    return run(place, target, "curl", *said, *words, url, check=False).stdout


def _token(place: Place) -> str:
    """A token that is good: asked of the majority."""
    user = {"name": "lab", "domain": {"name": "Default"}, "password": place.user_password()}
    scope = {"project": {"name": "lab", "domain": {"name": "Default"}}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    words = ("-s", "-m", "8", "-D", "-", "-o", "/dev/null", "-H", "Content-Type: application/json")
    answer = run(
        place, "client", "curl", *words, "-d", json.dumps(body), f"{IDENTITY}/auth/tokens", check=False
    )
    for line in answer.stdout.splitlines():
        if line.lower().startswith("x-subject-token:"):
            return line.split(":", 1)[1].strip()
    return ""
