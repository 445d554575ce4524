"""What those who write for others are given."""

from __future__ import annotations

from msgspec import Struct


class Asker(Struct, frozen=True):
    """Who asked for something, and by which request."""

    project_id: str
    user_id: str
    request_id: str
