"""Take what exists in a cloud under our management, and give it up again, without touching it."""

from __future__ import annotations
