"""Requests that are much larger than anybody needs, or not what a request of the API is."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.hostile.attack import Attack, Bounds, Tally
from tests.hostile.target import ATTACKER, Target, session

_CLIENTS = 8
_NETWORK, _IMAGES = "/network/v2.0", "/image/v2/images"
_JSON = {"Content-Type": "application/json"}


def _ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def large(network: str, subnet: str, port: str) -> Iterator[tuple[str, str, bytes]]:
    """`(method, path, body)`: lists as long as a body may be, of things of the attacker's own; in turns for ever."""
    names = [f"t{number:x}" for number in range(100_000)]
    routes = [{"destination": f"{_ip(number << 8)}/24", "nexthop": "10.0.0.9"} for number in range(16_000)]
    pools = [{"start": f"fd00::{number:x}", "end": f"fd00::{number:x}"} for number in range(0x1000, 0x5000)]
    options = [{"opt_name": f"o{number}", "opt_value": "1", "ip_version": 4} for number in range(16_000)]
    subnet6 = {"network_id": network, "ip_version": 6, "cidr": "fd00::/64", "allocation_pools": pools}
    bodies: list[tuple[str, str, Any]] = [
        ("PUT", f"{_NETWORK}/networks/{network}/tags", {"tags": names}),
        ("POST", f"{_NETWORK}/networks", {"networks": [{"name": name} for name in names[:50_000]]}),
        (
            "PUT",
            f"{_NETWORK}/subnets/{subnet}",
            {"subnet": {"dns_nameservers": [_ip(n) for n in range(60_000)]}},
        ),
        ("PUT", f"{_NETWORK}/subnets/{subnet}", {"subnet": {"host_routes": routes}}),
        ("POST", f"{_NETWORK}/subnets", {"subnet": subnet6}),
        ("PUT", f"{_NETWORK}/ports/{port}", {"port": {"extra_dhcp_opts": options}}),
        (
            "PUT",
            f"{_NETWORK}/ports/{port}",
            {"port": {"fixed_ips": [{"ip_address": _ip(n)} for n in range(30_000)]}},
        ),
        ("PUT", f"{_NETWORK}/ports/{port}", {"port": {"security_groups": names}}),
        ("POST", _IMAGES, {"name": "x", "tags": names}),
        ("POST", _IMAGES, dict.fromkeys(names[:80_000], "x")),
        (
            "POST",
            "/compute/v2.1/servers",
            {"server": {"name": "x", "metadata": dict.fromkeys(names[:80_000], "x")}},
        ),
        ("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": names}}),
    ]
    nested = b'{"network": {"name": ' + b"[" * 500 + b"]" * 500 + b"}}"
    digits = b'{"network": {"mtu": ' + b"9" * 4000 + b"}}"
    raw = [(method, path, json.dumps(body, separators=(",", ":")).encode()) for method, path, body in bodies]
    raw += [("POST", f"{_NETWORK}/networks", nested), ("POST", f"{_NETWORK}/networks", digits)]
    return itertools.cycle(raw)


async def _made(http: aiohttp.ClientSession, url: str, kind: str, body: dict[str, Any]) -> str:
    async with http.post(f"{url}{_NETWORK}/{kind}s", json={kind: body}) as answer:
        document = await answer.json()
        if answer.status != 201:
            raise RuntimeError(f"no {kind} for the attack: {answer.status} {document}")
        return str(document[kind]["id"])


async def _large(target: Target, tally: Tally, seconds: float) -> None:
    mallory = target.tenant("mallory")
    async with session(ATTACKER) as http:
        http.headers["X-Auth-Token"] = await mallory.token(http)
        network = await _made(http, target.url, "network", {"name": "large"})
        subnet = await _made(
            http, target.url, "subnet", {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/16"}
        )
        port = await _made(http, target.url, "port", {"network_id": network})
        requests = large(network, subnet, port)
        until = time.monotonic() + seconds

        async def client() -> None:
            while time.monotonic() < until:
                method, path, body = next(requests)
                try:
                    async with http.request(method, target.url + path, data=body, headers=_JSON) as answer:
                        said = await answer.read()
                        tally.answered(answer.status)
                        if answer.status not in (400, 413):
                            tally.require(False, f"{method} {path}: {answer.status} {said[:200]!r}")
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    tally.unanswered(error)

        await asyncio.gather(*(client() for _ in range(_CLIENTS)))
        async with http.get(f"{target.url}{_NETWORK}/networks/{network}/tags") as answer:
            tally.require(await answer.json() == {"tags": []}, "a part of what was refused was kept")


#: What the images are called that must not be made.
_REFUSED = "line-break"


async def _line_breaks(target: Target, tally: Tally, seconds: float) -> None:
    mallory = target.tenant("mallory")
    until = time.monotonic() + seconds
    async with session(ATTACKER) as http:
        http.headers["X-Auth-Token"] = await mallory.token(http)
        while time.monotonic() < until:
            for after in ("\n", "\r\nX-More: 1", "\u2028", "/../x"):
                body = {"name": _REFUSED, "id": f"{uuid.uuid4()}{after}"}
                async with http.post(f"{target.url}{_IMAGES}", json=body) as answer:
                    tally.answered(answer.status)
                    tally.require(
                        answer.status == 400, f"an image with the id {body['id']!r}: {answer.status}"
                    )
        # Other attacks leave images of the same tenant.
        async with http.get(f"{target.url}{_IMAGES}", params={"name": _REFUSED}) as answer:
            images = (await answer.json())["images"]
        tally.require(images == [], "an image was made that was refused")


#: What a client that wants a WebSocket sends.
_UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def _websockets(target: Target, tally: Tally, seconds: float) -> None:
    url = urlsplit(target.url)
    until = time.monotonic() + seconds

    async def client() -> None:
        while time.monotonic() < until:
            reader, writer = await asyncio.open_connection(url.hostname, url.port, local_addr=(ATTACKER, 0))
            try:
                writer.write(f"GET /compute/v2.1/servers HTTP/1.1\r\nHost: x\r\n{_UPGRADE}\r\n".encode())
                status = int((await reader.readuntil(b"\r\n\r\n")).split()[1])
                tally.answered(status)
                tally.require(status in (401, 403), f"a WebSocket without a token: {status}")
            except (asyncio.IncompleteReadError, OSError) as error:
                tally.unanswered(error)
            finally:
                writer.close()

    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    for log in (target.state / "log").glob("api*"):
        tally.require(
            "Traceback" not in log.read_text("utf-8", "replace"), f"there is a traceback in {log.name}"
        )


ATTACKS = [
    Attack(
        name="large bodies",
        tries=f"{_CLIENTS} clients of one tenant, lists and maps of a MiB in every place that takes some.",
        run=_large,
        bounds=Bounds(health=1.0, known=1.5),
    ),
    Attack(
        name="line breaks",
        tries="Ids of images with a line break, a header or a path behind them.",
        run=_line_breaks,
        seconds=5.0,
        short=2.0,
    ),
    Attack(
        name="websockets",
        tries=f"{_CLIENTS} clients without a login, each asking for a WebSocket again and again.",
        run=_websockets,
        seconds=10.0,
        short=3.0,
    ),
]
