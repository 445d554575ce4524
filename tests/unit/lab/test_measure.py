"""What the laboratory's measuring says of a run: how long an endpoint failed, and what was lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools.lab.measure import summary, table
from tools.lab.place import Place
from tools.lab.truth import Truth


def event(op: str, at: float, status: int, took: float = 0.1, **more: Any) -> dict[str, Any]:
    return {"op": op, "at": at, "status": status, "took": took, **more}


def test_an_outage_lasts_from_the_first_failure_to_the_first_success_that_stays() -> None:
    statuses = [200, 0, 200, 503, 503, 200, 200]
    reported = summary([event("read", float(at), status) for at, status in enumerate(statuses)])
    assert reported["read"]["failed"] == 3
    assert reported["read"]["outage"] == 4.0  # from 1 to 5: the success at 2 did not last
    assert reported["read"]["kinds"] == {"0": 1, "503": 2}
    assert reported["create"] == {
        "requests": 0,
        "failed": 0,
        "outage": 0.0,
        "slowest": 0.0,
        "kinds": {},
        "said": [],
    }


def test_an_outage_that_does_not_end_lasts_to_the_end_of_its_last_request() -> None:
    reported = summary([event("login", 1.0, 201), event("login", 2.0, 0, took=10.0)])
    assert reported["login"]["outage"] == 10.0


def test_a_read_that_does_not_find_what_was_accepted_is_a_failure() -> None:
    assert summary([event("read", 1.0, 404)])["read"]["failed"] == 1


def test_the_table_has_a_line_for_each_scenario() -> None:
    calm = summary([event("read", 1.0, 200)])
    fault = summary([event("read", 1.0, 503), event("read", 3.5, 200), event("create", 1.0, 202)])
    one = {"scenario": "writer killed", "fault": fault, "mending": calm}
    assert "| writer killed | 2.5 s | none | none | 1 (3) |" in table([one])


NAMES = {"a": "load-1", "b": "load-2", "c": "load-3"}
EVENTS = [
    event("create", 1.0, 202, id="a", name="load-1"),
    event("create", 2.0, 202, id="b", name="load-2"),
    event("create", 3.0, 0, name="load-3"),  # its answer was lost
    event("delete", 4.0, 204, id="b"),
    event("read", 5.0, 200),
]


def differences(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shown: dict[str, str],
    children: list[str],
    *more: dict[str, Any],
) -> list[str]:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in [*EVENTS, *more]))
    truth = Truth(Place(tmp_path), path)
    servers = [{"id": id, "name": NAMES[id], "status": status} for id, status in shown.items()]
    monkeypatch.setattr(truth, "_shown", lambda: servers)
    monkeypatch.setattr(truth, "_in_children", lambda _names: children)
    return truth._compare()


@pytest.mark.parametrize(
    ("shown", "children"),
    [({"a": "ACTIVE"}, ["load-1"]), ({"a": "ACTIVE", "c": "ACTIVE"}, ["load-1", "load-3"])],
)
def test_a_create_without_an_answer_may_have_been_done_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: dict[str, str], children: list[str]
) -> None:
    assert differences(tmp_path, monkeypatch, shown, children) == []


@pytest.mark.parametrize(
    ("shown", "children", "says"),
    [
        ({}, [], "load-1 was accepted, and is lost"),
        ({"a": "ERROR"}, ["load-1"], "load-1 is ERROR"),
        ({"a": "ACTIVE"}, ["load-1", "load-1"], "load-1 is 2 times in the children"),
        ({"a": "ACTIVE"}, [], "load-1 is 0 times in the children"),
        ({"a": "ACTIVE", "b": "ACTIVE"}, ["load-1", "load-2"], "load-2 was deleted, and is still there"),
        ({"a": "ACTIVE"}, ["load-1", "load-2"], "load-2 was deleted, and is still there"),
        ({"a": "ACTIVE"}, ["load-1", "load-3"], "load-3, whose create had no answer"),
        ({"a": "ACTIVE", "c": "ACTIVE"}, ["load-1"], "load-3, whose create had no answer"),
    ],
)
def test_what_is_lost_left_or_doubled_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: dict[str, str], children: list[str], says: str
) -> None:
    assert any(says in one for one in differences(tmp_path, monkeypatch, shown, children))


def test_a_delete_without_an_answer_must_be_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = event("delete", 6.0, 0, id="a")
    assert differences(tmp_path, monkeypatch, {"a": "ACTIVE"}, ["load-1"], lost) == []
    assert differences(tmp_path, monkeypatch, {}, [], lost) == []
    assert differences(tmp_path, monkeypatch, {}, ["load-1"], lost) == [
        "load-1 is gone here and still in a child"
    ]
