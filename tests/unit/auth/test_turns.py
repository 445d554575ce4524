"""Turns: limits in all and for each peer, and who is served next."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fractus.auth.turns import Turns


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_peer_cannot_have_everything() -> None:
    turns = Turns(4, 2)
    greedy = [asyncio.create_task(turns.take("a")) for _ in range(50)]
    await settle()
    assert sum(task.done() for task in greedy) == 2
    await turns.take("b")
    await turns.take("b")
    for task in greedy:
        task.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)


async def test_peers_are_served_in_rotation_however_much_they_have_waiting() -> None:
    turns = Turns(1, 1)
    await turns.take("first")
    order: list[str] = []

    async def one(peer: str) -> None:
        await turns.take(peer)
        order.append(peer)

    tasks = [asyncio.create_task(one("a")) for _ in range(20)]
    await settle()
    tasks += [asyncio.create_task(one(peer)) for peer in "bcb"]
    await settle()
    turns.give_back("first")
    for _ in range(len(tasks)):
        await settle()
        turns.give_back(order[-1])
    await asyncio.gather(*tasks)
    assert order[:5] == ["a", "b", "c", "a", "b"]
    assert Counter(order) == {"a": 20, "b": 2, "c": 1}


async def test_who_gives_up_waiting_holds_nothing() -> None:
    turns = Turns(1, 1)
    await turns.take("a")
    tasks = [asyncio.create_task(turns.take("b")) for _ in range(3)]
    await settle()
    tasks[0].cancel()
    turns.give_back("a")
    await settle()
    assert [task.done() for task in tasks] == [True, True, False]
    turns.give_back("b")
    await settle()
    assert tasks[2].done()
    turns.give_back("b")
    await turns.take("c")


async def test_who_goes_away_as_its_turn_comes_gives_it_back() -> None:
    turns = Turns(1, 1)
    await turns.take("a")
    gone = asyncio.create_task(turns.take("b"))
    next_one = asyncio.create_task(turns.take("c"))
    await settle()
    turns.give_back("a")  # given to b ...
    gone.cancel()  # ... which is cancelled before it runs
    with pytest.raises(asyncio.CancelledError):
        await gone
    await settle()
    assert next_one.done()


async def test_nothing_is_kept_of_those_who_are_done() -> None:
    turns = Turns(3, 2)

    async def visit(peer: str) -> None:
        await turns.take(peer)
        await asyncio.sleep(0)
        turns.give_back(peer)

    await asyncio.gather(*(visit(f"peer-{number % 7}") for number in range(200)))
    assert (turns._under_way, turns._held, len(turns._waiting)) == (0, {}, 0)
