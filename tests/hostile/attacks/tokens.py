"""Requests with tokens that nobody issued."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable

import aiohttp

from tests.hostile.attack import Attack, Tally
from tests.hostile.target import ATTACKER, Target, session

_CLIENTS = 200


def random_text() -> str:
    """A token that no Keystone can have issued."""
    return os.urandom(16).hex()


def well_formed() -> str:
    """The outside of a Fernet token: version, time, initialization vector, ciphertext and signature, at random."""
    raw = b"\x80" + int(time.time()).to_bytes(8, "big") + os.urandom(16 + 16 * 6 + 32)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def flood(
    target: Target,
    tally: Tally,
    seconds: float,
    *,
    token: Callable[[], str],
    address: Callable[[int], str],
) -> None:
    """Many clients, each sending one request after the other, each with another token."""
    until = time.monotonic() + seconds

    async def client(number: int) -> None:
        async with session(address(number)) as http:
            while time.monotonic() < until:
                try:
                    async with http.get(
                        f"{target.url}/compute/v2.1/servers", headers={"X-Auth-Token": token()}
                    ) as answer:
                        await answer.read()
                        tally.answered(answer.status)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    tally.unanswered(error)

    await asyncio.gather(*(client(number) for number in range(_CLIENTS)))
    tally.require(not tally.outcomes["200"], "a token that nobody issued was taken")


async def _malformed(target: Target, tally: Tally, seconds: float) -> None:
    await flood(target, tally, seconds, token=random_text, address=lambda _: ATTACKER)


async def _unknown(target: Target, tally: Tally, seconds: float) -> None:
    await flood(target, tally, seconds, token=well_formed, address=lambda _: ATTACKER)


async def _unknown_from_many(target: Target, tally: Tally, seconds: float) -> None:
    await flood(target, tally, seconds, token=well_formed, address=lambda number: f"127.0.1.{number + 1}")


ATTACKS = [
    Attack(
        name="malformed tokens",
        tries=f"{_CLIENTS} clients without a login, each request with another text for a token.",
        run=_malformed,
    ),
    Attack(
        name="unknown tokens",
        tries=f"{_CLIENTS} clients without a login, each request with another well-formed Fernet token.",
        run=_unknown,
        seconds=30.0,
    ),
    Attack(
        name="unknown tokens, many addresses",
        tries=f"The same, each of the {_CLIENTS} clients from an address of its own.",
        run=_unknown_from_many,
    ),
]
