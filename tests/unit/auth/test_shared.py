"""Tokens that another API process has checked, through a real memcached of the test's own."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator

import aiomcache
import pytest
from structlog.testing import capture_logs

from fractus.auth.principal import Principal
from fractus.auth.shared import SharedTokens
from fractus.auth.tokens import KeystoneTokens
from fractus.base.clock import SystemClock
from fractus.model.errors import Unauthorized
from tests.unit.auth.test_tokens import HandClock, Keystone, keystone, make, token_of

__all__ = ["keystone"]

MEMCACHED = shutil.which("memcached")
KEYS = [b"a" * 32]
ANN = Principal(user_id="ann", project_id="p", roles=frozenset({"member", "reader"}), expires_at=9e9)
BOB = Principal(user_id="bob", is_admin=True, roles=frozenset({"admin"}))


def hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@pytest.fixture
def server() -> Iterator[str]:
    if MEMCACHED is None:
        pytest.skip("needs Debian's memcached: there is none")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([MEMCACHED, "-u", "nobody", "-l", "127.0.0.1", "-p", str(port), "-U", "0"])
    try:
        for _ in range(3000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def share(server: str) -> AsyncIterator[SharedTokens]:
    made = _share(server)
    yield made
    await made.close()


def _share(*servers: str, keys: list[bytes] = KEYS, clock: HandClock | None = None) -> SharedTokens:
    return SharedTokens(servers, keys, clock or HandClock(), ttl=10.0)


async def _written(share: SharedTokens) -> None:
    while share._writing:
        await asyncio.sleep(0.01)


async def _found(share: SharedTokens, key: bytes) -> tuple[Principal, float] | None:
    """Patience is short on purpose; on a busy machine one question may take longer."""
    for _ in range(20):
        if (found := await share.get(key)) is not None:
            return found
        share._clock.seconds += 6  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)
    return None


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fractus.auth.shared._PATIENCE", 60.0)


async def test_what_one_has_learnt_the_other_knows(server: str) -> None:
    clock = HandClock()
    one, other = _share(server, clock=clock), _share(server, clock=clock)
    assert await other.get(hashed("t")) is None
    one.put(hashed("t"), ANN)
    one.put(hashed("u"), BOB)
    await _written(one)
    clock.seconds += 4
    assert await other.get(hashed("t")) == (ANN, 4.0)
    assert await other.get(hashed("u")) == (BOB, 4.0)
    assert await other.get(hashed("v")) is None
    clock.seconds += 6
    assert await other.get(hashed("t")) is None, "as old as a token that this process had checked itself"
    await one.close(), await other.close()


async def test_who_writes_into_memcached_forges_nothing(server: str, share: SharedTokens) -> None:
    share.put(hashed("mallory"), Principal(user_id="mallory"))
    share.put(hashed("admin"), BOB)
    await _written(share)
    host, port = server.split(":")
    client = aiomcache.Client(host, int(port))
    names = {who: share._name(hashed(who)) for who in ("mallory", "admin")}
    values = {who: await client.get(name) for who, name in names.items()}
    assert values["admin"] is not None
    assert b"bob" not in values["admin"]
    with capture_logs() as logs:
        # Another's value under one's own name; one bit changed; something made up.
        await client.set(names["mallory"], values["admin"])
        assert await share.get(hashed("mallory")) is None
        changed = values["admin"][:-1] + bytes([values["admin"][-1] ^ 1])
        for forged in (changed, b"", b"x", b'{"at": 0}' * 10):
            await client.set(names["admin"], forged)
            assert await share.get(hashed("admin")) is None
    assert {entry["event"] for entry in logs} == {"a shared token was not sealed by us"}
    await client.close()


async def test_another_key_opens_nothing_and_an_older_one_does(server: str) -> None:
    clock = HandClock()
    old = _share(server, clock=clock)
    old.put(hashed("t"), ANN)
    await _written(old)
    stranger = _share(server, keys=[b"b" * 32], clock=clock)
    assert await stranger.get(hashed("t")) is None
    await old.close(), await stranger.close()


async def test_a_value_from_the_future_is_not_believed(server: str) -> None:
    """A clock that was set wrong must not make a token live for longer."""
    ahead = HandClock()
    ahead.seconds = 3600
    one, other = _share(server, clock=ahead), _share(server)
    one.put(hashed("t"), ANN)
    await _written(one)
    assert await other.get(hashed("t")) is None
    await one.close(), await other.close()


async def test_a_dead_memcached_is_left_alone_and_costs_no_answer() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{probe.getsockname()[1]}"
    share = _share(dead)
    with capture_logs() as logs:
        for _ in range(5):
            assert await share.get(hashed("t")) is None
            share.put(hashed("t"), ANN)
            await _written(share)
    assert len(logs) == 1, "asked once, then left alone"
    await share.close()


async def test_one_that_hangs_is_given_up_soon_and_the_next_one_asked(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fractus.auth.shared._PATIENCE", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        share = _share(f"127.0.0.1:{silent.getsockname()[1]}", server)
        with capture_logs():
            for number in range(20):
                share.put(hashed(str(number)), ANN)
                await _written(share)
            assert [await share.get(hashed(str(number))) is not None for number in range(10, 20)].count(
                True
            ) >= 8
        await share.close()


async def test_two_apis_ask_keystone_once_and_a_revoked_token_is_refused_in_time(
    keystone: Keystone, server: str
) -> None:
    clock = HandClock()
    shares = [_share(server, clock=clock) for _ in range(2)]
    first, second = (make(keystone.url, clock, shared=share) for share in shares)
    keystone.tokens["t"] = token_of("ann", "member")
    assert (await first.check("t")).user_name == "ann"
    await _written(shares[0])
    clock.seconds += 8
    assert (await second.check("t")).user_name == "ann"
    assert keystone.checks == ["t"], "the second did not have to ask"
    del keystone.tokens["t"]
    clock.seconds += 3
    for one in (first, second):
        with pytest.raises(Unauthorized):
            await one.check("t")
        await one.close()
    for share in shares:
        await share.close()


async def test_with_memcached_dead_tokens_are_checked_all_the_same(keystone: Keystone) -> None:
    share = _share("127.0.0.1:1")
    tokens = make(keystone.url, HandClock(), shared=share)
    keystone.tokens["t"] = token_of("ann", "member")
    with capture_logs():
        assert (await tokens.check("t")).user_name == "ann"
        with pytest.raises(Unauthorized):
            await tokens.check("unknown")
    await tokens.close(), await share.close()


def test_the_real_clock_will_do() -> None:
    assert SharedTokens([], KEYS, SystemClock(), ttl=1.0)._server(b"x") is None
    assert issubclass(KeystoneTokens, object)
