"""What was done is answered for: nothing in the writing of an answer turns it into another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import structlog

from fractus.web.metrics import WebMetrics
from fractus.web.pipeline import sendable
from fractus.web.routing import Call, Reply
from tests.unit.web.toy import RULE, Answer, Client, Story, build, compute, routes
from tests.unit.web.toy import route as a_route

PATH = "/compute/v2.1/made"


def door(body: Any = None, headers: Mapping[str, str] | None = None) -> Client:
    """A service whose one route does something, and answers with these."""

    async def make(call: Call) -> Reply:
        del call
        return Reply(201, {"made": True} if body is None else body, dict(headers or {}))

    story = Story()
    return build([compute(story, routes=[*routes(story), a_route("POST", "/made", make, rule=RULE)])])


async def posted(api: Client) -> Answer:
    with structlog.testing.capture_logs():
        return await api("POST", PATH, json={})


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("http://x/images/1", "http://x/images/1"),
        ("http://x/a b%20c?d=e&f", "http://x/a b%20c?d=e&f"),
        ("http://x/images/1\n", "http://x/images/1%0A"),
        ("1\r\nSet-Cookie: a=b", "1%0D%0ASet-Cookie: a=b"),
        ("grün", "gr%C3%BCn"),
        ("\U0001f600\x00\x7f", "%F0%9F%98%80%00%7F"),
        ("\ud800", "?"),
    ],
)
async def test_a_header_has_only_what_can_be_sent(given: str, sent: str) -> None:
    assert sendable(given) == sent
    answer = await posted(door(headers={"Location": given}))
    assert (answer.status, answer.headers["location"], answer.json) == (201, sent, {"made": True})


@pytest.mark.parametrize(
    ("part", "shown"),
    [("half a \ud800", "half a ?"), ({"\udfff": 1}, {"?": 1}), ([object], ["<class 'object'>"])],
)
async def test_a_body_with_parts_that_are_no_json_is_an_answer_all_the_same(part: Any, shown: Any) -> None:
    answer = await posted(door({"id": "1", "part": part}))
    assert (answer.status, answer.json) == (201, {"id": "1", "part": shown})


async def test_figures_that_cannot_be_kept_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no room for figures")

    monkeypatch.setattr(WebMetrics, "answered", fail)
    answer = await posted(door())
    assert (answer.status, answer.json) == (201, {"made": True})
    assert answer.headers["x-openstack-request-id"].startswith("req-")
