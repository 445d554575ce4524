"""Who owns which cloud, by the broker: one quorum queue for each, with a single active consumer.

Of all workers that wait at a queue the broker sends its messages to one alone, the owner; when that one dies or hangs
(its heartbeats stop) the next in line gets them, at once. AMQP tells nobody that he is active. So the newest message is
never acknowledged before the next one comes: it is the sign of ownership, and the broker itself hands it on to the next
in line. Every worker now and then sends to the queues it waits at, so that there is a sign, and one that does not come
back shows an owner that it is none any more.

The line is in the order in which the workers came, whatever we would prefer. So a worker that should own a queue comes
at once, the next ones after a pause, the others not at all; and an owner that should not be one steps back behind those
who wait.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from fractus.base.log import logger
from fractus.base.retry import backoff
from fractus.notify.broker import queue_name
from fractus.notify.connection import ANSWER_WITHIN, Line

log = logger("notify.lanes")

#: How many workers wait at one queue: the owner and two in reserve.
_IN_LINE = 3
#: The second comes so much later than the first, the third than the second. Seconds: longer than starting a worker's
#: connection takes, when all start at once.
_PAUSE = 1.5
#: Who should own a queue is given so long to come, before the owner steps back. Seconds.
_GRACE = 3.0
#: And the owner steps back again only after this: perhaps the other one lives, but does not reach the broker. Seconds.
_STEP_BACK_AGAIN = 20.0
#: Every worker sends to the queues it waits at so often. Seconds, for up to 100 queues; longer with more.
_SIGN = 10.0
#: An owner whose signs did not come back so many times is none.
_SIGNS_MISSED = 4
#: Wake-ups that nobody has taken yet: one would do.
_MOST_UNREAD = 4
#: Messages under way to one consumer: one is always held back as the sign.
_UNDER_WAY = 16


#: A queue that could not be waited at so many times is deleted and made anew.
_BROKEN_AFTER = 2


class _BadQueue(Exception):
    """One queue cannot be used."""


class _Place:
    """Our place at one queue."""

    def __init__(self, queue: AbstractQueue, now: float) -> None:
        self.queue = queue
        self.tag = f"fractus-{uuid.uuid4().hex}"
        self.sign: AbstractIncomingMessage | None = None
        self.heard_at = now
        self.ring_at = 0.0
        self.behind_since: float | None = None


class RabbitLanes:
    """Implements `fractus.reconcile.queue.ownership.Broker`; and hears the wake-ups themselves."""

    def __init__(self, urls: Sequence[str], *, heartbeat: float = 5.0) -> None:
        """Nothing is connected to before `start`."""
        self._line = Line(urls, self._use, heartbeat=heartbeat, name="fractus works")
        self._heard: Callable[[str], None] = lambda _: None
        self._changed: Callable[[], None] = lambda: None
        self._ranks: dict[str, int] = {}
        self._requested_at: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self._places: dict[str, _Place] = {}
        self._stepped_at: dict[str, float] = {}
        self._line_up: set[str] = set()
        self._troubles: dict[str, int] = {}
        self._ready = False
        self._stir = asyncio.Event()

    def hear(self, heard: Callable[[str], None]) -> None:
        """Have `heard` called with the cloud of each wake-up."""
        self._heard = heard

    def start(self) -> None:
        """Begin to connect; to be called in the worker's event loop."""
        self._line.start()

    async def close(self) -> None:
        """Release the broker: it hands all our queues on."""
        await self._line.close()

    # ------------------------------------------------------------------ what the worker asks

    def prefer(self, ranks: Mapping[str, int]) -> None:
        """See `Broker`."""
        now = time.monotonic()
        moved = any(self._ranks.get(name, rank) != rank for name, rank in ranks.items())
        for name in ranks:
            if moved or name not in self._ranks:
                self._requested_at[name] = now
        if moved:
            # Workers have come or gone: who is only in reserve queues up anew, behind those who should be first, before
            # any owner steps back.
            self._stepped_at.clear()
            self._line_up |= {
                name for name, place in self._places.items() if place.sign is None and ranks.get(name)
            }
        if self._ranks != ranks:
            self._ranks = dict(ranks)
            self._stir.set()

    def assigned(self) -> frozenset[str] | None:
        """See `Broker`."""
        if not self._ready:
            return None
        return frozenset(name for name, place in self._places.items() if place.sign is not None)

    def listen(self, changed: Callable[[], None]) -> None:
        """See `Broker`."""
        self._changed = changed

    async def leave(self) -> None:
        """See `Broker`."""
        await self.close()

    # ------------------------------------------------------------------ at the broker

    async def _use(self, connection: AbstractConnection, lost: asyncio.Event) -> None:
        async with asyncio.timeout(ANSWER_WITHIN):
            channel = await connection.channel(publisher_confirms=False)
            await channel.set_qos(prefetch_count=_UNDER_WAY)
        channel.close_callbacks.add(lambda *_: self._over(lost))
        connection.close_callbacks.add(lambda *_: self._over(lost))
        # The broker itself ended a consumer: somebody deleted the queue. All is made anew.
        under = await channel.get_underlay_channel()
        under.on_consumer_cancel_callbacks.add(lambda *_: self._over(lost))
        try:
            while not lost.is_set():
                self._stir.clear()
                await self._arrange(channel)
                if not self._ready and self._ranks:
                    self._ready = True
                    self._changed()
                try:
                    async with asyncio.timeout(0.5):
                        await self._stir.wait()
                except TimeoutError:
                    pass
        finally:
            self._ready = False
            self._places.clear()
            self._line_up.clear()
            self._changed()

    def _over(self, lost: asyncio.Event) -> None:
        lost.set()
        self._stir.set()

    async def _arrange(self, channel: AbstractChannel) -> None:
        """Take the places that we should have, give up those that we should not, and send."""
        again, self._line_up = self._line_up, set()
        for name in sorted(self._places.keys() & (again | (self._places.keys() - self._ranks.keys()))):
            await self._give_up(name)
        # Those that should be ours first: somebody may be waiting.
        for name, rank in sorted(self._ranks.items(), key=lambda item: (item[1], item[0])):
            now = time.monotonic()
            place = self._places.get(name)
            if place is None:
                ready_at = max(self._requested_at[name] + rank * _PAUSE, self._not_before.get(name, 0.0))
                if rank < _IN_LINE and now >= ready_at:
                    await self._try(channel, name)
                continue
            if now >= place.ring_at:
                await self._notify(channel, name, place)
            if self._is_over(name, place, rank, now):
                await self._give_up(name)

    def _is_over(self, name: str, place: _Place, rank: int, now: float) -> bool:
        if rank >= _IN_LINE and place.sign is None:
            return True
        if place.sign is None or rank == 0:
            place.behind_since = None
        elif place.behind_since is None:
            place.behind_since = now
        elif now - place.behind_since > _GRACE and now >= self._stepped_at.get(name, 0.0):
            # Somebody else should own it, and has had the time to come.
            self._stepped_at[name] = now + _STEP_BACK_AGAIN
            self._not_before[name] = now + _PAUSE
            return True
        if place.sign is not None and now - place.heard_at > _SIGNS_MISSED * self._sign_every():
            log.warning("own messages do not come back; joining the queue again", cloud=name)
            return True
        return False

    def _sign_every(self) -> float:
        return _SIGN * max(1.0, len(self._ranks) / 100)

    async def _try(self, channel: AbstractChannel, name: str) -> None:
        """Stand in line at one queue. One that is broken must not keep us from the others: it is tried less often."""
        try:
            await self._stand_in_line(channel, name)
        except Exception as error:
            count = self._troubles[name] = self._troubles.get(name, 0) + 1
            self._not_before[name] = time.monotonic() + backoff(count, base=3.0, cap=300.0)
            # The channel is not to be used any more after that; a new connection goes on with the others.
            raise _BadQueue(f"{queue_name(name)}: {type(error).__name__}: {error}") from error
        self._troubles.pop(name, None)

    async def _stand_in_line(self, channel: AbstractChannel, name: str) -> None:
        async with asyncio.timeout(ANSWER_WITHIN):
            if self._troubles.get(name, 0) >= _BROKEN_AFTER:
                # A node that was killed just when it made a queue may have only half of it. There is nothing in it to
                # lose.
                log.warning("making a broken queue anew", cloud=name)
                await channel.queue_delete(queue_name(name))
            queue = await channel.declare_queue(
                queue_name(name),
                durable=True,
                arguments={
                    "x-queue-type": "quorum",
                    "x-single-active-consumer": True,
                    "x-max-length": _MOST_UNREAD,
                    "x-overflow": "drop-head",
                },
            )
            place = self._places[name] = _Place(queue, time.monotonic())
            await queue.consume(partial(self._message, name, place), consumer_tag=place.tag)
        await self._notify(channel, name, place)

    async def _give_up(self, name: str) -> None:
        place = self._places.pop(name)
        was_ours = place.sign is not None
        async with asyncio.timeout(ANSWER_WITHIN):
            await place.queue.cancel(place.tag)
            if place.sign is not None:
                await place.sign.nack(requeue=True)
        if was_ours:
            log.info("stepped back", cloud=name)
            self._changed()

    async def _notify(self, channel: AbstractChannel, name: str, place: _Place) -> None:
        place.ring_at = time.monotonic() + self._sign_every() * random.uniform(0.8, 1.2)
        async with asyncio.timeout(ANSWER_WITHIN):
            await channel.default_exchange.publish(Message(name.encode()), queue_name(name), mandatory=False)

    async def _message(self, name: str, place: _Place, message: AbstractIncomingMessage) -> None:
        if self._places.get(name) is not place:
            # We have just given the place up: it is for the next in line.
            await message.nack(requeue=True)
            return
        before, place.sign = place.sign, message
        place.heard_at = time.monotonic()
        if before is not None:
            await before.ack()
        else:
            log.info("ours by the broker", cloud=name)
            self._changed()
        self._heard(name)
