"""Wake-ups and ownership over a real RabbitMQ of the test's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from math import ceil

import pytest
from structlog.testing import capture_logs

from fractus.notify import lanes as lanes_module
from fractus.notify.broker import RabbitNotifier
from fractus.notify.connection import brokers
from fractus.notify.lanes import RabbitLanes
from fractus.reconcile.queue.spread import spread
from tools.broker.rabbit import Broker

CLOUDS = ["", *(f"c{number}" for number in range(100))]


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


class Group:
    """Workers as the broker sees them; who lives is said by the test, as the store does else."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.lines: dict[str, RabbitLanes] = {}
        self.heard: list[str] = []

    def join(self, name: str) -> RabbitLanes:
        line = self.lines[name] = RabbitLanes([self.broker.url], heartbeat=2)
        line.hear(self.heard.append)
        line.start()
        self.prefer()
        return line

    def prefer(self) -> None:
        ranking = spread(CLOUDS, list(self.lines))
        for name, line in self.lines.items():
            line.prefer({cloud: ranking[cloud].index(name) for cloud in CLOUDS})

    async def leave(self, name: str) -> None:
        await self.lines.pop(name).leave()

    def parts(self) -> list[frozenset[str]]:
        return [line.assigned() or frozenset() for line in self.lines.values()]

    def fair(self) -> bool:
        """Everything is somebody's, once, and nobody has more than a fair share."""
        parts = self.parts()
        most = ceil(len(CLOUDS) / len(parts))
        return (
            sorted(name for part in parts for name in part) == sorted(CLOUDS) and max(map(len, parts)) <= most
        )


@pytest.fixture
async def group(broker: Broker) -> AsyncIterator[Group]:
    made = Group(broker)
    with capture_logs():
        yield made
        for line in made.lines.values():
            await line.close()


async def test_a_hundred_clouds_are_spread_and_spread_anew_as_workers_come_and_go(group: Group) -> None:
    group.join("w1")
    await until(group.fair)
    group.join("w2")
    await until(group.fair)
    group.join("w3")
    await until(group.fair)
    await group.leave("w2")
    # Before anybody else knows that it left, its queues are somebody's: the reserve's.
    await until(lambda: sum(map(len, group.parts())) == len(CLOUDS))
    group.prefer()
    await until(group.fair)
    await _a_ring_reaches_the_owner(group)


async def _a_ring_reaches_the_owner(group: Group) -> None:
    notifier = RabbitNotifier([group.broker.url])
    notifier.start()
    await until(lambda: notifier.connected)
    group.heard.clear()
    for _ in range(50):
        notifier.notify("c5")
    notifier.notify("")
    await until(lambda: {"c5", ""} <= set(group.heard))
    assert group.heard.count("c5") < 50, "notifications of one moment are one"
    await notifier.close()


async def test_rings_that_nobody_reads_do_not_pile_up(broker: Broker) -> None:
    import aio_pika

    with capture_logs():
        line = RabbitLanes([broker.url])
        line.start()
        line.prefer({"lonely": 0})
        await until(lambda: line.assigned() == {"lonely"})
        await line.close()
        connection = await aio_pika.connect(broker.url)
        channel = await connection.channel()
        for _ in range(200):
            await channel.default_exchange.publish(aio_pika.Message(b"lonely"), "fractus.notify.lonely")
        queue = await channel.declare_queue("fractus.notify.lonely", passive=True)
        assert (queue.declaration_result.message_count or 0) <= lanes_module._MOST_UNREAD
        await queue.delete(if_unused=False, if_empty=False)
        await connection.close()


async def test_a_queue_that_somebody_deleted_is_made_again(group: Group) -> None:
    import aio_pika

    line = group.join("w1")
    await until(group.fair)
    connection = await aio_pika.connect(group.broker.url)
    channel = await connection.channel()
    await channel.queue_delete("fractus.notify.c7")
    await until(lambda: line.assigned() != frozenset(CLOUDS))
    await until(group.fair)
    await connection.close()


async def test_a_broker_that_dies_hangs_and_comes_back(broker: Broker) -> None:
    """Notifying never waits and never fails; without a broker the notifier of this node is used instead."""
    near: list[str] = []
    with capture_logs():
        notifier = RabbitNotifier(["amqp://127.0.0.1:1/", broker.url], heartbeat=2, instead=near.append)
        line = RabbitLanes(["amqp://127.0.0.1:1/", broker.url], heartbeat=2)
        heard: list[str] = []
        line.hear(heard.append)
        notifier.start()
        line.start()
        line.prefer({"a": 0})
        notifier.notify("a")
        assert near == ["a"], "not connected yet"
        await until(lambda: notifier.connected and line.assigned() == {"a"})
        # A queue that is younger than this is broken in a node that is killed, and made anew: right, and slow.
        await asyncio.sleep(1.5)
        broker.kill()
        await until(lambda: not notifier.connected and line.assigned() is None)
        notifier.notify("b")
        assert near[-1] == "b"
        await asyncio.to_thread(broker.start)
        await until(lambda: notifier.connected and line.assigned() == {"a"})
        heard.clear()
        notifier.notify("a")
        await until(lambda: "a" in heard)
        broker.pause()
        try:
            # A send that waited for the broker would hang here; what else a busy machine does takes no time of ours.
            started = time.process_time()
            for number in range(10_000):
                notifier.notify(f"n{number}")
            assert time.process_time() - started < 1.0, "nobody waits for it"
            await until(lambda: not notifier.connected and line.assigned() is None)
            assert len(near) >= 10_000, "what was not sent is notified here"
        finally:
            broker.go_on()
        await until(lambda: notifier.connected and line.assigned() == {"a"})
        await notifier.close()
        await line.close()


def test_urls_of_brokers() -> None:
    assert brokers("") == []
    assert brokers("amqp://a:1/ amqp://b:2/v, amqps://c") == ["amqp://a:1/", "amqp://b:2/v", "amqps://c"]
    with pytest.raises(ValueError, match="begins with amqp"):
        brokers("http://user:secret@a")
