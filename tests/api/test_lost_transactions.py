"""A database with others in it: transactions lose, commits are not answered, and for a while nobody is there at all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from fractus.store import retrying
from fractus.store.transaction import Away, CommitUnknown, Conflict, Transaction, Unwritable
from fractus.testing.user import COMPUTE
from fractus.testing.world import World

Verdict = Callable[[], Exception | None]


def troubled(
    world: World, monkeypatch: pytest.MonkeyPatch, before: Verdict, after: Verdict = lambda: None
) -> None:
    """Transactions of this world's store fail: with what `before` says at their end, unwritten; or with `after`,
    written.
    """
    store: Any = world.parts.store
    whole: Callable[[], AbstractAsyncContextManager[Transaction]] = store.transaction

    @asynccontextmanager
    async def transaction() -> AsyncIterator[Transaction]:
        async with whole() as tx:
            yield tx
            trouble = before()
            if trouble is not None:
                raise trouble
        trouble = after()
        if trouble is not None:
            raise trouble

    monkeypatch.setattr(store, "transaction", transaction)


async def test_whatever_loses_is_run_again_and_nothing_is_done_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third transaction of a whole life loses, and every third of the machine's is not answered: requests are
    accepted, and no cloud is asked for anything twice, nor looked through for what may have been lost.
    """
    ann = world.user("ann")
    flavor, image, network = (
        await world.default_flavor(),
        await world.default_image(),
        await ann.own_network(),
    )
    dice = random.Random(5)
    troubled(world, monkeypatch, lambda: Conflict("another was faster") if dice.random() < 0.33 else None)
    server = await ann.boots_server(flavor=flavor, image=image, network=network, zone="a")
    unanswered = random.Random(6)
    with monkeypatch.context() as harder:
        troubled(
            world, harder, lambda: None, lambda: CommitUnknown("?") if unanswered.random() < 0.33 else None
        )
        await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    await ann.deletes_server(server)
    await world.settle()
    log = world.cloud("a").faults.log
    # Each rule of a group is added by itself: the same call, for something else.
    calls = Counter((call.kind, call.method, call.id) for call in log if call.method in ("create", "delete"))
    assert calls
    assert {key: number for key, number in calls.items() if number > 1} == {}
    assert [call for call in log if call.method == "find"] == []
    monkeypatch.undo()
    await ann.deletes_network(network)
    await world.settle()
    await world.assert_nothing_left()
    await world.assert_no_orphans()


async def test_a_body_that_a_handler_changed_is_read_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = world.user("ann")
    network = await ann.own_network()
    losses = [Conflict("a"), Conflict("b"), Conflict("c")]
    troubled(world, monkeypatch, lambda: losses.pop() if losses else None)
    body = {"name": "one", "networks": [{"uuid": network.id}], "metadata": {"a": "b"}}
    server = await ann.boots_server(**{"network": network, "metadata": body["metadata"]})
    assert losses == []
    assert (await ann.server(server))["metadata"] == {"a": "b"}
    assert len(await ann.servers()) == 1


@pytest.mark.parametrize(
    ("trouble", "after"), [(Conflict("others"), "2"), (Away("nobody there"), "2"), (Unwritable("full"), "30")]
)
async def test_who_loses_all_the_time_is_asked_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch, trouble: Exception, after: str
) -> None:
    ann = world.user("ann")
    network = await ann.own_network()
    await world.default_flavor(), await world.default_image()
    monkeypatch.setattr(retrying, "PATIENCE", 0.1)
    monkeypatch.setattr(retrying.again, "__kwdefaults__", {**retrying.again.__kwdefaults__, "patience": 0.1})
    troubled(world, monkeypatch, lambda: trouble)
    with capture_logs():
        reply = await ann.asks_for_server(network=network)
    assert reply.status == 503
    assert reply.headers["retry-after"] == after
    assert "Nothing was changed" in reply.json["serviceUnavailable"]["message"]
    monkeypatch.undo()
    assert await ann.servers() == []


async def test_a_commit_that_was_not_answered_is_reported_and_not_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = world.user("ann")
    network = await ann.own_network()
    await world.default_flavor(), await world.default_image()
    troubled(world, monkeypatch, lambda: None, lambda: CommitUnknown("?"))
    with capture_logs():
        reply = await ann.asks_for_server(network=network)
    assert reply.status == 503
    assert "retry-after" not in reply.headers
    assert "Look before you ask for it again" in reply.json["serviceUnavailable"]["message"]
    monkeypatch.undo()
    assert len(await ann.servers()) == 1


async def test_reads_say_so_too_and_so_does_the_healthcheck(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = world.user("ann")
    monkeypatch.setattr(retrying.again, "__kwdefaults__", {**retrying.again.__kwdefaults__, "patience": 0.1})

    async def away(*_: object, **__: object) -> Any:
        raise Away("MariaDB at 10.0.0.1:3306 takes no connection")

    monkeypatch.setattr(world.parts.store, "rows", away)
    monkeypatch.setattr(world.parts.store, "row", away)
    with capture_logs():
        reply = await ann.get(f"{COMPUTE}/servers")
        health = await ann.get("/healthcheck")
    assert reply.status == 503
    assert "The database of this cloud is away" in reply.json["serviceUnavailable"]["message"]
    assert (health.status, health.body.decode()) == (
        503,
        "The database is away: MariaDB at 10.0.0.1:3306 takes no connection",
    )


@pytest.mark.parametrize("lost", ["conflict", "answer"])
async def test_bits_that_were_uploaded_are_kept_though_their_transactions_lose(
    world: World, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """A body that streams by is read once: what is written of it is written again, and the bits stay."""
    ann = world.user("ann")
    number = iter(range(1000))
    if lost == "conflict":
        troubled(world, monkeypatch, lambda: Conflict("") if next(number) % 2 == 0 else None)
    else:
        # Of the record itself the answer is not lost: its maker would not know it.
        troubled(world, monkeypatch, lambda: None, lambda: CommitUnknown("?") if next(number) % 2 else None)
    image = await ann.makes_image("bits", bits=b"x" * 100_000)
    found = (await ann.get(f"/image/v2/images/{image}")).ok()
    assert (found["status"], found["size"]) == ("active", 100_000)
    assert (await ann.get(f"/image/v2/images/{image}/file")).body == b"x" * 100_000
