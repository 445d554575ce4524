"""Live calls as tests make them, of a driver alone."""

from __future__ import annotations

from fractus.model.cloud import Cloud, Scope
from fractus.services.compute.servers.api.live import console_log


async def console_of(cloud: Cloud, scope: Scope, remote_id: str, lines: int | None, deadline: float) -> str:
    """The end of the console log of a server, by its id there."""
    text: str = (await cloud.relay(scope, remote_id, console_log(lines), deadline)).body
    return text
