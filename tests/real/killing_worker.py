"""The worker of fractus, dying: a process that kills itself at each outside change that it comes to, once at each.

    python -m tests.real.killing_worker before|after JOURNAL     (FRACTUS_STATE is set)

It is `fractus work` with a watch on the way out: every request to a child that changes something there (all but GET
and HEAD; tokens go another way) is an outside change, those that a driver makes on its own account (a project, a role)
among them. `before`: SIGKILL takes the process when the request is about to leave; `after`: when its answer is there
and nothing of it is written down yet. Either way also amid the bits of an upload.

The journal says, a JSON line each, what left (`sent`), what was answered (`answered`) and what was died at (`died`). A
line is written before what it says happens, by one write that outlives the process; a change that was died at once is
let pass from then on, so a life of any length ends after as many deaths as it has changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import msgspec

from fractus.app import work
from fractus.clouds.openstack import transport
from fractus.clouds.openstack.transport import AiohttpTransport, Answer, Call
from fractus.settings.loading import load

BEFORE, AFTER = "before", "after"

#: Of an upload, so many pieces are read before death comes: the first has left by then.
_PIECES = 3


def key_of(call: Call) -> str:
    """What makes an outside change the same one when it is made again by a successor."""
    body = b"" if call.body is None else msgspec.json.encode(call.body, order="sorted")
    return f"{call.method} {urlsplit(call.url).path} {hashlib.sha256(body).hexdigest()[:12]}"


class Deaths:
    """When this process dies."""

    def __init__(self, how: str, journal: Path) -> None:
        self._how = how
        self._file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        self._met = {(line["key"], line["when"]) for line in lines if line["what"] == "died"}

    def lie_in_wait(self) -> None:
        """Stand in the way of every call to a child from now on."""
        exchange, chunks = AiohttpTransport.exchange, transport._chunks

        async def watched(wire: AiohttpTransport, call: Call) -> Answer:
            if call.method in ("GET", "HEAD"):
                return await exchange(wire, call)
            if self._how == BEFORE:
                self._die_at(key_of(call), BEFORE)
            self._note("sent", key=key_of(call))
            answer = await exchange(wire, call)
            self._note("answered", key=key_of(call), status=answer.status)
            if self._how == AFTER:
                self._die_at(key_of(call), AFTER)
            return answer

        async def bits(file: BinaryIO) -> AsyncIterator[bytes]:
            number = 0
            async for chunk in chunks(file):
                number += 1
                if number == _PIECES:
                    self._die_at(f"upload of {Path(file.name).name}", "amid")
                yield chunk

        AiohttpTransport.exchange = watched  # type: ignore[assignment, method-assign]
        transport._chunks = bits

    def _die_at(self, key: str, when: str) -> None:
        if (key, when) not in self._met:
            self._note("died", key=key, when=when)
            os.kill(os.getpid(), signal.SIGKILL)

    def _note(self, what: str, **more: Any) -> None:
        line = {"at": round(time.time(), 3), "pid": os.getpid(), "what": what, **more}
        os.write(self._file, json.dumps(line).encode() + b"\n")


def main() -> None:
    """Work until death comes, or SIGTERM."""
    how, journal = sys.argv[1:]
    if how not in (BEFORE, AFTER):
        raise SystemExit(f"{BEFORE} or {AFTER}, not {how}")
    Deaths(how, Path(journal)).lie_in_wait()
    work.main(load())


if __name__ == "__main__":
    main()
