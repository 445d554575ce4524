"""What users feel of a Keystone that is slow, fails once, or is flooded with tokens that nobody issued."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from cryptography.fernet import Fernet

from fractus.auth.tokens import KeystoneTokens, Patience, ServiceCredential
from fractus.base.clock import SystemClock
from fractus.model.errors import Unauthorized, Unavailable
from tests.unit.auth.test_tokens import HandClock, Keystone, token_of
from tools.ports import free_port

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = Fernet(Fernet.generate_key())


def fernet(text: str) -> str:
    """A token as Keystone issues them."""
    return KEY.encrypt(text.encode()).decode().rstrip("=")


class Moody(Keystone):
    """A Keystone that answers the next questions in ways of the test's own, and hangs for some tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.next_answers: list[Answer] = []
        self.next_logins: list[Answer] = []
        self.hangs: set[str] = set()
        self.release = asyncio.Event()
        self.own_tokens = "text"

    async def check(self, request: web.Request) -> web.Response:
        if self.next_answers:
            self.checks.append(request.headers["X-Subject-Token"])
            return await self.next_answers.pop(0)(request)  # type: ignore[return-value]
        answer = super().check(request)
        if request.headers["X-Subject-Token"] in self.hangs:
            self.checks.append(request.headers["X-Subject-Token"])
            await self.release.wait()
        return await answer

    async def login(self, request: web.Request) -> web.Response:
        if self.next_logins:
            return await self.next_logins.pop(0)(request)  # type: ignore[return-value]
        answer = await super().login(request)
        if self.own_tokens == "fernet" and answer.status == 201:
            token = fernet(f"own-{self.logins}")
            self.own.add(token)
            answer.headers["X-Subject-Token"] = token
        return answer

    async def start(self, port: int = 0) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v3/auth/tokens", self.login)
        app.router.add_get("/v3/auth/tokens", self.check)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v3"
        return runner


@pytest.fixture
async def keystone() -> AsyncIterator[Moody]:
    state = Moody()
    state.tokens["ann"] = token_of("ann", "member")
    runner = await state.start()
    yield state
    state.release.set()
    await runner.cleanup()


def checker(url: str, clock: Any, **more: Any) -> KeystoneTokens:
    credential = ServiceCredential(auth_url=url, username="fractus", password="right")
    return KeystoneTokens(credential, clock, patience=Patience(**more))


@pytest.fixture
async def tokens(keystone: Moody) -> AsyncIterator[KeystoneTokens]:
    made = checker(keystone.url, HandClock(), first=60.0)
    yield made
    await made.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.002)


def status(number: int, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=number, headers=headers)

    return answer


async def nonsense(_request: web.Request) -> web.Response:
    return web.Response(text="<html>a page of somebody else</html>")


async def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


# --- once is not never ---------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [*(status(number) for number in (429, 500, 502, 503, 504)), nonsense, cut])
async def test_one_failure_of_keystone_is_no_failure_of_the_request(
    keystone: Moody, tokens: KeystoneTokens, answer: Answer
) -> None:
    keystone.next_answers = [answer, answer]
    assert (await tokens.check("ann")).user_id == "u-ann"
    assert len(keystone.checks) == 3


@pytest.mark.parametrize("answer", [*(status(number) for number in (429, 500, 502, 503, 504)), cut])
async def test_one_failure_of_our_own_login_is_no_failure_of_the_request(
    keystone: Moody, tokens: KeystoneTokens, answer: Answer
) -> None:
    keystone.next_logins = [answer]
    assert (await tokens.check("ann")).user_id == "u-ann"


async def test_an_answer_that_is_lost_is_asked_for_again(keystone: Moody) -> None:
    made = checker(keystone.url, HandClock(), first=0.2)

    async def never(_request: web.Request) -> web.Response:
        await keystone.release.wait()
        return web.Response(status=500)

    keystone.next_answers = [never]
    assert (await made.check("ann")).user_id == "u-ann"
    await made.close()


async def test_a_keystone_that_is_always_slow_is_waited_for(keystone: Moody) -> None:
    made = checker(keystone.url, HandClock(), first=0.2)
    keystone.slow = 1.0
    assert (await made.check("ann")).user_id == "u-ann"
    await made.close()


async def test_a_keystone_that_starts_again_is_waited_for() -> None:
    state = Moody()
    state.tokens["ann"] = token_of("ann", "member")
    port = free_port()
    made = checker(f"http://127.0.0.1:{port}/v3", SystemClock())
    asking = asyncio.create_task(made.check("ann"))
    await asyncio.sleep(0.3)
    assert not asking.done()
    runner = await state.start(port)
    # The clock of this machine is later than the token's in the tests with a clock of their own.
    state.tokens["ann"]["expires_at"] = "2099-01-01T00:00:00.000000Z"
    assert (await asking).user_id == "u-ann"
    await made.close()
    await runner.cleanup()


async def test_what_stays_away_is_given_up_at_the_deadline_and_is_no_401(keystone: Moody) -> None:
    clock = HandClock()
    made = checker(keystone.url, clock, first=5.0, deadline=30.0)
    keystone.fails_with = 503
    with pytest.raises(Unavailable):
        await made.check("ann")
    assert 20 < clock.seconds <= 30
    assert keystone.logins < 20
    await made.close()


async def test_keystone_says_how_long_to_wait(keystone: Moody) -> None:
    clock = HandClock()
    made = checker(keystone.url, clock)
    keystone.next_answers = [status(429, **{"Retry-After": "7"})]
    await made.check("ann")
    assert 7 <= clock.seconds < 8
    keystone.tokens["bob"] = token_of("bob")
    keystone.next_answers = [status(503, **{"Retry-After": "3600"})]
    with pytest.raises(Unavailable):
        await made.check("bob")
    await made.close()


@pytest.mark.parametrize("number", [400, 403])
async def test_what_will_not_pass_is_not_asked_again(
    keystone: Moody, tokens: KeystoneTokens, number: int
) -> None:
    keystone.next_answers = [status(number)]
    with pytest.raises(Unavailable):
        await tokens.check("ann")
    assert len(keystone.checks) == 1


async def test_a_token_that_is_refused_is_refused_at_once(keystone: Moody, tokens: KeystoneTokens) -> None:
    with pytest.raises(Unauthorized):
        await tokens.check("nobody")
    assert keystone.checks == ["nobody"]


async def test_one_login_serves_all_who_wait_for_it(keystone: Moody, tokens: KeystoneTokens) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.1)
        return await Keystone.login(keystone, request)

    keystone.next_logins = [slow]
    for number in range(60):
        keystone.tokens[f"t{number}"] = token_of(f"t{number}")
    await asyncio.gather(*(tokens.check(f"t{number}", f"10.0.0.{number}") for number in range(60)))
    assert keystone.logins == 1


# --- known tokens --------------------------------------------------------------------------------


async def test_a_known_token_does_not_wait_for_a_slow_keystone(keystone: Moody) -> None:
    clock = HandClock()
    made = checker(keystone.url, clock)
    await made.check("ann")
    keystone.hangs.add("ann")
    clock.seconds = 11
    for _ in range(20):
        assert (await made.check("ann")).user_id == "u-ann"
    assert keystone.checks.count("ann") == 2, "one question, which has not been answered yet"
    del keystone.tokens["ann"]
    keystone.release.set()
    await until(lambda: not made._asking)
    with pytest.raises(Unauthorized):
        await made.check("ann")
    await made.close()


async def test_known_tokens_are_confirmed_while_unknown_ones_hold_all_that_they_may(keystone: Moody) -> None:
    clock = HandClock()
    made = checker(keystone.url, clock)
    await made.check("ann")
    flood = [f"random-{number}" for number in range(400)]
    keystone.hangs.update(flood)
    asking = [
        asyncio.create_task(made.check(token, f"10.0.{n // 200}.{n % 200}")) for n, token in enumerate(flood)
    ]
    await until(lambda: len(keystone.checks) >= 17)
    clock.seconds = 10
    keystone.checks.clear()
    assert (await made.check("ann")).user_id == "u-ann"
    assert keystone.checks == ["ann"]
    await _drop(asking)
    await made.close()


# --- floods --------------------------------------------------------------------------------------


async def _drop(asking: list[asyncio.Task[Any]]) -> None:
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_a_flood_from_one_address_does_not_keep_others_waiting(keystone: Moody) -> None:
    made = checker(keystone.url, HandClock())
    flood = [f"random-{number}" for number in range(200)]
    keystone.hangs.update(flood)
    asking = [asyncio.create_task(made.check(token, "10.6.6.6")) for token in flood]
    await until(lambda: len(keystone.checks) >= 8)
    keystone.tokens |= {f"new-{number}": token_of(f"new-{number}") for number in range(50)}
    for number in range(50):
        assert (await made.check(f"new-{number}", f"10.0.0.{number}")).user_id == f"u-new-{number}"
    assert sum(token in keystone.hangs for token in keystone.checks) == 8
    await _drop(asking)
    await made.close()


async def test_a_flood_from_many_addresses_does_not_keep_others_waiting(keystone: Moody) -> None:
    """Each has been refused once; from then on all of them together have a few connections."""
    made = checker(keystone.url, HandClock())
    addresses = [f"10.6.{number // 200}.{number % 200}" for number in range(400)]

    async def refused(token: str, address: str) -> None:
        with pytest.raises(Unauthorized):
            await made.check(token, address)

    await asyncio.gather(*(refused(f"first of {address}", address) for address in addresses))
    flood = [f"second of {address}" for address in addresses]
    keystone.hangs.update(flood)
    asking = [
        asyncio.create_task(made.check(token, address))
        for token, address in zip(flood, addresses, strict=True)
    ]
    await until(lambda: any(token in keystone.hangs for token in keystone.checks))
    assert (await made.check("ann", "10.0.0.1")).user_id == "u-ann"
    assert sum(token in keystone.hangs for token in keystone.checks) <= 8
    await _drop(asking)
    await made.close()


async def test_an_address_that_has_shown_a_good_token_does_not_wait_for_new_ones(keystone: Moody) -> None:
    made = checker(keystone.url, HandClock())
    await made.check("ann", "10.0.0.1")
    flood = [f"random-{number}" for number in range(400)]
    keystone.hangs.update(flood)
    asking = [
        asyncio.create_task(made.check(token, f"10.6.{n // 200}.{n % 200}")) for n, token in enumerate(flood)
    ]
    await until(lambda: len(keystone.checks) >= 17)
    keystone.tokens["bob"] = token_of("bob")
    assert (await made.check("bob", "10.0.0.1")).user_id == "u-bob"
    assert sum(token in keystone.hangs for token in keystone.checks) == 16
    await _drop(asking)
    await made.close()


@pytest.mark.parametrize(("after", "most"), [(0, 4), (59, 4), (60, 8)])
async def test_a_refusal_is_forgotten_with_time(keystone: Moody, after: float, most: int) -> None:
    clock = HandClock()
    made = checker(keystone.url, clock)
    with pytest.raises(Unauthorized):
        await made.check("bad", "10.0.0.1")
    clock.seconds = after
    await _holds(keystone, made, most)


async def test_a_refusal_is_forgotten_with_a_good_token(keystone: Moody) -> None:
    made = checker(keystone.url, HandClock())
    with pytest.raises(Unauthorized):
        await made.check("bad", "10.0.0.1")
    await made.check("ann", "10.0.0.1")
    await _holds(keystone, made, 8)


async def _holds(keystone: Moody, made: KeystoneTokens, most: int) -> None:
    """So many questions of one address are under way at once."""
    keystone.checks.clear()
    flood = [f"random-{number}" for number in range(40)]
    keystone.hangs.update(flood)
    asking = [asyncio.create_task(made.check(token, "10.0.0.1")) for token in flood]
    await until(lambda: len(keystone.checks) >= most)
    await asyncio.sleep(0.1)
    assert len(keystone.checks) == most
    await _drop(asking)
    await made.close()


async def test_the_addresses_that_are_remembered_have_a_bound(
    keystone: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fractus.auth.keystone._REMEMBERED", 3)
    made = checker(keystone.url, HandClock())
    for number in range(9):
        with pytest.raises(Unauthorized):
            await made.check(f"bad-{number}", f"10.0.0.{number}")
    assert list(made._keystone._last) == ["10.0.0.6", "10.0.0.7", "10.0.0.8"]
    await made.close()


async def test_a_host_with_many_ipv6_addresses_is_one(keystone: Moody) -> None:
    made = checker(keystone.url, HandClock())
    flood = [f"random-{number}" for number in range(40)]
    keystone.hangs.update(flood)
    asking = [asyncio.create_task(made.check(token, f"2001:db8:0:1::{n:x}")) for n, token in enumerate(flood)]
    await until(lambda: len(keystone.checks) >= 8)
    assert (await made.check("ann", "2001:db8:0:2::1")).user_id == "u-ann"
    assert len(keystone.checks) == 9
    await _drop(asking)
    await made.close()


async def test_a_wait_for_a_connection_is_none_of_keystones_time(keystone: Moody) -> None:
    """Questions of 0.25 s, one after the other: the last waits for longer than Keystone has for an answer."""
    clock = HandClock()
    made = checker(keystone.url, clock, first=3.0, per_address=1)
    keystone.slow = 0.25
    keystone.tokens |= {f"t{number}": token_of(f"t{number}") for number in range(14)}
    await asyncio.gather(*(made.check(f"t{number}", "10.0.0.1") for number in range(14)))
    assert clock.seconds == 0, "nothing was tried again"
    await made.close()


# --- what nobody can have issued -----------------------------------------------------------------


async def test_what_this_keystone_cannot_have_issued_never_leaves(keystone: Moody) -> None:
    made = checker(keystone.url, HandClock())
    keystone.own_tokens = "fernet"
    known = fernet("ann")
    keystone.tokens[known] = token_of("ann", "member")
    assert (await made.check(known)).user_id == "u-ann"
    for _ in range(100):
        with pytest.raises(Unauthorized):
            await made.check(os.urandom(16).hex())
    assert keystone.checks == [known]
    with pytest.raises(Unauthorized):
        await made.check(fernet("nobody"))
    assert len(keystone.checks) == 2
    await made.close()


async def test_tokens_of_a_provider_that_we_do_not_know_are_all_asked_about(
    keystone: Moody, tokens: KeystoneTokens
) -> None:
    assert (await tokens.check("ann")).user_id == "u-ann"
    with pytest.raises(Unauthorized):
        await tokens.check("0123456789abcdef0123456789abcdef")
    assert len(keystone.checks) == 2
