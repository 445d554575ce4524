"""What reads cost: lists and single things, of a store with a million servers and ports.

    python -m bench.reads [--servers 1000000] [--keep DIRECTORY]

The store is filled by `bench.filling`, which takes a quarter of an hour and 13 GB at a million servers; with `--keep`
it is found again by the next run. Two processes of the API, as on a node with two processors; clients by
`bench.hammer`.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from bench import bare_reads, report
from bench.filling import Plan, port_id, server_id
from bench.hammer import hammer, has_wrk
from bench.load import Endpoint, Figures, measure
from bench.report import Options, Report, Row
from bench.stand import Stand, said, stand
from fractus.local import processes
from fractus.simulation import ids

#: Processes of the API, and clients that ask at once.
_WORKERS, _CLIENTS = 2, 32

#: Different requests of one kind: so many that not all of their rows stay at hand.
_SEVERAL = 500

_PAGE = 100


class Asked(NamedTuple):
    """One kind of request."""

    what: str
    endpoint: Endpoint
    urls: list[str]
    cpu: float | None = None
    """The goal, ms of processor time."""
    p99: float | None = None
    """The goal with all clients, ms."""
    note: str = ""


_GOAL: dict[str, Any] = {"cpu": 1.0, "p99": 30.0}
_ONE: dict[str, Any] = {"cpu": 0.25, "p99": 30.0}


def calls(ours: Stand, plan: Plan) -> list[Asked]:
    """All that is asked for."""
    mine = [number for number in range(1, plan.servers + 1) if plan.project_of(number) == 1]
    some = mine[:: max(1, len(mine) // _SEVERAL)]
    user = ours.endpoint
    quotas = f"{user.compute}/os-quota-sets/{plan.project_id(1)}/detail"
    return [
        Asked("GET /servers/{id}", user, [f"{user.compute}/servers/{server_id(n)}" for n in some], **_ONE),
        *_servers(ours, plan, some),
        *_servers_everywhere(ours, plan, some),
        *_ports(ours, some),
        Asked("GET /ports/{id}", user, [f"{user.network}/v2.0/ports/{port_id(n)}" for n in some], **_ONE),
        Asked("GET /limits", user, [f"{user.compute}/limits"], **_ONE),
        Asked("GET /os-quota-sets/{id}/detail", ours.admin, [quotas], **_ONE),
    ]


def _servers(ours: Stand, plan: Plan, some: Sequence[int]) -> list[Asked]:
    user, small = ours.endpoint, ours.small
    detail = f"{user.compute}/servers/detail?limit={_PAGE}"
    by_name = f"{detail}&sort_key=display_name&sort_dir=asc"
    zones = [f"{detail}&availability_zone={ids.cloud_name(cloud)}" for cloud in range(1, plan.clouds + 1)]
    names = [f"{detail}&name={ids.server_name(number)}" for number in some]
    whole = [f"{detail}&name={quote(f'^{ids.server_name(number)}$')}" for number in some]
    begun = [f"{detail}&name={quote(f'^{ids.server_name(number)[:-2]}')}" for number in some]
    tens = [f"{detail}&name={quote(f'^{ids.server_name(number)[:-1]}[0-9]$')}" for number in some]
    return [
        Asked(_SERVERS, user, [detail], **_GOAL),
        Asked("… deep page", user, [f"{detail}&marker={server_id(n)}" for n in some], **_GOAL),
        Asked("… of a project with few servers", small, [detail], **_GOAL),
        Asked("… by status, one in a hundred", user, [f"{detail}&status=ERROR"], **_GOAL),
        Asked("… by status, nearly all", user, [f"{detail}&status=ACTIVE"], **_GOAL),
        Asked("… by zone", user, zones, **_GOAL),
        Asked("… changed within a day", user, [f"{detail}&changes-since={_ago(1)}"], **_GOAL),
        Asked("… changed within 90 days", user, [f"{detail}&changes-since={_ago(90)}"], **_GOAL),
        Asked("… sorted by name", user, [by_name], **_GOAL),
        Asked(
            "… sorted by name, deep page", user, [f"{by_name}&marker={server_id(n)}" for n in some], **_GOAL
        ),
        Asked("… by name, a part that most have", user, [f"{detail}&name=server"], **_GOAL),
        Asked("… by name, one", user, names, **_GOAL, note=_BY_NAME),
        Asked("… by name, one, few servers", small, names, **_GOAL),
        Asked("… by name, one, whole (^...$)", user, whole, **_GOAL),
        Asked("… by name, a hundred that begin alike (^...)", user, begun, **_GOAL),
        Asked("… by name, ten by a pattern that says how they begin", user, tens, **_GOAL),
        Asked("… by address", user, [f"{detail}&ip={ids.ip(number)}" for number in some], **_GOAL),
        Asked(
            "… by addresses that begin alike (^...)",
            user,
            [f"{detail}&ip={quote('^' + re.escape(ids.ip(number)[:-1]))}" for number in some],
            **_GOAL,
        ),
    ]


def _servers_everywhere(ours: Stand, plan: Plan, some: Sequence[int]) -> list[Asked]:
    admin = ours.admin
    everywhere = f"{admin.compute}/servers/detail?limit={_PAGE}&all_tenants=1"
    hosts = [f"{ids.cloud_name(ids.cloud_of(n, plan.clouds))}:host-{plan.host_of(n)}" for n in some]
    zones = [ids.cloud_name(cloud) for cloud in range(1, plan.clouds + 1)]
    return [
        Asked("… of all projects", admin, [everywhere], **_GOAL),
        Asked("… of all projects, by host", admin, [f"{everywhere}&host={host}" for host in hosts], **_GOAL),
        Asked(
            "… of all projects, by zone",
            admin,
            [f"{everywhere}&availability_zone={zone}" for zone in zones],
            **_GOAL,
        ),
        Asked("… of all projects, by status", admin, [f"{everywhere}&status=ERROR"], **_GOAL),
    ]


def _ports(ours: Stand, some: Sequence[int]) -> list[Asked]:
    user, small = ours.endpoint, ours.small
    ports = f"{user.network}/v2.0/ports?limit={_PAGE}"
    addresses = [f"{ports}&fixed_ips=ip_address%3D{ids.ip(n)}" for n in some]
    return [
        Asked(_PORTS, user, [ports], **_GOAL),
        Asked("… deep page", user, [f"{ports}&marker={port_id(n)}" for n in some], **_GOAL),
        Asked("… of a project with few ports", small, [ports], **_GOAL),
        Asked("… by device_id", user, [f"{ports}&device_id={server_id(n)}" for n in some], **_GOAL),
        Asked("… by network", user, [f"{ports}&network_id={ours.filled.network_id}"], **_GOAL),
        Asked("… by subnet", user, [f"{ports}&fixed_ips=subnet_id%3D{ours.filled.subnet_id}"], **_GOAL),
        Asked("… by fixed ip", user, addresses, **_GOAL),
        Asked("… by MAC", user, [f"{ports}&mac_address={ids.mac(n)}" for n in some], **_GOAL),
    ]


def _ago(days: int) -> str:
    return quote(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400)))


_SERVERS, _PORTS = "GET /servers/detail, first page", "GET /ports, first page"
_BY_NAME = (
    "Nova finds a name anywhere in a name, which no index does: all names of the project are looked through. Who says"
    " how it begins (^...) has it from an index."
)


async def run(options: Options) -> Report:
    """Fill a store, or find it; ask everything of it; and the bare parts for the same."""
    given = options.given
    plan = Plan(servers=given.servers, tail=200)
    place = given.keep or options.scratch
    place.mkdir(parents=True, exist_ok=True)
    progress = said()
    database = place / "state" / "fractus.db"
    async with stand(
        place, plan.servers, progress, plan=plan, overrides={"api": {"workers": _WORKERS}}
    ) as ours:
        asked = calls(ours, ours.plan)
        with progress.step("Measuring", "Measured"):
            rows = await _measured(asked, options)
        memory = max(processes.memory([pid]) for pid in processes.group(ours.pid)) / 2**20
        rows += [
            Row(
                what="memory of a process of the API after all that",
                unit="MiB",
                values=[memory],
                at_most=300.0,
            ),
            Row(what="start of the API", unit="s", values=[ours.ready_after]),
        ]
        known = {one.what: one.urls for one in asked}
        urls = {
            "a page of 100 servers": known[_SERVERS][0],
            "one server": known["GET /servers/{id}"][0],
            "a page of 100 ports": known[_PORTS][0],
        }
        server_ids = [url.rpartition("/")[2] for url in known["GET /servers/{id}"]]
        with progress.step("Measuring the bare parts", "The bare parts are measured"):
            project = ours.plan.project_id(1)
            rows += await bare_reads.limits(ours.endpoint, database, urls, project, server_ids, options)
    size = database.stat().st_size / plan.total / 1024
    rows.append(Row(what="store, of each server and all that is its own", unit="KiB", values=[size]))
    return Report(
        title=f"Reads at {plan.servers:,} servers",
        about=(
            f"{plan.total:,} servers, each with its port, in {plan.clouds} clouds and"
            f" {ids.PROJECTS + plan.tail} projects; the one that asks has 30 of 100. {_WORKERS} processes of the API"
            f" over SQLite, Keystone's tokens, access log on, pages of {_PAGE}, microversion {ours.endpoint.version};"
            f" {_CLIENTS} clients at once, and one alone."
        ),
        rows=rows,
        remarks=[]
        if has_wrk()
        else ["wrk is not installed: the clients took processor time from the service."],
    )


async def _measured(asked: Sequence[Asked], options: Options) -> list[Row]:
    """Each kind of request from one client and from many, as often as there are rounds."""
    taken: list[list[tuple[Figures, Figures]]] = [[] for _ in asked]
    for _ in range(options.rounds):
        for one, found in zip(asked, taken, strict=True):
            alone, many = [
                await hammer(
                    one.endpoint, one.urls, clients=clients, seconds=options.seconds, scratch=options.scratch
                )
                for clients in (1, _CLIENTS)
            ]
            found.append((alone, many))
    rows: list[Row] = []
    family = ""
    for one, found in zip(asked, taken, strict=True):
        family = family if one.what.startswith("…") else one.what.partition(",")[0]
        rows += _rows(one, one.what.replace("…", f"{family},", 1), found)
    return rows


def _rows(asked: Asked, name: str, taken: Sequence[tuple[Figures, Figures]]) -> list[Row]:
    """Processor time, waiting, and rate of one kind of request."""
    alone, many = zip(*taken, strict=True)
    cpu = [one.cpu or 0.0 for one in many]
    rows = [
        Row(what=name, unit="ms CPU", values=cpu, at_most=asked.cpu, note=asked.note, why=asked.note),
        Row(what=f"{name}, one client", unit="ms CPU", values=[one.cpu or 0.0 for one in alone]),
        Row(what=f"{name}, one client, p50", unit="ms", values=[one.p50 for one in alone]),
        Row(what=f"{name}, one client, p99", unit="ms", values=[one.p99 for one in alone]),
        Row(what=f"{name}, {_CLIENTS} clients, p50", unit="ms", values=[one.p50 for one in many]),
        Row(
            what=f"{name}, {_CLIENTS} clients, p99",
            unit="ms",
            values=[one.p99 for one in many],
            at_most=asked.p99,
            why=asked.note,
        ),
        Row(what=name, unit="/s", values=[one.rate for one in many]),
    ]
    if name == _SERVERS:
        described = [one.rate * _PAGE for one in many]
        rows.append(
            Row(what="servers described in a second", unit="/s", values=described, at_least=100_000.0)
        )
    return rows


def arguments(parser: argparse.ArgumentParser) -> None:
    """How much is in the store, and where it is kept."""
    parser.add_argument("--servers", type=int, default=1_000_000, help="servers in the store (1000000)")
    parser.add_argument("--keep", type=Path, help="where the store is kept for the next run")


# --- single requests, one caller after the other: for benches that hold them against others -------


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
    report.alone("reads", run, arguments)
