"""Reads from many clients at once, without the load costing more than what it is put on.

With `wrk` (Debian: apt install wrk) the clients are one small process; without it they are coroutines in a process of
their own, which take the processor from the service: figures of waiting are then too high, and it says so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import Endpoint, Figures, Refused, connections, measure

_WARM = 2

#: Calls that are waited for, one after the other, where none is answered in the time for one figure.
_FEW = 2

#: Goes through the paths in an order that is not theirs, and tells at the end what came of it.
_SCRIPT = """
local paths = {%(paths)s}
local headers = {%(headers)s}
local at = %(start)d
function request()
  at = at + 7919
  return wrk.format("GET", paths[at %% #paths + 1], headers)
end
local bad = 0
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("\\nRESULT %%d %%d %%.1f %%.1f %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""

_LUA = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n"})


def has_wrk() -> bool:
    """Whether the cheap clients are there."""
    return shutil.which("wrk") is not None


async def hammer(
    endpoint: Endpoint, urls: Sequence[str], *, clients: int, seconds: float, scratch: Path
) -> Figures:
    """Ask for `urls` again and again from so many clients; `Refused` where an answer is no success."""
    ask = _by_wrk if has_wrk() else _by_ourselves
    for _ in range(_WARM):  # statements, caches, tokens: in every process
        await endpoint.call("GET", urls[-1])
    before, began = endpoint.processor.used(), time.perf_counter()
    calls, rate, p50, p99 = await ask(endpoint, urls, clients, seconds, scratch)
    if not calls:

        async def job(number: int) -> None:
            await endpoint.call("GET", urls[number * 7919 % len(urls)])

        return await measure(job, endpoint.processor, seconds=60.0, most=_FEW)
    spent = time.perf_counter() - began
    used = endpoint.processor.used() - before - endpoint.processor.background * spent
    cpu = max(0.0, used) * 1000 / calls if endpoint.processor else None
    return Figures(calls=calls, cpu=cpu, p50=p50, p99=p99, rate=rate)


def headers_of(endpoint: Endpoint) -> dict[str, str]:
    """What every request has."""
    version = f"compute {endpoint.version}"
    return {"X-Auth-Token": endpoint.token, "Accept": "application/json", "OpenStack-API-Version": version}


async def _by_wrk(
    endpoint: Endpoint, urls: Sequence[str], clients: int, seconds: float, scratch: Path
) -> tuple[int, float, float, float]:
    paths = [url.partition("://")[2].partition("/")[2] for url in urls]
    script = scratch / "wrk.lua"
    script.write_text(
        _SCRIPT
        % {
            "paths": ", ".join(f'"/{path.translate(_LUA)}"' for path in paths),
            "headers": ", ".join(f'["{k}"] = "{v.translate(_LUA)}"' for k, v in headers_of(endpoint).items()),
            "start": len(urls) // 2,
        }
    )
    where = urlsplit(urls[0])
    command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
    process = await asyncio.create_subprocess_exec(
        *command, "-s", str(script), f"{where.scheme}://{where.netloc}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    result = [line.split()[1:] for line in said.splitlines() if line.startswith("RESULT ")]
    if not result:
        raise Refused(f"wrk said: {said[-500:]}")
    calls, micros, p50, p99, errors = (float(text) for text in result[0])
    if errors:
        raise Refused(f"{urls[0]}: {errors:.0f} of {calls:.0f} answers were no success")
    return int(calls), calls / (micros / 1e6) if micros else 0.0, p50 / 1000, p99 / 1000


async def _by_ourselves(
    endpoint: Endpoint, urls: Sequence[str], clients: int, seconds: float, scratch: Path
) -> tuple[int, float, float, float]:
    reported = scratch / "load.json"
    reported.write_text(json.dumps({"urls": list(urls), "headers": headers_of(endpoint)}))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.hammer", str(reported), str(clients), str(seconds),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said = (await process.communicate())[0]
    if process.returncode:
        raise Refused(f"the clients ended with {process.returncode}")
    calls, rate, p50, p99 = json.loads(said)
    return int(calls), float(rate), float(p50), float(p99)


async def _clients(urls: Sequence[str], headers: dict[str, str], clients: int, seconds: float) -> list[float]:
    """What `_by_ourselves` has its process do."""
    times: list[float] = []
    began = time.perf_counter()

    async def client(first: int) -> None:
        at = first
        while (start := time.perf_counter()) - began < seconds:
            at += 7919
            async with session.get(urls[at % len(urls)], headers=headers) as answer:
                await answer.read()
                if answer.status != 200:
                    raise Refused(f"{answer.url}: {answer.status}")
            times.append(time.perf_counter() - start)

    async with connections() as session, asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(client(number))
    times.sort()
    spent = time.perf_counter() - began
    middle, last = times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.99))]
    return [len(times), len(times) / spent, middle * 1000, last * 1000]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("reported", type=Path)
    parser.add_argument("clients", type=int)
    parser.add_argument("seconds", type=float)
    args = parser.parse_args()
    given = json.loads(args.reported.read_text())
    print(json.dumps(asyncio.run(_clients(given["urls"], given["headers"], args.clients, args.seconds))))
