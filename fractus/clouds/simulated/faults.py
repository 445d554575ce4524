"""Faults of a simulated cloud, on request, and the log of every call that reached it from outside."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from fractus.model.errors import CloudError


class OutsideCall(Struct, frozen=True, kw_only=True):
    """One call over the (imagined) wire. `method` is the actuator's, for `apply` with its verb: `apply reboot`."""

    number: int
    at: float
    cloud: str
    kind: str
    method: str
    id: str
    """The remote id; for `find` and `create` the marker."""
    change: bool
    request_id: str = ""
    """What the caller says that it works for; the real driver sends it as `X-Openstack-Request-Id`."""


class Filter(Struct, frozen=True):
    """Which calls a fault is for; an empty field means any. `method` may leave the verb out."""

    kind: str = ""
    method: str = ""
    id: str = ""

    def meets(self, call: OutsideCall) -> bool:
        """Whether `call` is meant."""
        method = self.method in ("", call.method, call.method.split(" ")[0])
        return self.kind in ("", call.kind) and method and self.id in ("", call.id)


class Fault(Struct):
    """One fault in force. `left` counts how often it strikes yet; None: until `heals()`."""

    what: str
    filter: Filter
    left: int | None
    reason: str = ""
    status: int = 409
    elsewhere: bool = False
    seconds: float = 0.0


Hook = Callable[[OutsideCall], None]


class Faults:
    """What is wrong with one cloud now. Nothing, until somebody asks for it."""

    def __init__(self, remember: int | None = 10_000) -> None:
        """Keep the last `remember` calls in the log; None: all."""
        self.log: deque[OutsideCall] = deque(maxlen=remember)
        self.before_change: Hook | None = None
        """Called before every outside change; what it raises goes through the driver as it is."""
        self.after_change: Hook | None = None
        """Called after every outside change, before the answer is given."""
        self._active: list[Fault] = []
        self._resumed = asyncio.Event()
        self._backlog: list[Callable[[], object]] = []

    # ------------------------------------------------------------------ asking for faults

    def loses_reply_once(self, kind: str = "", method: str = "", id: str = "") -> None:
        """The next such change is done, and its answer never arrives."""
        self._add("lose reply", kind, method, id, left=1)

    def loses_request_once(self, kind: str = "", method: str = "", id: str = "") -> None:
        """The next such change leaves and never arrives there: for the caller the same as a lost answer."""
        self._add("lose request", kind, method, id, left=1)

    def refuses_once(
        self,
        reason: str = "Refused on request.",
        *,
        kind: str = "",
        method: str = "",
        id: str = "",
        status: int = 409,
        elsewhere: bool = False,
    ) -> None:
        """The next such change is understood and turned down."""
        self._add("refuse", kind, method, id, left=1, reason=reason, status=status, elsewhere=elsewhere)

    def refuses(
        self,
        reason: str = "Refused on request.",
        *,
        kind: str = "",
        method: str = "",
        id: str = "",
        status: int = 409,
        elsewhere: bool = False,
    ) -> None:
        """All such changes are turned down until it heals."""
        self._add("refuse", kind, method, id, left=None, reason=reason, status=status, elsewhere=elsewhere)

    def unreachable(self, kind: str = "", method: str = "") -> None:
        """Nobody listens there until it heals."""
        self._add("unreachable", kind, method, "", left=None)

    def hangs(self, timeout: float = 30.0, kind: str = "", method: str = "") -> None:
        """Calls are taken and not answered until `resumes()`; callers give up after `timeout` seconds.

        It is frozen, not dead: what it had taken is done when it resumes, whether anybody waits for it or not.
        """
        self._resumed.clear()
        self._add("hang", kind, method, "", left=None, seconds=timeout)

    def slow(self, seconds: float, kind: str = "", method: str = "") -> None:
        """Every answer takes so long."""
        self._add("slow", kind, method, "", left=None, seconds=seconds)

    def throttles(
        self, after: float = 5.0, *, times: int | None = None, kind: str = "", method: str = ""
    ) -> None:
        """Too many requests: come back `after` seconds. The next `times` calls; None: until it heals."""
        self._add("throttle", kind, method, "", left=times, seconds=after)

    def credentials_rejected(self) -> None:
        """Our password is not theirs any more."""
        self._add("credentials", "", "", "", left=None)

    def garbage(self, *, times: int | None = None, kind: str = "", method: str = "") -> None:
        """Answers cannot be read: a proxy's page of HTML. What was asked for is done all the same."""
        self._add("garbage", kind, method, "", left=times)

    def resumes(self) -> None:
        """Thaw: waiting calls are answered, and what callers had given up on is done now."""
        self._active = [fault for fault in self._active if fault.what != "hang"]
        backlog, self._backlog = self._backlog, []
        for work in backlog:
            try:
                work()
            except CloudError:
                continue  # nobody waits for this answer any more
        self._resumed.set()

    def heals(self) -> None:
        """Everything is well again."""
        self.resumes()
        self._active.clear()

    def _add(
        self,
        what: str,
        kind: str,
        method: str,
        id: str,
        *,
        left: int | None,
        reason: str = "",
        status: int = 409,
        elsewhere: bool = False,
        seconds: float = 0.0,
    ) -> None:
        self._active.append(Fault(what, Filter(kind, method, id), left, reason, status, elsewhere, seconds))

    # ------------------------------------------------------------------ for the driver

    def strikes(self, what: str, call: OutsideCall) -> Fault | None:
        """The fault of this sort that is in force for `call`, counted down."""
        for fault in self._active:
            if fault.what == what and fault.filter.meets(call):
                if fault.left is not None:
                    fault.left -= 1
                    if fault.left <= 0:
                        self._active.remove(fault)
                return fault
        return None

    def put_off(self, work: Callable[[], object]) -> None:
        """Keep a change that was taken and not done."""
        self._backlog.append(work)

    async def resumed(self) -> None:
        """Wait until it does not hang any more."""
        await self._resumed.wait()

    # ------------------------------------------------------------------ reading the log

    def calls(self, kind: str = "", method: str = "", id: str = "") -> list[OutsideCall]:
        """The logged calls that are meant."""
        wanted = Filter(kind, method, id)
        return [call for call in self.log if wanted.meets(call)]

    def changes(self) -> list[OutsideCall]:
        """The logged calls that change something."""
        return [call for call in self.log if call.change]

    def clear_log(self) -> None:
        """Forget the calls so far."""
        self.log.clear()
