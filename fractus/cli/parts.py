"""What the commands that look into the store share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fractus.app.wiring import operator_parts
from fractus.cli.frame import output
from fractus.notify.node import DatagramNotifier
from fractus.operations.parts import OperatorParts
from fractus.settings.loading import Settings

T = TypeVar("T")

console = output()


def with_parts(settings: Settings, do: Callable[[OperatorParts], Awaitable[T]]) -> T:
    """Run one operator's action over the store of this node."""

    async def run() -> T:
        parts = await operator_parts(settings)
        try:
            return await do(parts)
        finally:
            await parts.close()
            if isinstance(parts.notifier, DatagramNotifier):
                parts.notifier.close()

    return asyncio.run(run())
