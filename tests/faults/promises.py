"""The promises that a run is judged by."""

from __future__ import annotations

from typing import NamedTuple

LOST, UNDEAD, UNREQUESTED, STATE, ERROR = (
    "lost",
    "undead",
    "not asked for",
    "not as asked",
    "error without a true reason",
)
DOUBLED, ORPHAN, PHANTOM, FOREIGN, QUOTA, TWICE = (
    "there twice", "orphan", "phantom", "foreign object touched", "quota", "done twice",
)  # fmt: skip

PROMISES = (LOST, UNDEAD, UNREQUESTED, STATE, ERROR, DOUBLED, ORPHAN, PHANTOM, FOREIGN, QUOTA, TWICE)


class Wrong(NamedTuple):
    """One broken promise."""

    promise: str
    kind: str
    id: str
    why: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.kind} {self.id}: {self.why}"
