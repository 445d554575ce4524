"""What a call to a cloud is made for, where the machine knows and a driver wants to: users' work goes before sweeps."""

from __future__ import annotations

from contextvars import ContextVar

WORK, SWEEP = "work", "sweep"

#: Of the task that makes the call.
purpose: ContextVar[str] = ContextVar("fractus_purpose", default=WORK)
