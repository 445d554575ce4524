"""A limit on what is under way at once, shared fairly between peers: one that asks for much delays only itself."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque


class Turns:
    """So many at once in all, and so many for each peer. Peers that wait are served in rotation.

    With `per_peer` below `limit`, one peer cannot hold everything; and another waits for one turn of each peer before
    it, however much those have waiting.
    """

    def __init__(self, limit: int, per_peer: int) -> None:
        self._limit = limit
        self._per_peer = per_peer
        self._held: dict[str, int] = {}
        self._under_way = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, peer: str) -> None:
        """Wait for a turn. Whoever has got one gives it back."""
        # Whoever waits already is at the limit of its peer, where there is room at all: nobody is overtaken.
        if self._under_way < self._limit and self._held.get(peer, 0) < self._per_peer:
            self._hold(peer)
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(peer, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.give_back(peer)
            raise

    def give_back(self, peer: str) -> None:
        """End a turn."""
        self._under_way -= 1
        left = self._held[peer] - 1
        if left:
            self._held[peer] = left
        else:
            del self._held[peer]
        self._serve()

    def _hold(self, peer: str) -> None:
        self._under_way += 1
        self._held[peer] = self._held.get(peer, 0) + 1

    def _serve(self) -> None:
        """Give what is free to the first peers in the rotation that may have more.

        No more than `limit / per_peer` peers are at their own limit, so few are passed over.
        """
        while self._under_way < self._limit:
            for peer in self._waiting:
                if self._held.get(peer, 0) < self._per_peer:
                    break
            else:
                return
            queue = self._waiting[peer]
            while queue and queue[0].done():  # gave up waiting
                del queue[0]
            if queue:
                self._hold(peer)
                queue.popleft().set_result(None)
            if queue:
                self._waiting.move_to_end(peer)
            else:
                del self._waiting[peer]
