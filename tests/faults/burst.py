"""A burst of creates against a limit, over the API of three nodes, while children and parts of the laboratory go away.

    python -m tests.faults.burst [--limit 50] [--creates 200] [--only WORD] [--leave-up] [--keep DIR]

For each disturbance a round of its own: many creates at once through all three nodes, half of them answered when it
strikes; it is mended some seconds after the last answer. Then, at rest: exactly as many servers as the limit says,
every one ACTIVE, once in the children; none whose create was accepted is lost; the quota's usage is what a recount of
what is stored says. Exit code 0: all of that was so in every round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from fractus.app import wiring
from fractus.quota.recount import recount
from tests.faults import foreign, lab, lab_up, proxy, truth
from tests.faults.checker import marker_of
from tests.faults.tenants import COMPUTE, NETWORK, Endpoint
from tools.lab import measure
from tools.lab.node import send_command
from tools.lab.place import here
from tools.lab.quota_burst import Burst, Round, Who

TENANT = "t1"
CHILDREN = {"north": "shared", "south": "own", "west": "shared"}

#: Seconds from the last answer to the mending; and that all servers get to come to rest after it.
_MENDED_AFTER, _AT_REST = 8.0, 300.0

Step = Callable[[], Awaitable[None]]


class Disturbance(NamedTuple):
    """What goes away in the middle, and how it comes back."""

    name: str
    begin: Step
    end: Step


class Outcome(NamedTuple):
    """What came of one round, at rest."""

    round: Round
    settled: float
    """Seconds from the mending until every server was ACTIVE."""
    faults: list[str]

    def __str__(self) -> str:
        faults = "".join(f"\n    {fault}" for fault in self.faults)
        return f"{self.round}; all ACTIVE {self.settled:.0f} s after it was mended{faults}"


def disturbances(stage: lab.LabStage) -> list[Disturbance]:
    """Children killed and hanging, one and two of them; an API, a writer of the database, and both with a child."""

    def children(*names: str) -> list[Any]:
        return [stage.children[name] for name in names]

    async def killed(*names: str) -> None:
        await asyncio.gather(*(child.process.kill() for child in children(*names)))

    async def started(*names: str) -> None:
        await asyncio.gather(*(child.process.start() for child in children(*names)))

    async def weather(sort: str, chance: float, *names: str) -> None:
        for child in children(*names):
            await child.proxy.set_weather(sort, chance)

    writer: list[str] = []

    async def writer_killed() -> None:
        writer[:] = [(await asyncio.to_thread(measure.state, stage.place)).writer]
        await asyncio.to_thread(send_command, stage.place, writer[0], "kill", "database")

    async def writer_started() -> None:
        await asyncio.to_thread(send_command, stage.place, writer[0], "start", "database")

    api, worker = stage.apis["api n2"], stage.workers["worker n2"]

    def both(*steps: Step) -> Step:
        async def all_of_them() -> None:
            await asyncio.gather(*(step() for step in steps))

        return all_of_them

    one = (lambda: killed("north"), lambda: started("north"))
    return [
        Disturbance("one child killed", *one),
        Disturbance("two children killed", lambda: killed("north", "south"), lambda: started("north", "south")),
        Disturbance(
            "one child hangs",
            lambda: weather(proxy.HANGING, 1.0, "west"),
            lambda: weather(proxy.HANGING, 0.0, "west"),
        ),
        Disturbance(
            "two children hang",
            lambda: weather(proxy.HANGING, 1.0, "west", "south"),
            lambda: weather(proxy.HANGING, 0.0, "west", "south"),
        ),
        Disturbance(
            "all children answer nothing any more, and did it",
            lambda: weather(proxy.LOST_ANSWER, 1.0, *CHILDREN),
            lambda: weather(proxy.LOST_ANSWER, 0.0, *CHILDREN),
        ),
        Disturbance("an API killed", api.kill, api.start),
        Disturbance("an API and a child killed", both(api.kill, one[0]), both(api.start, one[1])),
        Disturbance("a worker and a child killed", both(worker.kill, one[0]), both(worker.start, one[1])),
        Disturbance("the writer of the database killed", writer_killed, writer_started),
        Disturbance(
            "the writer of the database and a child killed", both(writer_killed, one[0]), both(writer_started, one[1])
        ),
    ]  # fmt: skip


class Rounds:
    """Carries them out, one after the other, in one project."""

    def __init__(self, stage: lab.LabStage, burst: Burst, server: Mapping[str, Any], limit: int) -> None:
        self._stage, self._burst, self._server, self._limit = stage, burst, dict(server), limit

    async def one(self, disturbance: Disturbance, creates: int) -> Outcome:
        """Burst, disturb, mend, rest, judge; the project is empty again afterwards."""
        await self._burst.set_limit(self._limit)
        made = await self._burst.round(
            disturbance.name, self._server, creates, self._limit, halfway=disturbance.begin
        )
        await asyncio.sleep(_MENDED_AFTER)
        await disturbance.end()
        mended = time.monotonic()
        faults = await self._looked()
        while faults and time.monotonic() - mended < _AT_REST:
            await asyncio.sleep(2.0)
            faults = await self._looked()
        settled = time.monotonic() - mended
        if not made.well:
            faults.insert(0, f"right after the burst: {made.servers} servers, usage {made.usage}")
        if made.answers[202] > self._limit:
            faults.insert(0, f"{made.answers[202]} creates were accepted")
        await self._burst.delete(await self._burst.servers())
        left = await self._burst.usage()
        return Outcome(made, settled, faults + ([f"usage {left} when all are deleted"] if left else []))

    async def _looked(self) -> list[str]:
        try:
            return await self._judge()
        except (aiohttp.ClientError, TimeoutError) as error:
            return [f"a child does not answer: {error}"]  # it has only just been started again

    async def _judge(self) -> list[str]:
        """What is not as it must be, now."""
        path = f"{COMPUTE}/servers/detail?limit=500"
        servers = (await self._burst.well("GET", path))["servers"]
        faults = []
        states = Counter(one["status"] for one in servers)
        if states != {"ACTIVE": self._limit}:
            faults.append(f"{len(servers)} servers: {dict(states)}")
        usage = await self._burst.usage()
        if usage != self._limit:
            faults.append(f"the quota says {usage} are used")
        faults += await self._recounted()
        there: Counter[str] = Counter()
        for child in self._stage.children.values():
            there.update(marker_of("server", one) for one in (await truth.of_child(child))["server"])
        faults += [
            f"{one['id']} is {there[one['id']]} times in the children"
            for one in servers
            if there[one["id"]] != 1
        ]
        ours = {one["id"] for one in servers}
        faults += [
            f"{marker} is in a child and nobody asked for it"
            for marker in there
            if marker and marker not in ours
        ]
        return faults

    async def _recounted(self) -> list[str]:
        parts = wiring.core(self._stage.settings())
        try:
            return [
                f"{one.owner}: {one.held} {one.name} are said to be used, a recount finds {one.counted}"
                async for found in recount(parts.store, parts.quota, dry_run=True)
                for one in found
            ]
        finally:
            await parts.close()


async def _template(endpoint: Endpoint, token: str, fixtures: Mapping[str, str]) -> dict[str, Any]:
    """A server on a network of the tenant's own, large enough for all of them."""
    reply = await endpoint.call("POST", f"{NETWORK}/networks", token, {"network": {"name": "burst"}})
    network = reply.body["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "10.64.0.0/16", "name": "burst"}
    reply = await endpoint.call("POST", f"{NETWORK}/subnets", token, {"subnet": subnet})
    assert reply.status < 300, reply
    return {"flavorRef": fixtures["flavor"], "imageRef": fixtures["image"], "networks": [{"uuid": network}]}


async def run(options: argparse.Namespace, directory: Path) -> list[Outcome]:
    """All rounds."""
    stage = lab.LabStage(directory, 0, place=here(), children=CHILDREN, tenants=[TENANT])
    outcomes: list[Outcome] = []
    try:
        await stage.start()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            endpoint = Endpoint(stage.urls, Counter())
            admin, token = await stage.token("admin"), await stage.token(TENANT)
            fixtures = await foreign.fixtures(endpoint, admin)
            server = await _template(endpoint, token, fixtures)
            await endpoint.close()
            burst = Burst(session, stage.of_nodes, Who(stage.project(TENANT), token, admin))
            rounds = Rounds(stage, burst, server, options.limit)
            for disturbance in disturbances(stage):
                if options.only and options.only not in disturbance.name:
                    continue
                outcomes.append(await rounds.one(disturbance, options.creates))
                print(outcomes[-1], flush=True)
                await stage.heal()
        return outcomes
    finally:
        await stage.close()


def plain(outcome: Outcome) -> dict[str, Any]:
    """As JSON."""
    answers = {str(status): number for status, number in sorted(outcome.round.answers.items())}
    return {**vars(outcome.round), "answers": answers, "settled": outcome.settled, "faults": outcome.faults}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.burst", description=__doc__.split("\n")[0])
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--creates", type=int, default=200)
    parser.add_argument("--only", default="", help="only disturbances with this in their name")
    parser.add_argument("--leave-up", action="store_true", help="the laboratory, for the next run")
    parser.add_argument("--keep", type=Path, default=None, help="directory for logs and outcomes")
    options = parser.parse_args(argv)
    directory = options.keep or Path(tempfile.mkdtemp(prefix="fractus-burst-"))
    if not lab_up.inside():
        return lab_up.run("tests.faults.burst", [*argv, "--keep", str(directory)], leave_up=options.leave_up)
    directory.mkdir(parents=True, exist_ok=True)
    print(f"logs in {directory}", flush=True)
    outcomes = asyncio.run(run(options, directory))
    (directory / "outcomes.json").write_text(json.dumps([plain(one) for one in outcomes], indent=2) + "\n")
    return 1 if any(one.faults for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
