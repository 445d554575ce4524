"""How a cloud fares, learnt from every call that is made there: how many of its items are under way at once follows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

from fractus.base.clock import Clock
from fractus.base.window import Window
from fractus.model.cloud import Actuator, Observed, Scope, Step, Wanted
from fractus.model.errors import CredentialsRejected, Missing, OutcomeUnknown, Refused, Throttled, Unreachable

T = TypeVar("T")


#: What asks for a pause is one service of a cloud: who needs it comes back when that is over, and the rest is not held
#: up for longer than this. Seconds.
_LONGEST_PAUSE = 2.0


class Watched:
    """An actuator that tells a window how each call ended."""

    def __init__(self, inner: Actuator[Any, Any], window: Window, clock: Clock) -> None:
        self._inner = inner
        self._window = window
        self._clock = clock

    async def observe(self, scope: Scope, remote_id: str) -> Observed:
        """As the inner one."""
        observed: Observed = await self._timed("observe", self._inner.observe(scope, remote_id))
        return observed

    async def find(self, scope: Scope, wanted: Wanted) -> Observed | None:
        """As the inner one."""
        observed: Observed | None = await self._timed("find", self._inner.find(scope, wanted))
        return observed

    async def create(self, scope: Scope, wanted: Wanted) -> Observed:
        """As the inner one. How long it takes says nothing: images are of all sizes."""
        observed: Observed = await self._timed("", self._inner.create(scope, wanted))
        return observed

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """As the inner one."""
        await self._timed("apply", self._inner.apply(scope, remote_id, step))

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """As the inner one."""
        await self._timed("delete", self._inner.delete(scope, remote_id))

    async def has_cursor(self) -> bool:
        """As the inner one."""
        return await self._inner.has_cursor()

    def list_changed(self, since: str) -> AsyncIterator[Observed]:
        """As the inner one."""
        listed: AsyncIterator[Observed] = self._inner.list_changed(since)
        return listed

    async def _timed(self, what: str, call: Awaitable[T]) -> T:
        began = self._clock.monotonic()
        try:
            result = await call
        except (Missing, Refused):
            self._window.well()
            raise
        except Throttled as error:
            self._window.troubled(min(error.after, _LONGEST_PAUSE))
            raise
        except (Unreachable, OutcomeUnknown):
            self._window.troubled()
            raise
        except CredentialsRejected:
            raise
        self._window.well(what, self._clock.monotonic() - began)
        return result
