"""Notifications over a broker: never waited for, never an error, and nothing piles up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from aio_pika import Message
from aio_pika.abc import AbstractConnection

from fractus.notify.connection import ANSWER_WITHIN, Line

#: Notifications for one cloud within this time are sent as one. Seconds: less than a wake-up takes.
_TOGETHER = 0.003
#: A broker that is dead has been so for no longer than this, else its heartbeats had been missed. Seconds.
_LATELY = 30.0


def queue_name(cloud: str) -> str:
    """The broker's queue for a cloud's; the one of whole resources has no name of a cloud."""
    return f"fractus.notify.{cloud}" if cloud else "fractus.notify"


class RabbitNotifier:
    """Notifies workers through a broker. Implements `fractus.store.ledger.Notifier`.

    What is not sent yet is a set of names, so it can never be more than there are clouds. While no broker is connected
    `instead` is called: the notifier of this node.
    """

    def __init__(
        self, urls: Sequence[str], *, heartbeat: float = 5.0, instead: Callable[[str], None] = lambda _: None
    ) -> None:
        """Nothing is connected to before `start`."""
        self._line = Line(urls, self._use, heartbeat=heartbeat, name="fractus notifications")
        self._instead = instead
        self._connected = False
        self._unsent: set[str] = set()
        self._sent: dict[str, float] = {}
        self._some = asyncio.Event()

    def start(self) -> None:
        """Begin to connect; to be called in the event loop that notifies."""
        self._line.start()

    async def close(self) -> None:
        """Release the broker."""
        await self._line.close()

    @property
    def connected(self) -> bool:
        """Whether notifications go through a broker now."""
        return self._connected

    def notify(self, cloud: str) -> None:
        """Have its workers notified soon; returns at once."""
        if self._connected:
            self._unsent.add(cloud)
            self._some.set()
        else:
            self._instead(cloud)

    async def _use(self, connection: AbstractConnection, lost: asyncio.Event) -> None:
        async with asyncio.timeout(ANSWER_WITHIN):
            channel = await connection.channel(publisher_confirms=False)
        exchange = channel.default_exchange

        def over(*_: object) -> None:
            lost.set()
            self._some.set()

        channel.close_callbacks.add(over)
        connection.close_callbacks.add(over)
        self._connected = True
        try:
            while not lost.is_set():
                await self._some.wait()
                await asyncio.sleep(_TOGETHER)
                self._some.clear()
                names, self._unsent = self._unsent, set()
                async with asyncio.timeout(ANSWER_WITHIN):
                    for name in names:
                        # A queue that nobody has made yet has no worker either: such a notification may be lost.
                        await exchange.publish(Message(name.encode()), queue_name(name), mandatory=False)
                        self._sent[name] = time.monotonic()
        finally:
            self._connected = False
            # What was sent to a broker that did not answer any more may be lost as well.
            lately = time.monotonic() - _LATELY
            for name in self._unsent | {name for name, at in self._sent.items() if at > lately}:
                self._instead(name)
            self._unsent.clear()
            self._sent.clear()
