"""One child's way out: limits, breakers and measurements around a transport (law 9: each child is a bulkhead)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from fractus.base import guard
from fractus.base.clock import Clock
from fractus.base.window import Window
from fractus.clouds.openstack.breaker import Breaker
from fractus.clouds.openstack.faults import retry_after
from fractus.clouds.openstack.pace import Gate, Lanes, Limits, Rate
from fractus.clouds.openstack.transport import Answer, Call, Transport
from fractus.model.errors import CloudError, CredentialsRejected, OutcomeUnknown, Throttled, Unreachable
from fractus.model.purpose import SWEEP, purpose

T = TypeVar("T")

#: Without these three no work for a cloud can go on; the others are missed only by some of it.
_VITAL = ("identity", "compute", "network")

#: A service says these when it is asked for too much.
_OVERLOADED = frozenset({429, 503})

#: However long a service asks to be left alone. Seconds.
_LONGEST_PAUSE = 300.0

#: A gateway says these when the service behind it is gone.
_GATEWAY_FAILURES = frozenset({502, 504})


#: Methods that change nothing.
_READS = frozenset({"GET", "HEAD"})


class CallObserver(Protocol):
    """Hears of every call to a child, for metrics."""

    def called(self, cloud: str, service: str, method: str, outcome: str, seconds: float, /) -> None:
        """`outcome` is the status as text, or the name of the `CloudError` where no answer came."""
        ...


class Wire:
    """Sends calls of one cloud, within its limits."""

    def __init__(
        self,
        cloud: str,
        transport: Transport,
        limits: Limits,
        clock: Clock,
        observer: CallObserver | None = None,
    ) -> None:
        self._cloud = cloud
        self._transport = transport
        self._limits = limits
        self._clock = clock
        self._observer = observer
        self._lanes = Lanes(limits)
        self._window = Window(clock.monotonic, limits.max_calls)
        self._gate = Gate(lambda: self._window.size)
        self._rate = Rate(clock, limits.calls_per_second, limits.burst)
        self._pages = Rate(clock, limits.pages_per_second)
        self._pauses: dict[str, float] = {}
        """Until when each service has asked to be left alone."""
        self._breakers: dict[str, Breaker] = {}
        self._failures: dict[str, str] = {}
        """The last failure of each service: while it is not asked, that is what there is to tell."""

    @property
    def limits(self) -> Limits:
        """What its operator allows."""
        return self._limits

    def healthy(self) -> bool:
        """False while the breaker of a service without which nothing can be done is open."""
        return {name for name, one in self._breakers.items() if one.open}.isdisjoint(_VITAL)

    async def send(self, call: Call) -> Answer:
        """The answer to `call`, whatever its status; a `CloudError` where there is none."""

        async def exchange() -> Answer:
            await self._rate.take()
            if call.method not in _READS:
                guard.check()
            return await self._measured(call)

        async with self._lane(call):
            return await self.guarded(
                call.service, call.method, exchange, status=lambda answer: answer.status
            )

    @asynccontextmanager
    async def _lane(self, call: Call) -> AsyncIterator[None]:
        """A place among the calls of its sort."""
        if call.lane != "work":
            async with self._lanes[call.lane]:
                yield
            return
        self._leave_alone(call.service)
        sweeps = purpose.get() == SWEEP
        if sweeps:
            await self._pages.take()
        async with self._gate.turn(1 if sweeps else 0):
            yield

    def _leave_alone(self, service: str) -> None:
        left = self._pauses.get(service, 0.0) - self._clock.monotonic()
        if left > 0:
            raise Throttled(f"{service} of {self._cloud} has asked for a pause", after=left)

    async def _measured(self, call: Call) -> Answer:
        """One exchange, and what it says of how the child fares."""
        began = self._clock.monotonic()
        try:
            answer = await self._transport.exchange(call)
        except (Unreachable, OutcomeUnknown):
            self._window.troubled()
            raise
        now = self._clock.monotonic()
        if answer.status in _OVERLOADED:
            pause = min(retry_after(answer.headers, 0.0), _LONGEST_PAUSE)
            self._pauses[call.service] = now + pause
            self._window.troubled()
        else:
            # How long an upload takes depends on its size.
            self._window.well("" if call.upload else f"{call.service} {call.method}", now - began)
            self._gate.fill()
        return answer

    async def guarded(
        self,
        service: str,
        method: str,
        work: Callable[[], Awaitable[T]],
        *,
        status: Callable[[T], int] = lambda _result: 200,
    ) -> T:
        """Run `work` behind the breaker of `service`, measured."""
        breaker = self._breaker(service)
        if not breaker.enter():
            why = self._failures.get(service, "")
            raise Unreachable(
                f"{service} of {self._cloud} has failed repeatedly and is left alone for a while: {why}"
            )
        began = self._clock.monotonic()
        outcome = "cancelled"
        try:
            result = await work()
            answered = status(result)
            outcome = str(answered)
            if answered in _GATEWAY_FAILURES:
                breaker.failed()
                self._failures[service] = f"it answers {answered}"
            else:
                breaker.succeeded()
            return result
        except (Unreachable, OutcomeUnknown) as error:
            outcome = type(error).__name__
            breaker.failed()
            if breaker.open:
                self._window.lost()
            self._failures[service] = error.reason
            raise
        except (CredentialsRejected, Throttled) as error:  # it answered, if not what we hoped for
            outcome = type(error).__name__
            breaker.succeeded()
            raise
        except CloudError as error:
            outcome = type(error).__name__
            breaker.abandoned()
            raise
        except BaseException:
            breaker.abandoned()
            raise
        finally:
            if self._observer is not None:
                seconds = self._clock.monotonic() - began
                self._observer.called(self._cloud, service, method, outcome, seconds)

    def _breaker(self, service: str) -> Breaker:
        if service not in self._breakers:
            self._breakers[service] = Breaker(self._clock, threshold=self._limits.breaker_threshold)
        return self._breakers[service]

    async def close(self) -> None:
        """Release connections."""
        await self._transport.close()
