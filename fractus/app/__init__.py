"""The top floor: what builds everything from settings, and the commands that run it."""

from __future__ import annotations
