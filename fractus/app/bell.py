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

log = logger("app.bell")


def address(state_dir: Path) -> str:
    """The socket that the worker of this state directory listens on."""
    return "\0fractus-" + hashlib.sha256(str(state_dir).encode()).hexdigest()[:32]


class DatagramBell:
    """Rings another process of this node. Implements `fractus.store.ledger.Bell`."""

    def __init__(self, state_dir: Path) -> None:
        """Ring the worker of `state_dir`."""
        self._address = address(state_dir)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self, cloud: str) -> None:
        """Send it. No worker, or one that is too busy to read: it will look by itself."""
        with contextlib.suppress(OSError):
            self._socket.sendto(cloud.encode(), self._address)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


class LocalBell:
    """Rings within this process."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._listener: Callable[[str], None] | None = None

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with the queue's name."""
        self._listener = listener

    def ring(self, cloud: str) -> None:
        """Call the listener."""
        if self._listener is not None:
            self._listener(cloud)


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, listener: Callable[[str], None]) -> None:
        self._listener = listener

    def datagram_received(self, data: bytes, _from: object) -> None:
        self._listener(data.decode(errors="replace"))


async def listen(state_dir: Path, listener: Callable[[str], None]) -> asyncio.DatagramTransport | None:
    """Call `listener` for every datagram. None where another worker of this node already listens: then it polls."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.bind(address(state_dir))
    except OSError as error:
        sock.close()
        log.info("another worker listens already; looking by the clock", error=str(error))
        return None
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Receiver(listener), sock=sock)
    return transport
