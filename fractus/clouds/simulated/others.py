"""What others do to servers of a simulated cloud, behind the back of whoever made them."""

from __future__ import annotations

import random
import uuid
from collections import deque

from fractus.base.clock import iso
from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.life import NO_STATE, bind_ports, happen
from fractus.clouds.simulated.records import ServerRecord
from fractus.model.servers import ServerFault

#: What is done to a server that runs, and how often among others.
WEIGHTS = {"stop": 60, "move": 25, "crash": 15}


class Others:
    """They choose by chance, which is seeded: the same cloud has the same fate each time."""

    def __init__(self, backend: SimulatedBackend, seed: str) -> None:
        """Nothing is done yet."""
        self._backend = backend
        self._random = random.Random(seed)
        self._down: deque[str] = deque()

    def meddle(self, down: int) -> tuple[ServerRecord, str] | None:
        """Change one server; which, and what was done: `stop`, `start`, `crash` or `move`. None: it was busy.

        When so many are `down` (stopped or crashed), the first of them is started again as often as another goes down.
        """
        server = self._next(down)
        if server is None or server.task_state is not None or server.vm_state == "building":
            return None
        what = "start"
        if server.vm_state == "active":
            (what,) = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))
            if what != "move":
                self._down.append(server.id)
        self._do(server, what)
        return server, what

    def _next(self, down: int) -> ServerRecord | None:
        records = self._backend.look()
        if len(self._down) > down and self._random.random() < 0.5:
            return records.get(ServerRecord, self._down.popleft())
        somewhere = str(uuid.UUID(int=self._random.getrandbits(128)))
        return records.after(ServerRecord, somewhere) or records.after(ServerRecord, "")

    def _do(self, server: ServerRecord, what: str) -> None:
        records, shape, now = self._backend.records, self._backend.shape, self._backend.now()
        with records.changing():
            if what == "stop":
                happen(records, shape, server, "stopped", now)
            elif what == "start":
                server.fault = None
                happen(records, shape, server, "started", now)
                # Nobody reads the console of one that was started a thousand times.
                server.boots = server.boots[-1:]
            elif what == "crash":
                server.vm_state, server.power_state = "error", NO_STATE
                server.fault = ServerFault(code=500, message="Host failure", created=iso(now))
            else:
                server.host = f"host-{self._random.randint(1, shape.hosts)}"
                bind_ports(records, server, "ACTIVE", now)
            server.changed_at = now
            records.put(server)
