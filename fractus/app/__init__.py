"""The registry, the wiring that builds everything from settings, and the processes that run it."""

from __future__ import annotations
