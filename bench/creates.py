"""What it costs to accept a create: the answer is 202 once everything is written and on disk.

python -m bench.creates [--servers N] [--seconds S]
"""

from __future__ import annotations

from typing import Any

import msgspec

from bench.load import Endpoint, Figures, measure

#: Callers at once in the second figure: their commits share a write to the disk.
AT_ONCE = 16


def server_body(name: str, flavor: str, image: str, network: str) -> dict[str, Any]:
    """An ordinary server."""
    server = {"name": name, "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}]}
    return {"server": server}


async def creates(
    endpoint: Endpoint, flavor: str, image: str, network: str, *, seconds: float, most: int = 1_000_000
) -> tuple[Figures, list[str]]:
    """Create servers one after the other; the figures, and the ids of all that were made."""
    made: list[str] = []

    async def job(number: int) -> None:
        body = server_body(f"bench-new-{number}", flavor, image, network)
        answer = msgspec.json.decode(await endpoint.call("POST", f"{endpoint.compute}/servers", body))
        made.append(answer["server"]["id"])

    return await measure(job, endpoint.processor, seconds=seconds, most=most), made


async def creates_at_once(
    endpoint: Endpoint, flavor: str, image: str, network: str, *, seconds: float
) -> Figures:
    """Create servers from several callers at once."""

    async def job(number: int) -> None:
        body = server_body(f"bench-more-{number}", flavor, image, network)
        await endpoint.call("POST", f"{endpoint.compute}/servers", body)

    return await measure(job, endpoint.processor, seconds=seconds, at_once=AT_ONCE)


async def port_creates(endpoint: Endpoint, network: str, *, seconds: float) -> Figures:
    """Create ports one after the other."""

    async def job(number: int) -> None:
        body = {"port": {"network_id": network, "name": f"bench-{number}"}}
        await endpoint.call("POST", f"{endpoint.network}/v2.0/ports", body)

    return await measure(job, endpoint.processor, seconds=seconds)


if __name__ == "__main__":
    from bench import report, requests

    report.alone("requests", requests.run, requests.arguments)
