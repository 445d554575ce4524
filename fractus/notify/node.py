"""Wake-ups between the processes of one node: a datagram with the name of a queue.

The address is in Linux's abstract socket namespace, derived from the state directory, so nothing has to be cleaned up
after a crash. A datagram that is lost, or sent by somebody else, does no harm: workers also look by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

from fractus.base.log import logger

log = logger("notify.node")


#: Workers of one node that can be notified: each listens on a number of its own.
_WORKERS = 4


def address(state_dir: Path, number: int = 0) -> str:
    """The socket that worker `number` of this state directory listens on."""
    name = hashlib.sha256(str(state_dir).encode()).hexdigest()[:32]
    return f"\0fractus-{name}-{number}"


class DatagramNotifier:
    """Notifies other processes of this node. Implements `fractus.store.ledger.Notifier`."""

    def __init__(self, state_dir: Path) -> None:
        """Notify the workers of `state_dir`."""
        self._addresses = [address(state_dir, number) for number in range(_WORKERS)]
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def notify(self, cloud: str) -> None:
        """Send it. No worker, or one that is too busy to read: it will look by itself."""
        for one in self._addresses:
            with contextlib.suppress(OSError):
                self._socket.sendto(cloud.encode(), one)

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()


class LocalNotifier:
    """Notifies within this process."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._listener: Callable[[str], None] | None = None

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with the queue's name."""
        self._listener = listener

    def notify(self, cloud: str) -> None:
        """Call the listener."""
        if self._listener is not None:
            self._listener(cloud)


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, listener: Callable[[str], None]) -> None:
        self._listener = listener

    def datagram_received(self, data: bytes, _from: object) -> None:
        self._listener(data.decode(errors="replace"))


async def listen(state_dir: Path, listener: Callable[[str], None]) -> asyncio.DatagramTransport | None:
    """Call `listener` for every datagram. None where this node has too many workers already: then it polls."""
    sock = _bound(state_dir)
    if sock is None:
        log.info("too many workers on this node; looking by the clock")
        return None
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Receiver(listener), sock=sock)
    return transport


def _bound(state_dir: Path) -> socket.socket | None:
    for number in range(_WORKERS):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            sock.bind(address(state_dir, number))
        except OSError:
            sock.close()
        else:
            return sock
    return None
