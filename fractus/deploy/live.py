"""What is wrong with a deployment that runs, in words.

Everything is asked over the network, with what the secrets hold.
"""

from __future__ import annotations

import asyncio
import csv
import email.utils
import io
import ssl
import time
from collections.abc import Awaitable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
from asyncmy.connection import connect
from cryptography import x509
from msgspec import Struct

from fractus.deploy.check import Finding
from fractus.deploy.galera_health import SYNCED
from fractus.deploy.inventory import Inventory, Node, bracketed
from fractus.deploy.secret import Secrets

#: Seconds that each part has to answer.
_PATIENCE = 5.0

#: Seconds that two clocks may differ. The worth of it is in logs that can be read together; fractus compares no clocks.
_SKEW = 1.0

#: The share of time that the cluster may wait for its slowest node.
_PAUSED = 0.1

#: Days before its end at which a certificate is spoken of.
_EXPIRES = 30


class Seen(Struct):
    """One database node: its status, and how far its clock is ahead of ours (seconds)."""

    status: dict[str, str]
    ahead: float


async def look(inventory: Inventory, secrets: Secrets) -> list[Finding]:
    """Ask everything at once."""
    limit = aiohttp.ClientTimeout(total=_PATIENCE)
    async with aiohttp.ClientSession(timeout=limit) as http:
        groups = await asyncio.gather(
            _databases_and_clocks(inventory, secrets, http),
            _brokers(inventory, secrets, http),
            _caches(inventory),
            _balancers(inventory, secrets, http),
            _endpoints(inventory, http),
            _certificates(inventory),
        )
    return [finding for group in groups for finding in group]


def _unsafe(code: str, text: str) -> Finding:
    return Finding(code, "unsafe", text)


async def _quietly(asking: Awaitable[Any]) -> Any:
    """The answer, or the error as a value."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await asking
    except TimeoutError:
        return TimeoutError(f"no answer within {_PATIENCE:g} s")
    except (OSError, aiohttp.ClientError, ValueError) as error:
        return error
    except Exception as error:  # a driver's own kind
        return ValueError(f"{type(error).__name__}: {error}")


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _databases_and_clocks(
    inventory: Inventory, secrets: Secrets, http: aiohttp.ClientSession
) -> list[Finding]:
    nodes = inventory.having("database")
    asked = await asyncio.gather(*(_quietly(_database(inventory, secrets, node)) for node in nodes))
    seen = {node.name: one for node, one in zip(nodes, asked, strict=True) if isinstance(one, Seen)}
    found = [
        _unsafe("database-away", f"The database of {node.name} does not answer: {_why(one)}.")
        for node, one in zip(nodes, asked, strict=True)
        if isinstance(one, BaseException)
    ]
    found += about_galera({name: one.status for name, one in seen.items()}, len(nodes))
    others = [node for node in inventory.node if node.name not in seen]
    dated = await asyncio.gather(*(_date(inventory, node, http) for node in others))
    ahead = {name: one.ahead for name, one in seen.items()}
    ahead |= {node.name: one for node, one in zip(others, dated, strict=True) if one is not None}
    return [*found, *about_clocks(ahead)]


async def _database(inventory: Inventory, secrets: Secrets, node: Node) -> Seen:
    connection = await connect(
        host=node.address,
        port=inventory.ports.database,
        user="health",
        password=secrets["database-health"],
        connect_timeout=3,
        autocommit=True,
        init_command="SET SESSION wsrep_sync_wait = 0",
    )
    try:
        async with connection.cursor() as cursor:
            await cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep\\_%'")
            status = {str(name): str(value) for name, value in await cursor.fetchall()}
            asked = time.time()
            # Without a look at the tables, which a node that is cut off refuses.
            await cursor.execute("SELECT UNIX_TIMESTAMP(SYSDATE(6))")
            row: Any = await cursor.fetchone()
            return Seen(status, float(row[0]) - (asked + time.time()) / 2)
    finally:
        connection.close()


def about_galera(status: Mapping[str, Mapping[str, str]], planned: int) -> Iterator[Finding]:
    """What the nodes' own status says. `status`: node -> name -> value."""
    for node, values in status.items():
        size = int(values.get("wsrep_cluster_size", 0))
        if values.get("wsrep_cluster_status") != "Primary":
            yield _unsafe(
                "galera-partition", f"{node} is cut off from the majority: it refuses to read and write."
            )
        elif size != planned:
            yield _unsafe("galera-size", f"{node} sees {size} database nodes, and {planned} are planned.")
        if values.get("wsrep_local_state") != SYNCED:
            what = values.get("wsrep_local_state_comment", "unknown")
            yield _unsafe("galera-state", f"The database of {node} is not Synced but {what}.")
        paused = float(values.get("wsrep_flow_control_paused") or 0)
        if paused > _PAUSED:
            yield _unsafe(
                "galera-flow",
                f"{node}: writes stood still for {paused:.0%} of the time, waiting for the slowest database node.",
            )
    for name, what in (("wsrep_cluster_state_uuid", "history"), ("wsrep_cluster_conf_id", "membership")):
        if len({values.get(name) for values in status.values()}) > 1:
            yield _unsafe("galera-split", f"The database nodes do not agree on their {what} ({name}).")


async def _date(inventory: Inventory, node: Node, http: aiohttp.ClientSession) -> float | None:
    """How far the clock of a node is ahead, from the Date of something it serves; None where nothing has one."""
    ports = {
        "api": inventory.ports.api,
        "broker": inventory.ports.broker_management,
        "identity": inventory.ports.identity,
    }
    for role, port in ports.items():
        if role not in node.roles:
            continue
        asked = time.time()
        try:
            async with http.get(f"http://{bracketed(node.address)}:{port}/healthcheck") as answer:
                text = answer.headers.get("Date", "")
        except (OSError, aiohttp.ClientError, TimeoutError):
            continue
        if text:
            # Whole seconds: on average half a second early.
            return email.utils.parsedate_to_datetime(text).timestamp() + 0.5 - (asked + time.time()) / 2
    return None


def about_clocks(ahead: Mapping[str, float]) -> Iterator[Finding]:
    """`ahead`: node -> seconds that its clock is ahead of ours. Only the differences between nodes matter."""
    if len(ahead) < 2:
        return
    first, last = min(ahead, key=ahead.__getitem__), max(ahead, key=ahead.__getitem__)
    skew = ahead[last] - ahead[first]
    if skew > _SKEW:
        yield _unsafe(
            "clock-skew",
            f"The clock of {last} is {skew:.1f} s ahead of that of {first}: run chrony on all nodes.",
        )


async def _brokers(inventory: Inventory, secrets: Secrets, http: aiohttp.ClientSession) -> list[Finding]:
    nodes = inventory.having("broker")
    auth = aiohttp.BasicAuth("fractus", secrets["broker-fractus"])

    async def ask(node: Node, path: str) -> Any:
        url = f"http://{bracketed(node.address)}:{inventory.ports.broker_management}/api/{path}"
        async with http.get(url, auth=auth) as answer:
            answer.raise_for_status()
            return await answer.json()

    asked = await asyncio.gather(*(_quietly(ask(node, "nodes")) for node in nodes))
    found = []
    well = None
    for node, one in zip(nodes, asked, strict=True):
        if isinstance(one, BaseException):
            found.append(_unsafe("broker-away", f"The broker of {node.name} does not answer: {_why(one)}."))
        else:
            well = well or (node, one)
    if well is not None:
        found += about_brokers(well[1], len(nodes))
        queues = await _quietly(ask(well[0], f"queues/{inventory.deployment.name}"))
        if not isinstance(queues, BaseException):
            found += about_queues(queues, len(nodes))
    return found


def about_brokers(nodes: list[dict[str, Any]], planned: int) -> Iterator[Finding]:
    """What one broker says of all of them (/api/nodes)."""
    if len(nodes) != planned:
        yield _unsafe("broker-size", f"{len(nodes)} brokers know each other, and {planned} are planned.")
    for node in nodes:
        name = node["name"]
        if not node.get("running"):
            yield _unsafe("broker-down", f"The broker {name} does not run.")
        if node.get("partitions"):
            yield _unsafe(
                "broker-partition", f"The broker {name} is cut off from {', '.join(node['partitions'])}."
            )
        for alarm, what in (("mem_alarm", "memory"), ("disk_free_alarm", "disk")):
            if node.get(alarm):
                yield _unsafe(
                    "broker-alarm", f"The broker {name} is short of {what} and takes no more messages."
                )


def about_queues(queues: list[dict[str, Any]], planned: int) -> Iterator[Finding]:
    """What is wrong with fractus' queues (/api/queues/<vhost>)."""
    for queue in queues:
        if queue.get("exclusive") or queue.get("auto_delete"):
            continue  # goes with its connection, by intent
        if queue.get("type") != "quorum":
            yield _unsafe(
                "queue-type", f"The queue {queue['name']} is no quorum queue: it is lost with its broker."
            )
        elif len(queue.get("members") or []) < min(3, planned):
            yield _unsafe(
                "queue-members", f"The queue {queue['name']} has {len(queue.get('members') or [])} members."
            )
        elif len(queue.get("online") or []) * 2 <= len(queue["members"]):
            yield _unsafe(
                "queue-majority", f"The queue {queue['name']} has no majority of its members online."
            )


async def _caches(inventory: Inventory) -> list[Finding]:
    async def version(node: Node) -> bytes:
        reader, writer = await asyncio.open_connection(node.address, inventory.ports.cache)
        try:
            writer.write(b"version\r\n")
            answer = await reader.readline()
        finally:
            writer.close()
        if not answer.startswith(b"VERSION"):
            raise ValueError("it is no memcached")
        return answer

    nodes = inventory.having("cache")
    asked = await asyncio.gather(*(_quietly(version(node)) for node in nodes))
    return [
        _unsafe("cache-away", f"The memcached of {node.name} does not answer: {_why(one)}.")
        for node, one in zip(nodes, asked, strict=True)
        if isinstance(one, BaseException)
    ]


async def _balancers(inventory: Inventory, secrets: Secrets, http: aiohttp.ClientSession) -> list[Finding]:
    auth = aiohttp.BasicAuth("statistics", secrets["statistics"])

    async def rows(node: Node) -> list[dict[str, str]]:
        url = f"http://{bracketed(node.address)}:{inventory.ports.statistics}/;csv"
        async with http.get(url, auth=auth) as answer:
            answer.raise_for_status()
            return list(csv.DictReader(io.StringIO((await answer.text()).removeprefix("# "))))

    nodes = inventory.having("balancer")
    asked = await asyncio.gather(*(_quietly(rows(node)) for node in nodes))
    found = []
    seen = {}
    for node, one in zip(nodes, asked, strict=True):
        if isinstance(one, BaseException):
            found.append(
                _unsafe("balancer-away", f"The HAProxy of {node.name} does not answer: {_why(one)}.")
            )
        else:
            seen[node.name] = one
    return [*found, *about_balancers(seen)]


def about_balancers(seen: Mapping[str, list[dict[str, str]]]) -> Iterator[Finding]:
    """What the statistics of the HAProxies say. `seen`: node -> rows."""
    writers = set()
    for balancer, rows in seen.items():
        for row in rows:
            if row["svname"] in ("FRONTEND", "BACKEND"):
                continue
            if row["pxname"] in ("api", "identity", "database") and not row["status"].startswith("UP"):
                said = row.get("last_chk") or row.get("check_status") or row["status"]
                yield _unsafe(
                    "server-down", f"{balancer} does not use {row['svname']} for {row['pxname']}: {said}."
                )
            if row["pxname"] == "database" and int(row.get("scur") or 0):
                writers.add(row["svname"])
    if len(writers) > 1:
        yield _unsafe(
            "two-writers", f"More than one database node has connections: {', '.join(sorted(writers))}."
        )


async def _endpoints(inventory: Inventory, http: aiohttp.ClientSession) -> list[Finding]:
    async def ask(url: str) -> None:
        async with http.get(url, ssl=False) as answer:
            if answer.status != 200:
                raise ValueError(f"{answer.status} {(await answer.text())[:200].strip()}")

    ports = inventory.ports
    vip = f"{inventory.scheme}://{bracketed(inventory.vip.address)}"
    urls = {
        "The API at the VIP": f"{vip}:{ports.api}/healthcheck",
        "Keystone at the VIP": f"{vip}:{ports.identity}/v3",
    }
    for node in inventory.having("api"):
        urls[f"The API of {node.name}"] = f"http://{bracketed(node.address)}:{ports.api}/healthcheck"
    for node in inventory.having("identity"):
        urls[f"The Keystone of {node.name}"] = f"http://{bracketed(node.address)}:{ports.identity}/v3"
    asked = await asyncio.gather(*(_quietly(ask(url)) for url in urls.values()))
    return [
        _unsafe("endpoint-away", f"{what} is not well: {_why(one)}.")
        for what, one in zip(urls, asked, strict=True)
        if isinstance(one, BaseException)
    ]


async def _certificates(inventory: Inventory) -> list[Finding]:
    if not inventory.tls.endpoint:
        return []

    async def ends(port: int) -> datetime:
        # Its age is asked for, whoever signed it.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        _, writer = await asyncio.open_connection(inventory.vip.address, port, ssl=context)
        try:
            raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.close()
        return x509.load_der_x509_certificate(raw).not_valid_after_utc

    found: list[Finding] = []
    for what, port in (("the API", inventory.ports.api), ("Keystone", inventory.ports.identity)):
        end = await _quietly(ends(port))
        if isinstance(end, BaseException):
            found.append(_unsafe("certificate", f"The certificate of {what} cannot be read: {_why(end)}."))
        else:
            found += about_certificate(what, end, datetime.now(UTC))
    return found


def about_certificate(what: str, end: datetime, now: datetime) -> Iterator[Finding]:
    """Whether a certificate is about to end."""
    days = (end - now).days
    if days < 0:
        yield _unsafe("certificate", f"The certificate of {what} ended {-days} days ago.")
    elif days < _EXPIRES:
        yield Finding("certificate", "advice", f"The certificate of {what} ends in {days} days.")
