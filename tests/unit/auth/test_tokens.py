"""Tokens, checked against a small Keystone on this machine and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from fractus.auth.tokens import KeystoneTokens, Patience, ServiceCredential, principal_of
from fractus.base.clock import iso
from fractus.model.errors import Unauthorized, Unavailable

START = 1_800_000_000.0


class HandClock:
    """Moved by the test."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return START + self.seconds

    def monotonic(self) -> float:
        return 1000.0 + self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def token_of(
    user: str, *roles: str, scope: dict[str, Any] | None = None, lasts: float = 3600
) -> dict[str, Any]:
    project = {"project": {"id": f"p-{user}", "name": user, "domain": {"id": "default", "name": "Default"}}}
    return {
        "user": {"id": f"u-{user}", "name": user, "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": f"r-{role}", "name": role} for role in roles],
        "expires_at": iso(START + lasts).replace("Z", ".000000Z"),
        **(project if scope is None else scope),
    }


class Keystone:
    """As much of Keystone as token checks need, with a door that the test can shut."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.own: set[str] = set()
        self.password = "right"
        self.checks: list[str] = []
        self.logins = 0
        self.fails_with = 0
        self.answers_with: bytes | None = None
        self.slow = 0.0
        self.url = ""

    async def login(self, request: web.Request) -> web.Response:
        self.logins += 1
        if self.fails_with:
            return web.Response(status=self.fails_with)
        body = await request.json()
        if body["auth"]["identity"]["password"]["user"]["password"] != self.password:
            return web.Response(status=401)
        token = f"own-{self.logins}"
        self.own.add(token)
        return web.json_response({}, status=201, headers={"X-Subject-Token": token})

    async def check(self, request: web.Request) -> web.Response:
        subject = request.headers["X-Subject-Token"]
        self.checks.append(subject)
        await asyncio.sleep(self.slow)
        if self.fails_with:
            return web.Response(status=self.fails_with)
        if request.headers["X-Auth-Token"] not in self.own:
            return web.Response(status=401)
        if self.answers_with is not None:
            return web.Response(body=self.answers_with)
        if subject not in self.tokens:
            return web.Response(status=404)
        return web.json_response({"token": self.tokens[subject]})


@pytest.fixture
async def keystone() -> AsyncIterator[Keystone]:
    state = Keystone()
    app = web.Application()
    app.router.add_post("/v3/auth/tokens", state.login)
    app.router.add_get("/v3/auth/tokens", state.check)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v3"
    state.tokens["ann"] = token_of("ann", "member", "reader")
    yield state
    await runner.cleanup()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def tokens(keystone: Keystone, clock: HandClock) -> AsyncIterator[KeystoneTokens]:
    checker = make(keystone.url, clock)
    yield checker
    await checker.close()


def make(url: str, clock: HandClock, **more: Any) -> KeystoneTokens:
    credential = ServiceCredential(auth_url=url, username="fractus", password="right")
    return KeystoneTokens(credential, clock, patience=Patience(first=30.0), **more)


async def test_a_token_says_who_is_asking(keystone: Keystone, tokens: KeystoneTokens) -> None:
    ann = await tokens.check("ann")
    assert (ann.user_id, ann.user_name, ann.project_id, ann.project_name) == ("u-ann", "ann", "p-ann", "ann")
    assert (ann.user_domain_id, ann.project_domain_name) == ("default", "Default")
    assert (ann.roles, ann.is_admin, ann.system_scope) == (frozenset({"member", "reader"}), False, "")
    assert ann.expires_at == START + 3600
    keystone.tokens["boss"] = token_of("boss", "admin", scope={"system": {"all": True}})
    boss = await tokens.check("boss")
    assert (boss.is_admin, boss.system_scope, boss.project_id) == (True, "all", "")


async def test_keystone_is_asked_once_in_ten_seconds(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    for seconds in (0, 5, 9.9):
        clock.seconds = seconds
        await tokens.check("ann")
    assert (keystone.checks, keystone.logins) == (["ann"], 1)
    clock.seconds = 10
    await tokens.check("ann")
    assert (len(keystone.checks), keystone.logins) == (2, 1)


async def asked(keystone: Keystone, times: int) -> None:
    async with asyncio.timeout(60):
        while len(keystone.checks) < times:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)


async def test_a_token_in_use_is_asked_about_again_while_nobody_waits(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    await tokens.check("ann")
    keystone.slow = 0.1
    clock.seconds = 8.1
    for _ in range(5):
        await tokens.check("ann")
    assert len(keystone.checks) == 1, "the answer has not been waited for"
    await asked(keystone, 2)
    await tokens.check("ann")
    async with asyncio.timeout(60):
        while tokens._ahead:
            await asyncio.sleep(0.001)
    clock.seconds = 16
    await tokens.check("ann")
    await asyncio.sleep(0.01)
    assert len(keystone.checks) == 2, "it counts from when it was confirmed"


async def test_a_token_that_is_revoked_is_refused_as_soon_as_that_is_seen(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    await tokens.check("ann")
    del keystone.tokens["ann"]
    clock.seconds = 8.1
    await tokens.check("ann")
    async with asyncio.timeout(60):
        while tokens._ahead:
            await asyncio.sleep(0.001)
    with pytest.raises(Unauthorized):
        await tokens.check("ann")


async def test_one_that_waits_for_what_is_asked_ahead_is_answered_the_same(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    await tokens.check("ann")
    del keystone.tokens["ann"]
    keystone.slow = 0.1
    clock.seconds = 9.9
    await tokens.check("ann")
    clock.seconds = 10
    with pytest.raises(Unauthorized):
        await tokens.check("ann")
    assert len(keystone.checks) == 2


async def test_asking_ahead_leaves_a_keystone_that_is_away_alone(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    await tokens.check("ann")
    keystone.fails_with = 503
    clock.seconds = 8.1
    for _ in range(20):
        await tokens.check("ann")
        await asyncio.sleep(0.005)
    await asked(keystone, 2)
    assert len(keystone.checks) == 2
    keystone.fails_with = 0
    clock.seconds = 9.2
    await tokens.check("ann")
    await asked(keystone, 3)
    clock.seconds = 17
    await tokens.check("ann")
    assert len(keystone.checks) == 3


async def test_who_closes_does_not_wait_for_what_is_asked_ahead(keystone: Keystone, clock: HandClock) -> None:
    checker = make(keystone.url, clock)
    await checker.check("ann")
    keystone.slow = 1.0
    clock.seconds = 9
    await checker.check("ann")
    await asyncio.sleep(0.01)
    (task,) = checker._ahead
    await checker.close()
    assert task.cancelled()


async def test_a_revoked_token_is_refused_within_ten_seconds(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    await tokens.check("ann")
    del keystone.tokens["ann"]
    clock.seconds = 9.9
    await tokens.check("ann")
    clock.seconds = 10
    with pytest.raises(Unauthorized):
        await tokens.check("ann")


async def test_what_was_refused_does_not_come_back_while_keystone_is_away(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    await tokens.check("ann")
    del keystone.tokens["ann"]
    clock.seconds = 10
    with pytest.raises(Unauthorized):
        await tokens.check("ann")
    keystone.fails_with = 503
    clock.seconds = 20
    with pytest.raises(Unavailable):
        await tokens.check("ann")


async def test_an_expired_token_is_refused_at_once(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    keystone.tokens["short"] = token_of("ann", "member", lasts=5)
    clock.seconds = 4
    await tokens.check("short")
    clock.seconds = 5
    with pytest.raises(Unauthorized):
        await tokens.check("short")
    assert len(keystone.checks) == 1


async def test_what_was_refused_is_not_asked_again_for_two_seconds(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    for seconds in (0, 1.9):
        clock.seconds = seconds
        with pytest.raises(Unauthorized):
            await tokens.check("new")
    assert keystone.checks == ["new"]
    keystone.tokens["new"] = token_of("new", "member")
    clock.seconds = 2
    assert (await tokens.check("new")).user_id == "u-new"
    clock.seconds = 3
    assert (await tokens.check("new")).user_id == "u-new"
    assert len(keystone.checks) == 2


@pytest.mark.parametrize("scope", [{}, {"domain": {"id": "d", "name": "D"}}])
async def test_a_token_without_a_project_is_refused(
    keystone: Keystone, tokens: KeystoneTokens, scope: dict[str, Any]
) -> None:
    keystone.tokens["unscoped"] = token_of("ann", scope=scope)
    with pytest.raises(Unauthorized):
        await tokens.check("unscoped")


@pytest.mark.parametrize("token", ["", "a\nb", "ü", "x" * 5000, "\udcff", "a\x00"])
async def test_what_can_be_no_token_never_leaves(
    keystone: Keystone, tokens: KeystoneTokens, token: str
) -> None:
    with pytest.raises(Unauthorized):
        await tokens.check(token)
    assert keystone.checks == []


async def test_many_requests_with_one_token_ask_once(keystone: Keystone, tokens: KeystoneTokens) -> None:
    keystone.slow = 0.02
    people = await asyncio.gather(*(tokens.check("ann") for _ in range(50)))
    assert ({person.user_id for person in people}, keystone.checks) == ({"u-ann"}, ["ann"])
    refused = await asyncio.gather(*(tokens.check("bad") for _ in range(50)), return_exceptions=True)
    assert all(isinstance(each, Unauthorized) for each in refused)
    assert keystone.checks == ["ann", "bad"]


async def test_when_the_one_who_asks_goes_away_the_next_one_asks(
    keystone: Keystone, tokens: KeystoneTokens
) -> None:
    keystone.slow = 0.05
    first = asyncio.create_task(tokens.check("ann"))
    others = [asyncio.create_task(tokens.check("ann")) for _ in range(3)]
    while not keystone.checks:
        await asyncio.sleep(0.001)
    first.cancel()
    assert [(await other).user_id for other in others] == ["u-ann"] * 3
    assert keystone.checks == ["ann", "ann"]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_one_who_waits_can_go_away_alone(keystone: Keystone, tokens: KeystoneTokens) -> None:
    keystone.slow = 0.05
    first, second = asyncio.create_task(tokens.check("ann")), asyncio.create_task(tokens.check("ann"))
    while not keystone.checks:
        await asyncio.sleep(0.001)
    second.cancel()
    assert (await first).user_id == "u-ann"
    with pytest.raises(asyncio.CancelledError):
        await second
    assert keystone.checks == ["ann"]


async def test_our_own_token_is_renewed(keystone: Keystone, tokens: KeystoneTokens, clock: HandClock) -> None:
    await tokens.check("ann")
    keystone.own.clear()
    clock.seconds = 10
    keystone.tokens["bob"] = token_of("bob")
    people = await asyncio.gather(tokens.check("ann"), tokens.check("bob"))
    assert [person.user_id for person in people] == ["u-ann", "u-bob"]
    assert keystone.logins == 2


async def test_a_login_that_keystone_refuses_is_our_trouble_and_not_the_users(
    keystone: Keystone, tokens: KeystoneTokens
) -> None:
    keystone.password = "changed"
    with pytest.raises(Unavailable) as caught:
        await tokens.check("ann")
    assert "right" not in f"{caught.value} {caught.value.__cause__}"
    keystone.password = "right"
    assert (await tokens.check("ann")).user_id == "u-ann"


@pytest.mark.parametrize("status", [403, 500, 503])
async def test_while_keystone_is_away_known_tokens_go_on_for_a_minute(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock, status: int
) -> None:
    await tokens.check("ann")
    keystone.fails_with = status
    for seconds in (10, 30, 59.9):
        clock.seconds = seconds
        assert (await tokens.check("ann")).user_id == "u-ann"
    with pytest.raises(Unavailable):
        await tokens.check("stranger")
    clock.seconds = 60
    with pytest.raises(Unavailable):
        await tokens.check("ann")
    keystone.fails_with = 0
    assert (await tokens.check("ann")).user_id == "u-ann"


async def test_while_keystone_is_away_it_is_not_asked_by_every_request(
    keystone: Keystone, tokens: KeystoneTokens, clock: HandClock
) -> None:
    await tokens.check("ann")
    keystone.fails_with = 503
    clock.seconds = 10
    for _ in range(20):
        await tokens.check("ann")
    assert len(keystone.checks) == 2
    clock.seconds = 11
    await tokens.check("ann")
    assert len(keystone.checks) == 3
    keystone.fails_with = 0
    del keystone.tokens["ann"]
    clock.seconds = 12
    with pytest.raises(Unauthorized):
        await tokens.check("ann")


@pytest.mark.parametrize("answer", [b"", b"{", b"[]", b'{"token": {}}', b'{"token": {"user": null}}'])
async def test_an_answer_that_makes_no_sense_is_no_answer(
    keystone: Keystone, tokens: KeystoneTokens, answer: bytes
) -> None:
    keystone.answers_with = answer
    with pytest.raises(Unavailable):
        await tokens.check("ann")


async def test_a_keystone_that_is_not_there_or_does_not_answer(keystone: Keystone, clock: HandClock) -> None:
    nobody = make("http://127.0.0.1:9/v3", clock)
    with pytest.raises(Unavailable):
        await nobody.check("ann")
    await nobody.close()
    keystone.slow = 0.2
    patient = KeystoneTokens(
        ServiceCredential(auth_url=keystone.url, username="f", password="right"),
        clock,
        patience=Patience(first=0.05, deadline=0.1),
    )
    with pytest.raises(Unavailable):
        await patient.check("ann")
    await patient.close()


async def test_memory_has_a_bound(keystone: Keystone, clock: HandClock) -> None:
    checker = make(keystone.url, clock, size=3)
    for name in "abcde":
        keystone.tokens[name] = token_of(name)
        await checker.check(name)
        with pytest.raises(Unauthorized):
            await checker.check(f"bad-{name}")
    keystone.checks.clear()
    for name in "cde":
        await checker.check(name)
    assert keystone.checks == []
    await checker.check("a")
    assert keystone.checks == ["a"]
    assert (len(checker._known), len(checker._refused)) == (3, 3)
    checker.forget()
    await checker.check("a")
    assert keystone.checks == ["a", "a"]
    await checker.close()


def test_secrets_are_not_shown() -> None:
    credential = ServiceCredential(auth_url="http://k/v3", username="u", password="hunter2")
    assert "hunter2" not in repr(credential)


def test_a_token_needs_its_parts() -> None:
    with pytest.raises(KeyError):
        principal_of({"user": {"id": "u", "name": "u", "domain": {"id": "d"}}}, frozenset())
    assert principal_of(token_of("ann", "boss"), frozenset({"boss"})).is_admin
