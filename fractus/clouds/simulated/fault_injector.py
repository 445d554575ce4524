"""The imagined wire between a driver and a simulated cloud: every call crosses it, is logged, and meets the faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fractus.base import guard
from fractus.base.clock import Clock
from fractus.base.log import request_id
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.faults import Faults, OutsideCall
from fractus.model.cloud import HOME, Scope
from fractus.model.errors import (
    CloudError,
    CredentialsRejected,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unreachable,
)

T = TypeVar("T")

#: Failures in a row after which the breaker opens, and how long it stays so. Seconds.
_THRESHOLD, _COOL_OFF = 3, 10.0


#: Before our id in the ids of flavors and the names of keypairs.
_PREFIX = "fractus-"


class FaultInjector:
    """One driver's way to one cloud."""

    def __init__(
        self,
        cloud: str,
        backend: SimulatedBackend,
        faults: Faults,
        clock: Clock,
        project_of: Callable[[Scope], tuple[str, str]],
        by: str = "",
        ours: frozenset[str] = frozenset(),
    ) -> None:
        """`project_of` gives id and name of a scope's project in the cloud; `by`: whose our markers are; `ours`: all
        that are taken for ours, beside those that do not say.
        """
        self.by = by
        self._ours = ours
        self.cloud = cloud
        self.backend = backend
        self.faults = faults
        self.clock = clock
        self._project_of = project_of
        self._number = 0
        self._failures = 0
        self._failure = ""
        self._open_until = float("-inf")

    def healthy(self) -> bool:
        """False while the breaker is open."""
        return self.clock.monotonic() >= self._open_until

    @property
    def home(self) -> str:
        """The id of the credential's own project there."""
        return self.project(HOME)

    def project(self, scope: Scope) -> str:
        """The id of the scope's project there, which is made on first use."""
        id, name = self._project_of(scope)
        self.backend.records.add_project(id, name)
        return id

    def is_ours(self, by: str) -> bool:
        """Whether a marker is ours: unless it says that it is another's."""
        return not by or by in self._ours

    def own_id(self, id: str) -> str:
        """The id of a flavor, and the name of a keypair, that we make for one of ours."""
        return f"{_PREFIX}{id}-by-{self.by}" if self.by else _PREFIX + id

    def own_ids(self, id: str) -> list[str]:
        """The same, and what versions of fractus gave them that did not say whose they are."""
        return list(dict.fromkeys((self.own_id(id), _PREFIX + id)))

    async def call(
        self, kind: str, method: str, id: str, work: Callable[[], T], *, change: bool, repeatable: bool = True
    ) -> T:
        """Do `work` in the cloud, all of it or nothing, if call and answer get through.

        `repeatable`: doing it twice is the same as doing it once, so a call without an answer is merely `Unreachable`.
        """
        if not self.healthy():
            raise Unreachable(
                f"{self.cloud} has failed repeatedly and is left alone for a while: {self._failure}"
            )
        if change:
            guard.check()
        self._number += 1
        call = OutsideCall(
            number=self._number,
            at=self.clock.now(),
            cloud=self.cloud,
            kind=kind,
            method=method,
            id=id,
            change=change,
            request_id=request_id.get(),
        )
        self.faults.log.append(call)
        try:
            answer = await self._exchange(call, work, repeatable)
        except (Unreachable, OutcomeUnknown) as error:
            self._failures += 1
            self._failure = error.reason
            if self._failures >= _THRESHOLD:
                self._open_until = self.clock.monotonic() + _COOL_OFF
            raise
        except CloudError:
            self._failures = 0
            raise
        self._failures = 0
        return answer

    async def _exchange(self, call: OutsideCall, work: Callable[[], T], repeatable: bool) -> T:
        faults = self.faults
        if faults.strikes("unreachable", call):
            raise Unreachable(f"{self.cloud} does not answer: connection refused")
        if slow := faults.strikes("slow", call):
            await self.clock.sleep(slow.seconds)
        if hang := faults.strikes("hang", call):
            await self._hang(call, work, repeatable, hang.seconds)
        if faults.strikes("credentials", call):
            raise CredentialsRejected("The request you have made requires authentication.")
        if throttle := faults.strikes("throttle", call):
            raise Throttled("This request was rate-limited.", after=throttle.seconds)
        if call.change and (refuse := faults.strikes("refuse", call)):
            raise Refused(refuse.reason, status=refuse.status, elsewhere=refuse.elsewhere)
        if call.change and faults.strikes("lose request", call):
            raise self._unknown(repeatable, "the connection broke")
        answer = self._do(call, work)
        if call.change and faults.strikes("lose reply", call):
            raise self._unknown(repeatable, "the connection broke before the answer came")
        if faults.strikes("garbage", call):
            raise self._unknown(repeatable, "the answer is not JSON: <html><body><h1>It works!")
        return answer

    def _do(self, call: OutsideCall, work: Callable[[], T]) -> T:
        if call.change and self.faults.before_change is not None:
            self.faults.before_change(call)
        self.backend.look()
        if call.change:
            with self.backend.records.changing():
                answer = work()
            if self.faults.after_change is not None:
                self.faults.after_change(call)
            return answer
        return work()

    async def _hang(
        self, call: OutsideCall, work: Callable[[], object], repeatable: bool, seconds: float
    ) -> None:
        """Return when the cloud has thawed in time; else leave the work behind and give up."""
        patience = asyncio.ensure_future(self.clock.sleep(seconds))
        thaw = asyncio.ensure_future(self.faults.resumed())
        try:
            await asyncio.wait({patience, thaw}, return_when=asyncio.FIRST_COMPLETED)
            thawed = thaw.done()
        except asyncio.CancelledError:
            self._leave_behind(call, work)
            raise
        finally:
            for task in (patience, thaw):
                task.cancel()
            await asyncio.gather(patience, thaw, return_exceptions=True)
        if not thawed:
            self._leave_behind(call, work)
            raise self._unknown(repeatable, f"no answer within {seconds:.0f} seconds")

    def _leave_behind(self, call: OutsideCall, work: Callable[[], object]) -> None:
        if call.change:
            self.faults.put_off(lambda: self._do(call, work))

    def _unknown(self, repeatable: bool, reason: str) -> CloudError:
        text = f"{self.cloud}: {reason}"
        return Unreachable(text) if repeatable else OutcomeUnknown(text)
