"""What was asked and what was answered, written down before anything else happens with it.

The journal is a file of JSON lines, each synced to disk: it outlives the suite itself, and everything that is judged
later is judged by it alone. A request is written before it leaves (`asked`), and its outcome when there is one:
`answered` with a status, or `unknown` where the connection broke or the server failed in the middle (5xx).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ASKED, ANSWERED, UNKNOWN, ACCIDENT, NOTE = "asked", "answered", "unknown", "accident", "note"


class Journal:
    """Appends to one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._number = 0

    def write(self, what: str, **more: Any) -> dict[str, Any]:
        """One line, on disk when this returns; its number is in `n`."""
        self._number += 1
        line = {"n": self._number, "at": round(time.time(), 3), "what": what, **more}
        os.write(self._file, json.dumps(line).encode() + b"\n")
        os.fdatasync(self._file)
        return line

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """All lines; a last one that was cut off by a crash of the suite is left out."""
    with path.open() as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                return
