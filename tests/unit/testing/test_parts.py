"""The small parts of `fractus.testing`: clock, tokens, calls to an application."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fractus.auth.principal import Principal
from fractus.model.errors import Unauthorized, Unavailable
from fractus.testing.asgi import call
from fractus.testing.clock import NEW_YEAR, VirtualClock
from fractus.testing.tokens import StaticTokens


async def test_who_sleeps_is_woken_at_the_right_moment() -> None:
    clock = VirtualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper("a", 1.0, 2.0)), asyncio.create_task(sleeper("b", 2.5))]
    await clock.advance(2.9)
    assert woken == [("a", 1.0), ("b", 2.5)]
    assert clock.next_alarm() == NEW_YEAR + 3.0
    await clock.advance(0.1)
    assert woken[-1] == ("a", 3.0)
    assert clock.now() == NEW_YEAR + 3.0
    await asyncio.gather(*tasks)


async def test_who_was_cancelled_is_not_waited_for() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.advance(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.next_alarm() is None


async def test_tokens_end() -> None:
    clock = VirtualClock()
    tokens = StaticTokens(clock)
    ann = Principal(user_id="ann", expires_at=clock.now() + 10)
    first, second = tokens.issue(ann), tokens.issue(ann)
    assert await tokens.check(first) is ann
    tokens.revoke(first)
    with pytest.raises(Unauthorized):
        await tokens.check(first)
    tokens.down = True
    with pytest.raises(Unavailable):
        await tokens.check(second)
    tokens.down = False
    await clock.advance(10)
    with pytest.raises(Unauthorized):
        await tokens.check(second)


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was sent."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    headers = [(b"Content-Type", b"application/json"), (b"X-Path", scope["path"].encode())]
    headers.append((b"X-Query", scope["query_string"]))
    headers += [(b"X-Sent-" + name, value) for name, value in scope["headers"]]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": body[:3], "more_body": True})
    await send({"type": "http.response.body", "body": body[3:]})


async def test_a_call_reaches_the_application_whole() -> None:
    reply = await call(_echo, "POST", "/a%20b?c=%20d", headers={"X-A": "1"}, body=b'{"x": [1, 2]}')
    assert (reply.status, reply.json) == (201, {"x": [1, 2]})
    assert reply.ok() == {"x": [1, 2]}
    assert (reply.headers["x-path"], reply.headers["x-query"]) == ("/a b", "c=%20d")
    assert (reply.headers["x-sent-x-a"], reply.headers["x-sent-content-length"]) == ("1", "13")
    assert reply.headers["x-sent-host"] == "fractus.test"


async def test_a_call_to_a_whole_url_names_its_host() -> None:
    reply = await call(_echo, "GET", "http://other.test:8774/x")
    assert reply.headers["x-sent-host"] == "other.test:8774"


async def test_a_failure_says_what_was_answered() -> None:
    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 409, "headers": []})
        await send({"type": "http.response.body", "body": b"taken"})

    with pytest.raises(AssertionError, match="409: taken"):
        (await call(refuses, "GET", "/")).ok()
