"""What reads cost: lists and single things.

python -m bench.reads [--servers N] [--seconds S]
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.load import Endpoint, Figures, measure


async def reads(
    endpoint: Endpoint,
    server_ids: Sequence[str],
    port_ids: Sequence[str],
    pages: Sequence[int],
    seconds: float,
) -> dict[str, Figures]:
    """Measure each call for `seconds`. `server_ids`, `port_ids`: existing ones; `pages`: sizes of pages of lists."""
    compute, network = endpoint.compute, endpoint.network
    calls: dict[str, list[str]] = {}
    for page in pages:
        calls[f"GET /servers/detail?limit={page}"] = [f"{compute}/servers/detail?limit={page}"]
        calls[f"GET /v2.0/ports?limit={page}"] = [f"{network}/v2.0/ports?limit={page}"]
    calls["GET /servers/{id}"] = [f"{compute}/servers/{id}" for id in server_ids]
    calls["GET /v2.0/ports/{id}"] = [f"{network}/v2.0/ports/{id}" for id in port_ids]
    return {name: await _read(endpoint, urls, seconds) for name, urls in calls.items()}


async def lists(
    endpoint: Endpoint, server_ids: Sequence[str], page: int, seconds: float
) -> dict[str, Figures]:
    """Lists of servers that are asked for in other ways, `page` servers each."""
    detail, middle = f"servers/detail?limit={page}", server_ids[len(server_ids) // 2]
    old = await _read(endpoint, [f"{endpoint.compute}/{detail}"], seconds, "2.1")
    deep = await _read(endpoint, [f"{endpoint.compute}/{detail}&marker={middle}"], seconds)
    names = await _read(endpoint, [f"{endpoint.compute}/servers?limit={page}"], seconds)
    return {
        f"GET /servers?limit={page}": names,
        f"GET /{detail}, from the middle": deep,
        f"GET /{detail}, microversion 2.1": old,
    }


async def _read(endpoint: Endpoint, urls: Sequence[str], seconds: float, version: str = "") -> Figures:
    async def job(number: int) -> None:
        await endpoint.call("GET", urls[number * 7919 % len(urls)], version=version)

    return await measure(job, endpoint.processor, seconds=seconds)


if __name__ == "__main__":
    from bench import report, requests

    report.alone("requests", requests.run, requests.arguments)
