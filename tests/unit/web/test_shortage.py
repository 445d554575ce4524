"""What a node or its database lacks is said in the words of the service, with when to come back; reads go on."""

from __future__ import annotations

import errno
import os

import pytest

from fractus.store.transaction import Away, CommitUnknown, Conflict, Unwritable
from fractus.web import shortage
from fractus.web.metrics import WebMetrics
from tests.unit.web.toy import Story, build, compute, image

THINGS, IMAGES = "/compute/v2.1/things", "/image/v2/images"

CASES = [
    (Unwritable("disk full"), shortage.FULL, "30"),
    (Away("gone"), shortage.AWAY, "2"),
    (Conflict("lost"), shortage.CROWDED, "2"),
    (CommitUnknown("no answer"), shortage.UNANSWERED, None),
    *(
        (OSError(number, os.strerror(number)), sentence, "30" if kind is shortage.NoSpace else "2")
        for number, (kind, sentence) in shortage._OF_NODE.items()
        if number is not None
    ),
]


@pytest.mark.parametrize(("error", "sentence", "after"), CASES, ids=lambda one: str(one)[:40])
async def test_what_lacks_is_said_in_the_shape_of_the_service(
    error: Exception, sentence: str, after: str | None
) -> None:
    async def gate() -> None:
        raise error

    api = build([compute(Story()), image(Story())], gate=gate)
    answer = await api("POST", THINGS, json={"thing": {"name": "n"}})
    assert (answer.status, answer.headers.get("retry-after")) == (503, after)
    assert answer.json == {"serviceUnavailable": {"code": 503, "message": sentence}}
    answer = await api("POST", IMAGES, json={}, headers={"Accept": "application/json"})
    assert (answer.status, answer.headers.get("retry-after")) == (503, after)
    assert answer.json["code"] == "503 Service Unavailable"
    assert answer.json["message"].startswith(sentence)
    assert (await api("GET", f"{THINGS}/7")).status == 200


async def test_another_error_of_the_system_is_still_ours(story: Story) -> None:
    async def gate() -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    assert (await build([compute(story)], gate=gate)("POST", THINGS, json={})).status == 500


async def test_figures_and_log_change_no_answer(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no figures")

    monkeypatch.setattr(WebMetrics, "answered", fails)
    answer = await build([compute(story)])("GET", f"{THINGS}/7")
    assert answer.status == 200
    assert "x-openstack-request-id" in answer.headers


@pytest.fixture
def story() -> Story:
    return Story()
