"""Read-only mode as each API process sees it: one look at the store a second at most, and only when somebody writes."""

from __future__ import annotations

from fractus.base.clock import Clock
from fractus.model.errors import ReadOnly
from fractus.store import holds
from fractus.store.transaction import Reader

#: How long an answer of the store is believed: so long after the command a process may still take a write. Seconds.
_BELIEVED = 1.0

_SENTENCE = "This cloud is read-only at present"


class WriteGate:
    """Called before every write of users. Implements `fractus.web.face.Gate`."""

    def __init__(self, store: Reader, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._looked = float("-inf")
        self._why: str | None = None

    async def __call__(self) -> None:
        """`ReadOnly`, in the operator's words, while writes are refused."""
        now = self._clock.monotonic()
        if now - self._looked >= _BELIEVED:
            on = await holds.fetch(self._store, holds.READ_ONLY)
            self._why = None if on is None else on.reason
            self._looked = now
        if self._why is not None:
            raise ReadOnly(f"{_SENTENCE}: {self._why}" if self._why else f"{_SENTENCE}.")
