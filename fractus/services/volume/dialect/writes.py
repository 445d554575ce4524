"""What those who write for others are given, and what they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from fractus.model.action import Action
from fractus.model.resource import Need, Resource
from fractus.store.transaction import Transaction


class Asker(Struct, frozen=True):
    """Who asked for something, and by which request."""

    project_id: str
    user_id: str
    request_id: str


class AsksClouds(Protocol):
    """What has the clouds of volumes do something."""

    async def ask(
        self,
        tx: Transaction,
        volume: Resource,
        verb: str,
        args: dict[str, Any],
        who: Asker,
        *,
        status: str,
        needs: Sequence[Need] | None = None,
    ) -> Action:
        """The cloud of one is to do something, and it is busy with that meanwhile. `needs`: all; None: as before."""
        ...
