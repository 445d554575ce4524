"""What is said of answers as the programs give them; the laboratory asks the programs themselves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from fractus.deploy import galera_health, live

WELL = {
    "wsrep_cluster_size": "3",
    "wsrep_cluster_status": "Primary",
    "wsrep_local_state": "4",
    "wsrep_local_state_comment": "Synced",
    "wsrep_ready": "ON",
    "wsrep_flow_control_paused": "0.01",
    "wsrep_cluster_state_uuid": "a",
    "wsrep_cluster_conf_id": "7",
    "wsrep_local_recv_queue": "0",
}


def codes(findings: object) -> list[str]:
    return [one.code for one in findings]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"wsrep_cluster_status": "non-Primary"}, "galera-partition"),
        ({"wsrep_cluster_size": "2"}, "galera-size"),
        ({"wsrep_local_state": "2", "wsrep_local_state_comment": "Donor/Desynced"}, "galera-state"),
        ({"wsrep_flow_control_paused": "0.4"}, "galera-flow"),
        ({"wsrep_cluster_state_uuid": "b"}, "galera-split"),
        ({"wsrep_cluster_conf_id": "8"}, "galera-split"),
    ],
)
def test_galera(change: dict[str, str], code: str) -> None:
    assert codes(live.about_galera({"n1": WELL, "n2": WELL, "n3": WELL}, 3)) == []
    assert codes(live.about_galera({"n1": WELL, "n2": WELL | change, "n3": WELL}, 3)) == [code]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wsrep_cluster_status": "non-Primary"}, "majority"),
        ({"wsrep_local_state": "2", "wsrep_local_state_comment": "Donor/Desynced"}, "Donor"),
        ({"wsrep_ready": "OFF"}, "statements"),
        ({"wsrep_local_recv_queue": "900"}, "900"),
    ],
)
def test_the_health_check_lets_only_a_synced_node_of_the_majority_pass(
    change: dict[str, str], says: str
) -> None:
    assert galera_health.unfit(WELL, read_only=False) == ""
    assert says in galera_health.unfit(WELL | change, read_only=False)
    donor = WELL | {"wsrep_local_state": "2", "wsrep_local_state_comment": "Donor/Desynced"}
    assert galera_health.unfit(donor, read_only=False, donor_serves=True) == ""
    assert "read_only" in galera_health.unfit(WELL, read_only=True)
    assert "Galera" in galera_health.unfit({}, read_only=False)


async def test_the_health_check_answers_503_with_the_reason_where_no_database_is() -> None:
    closed = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    await closed.wait_closed()
    server = await galera_health.serve(galera_health.Health("127.0.0.1", port, "x"), "127.0.0.1", 0)
    async with server, aiohttp.ClientSession() as http:
        where = server.sockets[0].getsockname()[1]
        async with http.get(f"http://127.0.0.1:{where}/") as answer:
            assert answer.status == 503
            assert "does not answer" in await answer.text()


class Frozen(galera_health.Health):
    """A database that never answers."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 1, "")
        self.asked = 0

    async def _ask(self) -> str:
        self.asked += 1
        await asyncio.Event().wait()
        return ""


async def test_a_frozen_database_is_unfit_and_questions_that_come_together_are_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(galera_health, "DEADLINE", 0.2)
    health = Frozen()
    server = await galera_health.serve(health, "127.0.0.1", 0)

    async def ask(http: aiohttp.ClientSession) -> tuple[int, str]:
        async with http.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as answer:
            return answer.status, await answer.text()

    async with server, aiohttp.ClientSession() as http:
        answers = await asyncio.gather(ask(http), ask(http), ask(http))
    assert {status for status, _ in answers} == {503}
    assert "within 0.2 s" in answers[0][1]
    assert health.asked <= 3


def test_brokers_and_queues() -> None:
    node = {
        "name": "rabbit@n1",
        "running": True,
        "partitions": [],
        "mem_alarm": False,
        "disk_free_alarm": False,
    }
    assert codes(live.about_brokers([node] * 3, 3)) == []
    assert codes(live.about_brokers([node] * 2, 3)) == ["broker-size"]
    bad = {**node, "running": False, "partitions": ["rabbit@n2"], "mem_alarm": True}
    assert codes(live.about_brokers([node, node, bad], 3)) == [
        "broker-down",
        "broker-partition",
        "broker-alarm",
    ]
    queue = {"name": "paris", "type": "quorum", "members": ["a", "b", "c"], "online": ["a", "b"]}
    reply = {"name": "reply", "type": "classic", "exclusive": True}
    assert codes(live.about_queues([queue, reply], 3)) == []
    assert codes(live.about_queues([{**queue, "type": "classic"}], 3)) == ["queue-type"]
    assert codes(live.about_queues([{**queue, "members": ["a"]}], 3)) == ["queue-members"]
    assert codes(live.about_queues([{**queue, "online": ["a"]}], 3)) == ["queue-majority"]


def test_balancers() -> None:
    def row(proxy: str, server: str, status: str = "UP", sessions: int = 0) -> dict[str, str]:
        return {
            "pxname": proxy,
            "svname": server,
            "status": status,
            "scur": str(sessions),
            "last_chk": "reason",
        }

    rows = [
        row("database", "n1", sessions=9),
        row("database", "n2"),
        row("api", "n1"),
        row("api", "BACKEND", "DOWN"),
    ]
    assert codes(live.about_balancers({"lb1": rows, "lb2": [row("database", "n1", sessions=1)]})) == []
    assert codes(live.about_balancers({"lb1": rows, "lb2": [row("database", "n2", sessions=1)]})) == [
        "two-writers"
    ]
    assert codes(live.about_balancers({"lb1": [row("api", "n3", "DOWN")]})) == ["server-down"]


def test_clocks_and_certificates() -> None:
    # That all are ahead of ours says something of ours only.
    assert codes(live.about_clocks({"n1": 100.0, "n2": 100.4, "n3": 99.8})) == []
    assert codes(live.about_clocks({"n1": 0.0, "n2": 4.0})) == ["clock-skew"]
    now = datetime.now(UTC)
    for days, levels in ((90, []), (10, ["advice"]), (-2, ["unsafe"])):
        found = live.about_certificate("the API", now + timedelta(days=days, hours=1), now)
        assert [one.level for one in found] == levels
